//! From a process's outputs to a turn's events, within the limits that Claude Code does not know.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cli::outcome::Exit;
use crate::cli::process::Process;
use crate::error::Error;
use crate::turn::{Emitter, TurnEnd, TurnEvent, TurnLimits};

/// Who ended a process that used up its allowance; never told.
const ALLOWANCE: &str = "limit";

/// What a turn may still take.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    output_tokens: Option<u64>,
    time: Option<Time>,
}

/// Time that passes while nobody is asked.
#[derive(Debug)]
struct Time {
    left: Duration,
    /// When it began to pass; `None` while somebody is asked.
    since: Option<Instant>,
    questions: u32,
}

impl Allowance {
    pub(super) fn of(limits: &TurnLimits) -> Self {
        let time = limits.time.map(|left| Time { left, since: Some(Instant::now()), questions: 0 });
        Self { output_tokens: limits.output_tokens, time }
    }

    /// An event came; the name of the limit that it shows to be used up.
    fn saw(&mut self, event: &TurnEvent) -> Option<&'static str> {
        match (event, &mut self.time) {
            (TurnEvent::ApprovalRequired { .. }, Some(time)) => time.stop(),
            (TurnEvent::ApprovalResolved { .. }, Some(time)) => time.go_on(),
            (TurnEvent::Usage(usage), _)
                if self.output_tokens.is_some_and(|most| usage.output_tokens > most) =>
            {
                return Some("output_tokens");
            }
            _ => {}
        }
        // Here too: while events come one after the other, nobody waits for the end of the time.
        self.time.as_ref().is_some_and(Time::is_over).then_some("time")
    }

    /// Completes when the time is over.
    async fn is_over(&self) {
        let over = self.time.as_ref().and_then(|time| time.since?.checked_add(time.left));
        match over {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

impl Time {
    fn is_over(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= self.left)
    }

    fn stop(&mut self) {
        self.questions += 1;
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    fn go_on(&mut self) {
        self.questions = self.questions.saturating_sub(1);
        if self.questions == 0 {
            self.since.get_or_insert_with(Instant::now);
        }
    }
}

/// Passes the events on. The process tells its end by an event and, where it failed, by an error behind it: the
/// turn has one end.
pub(super) async fn relay(mut process: Process, emitter: &Emitter, mut allowance: Allowance) -> TurnEnd {
    let control = process.control();
    let mut end = None;
    let mut used_up = None;
    loop {
        let output = tokio::select! {
            biased;
            output = process.next() => output,
            () = allowance.is_over(), if used_up.is_none() => {
                used_up = Some("time");
                control.cancel(ALLOWANCE);
                continue;
            }
        };
        match output {
            Some(Ok(output)) => {
                for event in output.events {
                    if used_up.is_none() {
                        used_up = allowance.saw(&event).inspect(|_| control.cancel(ALLOWANCE));
                    }
                    if event.is_end() { end = TurnEnd::of(event) } else { emitter.emit(event).await }
                }
            }
            Some(Err(error)) => end = end.or_else(|| Some(TurnEnd::from(&error))),
            None => break,
        }
    }
    judged(end, used_up)
}

/// What was ended for its limit failed by it; what came to another end all the same keeps that.
fn judged(end: Option<TurnEnd>, used_up: Option<&'static str>) -> TurnEnd {
    match (end, used_up) {
        (Some(TurnEnd::Cancelled { by }), Some(limit)) if by == ALLOWANCE => {
            let message = "what the turn may take is used up".into();
            TurnEnd::from(&Error::LimitReached { limit, message })
        }
        (Some(end), _) => end,
        (None, _) => TurnEnd::from(&Error::NoResult { exit: Exit::unknown(), stderr_tail: "".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn events_without_a_pause_do_not_hide_that_the_time_is_over() {
        let limits = TurnLimits { time: Some(Duration::from_secs(10)), ..TurnLimits::default() };
        let mut allowance = Allowance::of(&limits);
        let event = TurnEvent::Notice { text: "x".into() };
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(allowance.saw(&event), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(allowance.saw(&event), Some("time"));
    }

    #[tokio::test(start_paused = true)]
    async fn time_does_not_pass_while_somebody_is_asked() {
        let mut time = Time { left: Duration::from_secs(10), since: Some(Instant::now()), questions: 0 };
        time.stop();
        time.stop();
        tokio::time::advance(Duration::from_secs(100)).await;
        time.go_on();
        assert!(!time.is_over());
        time.go_on();
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(!time.is_over());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(time.is_over());
    }
}
