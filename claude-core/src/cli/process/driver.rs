//! The one task of a process: reads, writes, asks, waits, and ends it.

mod clock;
mod start;

pub(crate) use start::not_started;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use process_tree::{Grace, Signal, Tree};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use self::clock::{Alarm, Clock};
use super::Output;
use crate::cli::argument::CliSessionId;
use crate::cli::control::{self, Answer, Request};
use crate::cli::input::Input;
use crate::cli::judge::{Evidence, judge};
use crate::cli::line::Kind;
use crate::cli::message::{ControlResponse, Message};
use crate::cli::outcome::{Exit, Outcome};
use crate::cli::questions::{Questions, Step};
use crate::cli::secrets::Secrets;
use crate::cli::stderr::Stderr;
use crate::cli::translator::Translator;
use crate::error::{Error, Result};
use crate::ndjson::Lines;
use crate::text::Text;
use crate::turn::event::Events;
use crate::turn::{Stop, Stops};

pub(super) struct Driver {
    child: Child,
    stdout: Option<pipe::Receiver>,
    stderr: Stderr,
    input: Input,
    lines: Lines,
    translator: Translator,
    questions: Option<Questions>,
    requests: mpsc::Receiver<Request>,
    stops: Stops,
    /// Requests of ours that the CLI has not answered.
    unanswered: Vec<(String, Answer)>,
    clock: Clock,
    ready: VecDeque<Output>,
    stopped_by: Option<Text>,
    /// Why we end it, where that is an error.
    failure: Option<Error>,
    dismissed: bool,
    cut: bool,
    end: End,
    resumed: Option<CliSessionId>,
    secrets: Secrets,
    outcome: Arc<OnceLock<Outcome>>,
}

/// What was said of the end.
enum End {
    Open,
    /// The event is told; the error, if there is one, follows it.
    Told(Option<Error>),
    Over,
}

/// The child's life. Each step leads to the next, none back.
enum Child {
    Running(Tree),
    /// It was reaped; its output is read to the end, for a while.
    Exited(Tree),
    /// What is left of its tree is being ended.
    Ending(Pin<Box<dyn Future<Output = Exit> + Send>>),
    Gone(Exit),
}

impl Driver {
    pub(super) fn pid(&self) -> u32 {
        match &self.child {
            Child::Running(tree) | Child::Exited(tree) => tree.pid(),
            Child::Ending(_) | Child::Gone(_) => 0,
        }
    }

