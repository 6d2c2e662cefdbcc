//! One terminal.

pub(crate) mod child;
pub(crate) mod device;
pub(crate) mod flow;
pub(crate) mod input;
pub(crate) mod patience;
pub(crate) mod ring;
pub(crate) mod silence;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod viewer;

use std::sync::Arc;

use crate::attach::{Attach, Mode, Stalling, Start};
use crate::error::{Error, Limit, Result};
use crate::exit::Exit;
use crate::frame::Reason;
use crate::id::{Owner, TerminalId};
use crate::info::Info;
use crate::signal::Signal;
use flow::Role;
use state::{Line, Shared};
use viewer::Viewer;

/// A terminal: a child on it, what it wrote, and who looks at it. A handle: dropping the last one ends nothing.
#[derive(Debug, Clone)]
pub struct Terminal {
    pub(crate) shared: Arc<Shared>,
}

impl Terminal {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> TerminalId {
        self.shared.id
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.shared.facts.owner
    }

    /// What runs in it, as its [`Spec`](crate::Spec) calls it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.shared.facts.label
    }

    /// How it stands.
    #[must_use]
    pub fn info(&self) -> Info {
        self.shared.info()
    }

    /// Attaches a viewer. A writer takes over the place that was kept for one whose connection was cut, if it begins
    /// between what that one acknowledged and what it was sent. An ended terminal can be attached to as well: what it wrote is told, then
    /// its end.
    ///
    /// # Errors
    /// [`Error::NotFound`] once it was deleted, [`Error::ShuttingDown`], [`Error::LimitReached`] for too many viewers.
    pub fn attach(&self, attach: Attach) -> Result<Viewer> {
        let shared = &self.shared;
        let mut state = shared.lock();
        match state.end {
            Some(Reason::Deleted) => return Err(Error::NotFound),
            Some(Reason::ShuttingDown) => return Err(Error::ShuttingDown),
            _ if state.is_forgotten => return Err(Error::NotFound),
            _ => {}
        }
        let max = shared.limits.viewers;
        if state.flow.viewers() >= max {
            return Err(Error::LimitReached { limit: Limit::Viewers, max });
        }
        let (base, head) = (state.ring.base(), state.ring.head());
        let from = attach.from.unwrap_or(base).min(head);
        let id = state.flow.sit(Role::Viewer(attach.mode), (from, base), Line::default());
        if attach.stalling == Stalling::Waits {
            state.flow.wait_for(id);
        }
        let (size, phase, mode) = (state.size, state.phase, attach.mode);
        drop(state);
        if mode == Mode::Write {
            // Whom the child waits for has changed.
            shared.changed.notify_one();
        }
        let start = Start { from, base, head, window: shared.limits.window, mode, size, phase };
        Ok(Viewer::new(shared, id, start))
    }

    /// Signals the process group in the foreground.
    ///
    /// # Errors
    /// [`Error::Exited`], [`Error::Signal`].
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let state = self.shared.lock();
        match (&state.device, &state.exit) {
            (Some(device), _) => {
                device.signal(signal, state.leader(&self.shared.facts)).map_err(Error::Signal)
            }
            (None, Some(exit)) => Err(Error::Exited(exit.clone())),
            (None, None) => Err(Error::NotFound),
        }
    }

    /// Ends the child and all that descends from it (`SIGHUP`, after 1 s `SIGTERM`, after 3 s `SIGKILL`), closes the
    /// viewers and forgets the terminal. Returns once nobody is left. Cancelled, it goes on by itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] if how it ended is not known, which takes somebody who killed the helpers.
    pub async fn end(&self) -> Result<Exit> {
        self.shared.request_end(Reason::Deleted);
        self.shared.until(|state| state.is_forgotten).await;
        self.shared.lock().exit.clone().ok_or(Error::NotFound)
    }

    /// Waits for the end of the child's output, which comes after the child's own.
    pub async fn exited(&self) -> Option<Exit> {
        self.shared.until(|state| state.phase == crate::Phase::Exited).await;
        self.shared.lock().exit.clone()
    }
}
