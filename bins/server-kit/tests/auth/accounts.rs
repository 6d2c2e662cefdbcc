//! Users, roles and the first admin, as the next request sees them.

use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use server_kit::auth::{Authenticate, FirstAdmin, Role};
use store_core::Paging;

use super::support::{App, PASSWORD};

#[tokio::test]
async fn every_guarded_route_wants_somebody_before_it_reads_anything() {
    let app = App::new().await;
    for line in [
        "GET /auth/me",
        "POST /auth/password",
        "GET /api/keys",
        "POST /api/keys",
        "DELETE /api/keys/x",
        "GET /api/users",
        "POST /api/users",
        "PATCH /api/users/x",
        "DELETE /api/users/x",
        "GET /api/audit",
        "GET /api/audit?limit=x",
        "HEAD /api/users",
        "HEAD /api/audit",
    ] {
        let reply = if line.starts_with("HEAD") {
            app.ask(line).send().await
        } else {
            app.ask(line).text("{ not json").await
        };
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{line}");
    }
}

#[tokio::test]
async fn only_admins_reach_users_and_audit() {
    let app = App::new().await;
    for (name, role) in [("ada", Role::User), ("eve", Role::Viewer)] {
        let id = app.user(name, role).await.id;
        let token = app.sign_in(name).await.token;
        for line in [
            "GET /api/users".to_owned(),
            "POST /api/users".into(),
            format!("PATCH /api/users/{id}"),
            format!("DELETE /api/users/{id}"),
            "GET /api/audit".into(),
            "DELETE /api/users/unknown".into(),
        ] {
            let reply = app.ask(&line).bearer(&token).json(&json!({"role": "admin"})).await;
            assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "forbidden"), "{name} {line}");
        }
        assert_eq!(app.store.system().users().get(id).await.unwrap().role, role.into());
    }
}

