//! Signing in, being told who one is, signing out.

use http::StatusCode;
use http::header::{CACHE_CONTROL, SET_COOKIE, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use server_kit::auth::Role;
use store_core::Paging;
use store_core::user::Access;

use super::support::{App, PASSWORD, read};

#[tokio::test]
async fn the_right_password_gives_a_token_a_cookie_and_who_one_is() {
    let app = App::new().await;
    let ada = app.user("Ada", Role::User).await;
    let reply = app.log_in(" aDA", PASSWORD).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.body["user"], json!({"id": ada.id, "name": "Ada", "role": "user"}));
    assert_eq!(reply.body["expires_at"], "2027-01-15T08:30:00Z");
    assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
    let cookie = reply.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; Path=/auth; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"));

    let me = app.me(&reply.signed_in().token).await;
    assert_eq!((me.status, me.body), (StatusCode::OK, reply.body["user"].clone()));
}

#[tokio::test]
async fn a_token_says_what_is_documented_and_each_is_another() {
    let app = App::new().await;
    let ada = app.user("ada", Role::Admin).await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        let (header, claims) = read(&app.sign_in("ada").await.token);
        assert_eq!(header.as_object().unwrap().keys().collect::<Vec<_>>(), ["alg", "kid", "typ"]);
        assert_eq!(header["alg"], "HS256");
        let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["exp", "iat", "jti", "role", "sub"]);
        assert_eq!((&claims["sub"], &claims["role"]), (&json!(ada.id), &json!("admin")));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 1800);
        assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn unknown_disabled_and_wrong_are_told_the_same() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let off = app.user("off", Role::User).await;
    app.store.system().users().set_access(off.id, Access::Disabled).await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [("ada", "wrong"), ("off", PASSWORD), ("off", "wrong"), ("nobody", PASSWORD)] {
        let mut reply = app.log_in(name, password).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.headers[WWW_AUTHENTICATE], "Bearer");
        assert!(!reply.headers.contains_key(SET_COOKIE));
        reply.body["error"]["request_id"].take();
        answers.push(reply.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let audit = app.store.system().audit().list(Paging::first()).await.unwrap().items;
    assert_eq!(audit.iter().filter(|entry| entry.action == "login.failed").count(), 4);
}

