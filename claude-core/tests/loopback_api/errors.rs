//! Errors of every kind, before and within a stream.

use std::time::Duration;

use claude_core::testing::{LoopbackApi, Point, Reply};
use serde_json::json;

use super::http::{ask, question};

#[tokio::test]
async fn tells_errors_in_the_apis_shape() {
    let api = LoopbackApi::start([
        Reply::status(429).retry_after(3).message("slow down"),
        Reply::status(502).html(),
        Reply::status(500).empty(),
    ])
    .await
    .unwrap();
    let limited = ask(&api, &question(true)).await;
    assert_eq!((limited.status, limited.head.contains("retry-after: 3")), (429, true));
    let error = json!({"type": "rate_limit_error", "message": "slow down"});
    assert_eq!(limited.json()["error"], error);
    assert!(limited.head.contains(limited.json()["request_id"].as_str().unwrap()));
    let page = ask(&api, &question(true)).await;
    assert!(page.body.starts_with("<html>") && page.head.contains("text/html"));
    let empty = ask(&api, &question(true)).await;
    assert_eq!((empty.status, empty.body.as_str()), (500, ""));
}

#[tokio::test]
async fn each_status_has_its_type() {
    let kinds = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (408, "invalid_request_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ];
    let api = LoopbackApi::start(kinds.map(|(status, _)| Reply::status(status)).to_vec()).await.unwrap();
    for (status, kind) in kinds {
        let answer = ask(&api, &question(true)).await;
        assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (status, Some(kind)));
    }
}

#[tokio::test]
async fn the_wait_is_told_in_seconds_in_milliseconds_or_as_a_date() {
    let replies = [
        Reply::status(429).retry_after(7),
        Reply::status(429).retry_after_ms(1500),
        Reply::status(429).retry_at(Duration::from_secs(90)),
    ];
    let api = LoopbackApi::start(replies).await.unwrap();
    assert_eq!(ask(&api, &question(true)).await.header("retry-after"), Some("7"));
    assert_eq!(ask(&api, &question(true)).await.header("retry-after-ms"), Some("1500"));
    let dated = ask(&api, &question(true)).await;
    let date = dated.header("retry-after").unwrap();
    let ahead = chrono::DateTime::parse_from_rfc2822(date).unwrap().to_utc() - chrono::Utc::now();
    assert!(date.ends_with(" GMT") && (1..=90).contains(&ahead.num_seconds()), "{date}");
}

#[tokio::test]
async fn headers_and_the_type_are_as_planned() {
    let reply = Reply::status(400).error_type("teapot_error").header("request-id", "req_mine");
    let bad = Reply::text("a").header("no name", "x");
    let api = LoopbackApi::start([reply.header("x-should-retry", "false"), bad]).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert_eq!(answer.json()["error"]["type"], "teapot_error");
    assert_eq!(
        (answer.header("x-should-retry"), answer.header("request-id")),
        (Some("false"), Some("req_mine"))
    );
    let refused = ask(&api, &question(true)).await;
    assert!(refused.status == 500 && refused.body.contains("`no name`"), "{refused:?}");
}

#[tokio::test]
async fn an_error_event_may_come_first_or_anywhere() {
    for (at, before) in
        [(Point::Events(0), 0), (Point::Head, 0), (Point::Events(3), 3), (Point::LastDelta, 5)]
    {
        let api = LoopbackApi::start(Reply::text("a b").error_event(at, "api_error")).await.unwrap();
        let answer = ask(&api, &question(true)).await;
        let events = answer.events();
        assert_eq!((events.len(), events[before]["error"]["type"].as_str()), (before + 1, Some("api_error")));
        assert!(answer.whole && answer.status == 200);
    }
}

#[tokio::test]
async fn an_error_event_may_come_without_its_name() {
    let reply = Reply::text("a b").error_event_after(2).unnamed_errors();
    let api = LoopbackApi::start(reply).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert!(answer.body.starts_with("event: message_start\n") && !answer.body.contains("event: error"));
    assert_eq!(answer.events()[2]["error"], json!({"type": "overloaded_error", "message": "Overloaded"}));
}
