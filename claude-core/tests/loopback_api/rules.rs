//! What a plan refuses before it answers.

use std::time::Duration;

use claude_core::testing::{LoopbackApi, Plan, Reply};
use serde_json::{Value, json};

use super::http::{ask, ask_with, call, question};

const OLD: &str = "anthropic-version: 2023-06-01\r\n";
const NEW: &str = "anthropic-version: 2026-10-21\r\n";

#[tokio::test]
async fn a_key_opens_by_either_header() {
    let api = LoopbackApi::start(Plan::from(Reply::text("a")).require_key("sk-right")).await.unwrap();
    for (headers, status) in [
        ("x-api-key: sk-right\r\n", 200),
        ("authorization: Bearer sk-right\r\n", 200),
        ("authorization: Bearer sk-wrong\r\n", 401),
        ("", 401),
    ] {
        let answer = ask_with(&api, headers, &question(true)).await;
        assert_eq!(answer.status, status, "{headers}");
        assert!(answer.header("request-id").is_some());
    }
    assert_eq!(call(&api, "GET", "/v1/models", None).await.status, 401);
    assert!(!format!("{api:?}").contains("sk-right"));
}

#[tokio::test]
async fn a_request_tells_version_key_and_betas() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let betas = "anthropic-beta: one,two\r\nanthropic-beta: three\r\n";
    ask_with(&api, &format!("{NEW}{betas}authorization: Bearer k\r\n"), &question(true)).await;
    let request = api.requests()[0].clone();
    assert_eq!(
        (request.version(), request.bearer(), request.api_key()),
        (Some("2026-10-21"), Some("k"), None)
    );
    assert_eq!(request.betas(), ["one", "two", "three"]);
    assert!(request.raw.starts_with(b"{"));
}

#[tokio::test]
async fn strict_plans_refuse_versions_and_what_they_do_not_take() {
    let api = LoopbackApi::start(Plan::from(Reply::text("a")).strict()).await.unwrap();
    let mut body = question(false);
    assert_eq!(ask(&api, &body).await.status, 400);
    assert_eq!(ask_with(&api, "anthropic-version: 2020-01-01\r\n", &body).await.status, 400);
    assert_eq!(ask_with(&api, NEW, &body).await.status, 200);
    body["temperature"] = json!(0.5);
    assert_eq!(ask_with(&api, OLD, &body).await.status, 200);
    let refused = ask_with(&api, NEW, &body).await;
    assert_eq!(refused.json()["error"]["message"], "temperature: Extra inputs are not permitted");
}

#[tokio::test]
async fn strict_plans_refuse_a_history_that_does_not_fit() {
    let api = LoopbackApi::start(Plan::from(Reply::text("a")).strict()).await.unwrap();
    let ask = async |messages: Value| {
        let mut body = question(false);
        body["messages"] = messages;
        ask_with(&api, OLD, &body).await
    };
    let call =
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "a", "input": {}}]});
    let result =
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]});
    let hi = json!({"role": "user", "content": "hi"});
    assert_eq!(ask(json!([hi, call, result])).await.status, 200);
    for bad in [json!([hi, call, hi]), json!([hi, result]), json!([call, result]), json!([])] {
        let refused = ask(bad.clone()).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["type"]),
            (400, &json!("invalid_request_error")),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_rate_lets_so_many_in_and_tells_when_the_next() {
    let plan = Plan::from(Reply::text("a")).rate_limit(2, Duration::from_millis(300));
    let api = LoopbackApi::start(plan).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&api, &question(false)).await);
    }
    assert_eq!(statuses.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 429]);
    assert_eq!(statuses[2].header("retry-after"), Some("1"));
    assert_eq!(statuses[2].header("anthropic-ratelimit-requests-limit"), Some("2"));
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(ask(&api, &question(false)).await.status, 200);
}
