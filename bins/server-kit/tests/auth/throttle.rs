//! Guessing, and how long it takes.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use server_kit::auth::Role;

use super::support::{App, PASSWORD};

#[tokio::test]
async fn who_guesses_waits_and_the_right_user_gets_in_afterwards() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    tokio::time::pause();
    let mut refused = 0;
    for _ in 0..150 {
        let reply = app.log_in("ada", "guess").await;
        match reply.status {
            StatusCode::UNAUTHORIZED => assert_eq!(refused, 0),
            StatusCode::TOO_MANY_REQUESTS => {
                assert_eq!(reply.code(), "rate_limited");
                let wait: u64 = reply.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
                assert!((1..=90).contains(&wait), "{wait}");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(refused, 140);
    assert_eq!(app.log_in("ada", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(app.log_in_from("198.51.100.7", "ada", PASSWORD).await.status, StatusCode::OK);
    app.pass(-3600);
    assert_eq!(
        app.log_in("ada", PASSWORD).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "no wall clock counts"
    );
    tokio::time::advance(Duration::from_secs(91)).await;
    assert_eq!(app.log_in("ada", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(
        app.log_in("ada", "guess").await.status,
        StatusCode::UNAUTHORIZED,
        "a success clears the pair"
    );
}

#[tokio::test]
async fn names_that_do_not_exist_are_slowed_down_the_same() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    for name in ["ada", "nobody"] {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(app.log_in(name, "guess").await.status.as_u16());
        }
        assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat(), "{name}");
    }
}

#[tokio::test]
async fn many_names_from_one_address_are_slowed_down() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let mut limited = 0;
    for number in 0..150 {
        let reply = app
            .ask("POST /auth/login")
            .header("x-forwarded-for", format!("203.0.113.{number}").as_bytes())
            .header("forwarded", format!("for=203.0.113.{number}").as_bytes())
            .json(&serde_json::json!({"username": format!("user{number}"), "password": "guess"}))
            .await;
        limited += usize::from(reply.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(limited, 100);
    assert_eq!(app.log_in_from("198.51.100.7", "ada", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_often_is_no_guessing() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    for _ in 0..60 {
        app.sign_in("ada").await;
    }
}

#[tokio::test]
async fn guesses_at_once_are_counted_before_they_are_heard() {
    let app = std::sync::Arc::new(App::new().await);
    app.user("ada", Role::User).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let app = app.clone();
        tries.spawn(async move { app.log_in("ada", "guess").await.status });
    }
    let heard =
        tries.join_all().await.into_iter().filter(|status| *status == StatusCode::UNAUTHORIZED).count();
    assert!((10..=11).contains(&heard), "{heard}");
}

#[tokio::test]
async fn the_current_password_is_not_guessed_either() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let token = app.sign_in("ada").await.token;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let body = serde_json::json!({"current": "guess", "new": "x"});
        statuses.push(app.ask("POST /auth/password").bearer(&token).json(&body).await.status.as_u16());
    }
    assert_eq!(statuses, [[400; 10].as_slice(), &[429; 2]].concat());
}

/// AU-14: hashes run on threads of their own, two at a time.
#[tokio::test]
async fn a_hundred_sign_ins_at_once_leave_others_their_time() {
    let app = std::sync::Arc::new(App::with_cost(server_kit::auth::Cost::default()).await);
    app.user("ada", Role::User).await;
    let mut sign_ins = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let app = app.clone();
        sign_ins.spawn(async move { app.log_in("ada", PASSWORD).await.status });
    }
    let mut answers = 0;
    while !sign_ins.is_empty() {
        assert_eq!(app.ask("GET /auth/me").send().await.status, StatusCode::UNAUTHORIZED);
        answers += 1;
        while let Some(ended) = sign_ins.try_join_next() {
            assert_eq!(ended.unwrap(), StatusCode::OK);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(answers > 10, "only {answers} were answered between a hundred hashes");
}