    /// The next output, the error at the end, or `None` behind it.
    pub(super) async fn next(&mut self) -> Option<Result<Output>> {
        let mut waited = false;
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Some(Ok(output));
            }
            match self.lines.next() {
                Some(Ok(line)) => {
                    let output = self.line(line);
                    return Some(Ok(output));
                }
                Some(Err(too_long)) => self.fail(Error::LineTooLong { max: too_long.max }),
                None if self.is_finished() => match std::mem::replace(&mut self.end, End::Over) {
                    End::Open => self.end = End::Told(self.tell_end()),
                    End::Told(Some(error)) => return Some(Err(error)),
                    End::Told(None) | End::Over => return None,
                },
                None => {
                    if !std::mem::replace(&mut waited, true) {
                        // The time that the caller took was not silence.
                        self.clock.resumes();
                    }
                    self.wait().await;
                }
            }
        }
    }

    /// Waits for whatever happens first and takes it in. Each arm is cancel safe: reads and writes are single
    /// calls, all else is kept in `self` or asked again.
    async fn wait(&mut self) {
        let Self { child, stdout, stderr, input, lines, questions, requests, stops, clock, .. } = self;
        let asks = questions.as_ref().is_some_and(Questions::is_waiting);
        let (alarm, at) = clock.next(asks);
        tokio::select! {
            biased;
            stop = stops.stopped() => self.stop(stop),
            request = request_of(requests) => self.request(request),
            step = step_of(questions) => self.take(step),
            () = input.write_some(), if input.has_work() => {}
            // Before the output: descendants that write without end must not hide what happened.
            change = child.change() => self.child_changed(change),
            () = sleep_until(at) => self.rang(alarm),
            read = read_of(stdout, lines) => self.took(read),
            // Last: a flood of it holds up nothing.
            () = stderr.read_some(), if stderr.is_open() => {}
        }
    }

    fn line(&mut self, line: Bytes) -> Output {
        // What was permitted has a result later.
        self.translator.wants_tool_results = self.questions.as_ref().is_some_and(Questions::has_running);
        let (message, mut events) = self.translator.read(&line);
        match &message {
            Message::CanUseTool(asked) => {
                // Without an approver the CLI asks nobody; a stray question is left to it.
                if let Some(questions) = &mut self.questions {
                    questions.ask(asked);
                }
            }
            Message::ControlCancel(it) => {
                if let Some(questions) = &mut self.questions {
                    events.extend(questions.cancel(&it.request_id));
                }
            }
            Message::ControlResponse(it) => self.answered(it),
            // Whoever waits for an answer gets one.
            Message::Unknown(Kind::ControlRequest) => self.refuse(&line),
            // What the line says is lost, but that the turn is over is not.
            Message::Unknown(Kind::Result) => self.clock.turn_ended(),
            Message::User(it) => {
                if let Some(questions) = &mut self.questions {
                    questions.results(it);
                }
            }
            _ => {}
        }
        self.clock.saw(&message);
        if self.clock.is_lingering() {
            // Closing stdin ends the process once its work is done.
            self.input.close();
        }
        Output { line: Some(line), message: Some(message), events, is_cut: false }
    }

    fn take(&mut self, step: Step) {
        // The time a person took was not silence.
        self.clock.resumes();
        if let Some(answer) = step.answer {
            self.input.push(answer);
        }
        // Whoever stopped the turn before stays the one.
        self.stopped_by = self.stopped_by.take().or(step.ended_by);
        self.say(step.events);
    }

    fn say(&mut self, events: Events) {
        if !events.is_empty() {
            self.ready.push_back(Output { line: None, message: None, events, is_cut: false });
        }
    }

    fn took(&mut self, read: std::io::Result<usize>) {
        match read {
            Ok(0) => self.stdout_ended(),
            // Half a line is a sign of life too.
            Ok(_) => self.clock.resumes(),
            Err(source) => {
                self.fail(Error::System { what: "Claude Code's output can't be read", source });
                self.stdout_ended();
            }
        }
    }

    /// Nothing more is read.
    fn stdout_ended(&mut self) {
        self.stdout = None;
        self.clock.stdout_ended();
        let rest = self.lines.rest();
        if !rest.is_empty() {
            // A line that lacks nothing but its LF is whole.
            self.cut = serde_json::from_slice::<serde::de::IgnoredAny>(&rest).is_err();
            let mut output = self.line(rest);
            output.is_cut = self.cut;
            self.ready.push_back(output);
        }
        if let Some(questions) = &mut self.questions {
            // Who would read an answer can't ask for another thing either.
            let events = questions.cancel_all();
            self.say(events);
        }
    }

    fn stop(&mut self, stop: Stop) {
        match stop {
            Stop::Interrupt { by } => {
                self.stopped_by = Some(by);
                if self.input.is_open() {
                    let id = fresh_request_id();
                    self.input.push(control::interrupt(&id));
                } else if let Child::Running(tree) = &self.child {
                    // It may have ended meanwhile, which is what was asked for.
                    let _ = tree.signal(Signal::Interrupt);
                }
            }
            Stop::Cancel { by } => {
                self.stopped_by = Some(by);
                self.end();
            }
        }
    }

    fn request(&mut self, request: Request) {
        let open = self.questions.is_some() && self.input.is_open();
        let id = fresh_request_id();
        let (line, answer) = match request {
            Request::SetModel(model, answer) => (control::set_model(&id, &model), answer),
            Request::SetPermissionMode(mode, answer) => (control::set_permission_mode(&id, mode), answer),
        };
        if open {
            self.input.push(line);
            self.unanswered.push((id, answer));
        } else {
            let message = "the run has no control protocol, or its turn is over".into();
            let _ = answer.send(Err(Error::Refused { message }));
        }
    }

    fn answered(&mut self, it: &ControlResponse) {
        let Some(id) = &it.request_id else { return };
        let Some(at) = self.unanswered.iter().position(|(asked, _)| *id == **asked) else { return };
        let answer = self.unanswered.swap_remove(at).1;
        let refused = || Error::Refused { message: it.error.as_deref().unwrap_or("no reason given").into() };
        // Who asked may have left.
        let _ = answer.send(if &*it.subtype == "success" { Ok(()) } else { Err(refused()) });
    }

    fn refuse(&mut self, line: &Bytes) {
        if let Ok(asked) = serde_json::from_slice::<Unanswerable>(line) {
            self.input.push(control::refuse(&asked.request_id));
        }
    }

    fn rang(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::TimedOut { phase, after } => self.fail(Error::TimedOut { phase, after }),
            Alarm::NothingFollows => {
                self.dismissed = true;
                self.end();
            }
            Alarm::OutputHeldOpen => self.end(),
            Alarm::OutputNeverEnds => {
                self.clock.gives_up_output();
                self.stderr.close();
                if self.stdout.is_some() {
                    self.stdout_ended();
                }
            }
            // What it was to be told goes on without us.
            Alarm::ApproverNeverAnswers => self.questions = None,
        }
    }

    fn fail(&mut self, error: Error) {
        let reads_on = !matches!(error, Error::LineTooLong { .. });
        self.failure.get_or_insert(error);
        self.end();
        if !reads_on {
            // What follows has no known start, and nobody reads it.
            self.stdout_ended();
        }
    }

    fn child_changed(&mut self, change: Change) {
        match change {
            Change::Exited => {
                self.input.abandon();
                self.clock.child_exited();
                self.child = match std::mem::replace(&mut self.child, Child::Gone(Exit::unknown())) {
                    Child::Running(tree) => Child::Exited(tree),
                    other => other,
                };
            }
            Change::TreeEnded(exit) => {
                self.clock.tree_ended();
                self.child = Child::Gone(exit);
            }
        }
    }

    fn end(&mut self) {
        self.child = match std::mem::replace(&mut self.child, Child::Gone(Exit::unknown())) {
            Child::Running(tree) | Child::Exited(tree) => {
                self.clock.ending();
                Child::Ending(Box::pin(async move { tree.end(Grace::default()).await.into() }))
            }
            other => other,
        };
    }

    /// Whether nothing more can come.
    fn is_finished(&mut self) -> bool {
        if self.stdout.is_some() {
            return false;
        }
        if matches!(self.child, Child::Exited(_)) {
            self.end();
        }
        let owes = self.questions.as_ref().is_some_and(Questions::has_work);
        // Its last words on stderr tell why it failed.
        matches!(self.child, Child::Gone(_)) && !owes && !self.stderr.is_open()
    }

    /// Tells how it ended; the error, if it is one, is handed back.
    fn tell_end(&mut self) -> Option<Error> {
        let exit = match self.child {
            Child::Gone(exit) => exit,
            _ => Exit::unknown(),
        };
        let stderr_tail = self.stderr.tail(&self.secrets);
        let judged = match self.failure.take() {
            Some(failure) => Err(failure),
            None => judge(&Evidence {
                result: self.translator.last_result(),
                exit,
                stderr_tail: &stderr_tail,
                secrets: &self.secrets,
                cut: self.cut,
                interrupted: self.stopped_by.is_some(),
                dismissed: self.dismissed,
                resumed: self.resumed.as_ref(),
            }),
        };
        let events = self.translator.finish(judged.as_ref(), self.stopped_by.as_ref());
        self.say(events);
        self.requests.close();
        self.unanswered.clear();
        match judged {
            Ok(outcome) => {
                // Set once, here.
                let _ = self.outcome.set(outcome);
                None
            }
            Err(error) => Some(error),
        }
    }
}

fn fresh_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// What is needed to refuse a request.
#[derive(serde::Deserialize)]
struct Unanswerable {
    request_id: Text,
}

/// What happened to the child.
enum Change {
    Exited,
    TreeEnded(Exit),
}

impl Child {
    /// Cancel safe: waiting changes nothing.
    async fn change(&mut self) -> Change {
        match self {
            Self::Running(tree) => {
                tree.wait().await;
                Change::Exited
            }
            Self::Ending(end) => Change::TreeEnded(end.await),
            Self::Exited(_) | Self::Gone(_) => std::future::pending().await,
        }
    }
}

async fn read_of(stdout: &mut Option<pipe::Receiver>, lines: &mut Lines) -> std::io::Result<usize> {
    match stdout {
        Some(pipe) => pipe.read_buf(lines.space()).await,
        None => std::future::pending().await,
    }
}

async fn step_of(questions: &mut Option<Questions>) -> Step {
    match questions {
        Some(questions) if questions.has_work() => questions.step().await,
        _ => std::future::pending().await,
    }
}

/// Pending for ever once every handle is gone.
async fn request_of(requests: &mut mpsc::Receiver<Request>) -> Request {
    match requests.recv().await {
        Some(request) => request,
        None => std::future::pending().await,
    }
}
