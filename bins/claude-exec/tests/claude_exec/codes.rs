//! Exit codes and outputs, as scripts rely on them.

use std::io::Read;
use std::process::Stdio;

use claude_core::testing::{StandIn, grandchildren, processes_with};

use crate::support::{Ran, run, run_with_input, with_stand_in};

pub(crate) fn each_way_to_end_has_its_code() {
    let plan = StandIn::new;
    // Without the control protocol, in which the CLI waits for more input after its last line.
    let plain: &[&str] = &["--dangerously-skip-permissions", "hi"];
    let unknown = ["--resume", "00000000-0000-4000-8000-000000000000"];
    let table: [(i32, StandIn, &[&str], &str); 34] = [
        (0, plan().text("Fine."), &["hi"], ""),
        (0, plan().asks("Write", serde_json::json!({})), &["hi"], "nobody is there"),
        (1, plan().api_error(400), &["hi"], "refused the request (status 400)"),
        (1, plan().lines(3).no_result(), plain, "without a result"),
        (1, plan().lines(3).die_in_mid_line(), plain, "middle of a line"),
        (1, plan().no_result().die(9), plain, "killed"),
        (1, plan().big_line(17 << 20), &["hi"], "more than 16777216 bytes"),
        (1, plan().no_result().exit_code(1).stderr("out of cheese"), plain, "out of cheese"),
        (2, plan(), &[], "it is empty"),
        (2, plan(), &[""], "it is empty"),
        (2, plan(), &["--cwd", "/nonexistent", "hi"], "is no directory"),
        (2, plan().unknown_session(), &[unknown[0], unknown[1], "hi"], "there is no session 00000000"),
        (2, plan(), &["--resume", "latest", "hi"], "no UUID"),
        (2, plan(), &["--session", "x", "hi"], "no UUID"),
        (2, plan(), &["--fork", "hi"], "no session to fork"),
        (2, plan(), &["--resume", unknown[1], "--continue", "hi"], "cannot be used with"),
        (2, plan(), &["--nope", "hi"], "unexpected argument"),
        (2, plan(), &["--model=--settings={}", "hi"], "no model's name"),
        (2, plan(), &["--allowed-tools=--settings={\"hooks\":{}}", "hi"], "no tool's name"),
        (2, plan(), &["--disallowed-tools=Bash(", "hi"], "no tool's name"),
        (2, plan(), &["--permission-mode=nonsense", "hi"], "is none of"),
        (2, plan(), &["--approve=maybe", "hi"], "invalid value"),
        (2, plan(), &["--timeout=soon", "hi"], "use s, m or h"),
        (2, plan(), &["--max-turns=0", "hi"], "it is 0"),
        (2, plan(), &["--max-cost=-1", "hi"], "no amount above 0"),
        (2, plan(), &["--add-dir=/nonexistent", "hi"], "is no directory"),
        (
            2,
            plan().no_init().no_result().exit_code(1).stderr("error: unknown option '--x'"),
            &["hi"],
            "command line",
        ),
        (3, plan(), &["--claude", "/nonexistent/claude", "hi"], "was not found"),
        (3, plan(), &["--claude", "/etc/passwd", "hi"], "can't be started"),
        (
            3,
            plan().refused_as_root(),
            &["--dangerously-skip-permissions", "hi"],
            "refuses to skip permissions as root",
        ),
        (4, plan().not_logged_in(), &["hi"], "not logged in"),
        (4, plan().api_error(401), &["hi"], "refused the credentials"),
        (5, plan().api_error(429), &["hi"], "rate limited"),
        (5, plan().api_error(529), &["hi"], "overloaded"),
    ];
    for (code, plan, arguments, message) in table {
        let ran = run(with_stand_in(&plan).arg("run").args(arguments));
        assert_eq!(ran.code, code, "{arguments:?} {plan:?}: {ran:?}");
        assert!(ran.err.contains(message), "{arguments:?}: {message} / {}", ran.err);
    }
    for arguments in [["--timeout", "300ms"], ["--idle-timeout", "300ms"]] {
        let ran = run(with_stand_in(&plan().lines(5).stall_after(2)).arg("run").args(arguments).arg("hi"));
        assert_eq!(ran.code, 124, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains("timed out"), "{}", ran.err);
    }
    assert_eq!(run(with_stand_in(&plan()).arg("--help")).code, 0);
    assert_eq!(run(with_stand_in(&plan()).arg("--version")).code, 0);
    assert_eq!(run(&mut with_stand_in(&plan())).code, 2);
}

pub(crate) fn prompts_come_by_argument_or_pipe() {
    let echo = StandIn::new().echo_prompt();
    let said = |ran: Ran| {
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out.trim_end_matches('\n').to_owned()
    };
    assert_eq!(said(run(with_stand_in(&echo).args(["run", "by argument"]))), "by argument");
    for prompt in ["--version", "-p", "-"] {
        if prompt != "-" {
            assert_eq!(said(run(with_stand_in(&echo).args(["run", "--", prompt]))), prompt);
        }
        assert_eq!(said(run_with_input(with_stand_in(&echo).arg("run"), prompt.as_bytes())), prompt);
    }
    assert_eq!(said(run_with_input(with_stand_in(&echo).args(["run", "-"]), b"piped")), "piped");
    let large = "x".repeat(2 << 20);
    assert_eq!(said(run_with_input(with_stand_in(&echo).arg("run"), large.as_bytes())).len(), large.len());

    for (bad, reason) in [(&b"a\0b"[..], "NUL"), (b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "UTF-8")] {
        let ran = run_with_input(with_stand_in(&echo).arg("run"), bad);
        assert!(ran.code == 2 && ran.err.contains(reason), "{ran:?}");
    }
    let ran = run_with_input(with_stand_in(&echo).arg("run"), &vec![b'x'; (10 << 20) + 1]);
    assert!(ran.code == 2 && ran.err.contains("longer than"), "{:?}", (ran.code, &ran.err));
}

