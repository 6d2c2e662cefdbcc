//! What is seen from outside: ids, probes, metrics, the log.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use server_kit::health::Check;
use server_kit::logs::{self, LogFormat};
use tokio::net::TcpListener;

use crate::support::{App, Ask, VERSION, json};

/// LM-09.
#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_well_formed() {
    let app = App::start().await;
    let ask = |id: &str| Ask::get("/api/nothing").header("x-request-id", id);
    for id in ["a", "req-1_2.3", &"a".repeat(64)] {
        let reply = ask(id).of(&app).await;
        assert_eq!(reply.code(), "not_found");
        assert_eq!(reply.header("x-request-id"), Some(id.to_lowercase().as_str()));
    }
    for id in ["", "a b", "<script>", "a\tb", "\u{e9}", "../..", "a;b", "${jndi:x}", &"a".repeat(65)] {
        let reply = ask(id).of(&app).await;
        assert_eq!(reply.code(), "not_found");
        assert_eq!(reply.header("x-request-id").map(str::len), Some(36), "{id}");
    }
    let twice = ask("one").header("x-request-id", "two").of(&app).await;
    assert_eq!(twice.header("x-request-id").map(str::len), Some(36));
    let odd = Ask::get("/public/marker")
        .header("accept-language", "\u{ff}*;q=nan")
        .header("x-timezone", "../../etc");
    assert_eq!(odd.header("accept", "\"").header("cookie", "=;=;\u{e9}").of(&app).await.status, 200);
}

#[tokio::test]
async fn health_tells_the_version_and_readiness_what_is_lacking() {
    let app = App::with(|server, _| {
        server.check(Check::new("cli", async || false)).check(Check::new("slow", std::future::pending))
    })
    .await;
    let health = Ask::get("/health").of(&app).await;
    assert_eq!(
        (health.status, health.body),
        (200, format!("{{\"status\":\"ok\",\"version\":\"{VERSION}\"}}"))
    );
    let ready = Ask::get("/health/ready").of(&app).await;
    assert_eq!(ready.status, 503);
    let report: Value = serde_json::from_str(&ready.body).unwrap();
    assert_eq!(
        report,
        serde_json::json!({"status": "not_ready", "checks": [
            {"name": "store", "state": "ok"}, {"name": "cli", "state": "failed"}, {"name": "slow", "state": "timed_out"},
        ]})
    );
    let fine = App::start().await;
    let ready = Ask::get("/health/ready").of(&fine).await;
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (200, r#"{"status":"ok","checks":[{"name":"store","state":"ok"}]}"#)
    );
}

/// The metrics, once they have this: a request is counted soon after its client has the answer.
async fn metrics_with(app: &App, last: &str) -> String {
    for _ in 0..200 {
        let text = Ask::get("/metrics").of(app).await.body;
        if text.contains(last) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the metrics never had {last}");
}

#[tokio::test]
async fn requests_are_counted_by_template_never_by_path() {
    let app = App::start().await;
    for target in ["/api/things/987654321", "/nothing/987654322?secret=987654323", "/public/marker"] {
        Ask::get(target).token("viewer").of(&app).await;
    }
    Ask::new("BREW987654324", "/public/marker").of(&app).await;
    let text = metrics_with(&app, r#"method="other",status="405""#).await;
    for line in [
        r#"http_requests_total{route="/api/things/{id}",method="GET",status="200"}"#,
        r#"http_requests_total{route="other",method="GET",status="404"}"#,
        r#"http_requests_total{route="/public/marker",method="other",status="405"}"#,
        r#"http_request_duration_seconds_bucket{route="/public/marker",method="GET",le="0.001"}"#,
        r#"app_http_bytes_total{direction="in"}"#,
        r#"app_http_bytes_total{direction="out"}"#,
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_cpu_user_seconds_total ",
        "process_cpu_system_seconds_total ",
        "process_open_fds ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for number in ["987654321", "987654322", "987654323", "987654324"] {
        assert!(!text.contains(number), "{number}");
    }
}

#[tokio::test]
async fn streams_are_measured_apart() {
    let app = App::start().await;
    app.state.go.notify_one();
    Ask::get("/public/stream").of(&app).await;
    let text = metrics_with(&app, r#"app_stream_duration_seconds_count{route="/public/stream"}"#).await;
    assert!(!text.contains(r#"http_request_duration_seconds_count{route="/public/stream""#));
}

#[tokio::test]
async fn metrics_ask_for_their_token() {
    let app = App::with(|server, _| server.metrics_token(SecretString::from("scraper"))).await;
    for ask in
        [Ask::get("/metrics"), Ask::get("/metrics").token("scrape"), Ask::get("/metrics").token("admin")]
    {
        assert_eq!(ask.of(&app).await.refusal(), json(401, "unauthorized"));
    }
    assert_eq!(Ask::get("/metrics").token("scraper").of(&app).await.status, 200);
}

#[tokio::test]
async fn metrics_are_on_their_own_listener_alone_if_there_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut app = App::with(|server, _| server.metrics_on(listener)).await;
    assert_eq!(Ask::get("/metrics").of(&app).await.refusal(), json(404, "not_found"));
    app.address = address;
    let scraped = Ask::get("/metrics").header("host", "claude-web:9090").of(&app).await;
    assert!(scraped.status == 200 && scraped.body.contains("app_http_bytes_total"), "{scraped:?}");
    assert_eq!(Ask::get("/public/marker").of(&app).await.refusal(), json(404, "not_found"));
}

#[test]
fn a_level_that_is_none_is_refused() {
    assert!(logs::init("info,,=", LogFormat::Json).is_err());
}
