//! One tree in a keeper's hands: from the launch body coming in to nobody being left.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use super::Host;
use super::holder::Holder;
use super::launching::{self, Begun, Child};
use super::receiving::{BodyReader, FrameReader, Received, wipe};
use crate::command::Reach;
use crate::escalation::{Action, Escalation, Event, State};
use crate::hunt;
use crate::kernel::launch::{self, FAILURE_BYTES, Files};
use crate::kernel::reap;
use crate::wire::{Control, Ended, Report};

/// The first rest before looking again whether anybody is left; it doubles up to the longest. A cgroup tells by
/// itself, but late, and the kernel lets go of a member a moment after its end.
const REST_FIRST: Duration = Duration::from_millis(1);
const REST_LONGEST: Duration = Duration::from_millis(500);

/// A look or a hunt through a full process table takes long. It rests that many times as long, for the sake of
/// the other trees of a thread.
const LOOK_SHARE: u32 = 4;

/// What a look for members found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    NotDue,
    Populated,
    Empty,
}

/// What is left of a direct child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    Reaped,
    /// Left unreaped until the tree is gone, so that its process id goes on to name its group and session.
    Unreaped,
}

#[derive(Debug)]
pub(crate) struct Kept {
    /// `None` once the owner is gone or knows all.
    link: Option<OwnedFd>,
    frames: FrameReader,
    phase: Phase,
    escalation: Escalation,
    look_at: Instant,
    rest: Duration,
    /// When members may be hunted by their mark again.
    hunt_at: Instant,
}

#[derive(Debug)]
enum Phase {
    Receiving {
        reach: Reach,
        files: Files,
        body: BodyReader,
    },
    /// Forked, not yet known to have executed.
    Launching {
        child: Child,
        holder: Holder,
        failure: OwnedFd,
        supervisor: Option<u32>,
        ended: Option<(Ended, Remains)>,
    },
    Running {
        child: Child,
        holder: Holder,
    },
    /// The direct child has ended; others may be there.
    Ended {
        holder: Holder,
        unreaped: Option<i32>,
    },
    Over,
}

/// What a tree waits for.
#[derive(Debug, Default)]
pub(crate) struct Watched<'a> {
    pub(crate) link: Option<BorrowedFd<'a>>,
    pub(crate) launching: Option<BorrowedFd<'a>>,
    pub(crate) child: Option<BorrowedFd<'a>>,
    pub(crate) members: Option<BorrowedFd<'a>>,
}

impl Kept {
    pub(crate) fn new(link: OwnedFd, files: Files, reach: Reach) -> Self {
        Kept {
            link: Some(link),
            frames: FrameReader::default(),
            phase: Phase::Receiving { reach, files, body: BodyReader::default() },
            escalation: Escalation::new(),
            look_at: Instant::now(),
            rest: REST_FIRST,
            hunt_at: Instant::now(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The direct child, unless it has ended.
    pub(crate) fn child(&self) -> Option<i32> {
        match &self.phase {
            Phase::Launching { child, ended: None, .. } | Phase::Running { child, .. } => Some(child.pid),
            _ => None,
        }
    }

    /// The direct child as long as its id is surely its own.
    fn pinned(&self) -> Option<i32> {
        match &self.phase {
            Phase::Ended { unreaped, .. } => *unreaped,
            _ => self.child(),
        }
    }

    /// Whether `name` is that of this tree's cgroup.
    pub(crate) fn is_in(&self, name: &str) -> bool {
        matches!(self.holder(), Some(Holder::Cgroup(group)) if group.is_named(name))
    }

    pub(crate) fn watched(&self) -> Watched<'_> {
        let link = self.link.as_ref().map(AsFd::as_fd);
        let mut watched = Watched { link, ..Watched::default() };
        match &self.phase {
            Phase::Launching { failure, .. } => watched.launching = Some(failure.as_fd()),
            Phase::Running { child, .. } => watched.child = child.exact.as_ref().map(AsFd::as_fd),
            Phase::Ended { holder: Holder::Cgroup(group), .. } => watched.members = Some(group.events()),
            Phase::Ended { .. } | Phase::Receiving { .. } | Phase::Over => {}
        }
        watched
    }

    /// When [`on_tick`](Self::on_tick) or [`look`](Self::look) is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let look_at = match &self.phase {
            Phase::Ended { holder: Holder::Cgroup(_) | Holder::Marked(_), .. } => Some(self.look_at),
            _ => None,
        };
        self.escalation.deadline().into_iter().chain(look_at).min()
    }

    pub(crate) fn on_tick(&mut self, now: Instant) {
        if self.escalation.deadline().is_some_and(|deadline| now >= deadline) {
            self.escalate(Event::Tick);
        }
    }

    /// The owner said something, or is gone.
    pub(crate) fn on_link(&mut self, host: &Host) {
        if let Phase::Receiving { .. } = self.phase {
            self.on_body(host);
            return;
        }
        while let Some(link) = &self.link {
            match self.frames.read(link) {
                Received::Part => return,
                Received::Gone => {
                    self.link = None;
                    self.escalate(Event::OwnerGone);
                }
                Received::Whole(frame) => match Control::decode(&frame) {
                    Some(Control::Signal(number)) => self.signal_child(number),
                    Some(Control::End(plan)) => self.escalate(Event::End(plan)),
                    None => {}
                },
            }
        }
    }

