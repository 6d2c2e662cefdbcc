//! API keys.

use http::StatusCode;
use serde_json::{Value, json};
use server_kit::auth::{Authenticate, Role};
use store_core::user::Access;

use super::support::{App, Reply};

async fn make(app: &App, token: &str, body: &Value) -> Reply {
    app.ask("POST /api/keys").bearer(token).json(body).await
}

async fn key(app: &App, token: &str, scopes: Value) -> (String, String) {
    let reply = make(app, token, &json!({"name": "script", "scopes": scopes})).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    let text = |name: &str| reply.body[name].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

async fn status(app: &App, line: &str, key: &str) -> StatusCode {
    app.ask(line).header("x-api-key", key.as_bytes()).send().await.status
}

#[tokio::test]
async fn a_key_is_shown_once_and_stands_for_its_owner() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let token = app.sign_in("ada").await.token;
    let (key, id) = key(&app, &token, json!(["read", "claude", "read"])).await;
    assert!(key.starts_with("ok_") && key.len() == 46, "{key}");
    let me = app.ask("GET /auth/me").header("x-api-key", key.as_bytes()).send().await;
    assert_eq!((me.status, me.body["name"].as_str()), (StatusCode::OK, Some("ada")));
    assert_eq!(app.me(&key).await.status, StatusCode::OK, "as a bearer, too");

    let list = app.ask("GET /api/keys").bearer(&token).send().await;
    assert_eq!(list.body["next_cursor"], Value::Null);
    let item = &list.body["items"][0];
    assert_eq!((&item["id"], &item["scopes"]), (&json!(id), &json!(["read", "claude"])));
    assert!(item["last_used_at"].is_string() && !list.body.to_string().contains(&key));
}

