//! Waiting for whatever comes first.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::strangers::Clearing;
use super::{Host, Keeper};

/// How often a spawner without an owner looks whether it can go.
const LEAVE_EVERY: Duration = Duration::from_secs(1);

/// What is ready. The number is a tree's place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Requests,
    /// The error pipe of a start.
    Launching(usize),
    /// The owner of a tree.
    Link(usize),
    /// The direct child, where it is known by a descriptor.
    Child(usize),
    /// The members of a tree have become none, or some.
    Members(usize),
    Signals,
}

impl Keeper {
    /// Waits until something is ready or a deadline passes.
    pub(super) fn wait(&self, clearing: Clearing, now: Instant) -> Vec<Source> {
        let (sources, mut polled) = self.sources();
        let timeout = self.next_deadline(clearing, now).map(|deadline| timespec(deadline, now));
        if poll(&mut polled, timeout.as_ref()).is_err() {
            // Interrupted, or out of memory: both are best met by another turn.
            return Vec::new();
        }
        let ready = sources.into_iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty());
        ready.map(|(source, _)| source).collect()
    }

    /// In the order in which they are handled: a start's error pipe before the end of its child, and requests
    /// last, as they add trees.
    fn sources(&self) -> (Vec<Source>, Vec<PollFd<'_>>) {
        let mut sources = Vec::with_capacity(2 + 2 * self.trees.len());
        let mut polled = Vec::with_capacity(sources.capacity());
        let mut add = |source, fd, flags| {
            sources.push(source);
            polled.push(PollFd::from_borrowed_fd(fd, flags));
        };
        for (index, tree) in self.trees.iter().enumerate() {
            let watched = tree.watched();
            for (source, fd, flags) in [
                (Source::Launching(index), watched.launching, PollFlags::IN),
                (Source::Link(index), watched.link, PollFlags::IN),
                (Source::Child(index), watched.child, PollFlags::IN),
                (Source::Members(index), watched.members, PollFlags::PRI),
            ] {
                if let Some(fd) = fd {
                    add(source, fd, flags);
                }
            }
        }
        match &self.host {
            Host::Spawner { signals, .. } | Host::Supervisor { signals } => {
                add(Source::Signals, signals.as_fd(), PollFlags::IN);
            }
            Host::Thread => {}
        }
        if let Some(requests) = &self.requests {
            add(Source::Requests, requests.as_fd(), PollFlags::IN);
        }
        (sources, polled)
    }

    fn next_deadline(&self, clearing: Clearing, now: Instant) -> Option<Instant> {
        let trees = self.trees.iter().filter_map(super::kept::Kept::deadline);
        let strangers = match clearing {
            Clearing::Clear => None,
            Clearing::Until(again) | Clearing::GivenUp(again) => Some(again),
        };
        // Without an owner it is time to leave, and nothing tells when the last obstacle is gone.
        let is_leaving = self.requests.is_none() && matches!(self.host, Host::Spawner { .. });
        let leaving = is_leaving.then_some(now + LEAVE_EVERY);
        trees.chain(strangers).chain(leaving).min()
    }
}

fn timespec(deadline: Instant, now: Instant) -> Timespec {
    let left = deadline.saturating_duration_since(now);
    // Rounded by nothing: an early turn would find the deadline not passed and come back.
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}