    /// The error pipe of the start has a message or its end.
    pub(crate) fn on_launching(&mut self) {
        let Phase::Launching { child, failure, supervisor, .. } = &self.phase else { return };
        let mut bytes = [0; FAILURE_BYTES];
        let report = match rustix::io::read(failure, &mut bytes) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
            Ok(FAILURE_BYTES) => Report::Failed(launch::failure(bytes)),
            _ => Report::Started { child: child.pid.cast_unsigned(), supervisor: *supervisor },
        };
        self.say(report);
        let has_failed = matches!(report, Report::Failed(_));
        if has_failed {
            // What is to come is no news to the owner any more.
            self.link = None;
        }
        self.settle();
        if has_failed {
            self.escalate(Event::OwnerGone);
        }
    }

    /// The direct child has ended.
    pub(crate) fn on_ended(&mut self, end: Ended, remains: Remains) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Launching { child, holder, failure, supervisor, .. } => {
                // Told when the start has been.
                let ended = Some((end, remains));
                self.phase = Phase::Launching { child, holder, failure, supervisor, ended };
            }
            Phase::Running { child, holder } => self.on_child_gone(child.pid, holder, (end, remains)),
            other => self.phase = other,
        }
    }

    /// Something may have changed: look at once.
    pub(crate) fn look_again(&mut self) {
        self.look_at = Instant::now();
        self.rest = REST_FIRST;
    }

    /// Whether anybody is left, if it is time to look.
    pub(crate) fn look(&mut self, now: Instant) -> Look {
        let Phase::Ended { holder, unreaped } = &self.phase else { return Look::NotDue };
        if now < self.look_at || matches!(holder, Holder::Descendants) {
            return Look::NotDue;
        }
        if !holder.is_populated(*unreaped) {
            return Look::Empty;
        }
        let after = Instant::now();
        self.look_at = after + self.rest.max((after - now) * LOOK_SHARE);
        self.rest = (self.rest * 2).min(REST_LONGEST);
        Look::Populated
    }

    /// Nobody is left, for certain.
    pub(crate) fn on_empty(&mut self) {
        if let Phase::Ended { .. } = self.phase {
            self.escalate(Event::Empty);
        }
    }

    fn holder(&self) -> Option<&Holder> {
        match &self.phase {
            Phase::Launching { holder, .. } | Phase::Running { holder, .. } | Phase::Ended { holder, .. } => {
                Some(holder)
            }
            Phase::Receiving { .. } | Phase::Over => None,
        }
    }

    fn on_body(&mut self, host: &Host) {
        let Phase::Receiving { body, .. } = &mut self.phase else { return };
        let Some(link) = &self.link else { return };
        let bytes = match body.read(link) {
            Received::Part => return,
            Received::Gone => {
                self.phase = Phase::Over;
                return;
            }
            Received::Whole(bytes) => bytes,
        };
        let Phase::Receiving { reach, files, .. } = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        match launching::launch(&bytes, &files, reach, host) {
            Ok(Begun { child, holder, failure, supervisor }) => {
                self.phase = Phase::Launching { child, holder, failure, supervisor, ended: None };
            }
            Err(failure) => self.say(Report::Failed(failure)),
        }
        wipe(bytes);
    }

    /// The start is told; now what happened meanwhile.
    fn settle(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Launching { child, holder, ended: None, .. } => {
                self.phase = Phase::Running { child, holder };
            }
            Phase::Launching { child, holder, ended: Some(ended), .. } => {
                self.on_child_gone(child.pid, holder, ended);
            }
            other => self.phase = other,
        }
    }

    fn on_child_gone(&mut self, pid: i32, holder: Holder, (ended, remains): (Ended, Remains)) {
        let unreaped = (remains == Remains::Unreaped).then_some(pid);
        self.phase = Phase::Ended { holder, unreaped };
        self.look_again();
        self.say(Report::Exited(ended));
        self.escalate(Event::ChildGone);
    }

    fn signal_child(&self, number: i32) {
        if let Some(child) = self.child() {
            hunt::signal_child(child, number);
        }
    }

    fn escalate(&mut self, event: Event) {
        let action = self.escalation.on(event, Instant::now());
        if let Some(action) = action {
            self.act(action);
        }
        if self.escalation.state() == State::Done {
            self.finish();
        }
    }

    fn act(&mut self, action: Action) {
        let child = self.pinned();
        match (action, self.holder()) {
            (Action::SignalChild(number), _) => {
                self.signal_child(number);
                // One that is stopped takes notice of the first signal only when it goes on.
                if number != libc::SIGSTOP {
                    self.signal_child(libc::SIGCONT);
                }
            }
            (Action::TerminateAll, Some(holder)) => holder.terminate(child),
            (Action::KillAll, Some(holder)) => {
                let begun = Instant::now();
                if matches!(holder, Holder::Marked(_)) && begun < self.hunt_at {
                    return;
                }
                holder.kill(child);
                self.look_again();
                self.hunt_at = self.look_at + (self.look_at - begun) * LOOK_SHARE;
            }
            (Action::ReportLeft, Some(holder)) => {
                let left = u32::try_from(holder.members(child).len()).unwrap_or(u32::MAX);
                self.say(Report::Empty { left });
                self.link = None;
            }
            (_, None) => {}
        }
    }

    /// Nobody is left: removes the cgroup, then says so.
    fn finish(&mut self) {
        if let Some(pid) = self.pinned() {
            reap::one(pid);
        }
        if let Some(Holder::Cgroup(group)) = self.holder() {
            // One that can't be removed is removed by a later sweep.
            drop(group.remove());
        }
        self.say(Report::Empty { left: 0 });
        self.link = None;
        self.phase = Phase::Over;
    }

    fn say(&self, report: Report) {
        if let Some(link) = &self.link {
            send(link, report);
        }
    }
}

/// A stream takes the few reports of a tree without waiting. A failure means that nobody is there to hear.
pub(crate) fn send(link: &OwnedFd, report: Report) {
    let _ = rustix::net::send(link, &report.encode(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}