#[tokio::test]
async fn what_is_no_sign_in_is_refused_before_any_hash() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let megabyte = "x".repeat(1 << 20);
    let long_name = "n".repeat(201);
    let text = |name: &str, password: &str| json!({"username": name, "password": password}).to_string();
    for (body, code) in [
        (String::new(), "invalid_request"),
        ("null".into(), "invalid_request"),
        ("[]".into(), "invalid_request"),
        ("{".into(), "invalid_request"),
        (json!(["ada", PASSWORD]).to_string(), "invalid_request"),
        (r#"{"username":"ada"}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":null}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":12345}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":true}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":["x"]}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":{"$ne":null}}"#.into(), "invalid_request"),
        (r#"{"username":{"$ne":null},"password":"x"}"#.into(), "invalid_request"),
        (r#"{"username":{"$gt":""},"password":{"$gt":""}}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":"\ud800"}"#.into(), "invalid_request"),
        (r#"{"username":"\udfff","password":"x"}"#.into(), "invalid_request"),
        (r#"{"username":"ada","username":"bob","password":"x"}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":"x","password":"y"}"#.into(), "invalid_request"),
        (r#"{"username":"ada","password":"x","role":"admin"}"#.into(), "unknown_field"),
        (r#"{"username":"ada","password":"x","__proto__":{}}"#.into(), "unknown_field"),
        (text("ada", ""), "invalid_request"),
        (text("ada", "a\0b"), "invalid_request"),
        (text("ada", &"x".repeat(1025)), "invalid_request"),
        (text("ada", &megabyte), "invalid_request"),
        (text("", "x"), "invalid_request"),
        (text("  ", "x"), "invalid_request"),
        (text("a\0da", "x"), "invalid_request"),
        (text("ada\n", "x"), "invalid_request"),
        (text("\u{1b}[2Jada", "x"), "invalid_request"),
        (text(&long_name, "x"), "invalid_request"),
        (text(&megabyte, "x"), "invalid_request"),
        ("[".repeat(100_000), "invalid_request"),
        (r#"{"username":"#.repeat(20_000), "invalid_request"),
    ] {
        let shown: String = body.chars().take(60).collect();
        let reply = app.ask("POST /auth/login").text(body).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, code), "{shown}");
    }
    let sent = [&b"username=ada&password=x"[..], br#"{"username":"ada","password":"x"}"#];
    for (kind, body) in [("application/x-www-form-urlencoded", sent[0]), ("text/plain", sent[1])] {
        let ask = app.ask("POST /auth/login").header("content-type", kind.as_bytes());
        assert_eq!(ask.send().await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{body:?}");
    }
    let invalid =
        app.ask("POST /auth/login").text(&b"{\"username\":\"ada\",\"password\":\"\xff\"}"[..]).await;
    assert_eq!(invalid.status, StatusCode::BAD_REQUEST);
    assert!(
        app.store.system().audit().list(Paging::first()).await.unwrap().items.is_empty(),
        "nothing was tried"
    );
    assert_eq!(app.log_in("ada", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_longest_and_strangest_passwords_work() {
    let app = App::new().await;
    app.user("root", Role::Admin).await;
    let admin = app.sign_in("root").await.token;
    for (number, password) in
        ["x".repeat(1024), " ".into(), "é\u{1f511}\u{202e}\n\t".into()].iter().enumerate()
    {
        let name = format!("user{number}");
        let body = json!({"name": name, "role": "viewer", "password": password});
        let made = app.ask("POST /api/users").bearer(&admin).json(&body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        assert_eq!(app.log_in(&name, password).await.status, StatusCode::OK);
        let wrong: String = std::iter::once('y').chain(password.chars().skip(1)).collect();
        assert_eq!(app.log_in(&name, &wrong).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn signing_out_ends_the_token_and_the_login_and_no_other() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let (one, other) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let before = *server_kit::auth::Authenticate::changes(&app.auth).borrow();
    let out = app.ask("POST /auth/logout").bearer(&one.token).send().await;
    assert_eq!((out.status, out.body.is_null()), (StatusCode::NO_CONTENT, true));
    assert_eq!(out.headers[SET_COOKIE], "opskit_refresh=; Max-Age=0; Path=/auth; HttpOnly; SameSite=Strict");
    assert!(*server_kit::auth::Authenticate::changes(&app.auth).borrow() > before);
    assert_eq!(app.me(&one.token).await.status, StatusCode::UNAUTHORIZED);
    let refreshed = app.ask("POST /auth/refresh").cookie(&one.cookie).send().await;
    assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.me(&other.token).await.status, StatusCode::OK);
    let again = app.ask("POST /auth/logout").bearer(&one.token).send().await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);

    let by_cookie = app.ask("POST /auth/logout").cookie(&other.cookie).send().await;
    assert_eq!(by_cookie.status, StatusCode::NO_CONTENT);
    assert_eq!(app.me(&other.token).await.status, StatusCode::UNAUTHORIZED, "its tokens died with the login");
    assert_eq!(app.ask("POST /auth/logout").send().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_expired_token_is_told_and_the_cookie_still_signs_out() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    app.pass(1799);
    assert_eq!(app.me(&session.token).await.status, StatusCode::OK);
    app.pass(1);
    let expired = app.me(&session.token).await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert!(expired.body["error"]["message"].as_str().unwrap().contains("expired"));
    let out = app.ask("POST /auth/logout").bearer(&session.token).cookie(&session.cookie).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_new_password_ends_all_logins_and_this_one_goes_on() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let (here, elsewhere) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let change = async |token: &str, current: &str, new: Value| {
        let body = json!({"current": current, "new": new});
        app.ask("POST /auth/password").bearer(token).json(&body).await
    };
    let wrong = change(&here.token, "wrong", json!("next")).await;
    assert_eq!(
        (wrong.status, wrong.body["error"]["field"].as_str()),
        (StatusCode::BAD_REQUEST, Some("current"))
    );
    for bad in [json!(""), json!("a\0b"), json!("x".repeat(1025)), json!(7), json!(null)] {
        assert_eq!(change(&here.token, PASSWORD, bad).await.status, StatusCode::BAD_REQUEST);
    }
    let changed = change(&here.token, PASSWORD, json!("next")).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    for dead in [&here, &elsewhere] {
        assert_eq!(app.me(&dead.token).await.status, StatusCode::UNAUTHORIZED);
        let refreshed = app.ask("POST /auth/refresh").cookie(&dead.cookie).send().await;
        assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.me(&changed.signed_in().token).await.status, StatusCode::OK);
    assert_eq!(app.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("ada", "next").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_happened_is_in_the_audit() {
    let app = App::new().await;
    let ada = app.user("ada", Role::User).await;
    app.log_in("ada", "wrong").await;
    app.log_in("a-password-typed-as-name", "x").await;
    let session = app.sign_in("ada").await;
    app.ask("POST /auth/logout").bearer(&session.token).send().await;
    let audit = app.store.system().audit().list(Paging::first()).await.unwrap().items;
    let told: Vec<_> =
        audit.iter().rev().map(|e| (e.actor.as_str(), e.action.as_str(), e.subject.as_str())).collect();
    let (id, subject) = (ada.id.to_string(), format!("user {}", ada.id));
    assert_eq!(
        told,
        [
            ("nobody", "login.failed", subject.as_str()),
            ("nobody", "login.failed", "an unknown user"),
            (id.as_str(), "login.ok", subject.as_str()),
            (id.as_str(), "logout", subject.as_str()),
        ]
    );
    assert!(audit.iter().all(|entry| entry.detail == json!({"from": "192.0.2.1"})));
}
