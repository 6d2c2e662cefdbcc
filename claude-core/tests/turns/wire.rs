//! Events as JSON.

use claude_core::approval::{ApprovalId, Preview};
use claude_core::turn::{Decision, Effect, Failed, Usage};
use claude_core::{Json, TurnEvent};
use serde_json::{Value, json};

const APPROVAL: &str = "0197a9ae-4a7b-7bdd-9780-b641d125eef6";

fn raw(value: Value) -> Json {
    Json::from(value)
}

/// One of each kind with all it can have, and its JSON.
fn all() -> Vec<(TurnEvent, Value)> {
    let approval_id = ApprovalId::parse(APPROVAL).unwrap();
    let parent_tool_call_id = Some("toolu_0".into());
    let call = || "toolu_1".into();
    let input = || raw(json!({"path": "/a"}));
    let limited = Failed::new("rate_limited", "slow down").retryable();
    vec![
        (
            TurnEvent::Started {
                turn_id: "t".into(),
                backend: "api".into(),
                model: "m".into(),
                session_id: Some("s".into()),
            },
            json!({"type": "started", "turn_id": "t", "backend": "api", "model": "m", "session_id": "s"}),
        ),
        (
            TurnEvent::TextDelta { text: "a\n".into(), parent_tool_call_id: parent_tool_call_id.clone() },
            json!({"type": "text_delta", "text": "a\n", "parent_tool_call_id": "toolu_0"}),
        ),
        (
            TurnEvent::ThinkingDelta { text: "b".into(), parent_tool_call_id: None },
            json!({"type": "thinking_delta", "text": "b"}),
        ),
        (
            TurnEvent::ToolCall {
                tool_call_id: call(),
                name: "Write".into(),
                input: Some(input()),
                effect: Effect::Write,
                parent_tool_call_id,
            },
            json!({"type": "tool_call", "tool_call_id": "toolu_1", "name": "Write", "input": {"path": "/a"},
                "effect": "write", "parent_tool_call_id": "toolu_0"}),
        ),
        (
            TurnEvent::ToolCall {
                tool_call_id: call(),
                name: "Read".into(),
                input: None,
                effect: Effect::ReadOnly,
                parent_tool_call_id: None,
            },
            json!({"type": "tool_call", "tool_call_id": "toolu_1", "name": "Read", "effect": "read_only"}),
        ),
        (
            TurnEvent::ToolInputDelta { tool_call_id: call(), partial_json: "{\"pa".into() },
            json!({"type": "tool_input_delta", "tool_call_id": "toolu_1", "partial_json": "{\"pa"}),
        ),
        (
            TurnEvent::ToolInput { tool_call_id: call(), input: input() },
            json!({"type": "tool_input", "tool_call_id": "toolu_1", "input": {"path": "/a"}}),
        ),
        (
            TurnEvent::ApprovalRequired {
                approval_id,
                tool_call_id: call(),
                name: "Write".into(),
                input: input(),
                preview: Preview::Input { input: input() },
                expires_at: None,
            },
            json!({"type": "approval_required", "approval_id": APPROVAL, "tool_call_id": "toolu_1",
                "name": "Write", "input": {"path": "/a"},
                "preview": serde_json::to_value(Preview::Input { input: input() }).unwrap(),
                "expires_at": null}),
        ),
        (
            TurnEvent::ApprovalResolved { approval_id, decision: Decision::AllowSession, by: "ann".into() },
            json!({"type": "approval_resolved", "approval_id": APPROVAL, "decision": "allow_session",
                "by": "ann"}),
        ),
        (
            TurnEvent::ToolOutput { tool_call_id: call(), chunk: "c".into() },
            json!({"type": "tool_output", "tool_call_id": "toolu_1", "chunk": "c"}),
        ),
        (
            TurnEvent::ToolResult {
                tool_call_id: call(),
                content: raw(json!("fine")),
                is_error: false,
                duration_ms: Some(7),
            },
            json!({"type": "tool_result", "tool_call_id": "toolu_1", "content": "fine", "is_error": false,
                "duration_ms": 7}),
        ),
        (
            TurnEvent::Message {
                role: "assistant".into(),
                content: raw(json!([{"type": "text", "text": "d"}])),
                model: Some("m".into()),
                usage: Some(raw(json!({"input_tokens": 1}))),
            },
            json!({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "d"}],
                "model": "m", "usage": {"input_tokens": 1}}),
        ),
        (
            TurnEvent::Usage(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() }),
            json!({"type": "usage", "input_tokens": 1, "output_tokens": 2, "cache_read_tokens": 0,
                "cache_write_tokens": 0, "cost_usd": null}),
        ),
        (
            TurnEvent::Retrying { attempt: 1, delay_ms: 500, reason: "overloaded".into() },
            json!({"type": "retrying", "attempt": 1, "delay_ms": 500, "reason": "overloaded"}),
        ),
        (TurnEvent::Notice { text: "e".into() }, json!({"type": "notice", "text": "e"})),
        (
            TurnEvent::Compacted { from: Some(9), to: None },
            json!({"type": "compacted", "from": 9, "to": null}),
        ),
        (TurnEvent::Unknown { raw: raw(json!([1])) }, json!({"type": "unknown", "raw": [1]})),
        (
            TurnEvent::Completed { stop_reason: Some("end_turn".into()) },
            json!({"type": "completed", "stop_reason": "end_turn"}),
        ),
        (
            TurnEvent::Failed(limited),
            json!({"type": "failed", "code": "rate_limited", "message": "slow down", "retryable": true}),
        ),
        (TurnEvent::Cancelled { by: "user".into() }, json!({"type": "cancelled", "by": "user"})),
    ]
}

pub(crate) async fn every_event_has_its_members() {
    for (event, expected) in all() {
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, expected);
        assert_eq!(written["type"], event.name());
    }
    let waits = std::time::Duration::from_millis(1500);
    let error = claude_core::Error::RateLimited {
        retry_after: Some(waits),
        message: "slow down".into(),
        request_id: None,
    };
    let failed = serde_json::to_value(TurnEvent::Failed(Failed::from(&error))).unwrap();
    assert_eq!(failed["retry_after_ms"], 1500);
    assert_eq!(Failed::from(&error).retry_after(), Some(waits));
}

pub(crate) async fn every_event_comes_back_as_it_was() {
    for (event, expected) in all() {
        let again: TurnEvent = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(again.name(), event.name());
        assert_eq!(serde_json::to_value(&again).unwrap(), expected);
    }
    let future = r#"{"type":"from_the_future","n":1}"#;
    assert!(serde_json::from_str::<TurnEvent>(future).is_err());
}
