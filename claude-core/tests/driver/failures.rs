//! Each way to fail has an error of its own, and says what to do.

use std::time::Duration;

use claude_core::cli::Command;
use claude_core::error::Phase;
use claude_core::testing::{StandIn, processes_with};
use claude_core::{Error, TurnEvent};

use crate::support::{command, see, see_run};

pub(crate) async fn a_missing_program_is_named() {
    for program in ["/nonexistent/claude", "no-such-claude"] {
        let error = Command::new(program).prompt("hi").spawn().await.unwrap_err();
        assert!(matches!(&error, Error::CliMissing { .. }), "{error:?}");
        assert!(error.to_string().contains(program), "{error}");
    }
}

pub(crate) async fn a_program_that_is_none_is_unusable() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for program in [text, script] {
        let error = Command::new(&program).prompt("hi").spawn().await.unwrap_err();
        assert!(matches!(&error, Error::CliUnusable { .. }), "{error:?}");
    }
}

pub(crate) async fn a_missing_directory_is_not_a_missing_program() {
    let file = std::env::current_exe().unwrap();
    for directory in ["/nonexistent".into(), file] {
        let error = command(&StandIn::new()).cwd(&directory).spawn().await.unwrap_err();
        assert!(matches!(&error, Error::BadDirectory { path } if *path == directory), "{error:?}");
    }
}

pub(crate) async fn each_refusal_has_its_own_error() {
    let plans = [
        (StandIn::new().not_logged_in(), "not_logged_in"),
        (StandIn::new().refused_as_root(), "refused_as_root"),
        (StandIn::new().api_error(401), "unauthorized"),
        (StandIn::new().api_error(400), "rejected"),
        (StandIn::new().api_error(404), "rejected"),
        (StandIn::new().api_error(429), "rate_limited"),
        (StandIn::new().api_error(529), "overloaded"),
        (StandIn::new().api_error(500), "unavailable"),
    ];
    for (plan, code) in plans {
        let seen = see_run(&plan).await;
        let error = seen.error.as_ref().expect(code);
        assert_eq!(error.code(), code, "{error}");
        assert!(matches!(seen.end(), TurnEvent::Failed(it) if it.code == code && !it.message.is_empty()));
    }
    let session = "7d9a4d0a-4b7b-4bdd-9780-b641d125eef6".parse().unwrap();
    let process = command(&StandIn::new().unknown_session()).resume(session).spawn().await.unwrap();
    assert!(matches!(see(process).await.error, Some(Error::UnknownSession(_))));
}

pub(crate) async fn a_cut_line_is_passed_on_and_told() {
    let seen = see_run(&StandIn::new().lines(3).die_in_mid_line()).await;
    assert!(matches!(seen.error, Some(Error::CutLine { .. })), "{:?}", seen.error);
    assert!(seen.cut.is_some_and(|line| !line.is_empty()));
    assert!(seen.lines.len() >= 3);
}

pub(crate) async fn an_end_without_a_result_is_told() {
    for (plan, code) in [
        (StandIn::new().lines(3).no_result(), "no_result"),
        (StandIn::new().lines(3).no_result().exit_code(3), "no_result"),
        (StandIn::new().lines(3).no_result().exit_code(3).stderr("out of cheese"), "cli_failed"),
    ] {
        let seen = see_run(&plan).await;
        assert_eq!(seen.error.as_ref().map(Error::code), Some(code), "{:?}", seen.error);
    }
}

pub(crate) async fn a_killed_child_is_told() {
    for signal in [9, 11, 15] {
        let seen = see_run(&StandIn::new().lines(2).no_result().die(signal)).await;
        assert!(matches!(seen.error, Some(Error::Killed { .. })), "{signal}: {:?}", seen.error);
    }
}

pub(crate) async fn silence_times_out() {
    let idle = Some(Duration::from_millis(300));
    let token = uuid::Uuid::new_v4().to_string();
    let plan = StandIn::new().lines(10).stall_after(3);
    let run = command(&plan).env("CLAUDE_TEST_TOKEN", &token).limits(|limits| limits.idle = idle);
    let seen = see(run.spawn().await.unwrap()).await;
    assert!(matches!(seen.error, Some(Error::TimedOut { phase: Phase::Idle, .. })), "{:?}", seen.error);
    assert_eq!(processes_with(&token), 0);
}

pub(crate) async fn a_long_run_times_out() {
    let total = Some(Duration::from_millis(300));
    let run = command(&StandIn::new().lines(10_000).rate(20.0)).limits(|limits| limits.total = total);
    let seen = see(run.spawn().await.unwrap()).await;
    assert!(matches!(seen.error, Some(Error::TimedOut { phase: Phase::Total, .. })), "{:?}", seen.error);
    assert!(seen.lines.len() > 1, "what came before is passed on");
}

pub(crate) async fn stderr_is_bounded_and_holds_no_key() {
    let noise = format!("{} sk-planted\n\u{1b}[31mthe end", "x".repeat(20_000));
    let plan = StandIn::new().no_init().no_result().exit_code(1).stderr(noise);
    let run = command(&plan).api_key("sk-planted".into());
    let error = see(run.spawn().await.unwrap()).await.error.unwrap();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("the end") && !shown.contains("planted") && !shown.contains('\u{1b}'), "{shown}");
    assert!(error.to_string().len() < 5_000);
}
