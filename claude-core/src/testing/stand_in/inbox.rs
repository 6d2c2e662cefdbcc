//! What reaches the stand-in while it works: lines on stdin and SIGINT, in one queue that can be waited on.

use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::arguments::Arguments;
use super::plan::{Ignored, StandIn};
use super::{BAD_PLAN, PROMPT_MAX, system};

/// Lines that wait to be heard; beyond it stdin isn't read.
const QUEUE_MAX: usize = 64;

/// The longest line of stdin in bytes; beyond it the line counts as broken.
const LINE_MAX: u64 = 16 * 1024 * 1024;

/// Something that reached us.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// SIGINT.
    Interrupt,
    /// A line of stdin, or, where stdin holds a prompt, all of it.
    Line(Vec<u8>),
    /// Stdin is at its end.
    End,
}

/// The queue; filled by two threads, for signals and for stdin.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    ended: bool,
    interrupted: bool,
}

impl Inbox {
    /// Starts listening. SIGTERM and SIGHUP end the process from here on, unless ignored.
    pub(super) fn open(plan: &StandIn, arguments: &Arguments) -> Arc<Self> {
        let inbox = Arc::new(Self::default());
        system::hold_signals();
        let (ignored, receiver) = (plan.ignored.clone(), Arc::clone(&inbox));
        start(move || receiver.receive_signals(&ignored));
        let (messages, receiver) = (arguments.reads_messages(), Arc::clone(&inbox));
        start(move || if messages { receiver.read_messages() } else { receiver.read_prompt() });
        inbox
    }

    /// The next event, waiting as long as it takes.
    pub(super) fn next(&self) -> Event {
        self.next_before(None).unwrap_or(Event::End)
    }

    /// The next event, or none if none came until then.
    pub(super) fn next_before(&self, until: Option<Instant>) -> Option<Event> {
        let mut state = self.lock();
        loop {
            if let Some(event) = self.take(&mut state) {
                return Some(event);
            }
            if state.ended {
                return Some(Event::End);
            }
            state = self.wait(state, until)?;
        }
    }

    /// The next interrupt or line; the end of stdin is no reason to return.
    pub(super) fn heard_before(&self, until: Option<Instant>) -> Option<Event> {
        let mut state = self.lock();
        loop {
            if let Some(event) = self.take(&mut state) {
                return Some(event);
            }
            state = self.wait(state, until)?;
        }
    }

    /// An interrupt or line that is there already.
    pub(super) fn heard(&self) -> Option<Event> {
        self.take(&mut self.lock())
    }

    /// Says nothing until a signal ends it.
    pub(super) fn silence(&self) -> i32 {
        while self.heard_before(None) != Some(Event::Interrupt) {}
        0
    }

    fn take(&self, state: &mut State) -> Option<Event> {
        if std::mem::take(&mut state.interrupted) {
            return Some(Event::Interrupt);
        }
        let line = state.lines.pop_front()?;
        self.changed.notify_all();
        Some(Event::Line(line))
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> Option<MutexGuard<'a, State>> {
        let Some(until) = until else {
            return Some(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
        };
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    fn receive_signals(&self, ignored: &[Ignored]) {
        loop {
            match system::wait_for_signal() {
                libc::SIGINT if ignored.contains(&Ignored::Interrupt) => {}
                libc::SIGTERM if ignored.contains(&Ignored::Terminate) => {}
                libc::SIGINT => {
                    self.lock().interrupted = true;
                    self.changed.notify_all();
                }
                other => system::exit(128 + other),
            }
        }
    }

    fn read_messages(&self) {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match stdin.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return self.end(),
                Ok(_) => self.push(line),
            }
        }
    }

    fn read_prompt(&self) {
        let mut prompt = Vec::new();
        let limit = u64::try_from(PROMPT_MAX).unwrap_or(u64::MAX);
        // What was read before an error is the prompt.
        let _ = std::io::stdin().lock().take(limit + 1).read_to_end(&mut prompt);
        if prompt.len() > PROMPT_MAX {
            system::complain(&format!("The prompt is longer than {PROMPT_MAX} bytes."));
            system::exit(1);
        }
        if !prompt.is_empty() {
            self.push(prompt);
        }
        self.end();
    }

    fn push(&self, line: Vec<u8>) {
        let mut state = self.lock();
        while state.lines.len() >= QUEUE_MAX {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lines.push_back(line);
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().spawn(work) {
        system::complain(&format!("The stand-in can't start a thread: {error}"));
        system::exit(BAD_PLAN);
    }
}
