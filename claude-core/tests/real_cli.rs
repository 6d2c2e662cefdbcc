//! The driver against the real Claude Code CLI and a Messages API on this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use claude_core::approval::{DenyWrites, channel};
use claude_core::cli::{Command, Detail, Process};
use claude_core::testing::{LoopbackApi, Plan, real_cli};
use claude_core::{Json, TurnEvent};
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

/// The CLI starts within a second; the cap only bounds a failure.
const HANGS: Duration = Duration::from_secs(60);

fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn(Real) -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let real = Real::start().await;
            tokio::time::timeout(HANGS, test(real)).await.expect("it hangs");
        });
        Ok(())
    })
}

fn main() -> ExitCode {
    claude_core::init();
    let trials = vec![
        trial("pieces_of_text_count_once", pieces_of_text_count_once),
        trial("a_changed_input_is_what_the_tool_gets", a_changed_input_is_what_the_tool_gets),
        trial("a_denial_reaches_the_model", a_denial_reaches_the_model),
        trial("an_interrupt_over_the_control_protocol_ends_the_turn", an_interrupt_ends_the_turn),
        trial("an_interrupt_by_signal_ends_the_turn", an_interrupt_by_signal_ends_the_turn),
        trial("another_model_answers_after_set_model", another_model_answers_after_set_model),
        trial("two_runs_at_once_do_not_mix", two_runs_at_once_do_not_mix),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A home, a working directory and an API of a test's own.
struct Real {
    api: LoopbackApi,
    home: TempDir,
    work: TempDir,
}

impl Real {
    async fn start() -> Self {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        Self { api, home: tempfile::tempdir().unwrap(), work: tempfile::tempdir().unwrap() }
    }

    fn command(&self, prompt: &str) -> Command {
        let program = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
        Command::new(program)
            .cwd(self.work.path())
            .env("HOME", self.home.path())
            .env("ANTHROPIC_BASE_URL", self.api.url())
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("IS_SANDBOX", "1")
            .api_key("test".into())
            .prompt(prompt)
    }

    fn write(&self) -> (std::path::PathBuf, String) {
        let file = self.work.path().join("new.txt");
        let prompt = format!("scenario:tool_write path={} content=hello", file.display());
        (file, prompt)
    }
}

async fn events(mut process: Process) -> (Vec<TurnEvent>, Process) {
    let mut events = Vec::new();
    while let Some(output) = process.next().await {
        events.extend(output.unwrap().events);
    }
    (events, process)
}

fn text(events: &[TurnEvent]) -> String {
    let text = |event: &TurnEvent| match event {
        TurnEvent::TextDelta { text, .. } => Some(text.to_string()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

async fn pieces_of_text_count_once(real: Real) {
    let whole = events(real.command("scenario:text n=8").spawn().await.unwrap()).await.0;
    let pieces = events(real.command("scenario:text n=8").partial_messages().spawn().await.unwrap()).await.0;
    assert_eq!(text(&whole), "stream every token as it comes and never");
    assert_eq!(text(&pieces), text(&whole));
    let deltas =
        |events: &[TurnEvent]| events.iter().filter(|it| matches!(it, TurnEvent::TextDelta { .. })).count();
    assert_eq!((deltas(&whole), deltas(&pieces)), (1, 8));
    for events in [&whole, &pieces] {
        assert!(matches!(events.first(), Some(TurnEvent::Started { .. })), "{events:?}");
        assert!(matches!(events.last(), Some(TurnEvent::Completed { .. })), "{events:?}");
        let usage = events.iter().rev().find_map(|it| match it {
            TurnEvent::Usage(usage) => Some(*usage),
            _ => None,
        });
        assert!(usage.is_some_and(|it| it.output_tokens == 8 && it.cost_usd.is_some()), "{usage:?}");
    }
}

async fn a_changed_input_is_what_the_tool_gets(real: Real) {
    let (file, prompt) = real.write();
    let (approver, mut questions) = channel();
    let process = real.command(&prompt).approver(Arc::new(approver)).spawn().await.unwrap();
    let path = file.display().to_string();
    tokio::spawn(async move {
        let asked = questions.recv().await.unwrap();
        asked.allow_edited(Json::from(serde_json::json!({"file_path": path, "content": "changed"})));
    });
    events(process).await;
    assert_eq!(std::fs::read_to_string(file).unwrap(), "changed");
}

async fn a_denial_reaches_the_model(real: Real) {
    let (file, prompt) = real.write();
    let (approver, mut questions) = channel();
    let process = real.command(&prompt).approver(Arc::new(approver)).spawn().await.unwrap();
    tokio::spawn(async move { questions.recv().await.unwrap().deny("not on a Friday") });
    events(process).await;
    assert!(!file.exists());
    assert!(real.api.requests().last().unwrap().body.to_string().contains("not on a Friday"));
}

async fn an_interrupt_ends_the_turn(real: Real) {
    let command = real.command("scenario:slow n=500 delay=50").partial_messages();
    interrupted(command.approver(Arc::new(DenyWrites)).spawn().await.unwrap()).await;
}

async fn an_interrupt_by_signal_ends_the_turn(real: Real) {
    let command = real.command("scenario:slow n=500 delay=50").partial_messages();
    interrupted(command.spawn().await.unwrap()).await;
}

async fn interrupted(mut process: Process) {
    let control = process.control();
    loop {
        let output = process.next().await.unwrap().unwrap();
        if output.events.iter().any(|it| matches!(it, TurnEvent::TextDelta { .. })) {
            break;
        }
    }
    control.interrupt();
    let (events, process) = events(process).await;
    assert!(
        matches!(events.last(), Some(TurnEvent::Cancelled { by }) if *by == "user"),
        "{:?}",
        events.last()
    );
    let outcome = process.outcome().unwrap();
    assert!(outcome.interrupted && outcome.result.is_some() && outcome.exit.left == 0, "{outcome:?}");
}

async fn another_model_answers_after_set_model(real: Real) {
    let (_, prompt) = real.write();
    let (approver, mut questions) = channel();
    let process = real.command(&prompt).approver(Arc::new(approver)).spawn().await.unwrap();
    let control = process.control();
    tokio::spawn(async move {
        let asked = questions.recv().await.unwrap();
        control.set_model("claude-haiku-5-5".parse().unwrap()).await.unwrap();
        asked.allow();
    });
    events(process).await;
    let models: Vec<_> = real.api.requests().iter().map(|it| it.model().to_owned()).collect();
    assert_ne!(models.first(), models.last());
    assert_eq!(models.last().map(String::as_str), Some("claude-haiku-5-5"));
}

async fn two_runs_at_once_do_not_mix(real: Real) {
    let run = |words: usize| {
        let command = real.command(&format!("scenario:text n={words}")).detail(Detail::Full);
        async move { text(&events(command.spawn().await.unwrap()).await.0) }
    };
    let (two, three) = tokio::join!(run(2), run(3));
    assert_eq!((two.as_str(), three.as_str()), ("stream every", "stream every token"));
}