pub(crate) fn stream_json_is_the_cli_s_own_output() {
    let case = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../claude-core/tests/fixtures/claude-cli/cases/partial_messages");
    let recorded = std::fs::read_to_string(case.join("stdout.ndjson")).unwrap();
    let ran =
        run(with_stand_in(&StandIn::new().replay(case, false)).args(["run", "--output=stream-json", "hi"]));
    assert_eq!((ran.code, ran.out), (0, recorded));

    let asks = StandIn::new().asks("Write", serde_json::json!({"file_path": "/tmp/x", "content": "x"}));
    let ran = run(with_stand_in(&asks).args(["run", "--output=stream-json", "hi"]));
    assert!(ran.code == 0 && !ran.out.contains("control_"), "{ran:?}");
    assert!(ran.out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

pub(crate) fn json_is_one_object_also_of_a_failure() {
    let object = |plan: &StandIn| -> serde_json::Value {
        let ran = run(with_stand_in(plan).args(["run", "--output=json", "hi"]));
        assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    };
    let fine = object(&StandIn::new().text("Fine."));
    assert_eq!((&fine["result"], &fine["is_error"]), (&"Fine.".into(), &false.into()));
    for member in ["session_id", "usage", "cost_usd", "duration_ms"] {
        assert!(!fine[member].is_null(), "{member}: {fine}");
    }
    assert!(fine.get("error").is_none());
    let failed = object(&StandIn::new().api_error(429));
    assert_eq!((&failed["is_error"], &failed["error"]["code"]), (&true.into(), &"rate_limited".into()));
    let nothing = object(&StandIn::new().no_init().no_result().die(9));
    assert_eq!((&nothing["result"], &nothing["error"]["code"]), (&serde_json::Value::Null, &"killed".into()));
}

pub(crate) fn text_goes_to_stdout_and_all_else_to_stderr() {
    let asks = StandIn::new().asks("Bash", serde_json::json!({"command": "ls -la"}));
    let ran = run(with_stand_in(&asks).args(["run", "--approve=deny", "hi"]));
    assert!(!ran.out.contains("Bash") && ran.out.ends_with('\n'), "{}", ran.out);
    assert!(ran.err.contains("● Bash ls -la") && ran.err.contains("tokens in"), "{}", ran.err);
}

pub(crate) fn colours_are_for_terminals() {
    let asks = StandIn::new().asks("Bash", serde_json::json!({"command": "ls"}));
    let ran = run(with_stand_in(&asks).args(["run", "hi"]));
    assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'), "{ran:?}");
    // What the model writes is passed on as it is where nobody looks at it.
    let ran = run(with_stand_in(&StandIn::new().text("a\u{1b}[2Jb")).args(["run", "hi"]));
    assert_eq!(ran.out, "a\u{1b}[2Jb\n");
}

pub(crate) fn a_closed_stdout_ends_the_run() {
    let token = uuid::Uuid::new_v4().to_string();
    let plan = StandIn::new().grandchild().lines(1_000_000).size(400);
    let mut command = with_stand_in(&plan);
    let child = command.env("CLAUDE_TEST_TOKEN", &token).args(["run", "--output=stream-json", "hi"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    crate::support::eventually("nobody is left", || processes_with(&token) == 0 && grandchildren() == 0);
}

pub(crate) fn what_can_not_be_written_does_not_panic() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let plan = StandIn::new().text("Fine.");
    let ran = run(with_stand_in(&plan).args(["run", "hi"]).stderr(full()));
    assert_eq!((ran.code, ran.out.as_str()), (0, "Fine.\n"), "{ran:?}");
    for form in ["text", "json", "stream-json"] {
        let ran = run(with_stand_in(&plan).args(["run", "--output", form, "hi"]).stdout(full()));
        assert!(ran.code == 1 && ran.err.contains("stdout can't be written"), "{form}: {ran:?}");
    }
    assert_eq!(run(with_stand_in(&plan).args(["completions", "bash"]).stdout(full())).code, 1);
    assert_eq!(run(with_stand_in(&plan).args(["run", ""]).stderr(full())).code, 2);
    run(with_stand_in(&plan).arg("doctor").stdout(full()));
}

pub(crate) fn waiting_for_a_prompt_counts_as_time() {
    let mut command = with_stand_in(&StandIn::new());
    let child = command.args(["run", "--timeout=300ms"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let silent = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(124));
    drop(silent);
}

pub(crate) fn doctor_tells_what_it_found() {
    let ran = run(with_stand_in(&StandIn::new()).args(["doctor", "--claude", "/nonexistent/claude"]));
    assert!(ran.code == 3 && ran.out.contains("npm install"), "{ran:?}");
    let real = crate::support::Real::new();
    let mut command = std::process::Command::new(crate::support::PROGRAM);
    let ran = run(command.env_clear().envs(real.environment()).arg("doctor"));
    assert!(ran.code == 0 && ran.out.contains("2.1.329") && ran.out.contains("logged in"), "{ran:?}");
    let ran = run(command.env_remove("ANTHROPIC_API_KEY"));
    assert!(ran.code == 4 && ran.out.contains("not logged in"), "{ran:?}");
}

pub(crate) fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(with_stand_in(&StandIn::new()).args(["completions", shell]));
        assert!(ran.code == 0 && ran.out.contains("stream-json"), "{ran:?}");
    }
}
