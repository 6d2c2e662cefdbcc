//! Recordings: replayed, and as the measure of its shapes.

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use claude_core::testing::stand_in;
use serde_json::{Value, json};

use super::child::{
    CONTROL, PRINT, Talk, cases, command, finish, kind, lines, parse, recorded, run, send, with,
};

pub(crate) fn replays_every_recording_byte_for_byte() {
    let mut count = 0;
    for case in std::fs::read_dir(cases()).unwrap().map(|case| case.unwrap().path()) {
        let told: Value = serde_json::from_slice(&std::fs::read(case.join("case.json")).unwrap()).unwrap();
        let output = run(&StandIn::new().replay(&case, false), &PRINT, "hi");
        assert!(output.stdout == std::fs::read(case.join("stdout.ndjson")).unwrap(), "{}", case.display());
        let stderr = std::fs::read(case.join("stderr.txt")).unwrap();
        assert_eq!(output.stderr.trim_ascii_end(), stderr.trim_ascii_end(), "{}", case.display());
        assert_eq!(output.status.code().map(i64::from), told["exit_code"].as_i64(), "{}", case.display());
        count += 1;
    }
    assert_eq!(count, 76);
}

pub(crate) fn replays_with_the_recorded_timing() {
    let start = Instant::now();
    run(&StandIn::new().replay(cases().join("text"), true), &PRINT, "hi");
    assert!(start.elapsed() >= Duration::from_millis(1690), "{:?}", start.elapsed());
}

pub(crate) fn has_the_shapes_of_the_recordings() {
    let text = run(&StandIn::new().text("Hello."), &PRINT, "hi");
    assert_same_shapes("text", &text);
    assert_same_shapes("not_logged_in", &run(&StandIn::new().not_logged_in(), &PRINT, "hi"));
    assert_same_shapes("error_400", &run(&StandIn::new().api_error(400), &PRINT, "hi"));
    let (mut retried, mut retried_429) =
        (command(&StandIn::new().api_error(401)), command(&StandIn::new().api_error(429)));
    let two = |command: &mut Command| finish(command.args(PRINT).env("CLAUDE_CODE_MAX_RETRIES", "2"), "hi");
    assert_same_shapes("error_401", &two(&mut retried));
    assert_same_shapes("error_429_exhausted", &two(&mut retried_429));
    let unknown = "--resume=00000000-0000-4000-8000-000000000000";
    let unknown = run(&StandIn::new().unknown_session(), &with(&PRINT, &[unknown]), "hi");
    assert_same_shapes("resume_unknown", &unknown);
    assert_eq!(unknown.stderr.trim_ascii(), recorded("resume_unknown", "stderr.txt").trim_ascii());
    let untitled = run(&StandIn::new().unknown_session(), &with(&PRINT, &["--resume=not-a-uuid"]), "hi");
    assert_same_shapes("resume_not_uuid", &untitled);
    assert_same_shapes(
        "skip_permissions_root_refused",
        &run(&StandIn::new().refused_as_root(), &PRINT, "hi"),
    );
    let input = json!({"file_path": "/workspace/new.txt", "content": "hello"});
    let asks = StandIn::new().asks("Write", input.clone());
    assert_same_shapes("tool_denied", &run(&asks, &PRINT, "hi"));
    assert_same_shapes(
        "skip_permissions",
        &run(&asks, &with(&PRINT, &["--dangerously-skip-permissions"]), "hi"),
    );
    for (case, verdict) in [
        ("control_allow", json!({"behavior": "allow", "updatedInput": input})),
        ("control_deny", json!({"behavior": "deny", "message": "no"})),
    ] {
        let mut talk = Talk::start(&asks, &CONTROL);
        talk.say("write");
        let question = talk.hear_until("control_request");
        talk.answer(&question, &verdict);
        talk.hear_until("result");
        assert_shapes(case, &talk.heard);
        assert_eq!(talk.end(), Some(0));
    }
    let mut talk = Talk::start(&StandIn::new().text("a").stall_after(2), &PRINT);
    talk.write("hi");
    talk.close();
    talk.hear_until("assistant");
    send(&talk.child, libc::SIGINT);
    talk.hear_until("result");
    let kinds = ["user", "result/error_during_execution"];
    assert_some_shapes("sigint_mid_stream", &talk.heard, &kinds);
}

pub(crate) fn refuses_a_plan_it_cannot_read() {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(stand_in::PLAN_VARIABLE, "nonsense")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(stand_in::BAD_PLAN));
}

fn assert_same_shapes(case: &str, output: &Output) {
    let told: Value = serde_json::from_slice(&recorded(case, "case.json")).unwrap();
    assert_eq!(output.status.code().map(i64::from), told["exit_code"].as_i64(), "{case}");
    assert_shapes(case, &lines(output));
}

/// The lines have the kinds of the recording, in its order, and each the same keys at every depth.
fn assert_shapes(case: &str, ours: &[Value]) {
    let theirs = parse(&recorded(case, "stdout.ndjson"));
    let kinds = |lines: &[Value]| lines.iter().map(kind).collect::<Vec<_>>();
    assert_eq!(kinds(ours), kinds(&theirs), "{case}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(keys(ours), keys(theirs), "{case}: {}", kind(ours));
    }
}

fn assert_some_shapes(case: &str, ours: &[Value], kinds: &[&str]) {
    let theirs = parse(&recorded(case, "stdout.ndjson"));
    for wanted in kinds {
        let find = |lines: &[Value]| lines.iter().find(|line| kind(line) == *wanted).map(keys);
        assert_eq!(find(ours), find(&theirs), "{case}: {wanted}");
    }
}

/// Paths of all keys.
fn keys(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = format!("{path}.{key}");
                collect(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, path, found)),
        _ => {}
    }
}
