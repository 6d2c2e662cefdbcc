//! A server on pipes.

use std::time::{Duration, Instant};

use claude_core::Json;
use claude_core::agent::mcp::McpServer;
use claude_core::agent::{ToolContext, ToolRegistry};
use claude_core::testing::processes_with;
use claude_core::turn::Effect;
use serde_json::{Value, json};

use super::support::{call, content, server, tool};

pub(crate) async fn its_tools_come_from_all_pages_with_schema_and_effect() {
    let tools = server("usual").prefix("files").read_only(["echo"]).connect().await.unwrap();
    let all = tools.tools();
    let names: Vec<String> = all.iter().map(|tool| tool.spec().name.to_string()).collect();
    let expected = ["echo", "env", "mixed", "fail", "refuse", "die", "wait_long"];
    assert_eq!(names, expected.map(|name| format!("files__{name}")));
    let echo = all[0].spec();
    assert_eq!(&*echo.description, "Does echo.");
    assert_eq!(echo.input_schema.read::<Value>().unwrap()["properties"]["text"]["type"], "string");
    assert_eq!((all[0].effect(), all[1].effect()), (Effect::ReadOnly, Effect::Write));
    assert_eq!(tools.instructions().unwrap(), "Call echo.");
    let trusting = server("usual").trust_annotations().connect().await.unwrap();
    assert_eq!(
        (tool(&trusting, "echo").effect(), tool(&trusting, "env").effect()),
        (Effect::Write, Effect::ReadOnly)
    );
}

pub(crate) async fn a_call_answers_with_text_images_and_structure() {
    let tools = server("usual").connect().await.unwrap();
    let echoed = call(&tools, "echo", json!({"text": "ä😀\n", "n": [1, null]})).await.unwrap();
    let text = content(&echoed)[0]["text"].as_str().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"text": "ä😀\n", "n": [1, null]}));
    let mixed = content(&call(&tools, "mixed", json!({})).await.unwrap());
    assert_eq!((mixed.as_array().unwrap().len(), &mixed[1]["source"]["data"]), (2, &json!("aGk=")));
}

pub(crate) async fn errors_of_tools_and_of_the_server_are_told_apart() {
    let tools = server("usual").connect().await.unwrap();
    let failed = call(&tools, "fail", json!({})).await.unwrap();
    assert_eq!((failed.is_error, &content(&failed)[0]["text"]), (true, &json!("the disk is full")));
    let refused = call(&tools, "refuse", json!({})).await.unwrap_err();
    assert_eq!(refused.to_string(), "refused by the server");
}

pub(crate) async fn a_number_that_would_change_is_not_sent() {
    let tools = server("usual").connect().await.unwrap();
    let input = Json::parse(r#"{"id": 123456789012345678901234567890}"#).unwrap();
    let error = tool(&tools, "echo").call(input, ToolContext::alone()).await.unwrap_err();
    assert!(error.to_string().contains("too many digits"), "{error}");
}

pub(crate) async fn a_slow_call_ends_in_time_and_the_server_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("cancelled");
    let tools = server("usual")
        .env("MCP_TEST_CANCELLED", &heard)
        .limits(|limits| limits.call = Duration::from_millis(100))
        .connect()
        .await
        .unwrap();
    let error = call(&tools, "wait_long", json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "the server did not answer within 100ms");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(&heard).is_ok_and(|text| text.contains("requestId")) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(call(&tools, "echo", json!({})).await.is_ok());
}

pub(crate) async fn a_cancelled_call_ends_at_once() {
    let tools = server("usual").env("MCP_TEST_CANCELLED", "/dev/null").connect().await.unwrap();
    let (cx, start) = (ToolContext::alone(), Instant::now());
    let stop = cx.cancelled.clone();
    let slow = tool(&tools, "wait_long");
    let waiting = slow.call(json!({}).into(), cx);
    let (answer, ()) = tokio::join!(waiting, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
    });
    assert_eq!(answer.unwrap_err().to_string(), "the call was cancelled");
    assert!(start.elapsed() < Duration::from_secs(20));
}

pub(crate) async fn calls_run_side_by_side() {
    let tools = server("usual").env("MCP_TEST_CANCELLED", "/dev/null").connect().await.unwrap();
    tokio::select! {
        _ = call(&tools, "wait_long", json!({})) => panic!("it was to wait"),
        echoed = call(&tools, "echo", json!({})) => assert!(echoed.is_ok()),
    }
}

pub(crate) async fn a_server_that_dies_costs_the_call_and_is_started_again() {
    let tools = server("usual").connect().await.unwrap();
    for _ in 0..2 {
        let error = call(&tools, "die", json!({})).await.unwrap_err().to_string();
        assert_eq!(error, "the connection to the server ended: panicked: it was too much");
        assert!(call(&tools, "echo", json!({})).await.is_ok());
    }
}

pub(crate) async fn no_secret_of_this_environment_reaches_it() {
    let tools = server("usual").env("GIVEN_BY_NAME", "x").connect().await.unwrap();
    let output = call(&tools, "env", json!({})).await.unwrap();
    let names = content(&output)[0]["text"].as_str().unwrap().to_owned();
    let names: Vec<&str> = names.split(' ').collect();
    assert!(names.contains(&"PATH") && names.contains(&"GIVEN_BY_NAME"), "{names:?}");
    // Cargo sets some for this program, where it runs it; a server has no business with them.
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}

pub(crate) async fn what_is_no_server_is_told_with_its_last_words() {
    let broken =
        server("broken").env("TEST_API_KEY", "planted-key").prefix("db").connect().await.unwrap_err();
    let text = broken.to_string();
    assert_eq!(broken.code(), "mcp");
    assert!(text.starts_with("MCP server `db`: ") && text.ends_with("no database with [redacted]"), "{text}");
    let missing = McpServer::stdio("/nowhere/mcp-server", [""; 0]).connect().await.unwrap_err().to_string();
    assert!(missing.contains("it can't be started: no program"), "{missing}");
}

pub(crate) async fn a_silent_program_is_given_up() {
    let limited = server("silent").limits(|limits| limits.connect = Duration::from_millis(200));
    let error = limited.connect().await.unwrap_err().to_string();
    assert!(error.ends_with("no answer within 200ms"), "{error}");
}

pub(crate) async fn odd_tools_are_left_out_by_name() {
    let tools = server("odd").connect().await.unwrap();
    let registry = ToolRegistry::new().with_all(tools.tools());
    registry.check().unwrap();
    let names: Vec<_> = registry.iter().map(|tool| tool.spec().name.to_string()).collect();
    assert_eq!(names, ["echo", "mixed"]);
    let reasons: Vec<_> = tools.left_out().collect();
    let told = ["`shapeless`", "`echo`", "xxx"];
    assert_eq!(reasons.len(), told.len());
    assert!(reasons.iter().zip(told).all(|(reason, name)| reason.contains(name)), "{reasons:?}");
}

pub(crate) async fn too_many_tools_are_refused() {
    let limited = server("many").limits(|limits| limits.tools = 10);
    let error = limited.connect().await.unwrap_err().to_string();
    assert!(error.ends_with("it has more than 10 tools"), "{error}");
}

pub(crate) async fn nothing_is_left_once_the_tools_are_dropped() {
    let marker = format!("mcp-test-{}", std::process::id());
    let tools = server("usual").env("MCP_TEST_MARKER", &marker).connect().await.unwrap();
    let one = tool(&tools, "echo");
    drop(tools);
    assert_eq!(processes_with(&marker), 1);
    assert!(one.call(json!({}).into(), ToolContext::alone()).await.is_ok());
    drop(one);
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes_with(&marker) > 0 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
