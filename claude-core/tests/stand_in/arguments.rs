//! Flags and prompts.

use claude_core::testing::StandIn;

use super::child::{PRINT, SESSION, lines, recorded, run, with};

pub(crate) fn tells_its_version() {
    let output = run(&StandIn::new(), &["--version"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2.1.329 (Claude Code)\n");
}

pub(crate) fn answers_with_the_prompt_of_stdin() {
    let prompt = format!("Zeile\u{2028}\n{}", "ä".repeat(3_000_000));
    let output = run(&StandIn::new().echo_prompt(), &PRINT, &prompt);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output)[2]["result"], prompt);
}

pub(crate) fn joins_argument_and_stdin() {
    let output = run(&StandIn::new().echo_prompt(), &with(&PRINT, &["--", "--flag"]), "stdin");
    assert_eq!(lines(&output)[2]["result"], "--flag\nstdin");
}

pub(crate) fn keeps_the_session_id_of_resume() {
    let resume = format!("--resume={SESSION}");
    let resumed = run(&StandIn::new(), &with(&PRINT, &[&resume]), "hi");
    assert!(lines(&resumed).iter().all(|line| line["session_id"] == SESSION));
    let forked = run(&StandIn::new(), &with(&PRINT, &[&resume, "--fork-session"]), "hi");
    assert!(lines(&forked).iter().all(|line| line["session_id"] != SESSION));
}

pub(crate) fn refuses_stream_json_without_verbose() {
    let output = run(&StandIn::new(), &["-p", "--output-format", "stream-json"], "hi");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(output.stderr, recorded("stream_json_without_verbose", "stderr.txt"));
}
