//! How a tree is brought to its end: a pure state machine, told what happened and when, answering what to do.

use std::time::{Duration, Instant};

use crate::wire::Plan;

/// How often a kill is repeated: new members may have been forked meanwhile.
pub(crate) const KILL_EVERY: Duration = Duration::from_millis(10);

/// How often members that outlived the last deadline are killed again.
pub(crate) const LINGER_EVERY: Duration = Duration::from_secs(1);

/// Where a tree stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody asked for an end.
    Running,
    /// The child got the first signal.
    First { until: Instant, plan: Plan },
    /// Everybody got `SIGTERM`.
    Terminating { until: Instant, plan: Plan },
    /// Everybody gets `SIGKILL`, again and again.
    Killing { until: Instant, again: Instant },
    /// The last deadline passed and the owner was told; the kernel holds someone back.
    Lingering { again: Instant },
    /// Nobody is left.
    Done,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The owner asked for an end.
    End(Plan),
    /// The owner closed its stream, or died.
    OwnerGone,
    /// The direct child was reaped.
    ChildGone,
    /// The last member is gone.
    Empty,
    /// Time passed.
    Tick,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// This signal to the direct child, and `SIGCONT` in case it is stopped.
    SignalChild(i32),
    /// `SIGTERM` to everybody, and `SIGCONT` as well.
    TerminateAll,
    KillAll,
    /// Count who is left and tell the owner.
    ReportLeft,
}

#[derive(Debug)]
pub(crate) struct Escalation {
    state: State,
    child: Child,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Child {
    Alive,
    Gone,
}

impl Escalation {
    pub(crate) fn new() -> Self {
        Escalation { state: State::Running, child: Child::Alive }
    }

    /// One transition. At most one thing is to be done after it.
    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Option<Action> {
        if event == Event::ChildGone {
            self.child = Child::Gone;
        }
        let (state, action) = self.next(event, now);
        self.state = state;
        action
    }

    /// When [`Event::Tick`] is due at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Running | State::Done => None,
            State::First { until, .. } | State::Terminating { until, .. } => Some(until),
            State::Killing { until, again } => Some(until.min(again)),
            State::Lingering { again } => Some(again),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    fn next(&self, event: Event, now: Instant) -> (State, Option<Action>) {
        match (self.state, event) {
            (State::Done, _) | (_, Event::Empty) => (State::Done, None),
            (State::Running, Event::End(plan)) => self.begin(plan, now),
            (State::Running, Event::OwnerGone) => kill(Plan::KILL, now),
            (State::First { .. } | State::Terminating { .. }, Event::End(plan)) if is_at_once(plan) => {
                kill(plan, now)
            }
            (State::First { plan, .. }, Event::ChildGone) => terminate(plan, now),
            (State::First { until, plan }, _) if now >= until => terminate(plan, now),
            (State::Terminating { until, plan }, _) if now >= until => kill(plan, now),
            (State::Killing { until, .. }, _) if now >= until => {
                (State::Lingering { again: now + LINGER_EVERY }, Some(Action::ReportLeft))
            }
            (State::Killing { until, again }, _) if now >= again => {
                (State::Killing { until, again: now + KILL_EVERY }, Some(Action::KillAll))
            }
            (State::Lingering { again }, _) if now >= again => {
                (State::Lingering { again: now + LINGER_EVERY }, Some(Action::KillAll))
            }
            (state, _) => (state, None),
        }
    }

    fn begin(&self, plan: Plan, now: Instant) -> (State, Option<Action>) {
        if plan.first_for.is_zero() || self.child == Child::Gone {
            return terminate(plan, now);
        }
        (State::First { until: now + plan.first_for, plan }, Some(Action::SignalChild(plan.first)))
    }
}

fn terminate(plan: Plan, now: Instant) -> (State, Option<Action>) {
    if plan.terminate_for.is_zero() {
        return kill(plan, now);
    }
    (State::Terminating { until: now + plan.terminate_for, plan }, Some(Action::TerminateAll))
}

fn kill(plan: Plan, now: Instant) -> (State, Option<Action>) {
    (State::Killing { until: now + plan.kill_for, again: now + KILL_EVERY }, Some(Action::KillAll))
}

fn is_at_once(plan: Plan) -> bool {
    plan.first_for.is_zero() && plan.terminate_for.is_zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        first: libc::SIGINT,
        first_for: Duration::from_secs(1),
        terminate_for: Duration::from_secs(2),
        kill_for: Duration::from_secs(2),
    };