#[tokio::test]
async fn a_revoked_expired_or_unknown_key_is_nobody() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let token = app.sign_in("ada").await.token;
    let (revoked, id) = key(&app, &token, json!(["read"])).await;
    assert_eq!(status(&app, "GET /auth/me", &revoked).await, StatusCode::OK);
    let before = *app.auth.changes().borrow();
    let reply = app.ask(&format!("DELETE /api/keys/{id}")).bearer(&token).send().await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(*app.auth.changes().borrow() > before);
    assert_eq!(status(&app, "GET /auth/me", &revoked).await, StatusCode::UNAUTHORIZED);

    let ends = "2027-01-15T08:01:00Z";
    let body = json!({"name": "short", "scopes": ["read"], "expires_at": ends});
    let short = make(&app, &token, &body).await.body["key"].as_str().unwrap().to_owned();
    assert_eq!(status(&app, "GET /auth/me", &short).await, StatusCode::OK);
    app.pass(60);
    assert_eq!(status(&app, "GET /auth/me", &short).await, StatusCode::UNAUTHORIZED);

    let unknown = format!("ok_{}", "A".repeat(43));
    for bad in ["", "ok_", "x", unknown.as_str(), &short[1..], &short.to_uppercase(), &format!("{short} ")] {
        assert_eq!(status(&app, "GET /auth/me", bad).await, StatusCode::UNAUTHORIZED, "{bad:?}");
    }
    let twice = app.ask("GET /auth/me").header("x-api-key", b"a").header("x-api-key", b"b").send().await;
    assert_eq!(twice.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_allows_no_more_than_its_scopes_and_its_owner() {
    let app = App::new().await;
    for (name, role) in [("root", Role::Admin), ("ada", Role::User), ("eve", Role::Viewer)] {
        app.user(name, role).await;
    }
    let (root, ada, eve) =
        (app.sign_in("root").await.token, app.sign_in("ada").await.token, app.sign_in("eve").await.token);
    for (token, scopes, expected) in [
        (&ada, json!(["admin"]), StatusCode::FORBIDDEN),
        (&ada, json!(["read", "admin"]), StatusCode::FORBIDDEN),
        (&eve, json!(["chat"]), StatusCode::FORBIDDEN),
        (&eve, json!(["claude"]), StatusCode::FORBIDDEN),
        (&eve, json!(["read"]), StatusCode::CREATED),
        (&ada, json!(["read", "chat", "claude"]), StatusCode::CREATED),
        (&root, json!(["admin"]), StatusCode::CREATED),
        (&ada, json!([]), StatusCode::BAD_REQUEST),
        (&ada, json!(["root"]), StatusCode::BAD_REQUEST),
        (&ada, json!("read"), StatusCode::BAD_REQUEST),
    ] {
        let reply = make(&app, token, &json!({"name": "k", "scopes": scopes})).await;
        assert_eq!(reply.status, expected, "{scopes}");
    }
    let (read, _) = key(&app, &root, json!(["read"])).await;
    let (admin, _) = key(&app, &root, json!(["admin"])).await;
    assert_eq!(status(&app, "GET /auth/me", &read).await, StatusCode::OK);
    for line in ["GET /api/users", "GET /api/audit", "GET /api/keys", "POST /api/keys", "POST /auth/password"]
    {
        assert_eq!(status(&app, line, &read).await, StatusCode::FORBIDDEN, "{line}");
    }
    for line in ["GET /api/users", "GET /api/audit", "GET /api/keys"] {
        assert_eq!(status(&app, line, &admin).await, StatusCode::OK, "{line}");
    }
    let body = json!({"current": "correct horse", "new": "x"});
    let password = app.ask("POST /auth/password").header("x-api-key", admin.as_bytes()).json(&body).await;
    assert_eq!(password.status, StatusCode::FORBIDDEN, "no key changes a password");
    assert_eq!(status(&app, "POST /auth/logout", &admin).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_follows_its_owner_down() {
    let app = App::new().await;
    app.user("root", Role::Admin).await;
    let second = app.user("second", Role::Admin).await;
    let token = app.sign_in("second").await.token;
    let (key, _) = key(&app, &token, json!(["admin", "claude", "read"])).await;
    let headers = [("x-api-key", key.as_str())].into_iter();
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let who = app.auth.authenticate(&headers).await.unwrap();
    assert!(app.auth.still_counts(&who).await);

    let users = app.store.system().users();
    users.set_role(second.id, Role::Viewer.into()).await.unwrap();
    assert!(!app.auth.still_counts(&who).await, "its role is another");
    assert_eq!(status(&app, "GET /api/users", &key).await, StatusCode::FORBIDDEN);
    assert_eq!(
        status(&app, "GET /api/keys", &key).await,
        StatusCode::FORBIDDEN,
        "the scope is cut to the role"
    );
    assert_eq!(status(&app, "GET /auth/me", &key).await, StatusCode::OK);
    users.set_access(second.id, Access::Disabled).await.unwrap();
    assert_eq!(status(&app, "GET /auth/me", &key).await, StatusCode::UNAUTHORIZED);
    users.set_access(second.id, Access::Enabled).await.unwrap();
    users.delete(second.id).await.unwrap();
    assert_eq!(status(&app, "GET /auth/me", &key).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_users_key_is_not_there() {
    let app = App::new().await;
    for (name, role) in [("ada", Role::User), ("bob", Role::Admin)] {
        app.user(name, role).await;
    }
    let (ada, bob) = (app.sign_in("ada").await.token, app.sign_in("bob").await.token);
    let (key, id) = key(&app, &ada, json!(["read"])).await;
    let missing = "0192d1f0-5c1e-7000-8000-000000000000";
    for target in [id.as_str(), missing, "x", "..%2f..", "%00"] {
        let reply = app.ask(&format!("DELETE /api/keys/{target}")).bearer(&bob).send().await;
        assert_eq!((reply.status, reply.code()), (StatusCode::NOT_FOUND, "not_found"), "{target}");
    }
    assert_eq!(app.ask("GET /api/keys").bearer(&bob).send().await.body["items"], json!([]));
    assert_eq!(status(&app, "GET /auth/me", &key).await, StatusCode::OK);
}

#[tokio::test]
async fn the_last_use_is_noted_once_a_minute() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let token = app.sign_in("ada").await.token;
    let (key, _) = key(&app, &token, json!(["read"])).await;
    let mut writes = Vec::new();
    for seconds in [0, 0, 30, 29, 1, 0] {
        app.pass(seconds);
        assert_eq!(status(&app, "GET /auth/me", &key).await, StatusCode::OK);
        let list = app.ask("GET /api/keys").bearer(&token).send().await;
        writes.push(list.body["items"][0]["last_used_at"].as_str().unwrap()[14..19].to_owned());
    }
    assert_eq!(writes, ["00:00", "00:00", "00:00", "00:00", "01:00", "01:00"]);
}

#[tokio::test]
async fn what_is_no_new_key_is_refused() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let token = app.sign_in("ada").await.token;
    for body in [
        json!({}),
        json!([]),
        json!({"name": "k"}),
        json!({"scopes": ["read"]}),
        json!({"name": "", "scopes": ["read"]}),
        json!({"name": "a\nb", "scopes": ["read"]}),
        json!({"name": "x".repeat(201), "scopes": ["read"]}),
        json!({"name": 1, "scopes": ["read"]}),
        json!({"name": "k", "scopes": ["read"], "owner": "root"}),
        json!({"name": "k", "scopes": ["read"], "key": "ok_mine"}),
        json!({"name": "k", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}),
        json!({"name": "k", "scopes": ["read"], "expires_at": "tomorrow"}),
        json!({"name": "k", "scopes": ["read"], "expires_at": 1900000000}),
    ] {
        assert_eq!(make(&app, &token, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(app.ask("GET /api/keys").bearer(&token).send().await.body["items"], json!([]));
}
