//! Which socket has which terminal, and what becomes of a terminal whose socket is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pty_core::{Phase, Terminal, TerminalId, Viewer};
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;

/// The terminals that sockets have. Clones share them.
#[derive(Clone)]
pub(super) struct Places {
    grace: Duration,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    holders: HashMap<TerminalId, Holder>,
    next: u64,
}

/// Who has a terminal.
struct Holder {
    number: u64,
    taken_over: CancellationToken,
    bond: Bond,
    backlog: Arc<tokio::sync::Mutex<Backlog>>,
}

/// Whether a terminal ends when it has no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bond {
    /// It was started over Socket.IO, and lives as long as a socket has it, and a grace longer.
    Lives,
    /// It was started elsewhere, and sockets come and go.
    Loose,
}

/// A terminal that a socket has. Dropped, nobody has it, and it ends where it lives by that.
pub(super) struct Hold {
    terminal: Terminal,
    number: u64,
    taken_over: CancellationToken,
    backlog: Arc<tokio::sync::Mutex<Backlog>>,
    places: Places,
}

impl Places {
    /// With the time that a terminal without a socket lives.
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, book: Arc::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A terminal that was started for a socket.
    pub(super) fn begin(&self, terminal: Terminal) -> Hold {
        self.hold(terminal, Bond::Lives)
    }

    /// Takes a terminal up; whoever has it is told.
    pub(super) fn take_up(&self, terminal: Terminal) -> Hold {
        self.hold(terminal, Bond::Loose)
    }

    /// Whether somebody has it, or could come back to it.
    pub(super) fn holds(&self, id: TerminalId) -> bool {
        self.book().holders.contains_key(&id)
    }

    /// Of one that is held already the bond stays, and what waits to be given to it.
    fn hold(&self, terminal: Terminal, bond: Bond) -> Hold {
        let taken_over = CancellationToken::new();
        let mut book = self.book();
        book.next += 1;
        let number = book.next;
        let before =
            book.holders.get(&terminal.id()).map(|before| (before.bond, Arc::clone(&before.backlog)));
        let (bond, backlog) = before.unwrap_or_else(|| (bond, Arc::default()));
        let holder = Holder { number, taken_over: taken_over.clone(), bond, backlog: Arc::clone(&backlog) };
        if let Some(before) = book.holders.insert(terminal.id(), holder) {
            before.taken_over.cancel();
        }
        drop(book);
        Hold { terminal, number, taken_over, backlog, places: self.clone() }
    }
}

impl Hold {
    /// The terminal.
    pub(super) const fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// What waits to be given to the terminal. It goes on to whoever has it next.
    pub(super) fn backlog(&self) -> &tokio::sync::Mutex<Backlog> {
        &self.backlog
    }

    /// Done once another socket has it.
    pub(super) async fn taken_over(&self) {
        self.taken_over.cancelled().await;
    }

    /// Its socket is gone. What that said last is still given to the child; what it was not told is kept for the next
    /// socket, and the child is read no further than a window.
    pub(super) fn park(self, viewer: Viewer) {
        tokio::spawn(self.wait(viewer));
    }

    async fn wait(self, viewer: Viewer) {
        let said = async {
            self.backlog.lock().await.flush(&viewer.input).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            // Whoever has it now was attached before.
            () = self.taken_over() => {}
            () = said => {}
            () = tokio::time::sleep(self.places.grace) => {}
        }
        // Nobody waits for this one any more; whoever comes now finds the terminal ended, if it lived by it.
        viewer.input.detach();
    }

    /// Gives the place up, if it was still this one's.
    fn let_go(&self) -> Option<Bond> {
        let mut book = self.places.book();
        let is_ours =
            book.holders.get(&self.terminal.id()).is_some_and(|holder| holder.number == self.number);
        if is_ours { book.holders.remove(&self.terminal.id()).map(|holder| holder.bond) } else { None }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // One that ended by itself can still be looked at.
        if self.let_go() == Some(Bond::Lives)
            && self.terminal.info().phase == Phase::Running
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let terminal = self.terminal.clone();
            // How it ended is in the audit.
            runtime.spawn(async move { terminal.end().await });
        }
    }
}
