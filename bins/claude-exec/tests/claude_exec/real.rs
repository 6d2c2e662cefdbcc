//! The real Claude Code CLI against a Messages API on this machine.

use std::process::Stdio;
use std::time::Duration;

use claude_core::testing::processes_with;
use serde_json::Value;

use crate::support::{Real, eventually, run, run_with_input};

pub(crate) fn an_answer_comes_in_each_form() {
    let real = Real::new();
    let text = run(&mut real.command(&["scenario:text n=6"]));
    assert_eq!((text.code, text.out.as_str()), (0, "stream every token as it comes\n"), "{text:?}");
    assert!(text.err.contains("6 out") && text.err.contains('$'), "{}", text.err);

    let json = run(&mut real.command(&["--output=json", "scenario:text n=6"]));
    let object: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(object["result"], "stream every token as it comes", "{json:?}");
    assert_eq!(object["usage"]["output_tokens"], 6);

    let lines =
        run(&mut real.command(&["--output=stream-json", "--include-partial-messages", "scenario:text n=6"]));
    let types: Vec<Value> =
        lines.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!((&types[0], types.last().unwrap()), (&"system".into(), &"result".into()), "{types:?}");
    assert!(types.contains(&"stream_event".into()), "{types:?}");
}

pub(crate) fn a_session_is_resumed_forked_and_continued() {
    let real = Real::new();
    let session = |arguments: &[&str]| -> String {
        let ran = run(&mut real.command(&[&["--output=json"], arguments].concat()));
        let object: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(object["is_error"], false, "{ran:?}");
        object["session_id"].as_str().unwrap().to_owned()
    };
    let chosen = uuid::Uuid::new_v4().to_string();
    assert_eq!(session(&["--session", &chosen, "first"]), chosen);
    assert_eq!(session(&["--resume", &chosen, "second"]), chosen);
    assert!(real.api.requests().last().unwrap().messages().len() >= 3, "the history goes along");
    assert_eq!(session(&["--continue", "third"]), chosen);
    let forked = session(&["--resume", &chosen, "--fork", "fourth"]);
    assert_ne!(forked, chosen);

    let again = run(&mut real.command(&["--session", &chosen, "again"]));
    assert_eq!(again.code, 2, "an id in use: {again:?}");
    let unknown = run(&mut real.command(&["--resume", "00000000-0000-4000-8000-000000000000", "hi"]));
    assert!(unknown.code == 2 && unknown.err.contains("there is no session"), "{unknown:?}");
}

pub(crate) fn approvals_without_a_terminal_are_denied_unless_a_rule_allows() {
    let real = Real::new();
    let file = real.work.path().join("new.txt");
    let prompt = format!("scenario:tool_write path={} content=hello", file.display());
    for arguments in [
        &["--approve=ask"][..],
        &["--approve=deny"],
        &["--approve=allow-read"],
        &["--permission-mode=dontAsk"],
    ] {
        let ran = run(&mut real.command(&[arguments, &[&prompt]].concat()));
        assert_eq!(ran.code, 0, "a denied tool in a run that completed is fine: {ran:?}");
        assert!(!file.exists() && ran.err.contains('✗'), "{arguments:?}: {ran:?}");
    }
    for arguments in [&["--allowed-tools=Write"][..], &["--permission-mode=acceptEdits"]] {
        let ran = run(&mut real.command(&[arguments, &[&prompt]].concat()));
        assert!(ran.code == 0 && file.exists(), "{arguments:?}: {ran:?}");
        std::fs::remove_file(&file).unwrap();
    }
    let skips = ["--dangerously-skip-permissions", &prompt];
    let ran = run(real.command(&skips).env("IS_SANDBOX", "1"));
    assert!(ran.code == 0 && file.exists(), "{ran:?}");
    if rustix::process::geteuid().is_root() {
        let ran = run(&mut real.command(&skips));
        assert!(ran.code == 3 && ran.err.contains("as root"), "{ran:?}");
    }
}

pub(crate) fn odd_and_large_prompts_reach_the_model() {
    let real = Real::new();
    for prompt in ["--version", "-p", "--settings={\"hooks\":{}}", "é \u{2028} \"q\""] {
        let ran = run(&mut real.command(&["--", prompt]));
        assert_eq!(ran.code, 0, "{prompt}: {ran:?}");
        assert!(real.last_prompt().ends_with(prompt), "{prompt}: {}", real.last_prompt());
    }
    let large = format!("{} the end", "word ".repeat(400_000));
    for approve in ["--approve=deny", "--dangerously-skip-permissions"] {
        let ran = run_with_input(real.command(&[approve, "-"]).env("IS_SANDBOX", "1"), large.as_bytes());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(real.last_prompt().contains(&large), "{approve}: {} bytes arrived", real.last_prompt().len());
    }
}

pub(crate) fn rules_with_commas_reach_the_cli() {
    let real = Real::new();
    let file = real.work.path().join("a,b");
    let touch = format!("scenario:tool_bash command='touch {}'", file.display());
    let denied = run(&mut real.command(&["--disallowed-tools=Bash(touch *)", &touch]));
    assert!(denied.code == 0 && !file.exists(), "{denied:?}");
    let rule = format!("--allowed-tools=Read,Bash(touch {})", file.display());
    let allowed = run(&mut real.command(&[&rule, &touch]));
    assert!(allowed.code == 0 && file.exists(), "{allowed:?}");
}

pub(crate) fn failures_of_the_api_have_their_codes() {
    let real = Real::new();
    for (status, code) in [(400, 1), (401, 4), (404, 1), (429, 5), (500, 1), (529, 5)] {
        let ran = run(&mut real.command(&[&format!("scenario:error status={status}")]));
        assert_eq!(ran.code, code, "{status}: {ran:?}");
    }
    let ran = run(&mut real.command(&["--max-turns=1", "scenario:tool_bash command='echo 1'"]));
    assert!(ran.code == 1 && ran.err.contains("max_turns"), "{ran:?}");
    let ran = run(real.command(&["hi"]).env("ANTHROPIC_BASE_URL", "http://127.0.0.1:1"));
    assert!(ran.code == 1 && ran.err.contains("unavailable"), "{ran:?}");
    let ran = run(real.command(&["hi"]).env_remove("ANTHROPIC_API_KEY"));
    assert!(ran.code == 4 && ran.err.contains("not logged in"), "{ran:?}");
    let ran = run(&mut real.command(&["--timeout=1500ms", "scenario:slow n=1000 delay=100"]));
    assert!(ran.code == 124 && ran.out.contains("stream every"), "{ran:?}");
}

pub(crate) fn killed_runs_leave_no_tool_behind() {
    let real = Real::new();
    let token = uuid::Uuid::new_v4().to_string();
    let tool = "scenario:tool_bash command='tail -f /dev/null'";
    for pause in [100, 350, 700, 1200] {
        let mut command = real.command(&["--dangerously-skip-permissions", tool]);
        command
            .env("IS_SANDBOX", "1")
            .env("CLAUDE_TEST_TOKEN", &token)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eventually("nobody is left", || processes_with(&token) == 0);
}
