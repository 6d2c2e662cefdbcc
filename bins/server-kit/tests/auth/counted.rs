//! `auth_failures_total`: by reason, and by no value that somebody sends.

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use server_kit::auth::Role;

use super::support::App;

#[tokio::test]
async fn failures_are_counted_by_reason() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    app.ask("GET /auth/me").send().await;
    app.me("x").await;
    app.me("x.y.z").await;
    app.me(&format!("ok_{}", "A".repeat(43))).await;
    for cookie in [&session.cookie, &session.cookie, &session.cookie] {
        app.ask("POST /auth/refresh").cookie(cookie).send().await;
    }
    app.me(&session.token).await;
    for _ in 0..12 {
        app.log_in("ada", "guess").await;
    }
    app.ask("POST /auth/login").json(&json!({"username": "ada"})).await;
    let text = recorder.handle().render();
    let mut counts: Vec<&str> = text.lines().filter(|line| line.starts_with("auth_failures_total")).collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [
            r#"auth_failures_total{reason="key"} 1"#,
            r#"auth_failures_total{reason="malformed"} 1"#,
            r#"auth_failures_total{reason="missing"} 1"#,
            r#"auth_failures_total{reason="password"} 10"#,
            r#"auth_failures_total{reason="reuse"} 2"#,
            r#"auth_failures_total{reason="revoked"} 1"#,
            r#"auth_failures_total{reason="throttled"} 2"#,
            r#"auth_failures_total{reason="token"} 1"#,
        ]
    );
}