#[tokio::test]
async fn an_admin_makes_changes_and_deletes_users() {
    let app = App::new().await;
    app.user("root", Role::Admin).await;
    let admin = app.sign_in("root").await.token;
    let new = json!({"name": "Ada", "role": "user", "password": PASSWORD});
    let made = app.ask("POST /api/users").bearer(&admin).json(&new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.body["created_at"], "2027-01-15T08:00:00Z");
    let same = json!({"name": "aDA", "role": "user", "password": "x"});
    let again = app.ask("POST /api/users").bearer(&admin).json(&same).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "taken"));

    let user = app.sign_in("ada").await;
    let changes = *app.auth.changes().borrow();
    let path = format!("PATCH /api/users/{id}");
    let patch = async |body: Value| app.ask(&path).bearer(&admin).json(&body).await;
    assert_eq!(patch(json!({"role": "admin"})).await.body["role"], "admin");
    assert_eq!(app.me(&user.token).await.body["role"], "admin", "the role is the accounts', not the token's");
    assert_eq!(patch(json!({"role": "viewer"})).await.body["role"], "viewer");
    assert_eq!(app.me(&user.token).await.body["role"], "viewer");
    assert_eq!(patch(json!({"disabled": true})).await.body["disabled"], true);
    assert_eq!(app.me(&user.token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(patch(json!({"disabled": false})).await.body["disabled"], false);
    assert_eq!(patch(json!({"password": "next"})).await.status, StatusCode::OK);
    assert_eq!(app.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let token = app.log_in("ada", "next").await.signed_in().token;
    assert!(*app.auth.changes().borrow() >= changes + 5);

    let delete = app.ask(&format!("DELETE /api/users/{id}")).bearer(&admin).send().await;
    assert_eq!(delete.status, StatusCode::NO_CONTENT);
    assert_eq!(app.me(&token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(patch(json!({"role": "user"})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.log_in("ada", "next").await.status, StatusCode::UNAUTHORIZED);

    let audit = app.ask("GET /api/audit?limit=200").bearer(&admin).send().await;
    let actions: Vec<&str> = audit.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    for action in ["user.create", "user.role", "user.disable", "user.enable", "user.password", "user.delete"]
    {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    assert!(!audit.body.to_string().contains(PASSWORD) && !audit.body.to_string().contains("$argon2"));
}

#[tokio::test]
async fn what_is_no_change_of_a_user_is_refused() {
    let app = App::new().await;
    let root = app.user("root", Role::Admin).await;
    let admin = app.sign_in("root").await.token;
    for body in [
        json!([]),
        json!({"role": "root"}),
        json!({"role": 1}),
        json!({"disabled": "yes"}),
        json!({"password": ""}),
        json!({"password": 1}),
        json!({"password": "x".repeat(1025)}),
        json!({"name": "other"}),
        json!({"id": root.id}),
        json!({"password_hash": "x"}),
    ] {
        let reply = app.ask(&format!("PATCH /api/users/{}", root.id)).bearer(&admin).json(&body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for body in [
        json!({"name": "", "role": "user", "password": "x"}),
        json!({"name": "a", "role": "user"}),
        json!({"name": "a", "role": "Admin", "password": "x"}),
        json!({"name": "a", "role": "user", "password": ""}),
        json!({"name": "a\u{0}", "role": "user", "password": "x"}),
        json!({"name": "x".repeat(201), "role": "user", "password": "x"}),
        json!({"name": "a", "role": "user", "password": "x", "disabled": false}),
    ] {
        let reply = app.ask("POST /api/users").bearer(&admin).json(&body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for (line, body) in
        [("PATCH", json!({"role": "user"})), ("PATCH", json!({"disabled": true})), ("DELETE", json!({}))]
    {
        let reply = app.ask(&format!("{line} /api/users/{}", root.id)).bearer(&admin).json(&body).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::CONFLICT, "last_admin"), "{line} {body}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let app = App::new().await;
    for number in 0..4 {
        app.user(&format!("user{number}"), Role::User).await;
        app.pass(1);
    }
    app.user("root", Role::Admin).await;
    let admin = app.sign_in("root").await.token;
    let (mut names, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = app.ask(&format!("GET /api/users?{query}")).bearer(&admin).send().await.body;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={next}");
    }
    assert_eq!(names, ["root", "user3", "user2", "user1", "user0"]);
    for bad in
        ["limit=0", "limit=201", "limit=-1", "limit=x", "cursor=x", "cursor=", "offset=1", "limit=1&limit=2"]
    {
        for list in ["users", "keys", "audit"] {
            let reply = app.ask(&format!("GET /api/{list}?{bad}")).bearer(&admin).send().await;
            assert_eq!(
                (reply.status, reply.code()),
                (StatusCode::BAD_REQUEST, "invalid_request"),
                "{list} {bad}"
            );
        }
    }
}

#[tokio::test]
async fn who_was_let_in_is_looked_at_again() {
    let app = App::new().await;
    app.user("root", Role::Admin).await;
    let ada = app.user("ada", Role::User).await;
    let who = async || {
        let session = app.sign_in("ada").await;
        let bearer = format!("Bearer {}", session.token).parse().unwrap();
        let headers = [(http::header::AUTHORIZATION, bearer)].into_iter().collect();
        (app.auth.authenticate(&headers).await.unwrap(), session)
    };
    let (one, session) = who().await;
    assert!(app.auth.still_counts(&one).await);
    app.ask("POST /auth/logout").bearer(&session.token).send().await;
    assert!(!app.auth.still_counts(&one).await, "signed out");

    let (two, _) = who().await;
    app.store.system().users().set_role(ada.id, Role::Viewer.into()).await.unwrap();
    assert!(!app.auth.still_counts(&two).await, "demoted");
    let (three, _) = who().await;
    assert!(app.auth.still_counts(&three).await);
    app.pass(1800);
    assert!(!app.auth.still_counts(&three).await, "expired");
    let (four, _) = who().await;
    app.store.system().users().delete(ada.id).await.unwrap();
    assert!(!app.auth.still_counts(&four).await, "deleted");
}

#[tokio::test]
async fn a_closed_store_lets_nobody_in() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    app.store.close().await;
    for reply in [
        app.me(&session.token).await,
        app.log_in("ada", PASSWORD).await,
        app.ask("POST /auth/refresh").cookie(&session.cookie).send().await,
        app.ask("POST /auth/logout").bearer(&session.token).send().await,
    ] {
        assert_eq!((reply.status, reply.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    }
}

#[tokio::test]
async fn the_first_start_makes_an_admin_and_no_later_one() {
    let app = App::new().await;
    let FirstAdmin::Generated(password) = app.auth.ensure_admin("admin", None).await.unwrap() else {
        panic!()
    };
    assert_eq!(password.expose_secret().len(), 24);
    assert!(!format!("{password:?}").contains(password.expose_secret()));
    let reply = app.log_in("admin", password.expose_secret()).await;
    assert_eq!(reply.body["user"]["role"], "admin");
    for given in [None, Some("other".into())] {
        assert!(matches!(app.auth.ensure_admin("admin", given).await.unwrap(), FirstAdmin::NotNeeded));
    }
    assert_eq!(app.store.system().users().list(Paging::first()).await.unwrap().items.len(), 1);

    let other = App::new().await;
    for (name, password) in [("", "x"), ("a\nb", "x"), ("admin", ""), ("admin", "a\0")] {
        assert!(other.auth.ensure_admin(name, Some(password.into())).await.is_err(), "{name:?}");
    }
    assert!(matches!(
        other.auth.ensure_admin("root", Some("given".into())).await.unwrap(),
        FirstAdmin::Created
    ));
    assert_eq!(other.log_in("root", "given").await.status, StatusCode::OK);
    assert_eq!(other.log_in("root", "admin").await.status, StatusCode::UNAUTHORIZED);
}

/// AU-16: no name but the very one is an admin's, whatever it looks like.
#[tokio::test]
async fn a_name_that_looks_like_an_admins_is_another() {
    let app = App::new().await;
    app.user("admin", Role::Admin).await;
    for look_alike in ["аdmin", "admin.", "adm\u{131}n", "admin\u{200b}", "ａｄｍｉｎ", "admin@example.com"]
    {
        assert_eq!(app.log_in(look_alike, PASSWORD).await.status, StatusCode::UNAUTHORIZED, "{look_alike}");
    }
    for same in ["ADMIN", " admin "] {
        assert_eq!(app.log_in(same, PASSWORD).await.status, StatusCode::OK);
    }
}