    fn started() -> (Escalation, Instant) {
        (Escalation::new(), Instant::now())
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_stubborn_tree_goes_through_every_step() {
        let (mut tree, t) = started();
        assert_eq!(tree.on(Event::End(PLAN), t), Some(Action::SignalChild(libc::SIGINT)));
        assert_eq!(tree.deadline(), Some(after(t, 1000)));
        assert_eq!(tree.on(Event::Tick, after(t, 999)), None);
        assert_eq!(tree.on(Event::Tick, after(t, 1000)), Some(Action::TerminateAll));
        assert_eq!(tree.on(Event::Tick, after(t, 2999)), None);
        assert_eq!(tree.on(Event::Tick, after(t, 3000)), Some(Action::KillAll));
        assert_eq!(tree.on(Event::Tick, after(t, 3010)), Some(Action::KillAll));
        assert_eq!(tree.on(Event::Tick, after(t, 5000)), Some(Action::ReportLeft));
        assert_eq!(tree.on(Event::Tick, after(t, 6000)), Some(Action::KillAll));
        assert_eq!(tree.on(Event::Empty, after(t, 6001)), None);
        assert_eq!(tree.state(), State::Done);
    }

    #[test]
    fn nobody_left_ends_every_step_at_once() {
        for millis in [0, 1000, 3000] {
            let (mut tree, t) = started();
            tree.on(Event::End(PLAN), t);
            for step in [1000, 3000] {
                if step <= millis {
                    tree.on(Event::Tick, after(t, step));
                }
            }
            assert_eq!(tree.on(Event::Empty, after(t, millis + 1)), None);
            assert_eq!(tree.state(), State::Done);
            assert_eq!(tree.deadline(), None);
        }
    }

    #[test]
    fn a_child_that_goes_first_leaves_the_rest_to_sigterm() {
        let (mut tree, t) = started();
        tree.on(Event::End(PLAN), t);
        assert_eq!(tree.on(Event::ChildGone, after(t, 5)), Some(Action::TerminateAll));
    }

    #[test]
    fn a_child_gone_before_the_end_gets_no_first_signal() {
        let (mut tree, t) = started();
        assert_eq!(tree.on(Event::ChildGone, t), None);
        assert_eq!(tree.on(Event::End(PLAN), t), Some(Action::TerminateAll));
    }

    #[test]
    fn an_owner_that_dies_has_everybody_killed_at_once() {
        let (mut tree, t) = started();
        assert_eq!(tree.on(Event::OwnerGone, t), Some(Action::KillAll));
    }

    #[test]
    fn an_owner_that_asked_and_left_has_its_way() {
        let (mut tree, t) = started();
        tree.on(Event::End(PLAN), t);
        assert_eq!(tree.on(Event::OwnerGone, t), None);
        assert_eq!(tree.deadline(), Some(after(t, 1000)));
    }

    #[test]
    fn a_second_end_may_only_hasten() {
        let (mut tree, t) = started();
        tree.on(Event::End(PLAN), t);
        assert_eq!(tree.on(Event::End(PLAN), after(t, 500)), None);
        assert_eq!(tree.deadline(), Some(after(t, 1000)));
        assert_eq!(tree.on(Event::End(Plan::KILL), after(t, 600)), Some(Action::KillAll));
    }

    #[test]
    fn skipped_steps_are_skipped() {
        let (mut tree, t) = started();
        let plan = Plan { first_for: Duration::ZERO, ..PLAN };
        assert_eq!(tree.on(Event::End(plan), t), Some(Action::TerminateAll));
        let (mut tree, t) = started();
        let plan = Plan { terminate_for: Duration::ZERO, ..PLAN };
        tree.on(Event::End(plan), t);
        assert_eq!(tree.on(Event::ChildGone, t), Some(Action::KillAll));
    }
}
