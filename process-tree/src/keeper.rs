//! The loop that holds trees: it launches, reaps, escalates and reports. The same code runs in three places,
//! see [`Host`].

pub(crate) mod arrival;
pub(crate) mod holder;
pub(crate) mod kept;
mod launching;
pub(crate) mod receiving;
pub(crate) mod strangers;
mod waiting;

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::command::Reach;
use crate::hunt;
use crate::kernel::fork::{self, Side};
use crate::kernel::launch::Files;
use crate::kernel::reap::{self, Reap};
use crate::kernel::signals::ChildSignals;
use crate::supervisor;
use crate::wire::{Ended, Failure, Report, Request, Stage};
use arrival::{Arrival, Arrived};
use kept::{Kept, Look, Remains};
use strangers::{Clearing, Strangers};
use waiting::Source;

/// Trees that one keeper holds at most; a request beyond it is dropped, which the owner sees as a failed start.
pub(crate) const TREES_MAX: usize = 4096;

/// How long a spawner whose owner is gone hunts for stray orphans before it gives up on them.
const LAST_HUNT: Duration = Duration::from_secs(10);

/// Where a keeper runs, and so whose ends it hears of.
#[derive(Debug)]
pub(crate) enum Host {
    /// The process that `init` forked. Every orphan without a supervisor falls to it.
    Spawner { signals: ChildSignals, strangers: Strangers, supervisors: HashSet<i32> },
    /// The process of one tree. Every orphan of the tree falls to it, so that having no children means that
    /// nobody is left.
    Supervisor { signals: ChildSignals },
    /// A thread of the owner: other children are none of its business.
    Thread,
}

/// What a keeper holds.
#[derive(Debug)]
pub(crate) struct Keeper {
    host: Host,
    /// `None` once the owner is gone, and in a supervisor.
    requests: Option<OwnedFd>,
    trees: Vec<Kept>,
    /// Streams on which to say that no stray orphan is left.
    clearings: Vec<OwnedFd>,
    give_up: Option<Instant>,
}

impl Keeper {
    pub(crate) fn new(host: Host, requests: OwnedFd) -> Self {
        Keeper { host, requests: Some(requests), trees: Vec::new(), clearings: Vec::new(), give_up: None }
    }

    /// A supervisor's, which holds its one tree from the beginning.
    pub(crate) fn of_one(signals: ChildSignals, tree: Kept) -> Self {
        let host = Host::Supervisor { signals };
        Keeper { host, requests: None, trees: vec![tree], clearings: Vec::new(), give_up: None }
    }

    /// Runs until there is nothing to hold and nobody to ask for more.
    pub(crate) fn run(mut self) {
        loop {
            let now = Instant::now();
            for tree in &mut self.trees {
                tree.on_tick(now);
            }
            let clearing = self.find_empty(now);
            self.trees.retain(|tree| !tree.is_over());
            if self.is_over(clearing, now) {
                return;
            }
            for source in self.wait(clearing, Instant::now()) {
                self.on_ready(source);
            }
        }
    }

    fn is_over(&mut self, clearing: Clearing, now: Instant) -> bool {
        if self.requests.is_some() || !self.trees.is_empty() {
            return false;
        }
        let Host::Spawner { supervisors, .. } = &self.host else { return true };
        let give_up = *self.give_up.get_or_insert(now + LAST_HUNT);
        for supervisor in supervisors {
            // Someone may have stopped it, and then it doesn't know yet that the owner is gone.
            hunt::signal_child(*supervisor, libc::SIGCONT);
        }
        supervisors.is_empty() && (clearing == Clearing::Clear || now >= give_up)
    }

    fn on_ready(&mut self, source: Source) {
        match source {
            Source::Requests => self.on_request(),
            Source::Signals => self.on_child_signal(),
            Source::Link(index) => {
                if let Some(tree) = self.trees.get_mut(index) {
                    tree.on_link(&self.host);
                }
            }
            Source::Launching(index) => {
                if let Some(tree) = self.trees.get_mut(index) {
                    tree.on_launching();
                }
                // In a supervisor, the last child may have been reaped before its start was told.
                self.on_child_signal();
            }
            Source::Child(index) => {
                if let Some(tree) = self.trees.get_mut(index) {
                    end_one(tree);
                }
            }
            Source::Members(index) => {
                if let Some(tree) = self.trees.get_mut(index) {
                    tree.look_again();
                }
            }
        }
    }

