//! Claude Code as a backend: the stand-in, and the real CLI with a Messages API on this machine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use claude_core::approval::channel;
use claude_core::cli::{self, Command};
use claude_core::messages::{ContentBlock, MessageParam};
use claude_core::testing::{LoopbackApi, Plan, StandIn, processes_with, real_cli};
use claude_core::turn::{Origin, ToolSet};
use claude_core::{Backend, Turn, TurnEvent, TurnRequest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{ASKED, Model, Scene, WHOLE, see, text};

/// Marks a test's processes.
const TOKEN: &str = "CLAUDE_TEST_TOKEN";

pub(crate) fn stand_in(model: Model) -> Pin<Box<dyn Future<Output = Scene>>> {
    let plan = match model {
        Model::Says | Model::CanNotStart => StandIn::new().text(WHOLE),
        Model::Writes => StandIn::new().asks("Write", json!({"file_path": ASKED, "content": "hello"})),
        Model::Talks => StandIn::new().text("la ".repeat(5_000)).rate(100.0),
        Model::Refuses => StandIn::new().api_error(400),
    };
    let command = match model {
        Model::CanNotStart => Command::new("/nonexistent/claude"),
        _ => played(&plan),
    };
    Box::pin(async move { scene(command, TurnRequest::new("claude-sonnet-5-5", "Say it."), Box::new(())) })
}

pub(crate) fn real(model: Model) -> Pin<Box<dyn Future<Output = Scene>>> {
    Box::pin(async move {
        let real = Real::start().await;
        let prompt = match model {
            Model::Says => "scenario:text n=8".to_owned(),
            Model::Writes => {
                format!("scenario:tool_write path={} content=hello", real.work.path().join(ASKED).display())
            }
            Model::Talks => "scenario:slow n=5000 delay=20".to_owned(),
            Model::Refuses | Model::CanNotStart => "scenario:error status=400".to_owned(),
        };
        let mut request = TurnRequest::new("claude-sonnet-5-5", prompt);
        if matches!(model, Model::CanNotStart) {
            request.cwd = Some("/nonexistent".into());
        }
        scene(real.command(), request, Box::new(real))
    })
}

/// A turn may end while what it started lives on for a moment; nobody with the token is left.
fn scene(command: Command, request: TurnRequest, stage: Box<dyn std::any::Any>) -> Scene {
    let (approver, questions) = channel();
    let token = uuid::Uuid::new_v4().to_string();
    let command = command.env(TOKEN, &token).approver(Arc::new(approver));
    Scene {
        backend: Arc::new(cli::Backend::new(command)),
        request,
        questions,
        is_over: Box::new(move || processes_with(&token) == 0),
        _stage: stage,
    }
}

/// This very program in place of the CLI.
fn played(plan: &StandIn) -> Command {
    let (name, plan) = plan.to_env();
    Command::new(std::env::current_exe().unwrap()).env(name, plan)
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

    fn command(&self) -> Command {
        let program = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
        Command::new(program)
            .cwd(self.work.path())
            .env("HOME", self.home.path())
            .env("ANTHROPIC_BASE_URL", self.api.url())
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .api_key("test".into())
    }

    async fn ask(&self, request: TurnRequest) -> Vec<TurnEvent> {
        let events = see(cli::Backend::new(self.command()).start(request)).await;
        assert!(matches!(events.last(), Some(TurnEvent::Completed { .. })), "{events:?}");
        events
    }

    /// What the API was asked last.
    fn last(&self) -> Value {
        self.api.requests().iter().rfind(|it| it.path == "/v1/messages").unwrap().body.clone()
    }
}

fn asks(prompt: &str) -> TurnRequest {
    TurnRequest::new("claude-sonnet-5-5", prompt)
}

pub(crate) async fn a_process_is_a_turn() {
    let process = played(&StandIn::new().text(WHOLE)).prompt("hi").spawn().await.unwrap();
    let events = see(Turn::from(process)).await;
    assert_eq!(text(&events), WHOLE);

    let process = played(&StandIn::new().lines(100_000).rate(50.0)).prompt("hi").spawn().await.unwrap();
    let mut turn = Turn::from(process);
    assert!(matches!(turn.next().await, Some(TurnEvent::Started { .. })));
    turn.handle().cancel("shutdown");
    let answer = turn.finish().await;
    let end = claude_core::turn::TurnEnd::Cancelled { by: "shutdown".into() };
    assert_eq!(answer.end, Some(end), "the turn's handle is the process's");
}

pub(crate) async fn a_process_that_fails_is_a_turn_with_one_end() {
    for (plan, code) in [
        (StandIn::new().api_error(429), "rate_limited"),
        (StandIn::new().lines(3).die_in_mid_line(), "cut_line"),
        (StandIn::new().lines(3).no_result().die(9), "killed"),
    ] {
        let events = see(Turn::from(played(&plan).prompt("hi").spawn().await.unwrap())).await;
        assert!(matches!(events.last(), Some(TurnEvent::Failed(it)) if it.code == code), "{events:?}");
    }
}

pub(crate) async fn a_missing_program_is_the_end() {
    let backend = cli::Backend::new(Command::new("/nonexistent/claude"));
    let events = see(backend.start(asks("hi"))).await;
    assert!(matches!(&events[..], [TurnEvent::Failed(it)] if it.code == "cli_missing"), "{events:?}");
}

pub(crate) async fn what_can_not_be_passed_on_is_the_end() {
    let backend = cli::Backend::new(played(&StandIn::new()));
    let history = asks("hi").history(vec![MessageParam::user("before")]);
    for (request, field) in [(history, "history"), (TurnRequest::going_on(Vec::new()), "message")] {
        let events = see(backend.start(request)).await;
        let [TurnEvent::Failed(failed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(failed.code, "invalid_request");
        assert!(failed.message.starts_with(field), "{failed:?}");
    }
}

pub(crate) async fn an_image_reaches_the_model() {
    const PIXEL: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
    let real = Real::start().await;
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}});
    let image = serde_json::from_value::<ContentBlock>(image).unwrap();
    let blocks = vec![ContentBlock::text("scenario:text n=3"), image];
    let events = real.ask(TurnRequest::new("claude-sonnet-5-5", blocks)).await;
    assert_eq!(text(&events), "stream every token");
    let messages = real.last()["messages"].to_string();
    assert!(messages.contains(r#""type":"image""#), "{messages}");
}

pub(crate) async fn only_the_named_tools_are_on_offer() {
    let real = Real::start().await;
    for names in [&["Grep", "Read"][..], &[]] {
        let mut request = asks("scenario:text n=3");
        request.tools = ToolSet::Only(names.iter().map(|it| (*it).into()).collect());
        real.ask(request).await;
        let tools = real.last()["tools"].as_array().cloned().unwrap_or_default();
        let mut offered: Vec<_> = tools.iter().filter_map(|it| it["name"].as_str()).collect();
        // Stands where tools would be loaded later; it does nothing.
        offered.retain(|name| *name != "DeferredToolPlaceholder");
        offered.sort_unstable();
        assert_eq!(offered, names);
    }
}

pub(crate) async fn a_session_goes_on_and_is_forked() {
    let real = Real::start().await;
    let session = |events: &[TurnEvent]| match &events[0] {
        TurnEvent::Started { session_id: Some(id), .. } => cli::CliSessionId::parse(id).unwrap(),
        other => panic!("{other:?}"),
    };
    let first = session(&real.ask(asks("first")).await);
    let mut request = asks("second");
    request.origin = Origin::Resume(first.clone());
    assert_eq!(session(&real.ask(request.clone()).await), first);
    assert!(real.last()["messages"].to_string().contains("first"), "the history goes along");
    request.origin = Origin::Fork(first.clone());
    assert_ne!(session(&real.ask(request).await), first);
}

pub(crate) async fn the_time_of_an_answer_is_not_the_turns() {
    let mut scene = stand_in(Model::Writes).await;
    scene.request = scene.request.limits(|limits| limits.time = Some(Duration::from_secs(3)));
    // Longer than the turn may take by itself.
    let events = scene.answered_after(Duration::from_secs(4)).await;
    assert!(matches!(events.last(), Some(TurnEvent::Completed { .. })), "{events:?}");
}
