//! What a run waits for, and how long.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::command::Limits;
use crate::cli::message::Message;
use crate::error::Phase;

/// After the child's end, output that its descendants hold open is read for this long.
const HELD_OPEN: Duration = Duration::from_secs(1);

/// After the end of all, an approver may take this long to store what it was told.
const APPROVER: Duration = Duration::from_secs(5);

/// When nothing is waited for.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// A limit of the run.
    TimedOut { phase: Phase, after: Duration },
    /// A result came and nothing after it.
    NothingFollows,
    /// The child is gone, somebody else keeps its output open.
    OutputHeldOpen,
    /// Even after the end of its tree.
    OutputNeverEnds,
    /// All is over but for an approver that does not say it has stored what it was told.
    ApproverNeverAnswers,
}

#[derive(Debug)]
pub(super) struct Clock {
    limits: Limits,
    started: Instant,
    /// When we began to wait for something to come: the time a consumer takes is not silence.
    quiet_since: Instant,
    stage: Stage,
    /// A result came and nothing since.
    has_result: bool,
    stdout_ended: bool,
    /// Output that never ends was given up.
    gave_up: bool,
    /// Subagents at work, as the CLI tells.
    agents: usize,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Running,
    Exited(Instant),
    Ending,
    Ended(Instant),
}

impl Clock {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let (has_result, stdout_ended, gave_up, agents) = (false, false, false, 0);
        let stage = Stage::Running;
        Self { limits, started: now, quiet_since: now, stage, has_result, stdout_ended, gave_up, agents }
    }

    /// Something happened, or the consumer wants more: silence begins anew.
    pub(super) fn resumes(&mut self) {
        self.quiet_since = Instant::now();
    }

    /// A line came.
    pub(super) fn saw(&mut self, message: &Message) {
        match message {
            Message::Result(result) if result.queued_turn_count == 0 => self.turn_ended(),
            Message::System(system) => {
                if let Some(tasks) = &system.tasks {
                    let is_agent = |kind: &str| kind.contains("agent");
                    self.agents =
                        tasks.iter().filter(|it| it.task_type.as_deref().is_some_and(is_agent)).count();
                }
            }
            Message::Init(_) => self.has_result = false,
            _ => {}
        }
    }

    /// A turn is over.
    pub(super) fn turn_ended(&mut self) {
        self.has_result = true;
    }

    pub(super) fn stdout_ended(&mut self) {
        self.stdout_ended = true;
        self.resumes();
    }

    pub(super) fn gives_up_output(&mut self) {
        self.gave_up = true;
    }

    pub(super) fn child_exited(&mut self) {
        self.stage = Stage::Exited(Instant::now());
    }

    pub(super) fn ending(&mut self) {
        self.stage = Stage::Ending;
    }

    pub(super) fn tree_ended(&mut self) {
        self.stage = Stage::Ended(Instant::now());
    }

    /// Whether the turn is over as far as the CLI told.
    pub(super) fn is_lingering(&self) -> bool {
        self.has_result && self.agents == 0
    }

    /// What to wake up for next. Silence does not count while somebody is asked.
    pub(super) fn next(&self, asks: bool) -> (Alarm, Instant) {
        match self.stage {
            Stage::Running => self.next_limit(asks),
            Stage::Exited(at) => (Alarm::OutputHeldOpen, at + HELD_OPEN),
            Stage::Ending => (Alarm::NothingFollows, self.quiet_since + NEVER),
            Stage::Ended(at) if self.gave_up => (Alarm::ApproverNeverAnswers, at + APPROVER),
            Stage::Ended(at) => (Alarm::OutputNeverEnds, at + HELD_OPEN),
        }
    }

    fn next_limit(&self, asks: bool) -> (Alarm, Instant) {
        let limit = |phase, after, from| (Alarm::TimedOut { phase, after }, later(from, after));
        let total = self.limits.total.map(|after| limit(Phase::Total, after, self.started));
        let idle =
            self.limits.idle.filter(|_| !asks).map(|after| limit(Phase::Idle, after, self.quiet_since));
        let lingers = self.stdout_ended || (self.is_lingering() && !asks);
        let linger = lingers.then(|| (Alarm::NothingFollows, later(self.quiet_since, self.limits.linger)));
        let all = [total, idle, linger].into_iter().flatten();
        all.min_by_key(|(_, at)| *at).unwrap_or((Alarm::NothingFollows, self.quiet_since + NEVER))
    }
}

/// A limit too large to be added is none.
fn later(from: Instant, after: Duration) -> Instant {
    from.checked_add(after).unwrap_or(from + NEVER)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cli::line::scan;

    fn clock() -> Clock {
        let (idle, total) = (Some(Duration::from_secs(60)), Some(Duration::from_secs(600)));
        Clock::new(Limits { idle, total, ..Limits::default() })
    }

    fn saw(clock: &mut Clock, line: &'static str) {
        let line = Bytes::from_static(line.as_bytes());
        clock.saw(&Message::read(scan(&line, false).kind, &line));
    }

    const RESULT: &str = r#"{"type":"result","subtype":"success"}"#;

    #[tokio::test(start_paused = true)]
    async fn silence_does_not_count_while_somebody_is_asked() {
        let clock = clock();
        assert!(matches!(clock.next(false).0, Alarm::TimedOut { phase: Phase::Idle, .. }));
        assert!(matches!(clock.next(true).0, Alarm::TimedOut { phase: Phase::Total, .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_limit_is_none() {
        let total = Some(Duration::MAX);
        let clock = Clock::new(Limits { total, linger: Duration::MAX, ..Limits::default() });
        assert!(clock.next(false).1 > Instant::now() + NEVER / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_result_nothing_more_is_awaited_for_long() {
        let mut clock = clock();
        saw(&mut clock, RESULT);
        assert_eq!(clock.next(false).0, Alarm::NothingFollows);
        saw(&mut clock, r#"{"type":"system","subtype":"init","session_id":"x"}"#);
        assert_ne!(clock.next(false).0, Alarm::NothingFollows);
    }

    #[tokio::test(start_paused = true)]
    async fn a_subagent_is_waited_for_and_a_background_command_is_not() {
        let tasks = |kind| {
            format!(
                r#"{{"type":"system","subtype":"background_tasks_changed","tasks":[{{"task_type":"{kind}"}}]}}"#
            )
        };
        let mut clock = clock();
        saw(&mut clock, RESULT);
        saw(&mut clock, tasks("local_agent").leak());
        assert!(!clock.is_lingering());
        saw(&mut clock, tasks("local_bash").leak());
        assert!(clock.is_lingering());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_a_consumer_takes_is_not_silence() {
        let mut clock = clock();
        tokio::time::advance(Duration::from_secs(300)).await;
        clock.resumes();
        let (_, at) = clock.next(false);
        assert_eq!(at - Instant::now(), Duration::from_secs(60));
    }
}
