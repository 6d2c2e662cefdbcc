//! Refresh tokens: each counts once.

use http::StatusCode;
use http::header::SET_COOKIE;
use server_kit::auth::{Authenticate, Role};
use store_core::Paging;
use store_core::user::Access;

use super::support::{App, Reply};

async fn refresh(app: &App, cookie: &str) -> Reply {
    app.ask("POST /auth/refresh").cookie(cookie).send().await
}

#[tokio::test]
async fn a_refresh_gives_a_new_token_and_a_new_cookie() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let mut session = app.sign_in("ada").await;
    for _ in 0..5 {
        app.pass(1900);
        assert_eq!(app.me(&session.token).await.status, StatusCode::UNAUTHORIZED);
        let reply = refresh(&app, &session.cookie).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert_eq!(reply.body["user"]["name"], "ada");
        let next = reply.signed_in();
        assert_ne!(next.cookie, session.cookie);
        session = next;
        assert_eq!(app.me(&session.token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_token_shown_twice_ends_the_login_for_both() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let (stolen, other) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let thief = refresh(&app, &stolen.cookie).await.signed_in();
    let changes = *app.auth.changes().borrow();
    let owner = refresh(&app, &stolen.cookie).await;
    assert_eq!(owner.status, StatusCode::UNAUTHORIZED);
    assert!(owner.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(*app.auth.changes().borrow() > changes, "open streams are told");
    assert_eq!(refresh(&app, &thief.cookie).await.status, StatusCode::UNAUTHORIZED);
    for token in [&stolen.token, &thief.token] {
        assert_eq!(app.me(token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.me(&other.token).await.status, StatusCode::OK, "another login goes on");
    let audit = app.store.system().audit().list(Paging::first()).await.unwrap().items;
    assert!(audit.iter().any(|entry| entry.action == "login.reuse"));
}

#[tokio::test]
async fn of_two_refreshes_at_once_at_most_one_counts() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    for _ in 0..20 {
        let session = app.sign_in("ada").await;
        let (one, two) = tokio::join!(refresh(&app, &session.cookie), refresh(&app, &session.cookie));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED]);
    }
}

#[tokio::test]
async fn a_login_ends_after_thirty_days_however_often_it_is_refreshed() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let mut session = app.sign_in("ada").await;
    for _ in 0..29 {
        app.pass(24 * 60 * 60);
        session = refresh(&app, &session.cookie).await.signed_in();
    }
    app.pass(24 * 60 * 60);
    assert_eq!(refresh(&app, &session.cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    let token = session.cookie.strip_prefix("opskit_refresh=").unwrap();
    let access = &session.token;
    for cookie in [
        String::new(),
        "opskit_refresh=".into(),
        "opskit_refresh=null".into(),
        format!("opskit_refresh={}", "A".repeat(43)),
        format!("opskit_refresh={token}A"),
        format!("opskit_refresh={}", token.to_uppercase()),
        format!("opskit_refresh={access}"),
        format!("Opskit_Refresh={token}"),
        format!("__Host-opskit_refresh={token}"),
        format!("opskit_refresh={token}; opskit_refresh={token}"),
        format!("refresh={token}"),
    ] {
        let reply = refresh(&app, &cookie).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, "unauthorized"), "{cookie}");
    }
    let elsewhere = app.ask("POST /auth/refresh").bearer(token).send().await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED, "only the cookie is read");
    assert_eq!(refresh(&app, &session.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_refreshes_who_may_not_sign_in() {
    let app = App::new().await;
    let (off, gone) = (app.user("off", Role::User).await, app.user("gone", Role::User).await);
    let (one, two) = (app.sign_in("off").await, app.sign_in("gone").await);
    app.store.system().users().set_access(off.id, Access::Disabled).await.unwrap();
    app.store.system().users().delete(gone.id).await.unwrap();
    for session in [&one, &two] {
        assert_eq!(refresh(&app, &session.cookie).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(app.me(&session.token).await.status, StatusCode::UNAUTHORIZED);
    }
    app.store.system().users().set_access(off.id, Access::Enabled).await.unwrap();
    assert_eq!(app.me(&one.token).await.status, StatusCode::UNAUTHORIZED, "what ended stays ended");
    app.sign_in("off").await;
}