    fn on_request(&mut self) {
        let Some(requests) = &self.requests else { return };
        match arrival::receive(requests) {
            Arrival::None => {}
            Arrival::Gone => self.requests = None,
            Arrival::One(Arrived::Clear { stream }) => {
                self.clearings.push(stream);
                self.suspect_strangers();
            }
            Arrival::One(Arrived::Tree { request, link, files }) => self.on_tree(request, link, files),
        }
    }

    fn on_tree(&mut self, request: Request, link: OwnedFd, files: Files) {
        let (Request::Piped(reach) | Request::OnTerminal(reach)) = request else { return };
        if self.trees.len() >= TREES_MAX {
            return;
        }
        match (&mut self.host, reach) {
            (Host::Spawner { signals, supervisors, .. }, Reach::Supervisor) => {
                if supervisors.len() >= TREES_MAX {
                    return;
                }
                match fork::fork() {
                    Ok(Side::Child) => supervisor::run(signals, link, files),
                    Ok(Side::Parent { child }) => drop(supervisors.insert(child)),
                    Err(error) => refuse(&link, &error),
                }
            }
            _ => {
                let mut tree = Kept::new(link, files, reach);
                // Mostly the whole launch is there already.
                tree.on_link(&self.host);
                self.trees.push(tree);
            }
        }
    }

    fn on_child_signal(&mut self) {
        let (Host::Spawner { signals, .. } | Host::Supervisor { signals }) = &self.host else { return };
        signals.clear();
        loop {
            match reap::any() {
                Reap::One(pid, ended) => self.on_reaped(pid, ended),
                Reap::NotYet => break,
                Reap::NoChildren => {
                    self.on_childless();
                    break;
                }
            }
        }
        for tree in &mut self.trees {
            tree.look_again();
        }
    }

    fn on_reaped(&mut self, pid: i32, ended: Ended) {
        if let Some(tree) = self.trees.iter_mut().find(|tree| tree.child() == Some(pid)) {
            tree.on_ended(ended, Remains::Reaped);
        } else if let Host::Spawner { supervisors, .. } = &mut self.host
            && supervisors.remove(&pid)
        {
            // Had it been killed, its tree would be ours now.
            self.suspect_strangers();
        }
    }

    /// In a supervisor, this is the exact sign that nobody is left.
    fn on_childless(&mut self) {
        if let Host::Supervisor { .. } = self.host {
            for tree in &mut self.trees {
                tree.on_empty();
            }
        }
    }

    fn suspect_strangers(&mut self) {
        if let Host::Spawner { strangers, .. } = &mut self.host {
            strangers.suspect();
        }
    }

    /// Ends the trees that have nobody left, once no stray orphan is about: whoever left a cgroup must not
    /// outlive its tree.
    fn find_empty(&mut self, now: Instant) -> Clearing {
        let empty: Vec<usize> =
            (0..self.trees.len()).filter(|index| self.trees[*index].look(now) == Look::Empty).collect();
        if !empty.is_empty() || self.requests.is_none() {
            self.suspect_strangers();
        }
        let clearing = self.clear_strangers(now);
        if clearing.is_settled() {
            for index in empty {
                self.trees[index].on_empty();
            }
        }
        clearing
    }

    /// Kills orphans that fell to the spawner out of no living tree.
    fn clear_strangers(&mut self, now: Instant) -> Clearing {
        let Host::Spawner { strangers, supervisors, .. } = &mut self.host else { return Clearing::Clear };
        let clearing = strangers.clear(&self.trees, supervisors, now);
        if clearing.is_settled() {
            for stream in self.clearings.drain(..) {
                kept::send(&stream, Report::Empty { left: 0 });
            }
        }
        clearing
    }
}

fn end_one(tree: &mut Kept) {
    let Some(pid) = tree.child() else { return };
    match reap::peek(pid) {
        Reap::One(_, ended) => tree.on_ended(ended, Remains::Unreaped),
        Reap::NotYet => {}
        // The owner ignores SIGCHLD or waits for everybody's children.
        Reap::NoChildren => tree.on_ended(Ended::default(), Remains::Reaped),
    }
}

fn refuse(link: &OwnedFd, error: &std::io::Error) {
    let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
    kept::send(link, Report::Failed(Failure { stage: Stage::Fork, errno }));
}
