//! `user` and `key` on the command line.

use clap::Parser;
use http::StatusCode;
use server_kit::auth::{Cost, Role};
use server_kit::store::commands::{KeyCommand, UserCommand};
use store_core::Paging;

use super::support::App;

#[derive(Parser)]
enum Line {
    #[command(subcommand)]
    User(UserCommand),
    #[command(subcommand)]
    Key(KeyCommand),
}

async fn run(app: &App, words: &[&str]) -> Result<String, String> {
    let words = std::iter::once("server").chain(words.iter().copied());
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    match line {
        Line::User(command) => command.run(&app.store, &mut out).await,
        Line::Key(command) => command.run(&app.store, &mut out).await,
    }
    .map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// The word behind this one.
fn behind<'a>(text: &'a str, word: &str) -> &'a str {
    text.split_once(word).unwrap().1.split_whitespace().next().unwrap()
}

#[tokio::test]
async fn users_are_made_and_changed_beside_a_server() {
    let app = App::with_cost(Cost::default()).await;
    let made = run(&app, &["user", "add", "Root", "--role", "admin"]).await.unwrap();
    let password = behind(&made, "password: ").to_owned();
    let token = app.log_in("root", &password).await.signed_in().token;
    run(&app, &["user", "add", "ada"]).await.unwrap();
    assert_eq!(run(&app, &["user", "add", "ADA"]).await.unwrap_err(), "this name is taken");

    let changed = run(&app, &["user", "password", "ROOT"]).await.unwrap();
    assert_eq!(app.me(&token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("root", behind(&changed, "password: ")).await.status, StatusCode::OK);

    let list = run(&app, &["user", "list"]).await.unwrap();
    assert_eq!(list.lines().count(), 2);
    assert!(list.lines().any(|line| line.contains("admin   enabled   Root")), "{list}");
    run(&app, &["user", "role", "ada", "admin"]).await.unwrap();
    run(&app, &["user", "disable", "root"]).await.unwrap();
    let last = run(&app, &["user", "disable", "ada"]).await.unwrap_err();
    assert!(last.contains("last admin"), "{last}");
    run(&app, &["user", "enable", "root"]).await.unwrap();
    run(&app, &["user", "delete", "ada"]).await.unwrap();
    assert_eq!(run(&app, &["user", "delete", "ada"]).await.unwrap_err(), r#"there is no user "ada""#);

    let audit = app.store.system().audit().list(Paging::first()).await.unwrap().items;
    let ours: Vec<_> = audit.iter().rev().filter(|e| e.actor == "cli").map(|e| e.action.as_str()).collect();
    assert_eq!(
        ours,
        [
            "user.create",
            "user.create",
            "user.password",
            "user.role",
            "user.disable",
            "user.enable",
            "user.delete"
        ]
    );
    assert!(!format!("{audit:?}").contains(&password));
}

#[tokio::test]
async fn keys_are_made_and_revoked_beside_a_server() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let add = ["key", "add", "--user", "ada", "--name", "nightly job", "--scopes", "read,claude"];
    let made = run(&app, &add).await.unwrap();
    let (key, id) = (behind(&made, "key: "), behind(&made, "made the key "));
    assert_eq!(app.me(key).await.status, StatusCode::OK);
    for list in [&["key", "list"][..], &["key", "list", "--user", "ADA"]] {
        let list = run(&app, list).await.unwrap();
        assert!(list.contains(id) && list.contains("valid") && list.contains("read,claude"), "{list}");
        assert!(list.contains(r#""nightly job""#) && !list.contains(key), "{list}");
    }
    run(&app, &["key", "revoke", id]).await.unwrap();
    assert_eq!(app.me(key).await.status, StatusCode::UNAUTHORIZED);
    assert!(run(&app, &["key", "list"]).await.unwrap().contains("revoked"));
    let above = ["key", "add", "--user", "ada", "--name", "x", "--scopes", "admin"];
    assert_eq!(run(&app, &above).await.unwrap_err(), "a key of a user can't have the scope admin");
}

#[tokio::test]
async fn what_is_no_command_is_refused() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    for words in [
        &["user"][..],
        &["user", "add"],
        &["user", "add", ""],
        &["user", "add", "a\nb"],
        &["user", "add", "x", "--role", "root"],
        &["user", "role", "ada"],
        &["user", "role", "ada", "Root"],
        &["user", "password", "nobody"],
        &["user", "disable", "nobody"],
        &["key", "add", "--user", "ada"],
        &["key", "add", "--user", "ada", "--name", "x", "--scopes", ""],
        &["key", "add", "--user", "ada", "--name", "x", "--scopes", "root"],
        &["key", "add", "--user", "ada", "--name", "x", "--scopes", "read", "--expires-days", "0"],
        &["key", "add", "--user", "ada", "--name", "x", "--scopes", "read", "--expires-days", "99999"],
        &["key", "add", "--user", "nobody", "--name", "x", "--scopes", "read"],
        &["key", "revoke", "x"],
        &["key", "revoke", "0192d1f0-5c1e-7000-8000-000000000000"],
        &["key", "list", "--user", "nobody"],
    ] {
        assert!(run(&app, words).await.is_err(), "{words:?}");
    }
    assert_eq!(app.store.system().users().list(Paging::first()).await.unwrap().items.len(), 1);
}
