//! Every recorded run of the real CLI, replayed through the driver.

use std::path::{Path, PathBuf};

use claude_core::testing::StandIn;
use claude_core::{Error, TurnEvent};
use serde_json::Value;

use crate::support::{Seen, command, see};

/// How a case ended, as the driver must judge it.
fn judged(seen: &Seen) -> String {
    match (&seen.outcome, &seen.error) {
        (Some(outcome), None) if outcome.interrupted => "interrupted".into(),
        (Some(_), None) => "fine".into(),
        (None, Some(error)) => error.code().into(),
        both => panic!("{both:?}"),
    }
}

/// What `case.json` says, in the driver's words. Cases that are listed by name ended with an error of their own.
fn expected(name: &str, case: &Value) -> &'static str {
    match name {
        "not_logged_in" => "not_logged_in",
        "error_401" => "unauthorized",
        "error_400" | "error_404_model" => "rejected",
        "error_429_exhausted" => "rate_limited",
        "mid_stream_error" => "overloaded",
        "api_unreachable" => "unavailable",
        "max_turns" => "limit_reached",
        "resume_unknown" => "unknown_session",
        "resume_not_uuid"
        | "refusal"
        | "stop_max_tokens"
        | "empty_prompt"
        | "control_bad_input"
        | "variadic_swallows_prompt" => "cli_failed",
        "unknown_flag" | "bad_option_value" | "stream_json_without_verbose" => "cli_usage",
        "skip_permissions_root_refused" => "refused_as_root",
        "sigint_mid_stream" | "control_interrupt_in_tool" => "interrupted",
        "sigterm_mid_stream" | "sigterm_in_tool" => "killed",
        // No stream-json, so no result line: text, JSON of another form, help.
        "output_text" | "output_json_verbose" | "prompt_like_flag_unprotected" => "no_result",
        "v2_1_197_output_lost" => "cut_line",
        _ => {
            assert_eq!(case["exit_code"], 0, "{name} is not in the list of failures");
            "fine"
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude-cli/cases");
    let mut cases: Vec<_> = std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    cases.sort();
    cases
}

async fn replay(case: &Path) -> Seen {
    let plan = StandIn::new().replay(case, false);
    let command = match case.file_name().unwrap().to_str().unwrap() {
        "resume_unknown" => command(&plan).resume("00000000-0000-4000-8000-000000000000".parse().unwrap()),
        _ => command(&plan),
    };
    see(command.spawn().await.unwrap()).await
}

pub(crate) async fn every_recording_comes_through_with_its_outcome() {
    let mut count = 0;
    for path in cases() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let case: Value = serde_json::from_slice(&std::fs::read(path.join("case.json")).unwrap()).unwrap();
        let seen = replay(&path).await;

        let mut bytes: Vec<u8> = seen.lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
        bytes.extend_from_slice(seen.cut.as_deref().unwrap_or_default());
        let recorded = std::fs::read(path.join("stdout.ndjson")).unwrap();
        // A last line that lacks only its LF is whole, so it comes as a line.
        if recorded.last() != Some(&b'\n') && seen.cut.is_none() && !recorded.is_empty() {
            bytes.pop();
        }
        assert!(bytes == recorded, "{name}: {} bytes of {}", bytes.len(), recorded.len());
        assert_eq!(judged(&seen), expected(name, &case), "{name}: {:?}", seen.error);
        if let Some(Error::UnknownSession(session)) = &seen.error {
            assert_eq!(session.to_string(), "00000000-0000-4000-8000-000000000000");
        }
        count += 1;
    }
    assert_eq!(count, 76);
}

pub(crate) async fn events_of_a_recording_end_once_and_count_text_once() {
    for path in cases() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let seen = replay(&path).await;
        let end = seen.end();
        let started = seen.events.iter().filter(|it| matches!(it, TurnEvent::Started { .. })).count();
        assert!(started <= 1, "{name}: {started} starts");

        // What the result says was said is what the pieces say, wherever a model spoke.
        let result = seen.outcome.as_ref().and_then(|it| it.result.as_ref());
        let spoke = seen.lines.iter().any(|line| line.starts_with(br#"{"type":"assistant""#));
        if let (TurnEvent::Completed { .. }, Some(result), true) = (end, result, spoke) {
            assert!(seen.text().ends_with(result.text()), "{name}: {} / {}", seen.text(), result.text());
            assert_eq!(seen.text().matches(result.text()).count(), 1, "{name}");
        }
        // Each call that has a result was told before, with its input.
        for event in &seen.events {
            let TurnEvent::ToolResult { tool_call_id, .. } = event else { continue };
            let told = |it: &TurnEvent| match it {
                TurnEvent::ToolCall { tool_call_id: id, input: Some(_), .. } => id == tool_call_id,
                TurnEvent::ToolInput { tool_call_id: id, .. } => id == tool_call_id,
                _ => false,
            };
            assert_eq!(seen.events.iter().filter(|it| told(it)).count(), 1, "{name}: {tool_call_id}");
        }
        // Events survive the wire.
        for event in &seen.events {
            let written = serde_json::to_value(event).unwrap();
            let read: TurnEvent =
                serde_json::from_value(written.clone()).unwrap_or_else(|e| panic!("{written}: {e}"));
            assert_eq!(serde_json::to_value(&read).unwrap(), written, "{name}");
        }
    }
}
