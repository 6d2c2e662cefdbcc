//! SC-01: no secret is printed, logged, or told.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use server_kit::auth::{Authenticate, Digest, JwtSecrets, Role};
use tracing_subscriber::fmt::MakeWriter;

use super::support::{App, PASSWORD, SECRET};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_planted_comes_out() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let app = App::new().await;
    app.user("ada", Role::Admin).await;
    let wrong = "planted-wrong-password";
    let mut answers = String::new();
    for (name, password) in [("ada", wrong), (wrong, wrong), ("ada", "planted-wrong-password\0")] {
        answers += &app.log_in(name, password).await.body.to_string();
    }
    for body in [r#"{"username":"ada","password":98989898}"#, r#"{"username":7,"password":"planted-x"}"#] {
        answers += &app.ask("POST /auth/login").text(body).await.body.to_string();
    }
    let session = app.sign_in("ada").await;
    let body = json!({"name": "k", "scopes": ["admin"]});
    let made = app.ask("POST /api/keys").bearer(&session.token).json(&body).await;
    let key = made.body["key"].as_str().unwrap();
    answers += &app.me(&format!("{}x", session.token)).await.body.to_string();
    answers += &app.me(&format!("{key}x")).await.body.to_string();
    for list in ["users", "keys", "audit"] {
        let reply = app.ask(&format!("GET /api/{list}")).header("x-api-key", key.as_bytes()).send().await;
        assert!(reply.status.is_success());
        answers += &reply.body.to_string();
    }
    let headers = [("x-api-key".parse().unwrap(), key.parse().unwrap())].into_iter().collect();
    let who = app.auth.authenticate(&headers).await.unwrap();
    let secrets = JwtSecrets::parse(&SECRET.into(), "JWT_SECRET").unwrap();
    let debug = format!("{who:?} {:?} {secrets:?} {:?}", app.auth, Digest::of(&key.into()));
    app.store.close().await;
    answers += &app.me(&session.token).await.body.to_string();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("unavailable"), "the log is the one that is looked at");
    let cookie = session.cookie.split_once('=').unwrap().1;
    for (what, text) in [("answers", &answers), ("log", &log), ("debug", &debug)] {
        for secret in [PASSWORD, "planted", "98989898", SECRET, key, &session.token, cookie, "$argon2id"] {
            assert!(!text.contains(secret), "{secret} in {what}: {text}");
        }
    }
}
