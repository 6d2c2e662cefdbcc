//! All terminals of a program: who may have one more, where they are found, how all of them end.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Limit, Result};
use crate::frame::Reason;
use crate::id::{Owner, TerminalId};
use crate::info::Info;
use crate::limits::Limits;
use crate::spawn::{self, Spec};
use crate::stats::{Counters, Stats};
use crate::terminal::Terminal;
use crate::terminal::state::Shared;

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Owns terminals. Clones share them; they live on when the last one is dropped, until their runtime ends.
#[derive(Debug, Clone)]
pub struct Terminals {
    registry: Arc<Registry>,
}

/// Builds a [`Terminals`].
#[must_use]
pub struct Builder {
    limits: Limits,
    clock: Clock,
    shutdown: Option<CancellationToken>,
}

/// Which terminals.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Filter {
    /// All of them.
    All,
    /// Those of one owner.
    Owner(Owner),
}

/// What all terminals share.
pub(crate) struct Registry {
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    book: Mutex<Book>,
    /// A terminal's last process is gone.
    left: Notify,
}

#[derive(Debug, Default)]
struct Book {
    known: HashMap<TerminalId, Arc<Shared>>,
    active: usize,
    by_owner: HashMap<Owner, usize>,
    /// Those that ended and are still known, the first one first.
    ended: VecDeque<TerminalId>,
    is_closed: bool,
}

/// A terminal's place among the living; dropping it makes room.
pub(crate) struct Place {
    registry: Arc<Registry>,
    owner: Owner,
}

impl Builder {
    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Tells the time of day instead of the system.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Ends all terminals, as [`Terminals::shutdown`], once this is cancelled.
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = Some(token);
        self
    }

    /// The terminals, none yet. With a shutdown token it must be called within a runtime.
    pub fn build(self) -> Terminals {
        let registry = Arc::new(Registry {
            limits: Arc::new(self.limits.settled()),
            counters: Arc::default(),
            clock: self.clock,
            book: Mutex::default(),
            left: Notify::new(),
        });
        if let Some(token) = self.shutdown {
            tokio::spawn(close_when(token, Arc::downgrade(&registry)));
        }
        Terminals { registry }
    }
}

async fn close_when(token: CancellationToken, registry: Weak<Registry>) {
    token.cancelled().await;
    if let Some(registry) = registry.upgrade() {
        registry.close();
    }
}

impl Terminals {
    /// Starts building.
    pub fn builder() -> Builder {
        Builder { limits: Limits::default(), clock: Arc::new(SystemTime::now), shutdown: None }
    }

    /// Starts a child on a new terminal. Returns once its program runs.
    ///
    /// # Errors
    /// Each way this can fail is a variant of [`Error`]; nothing is left behind. Cancelled, whatever was started is
    /// killed.
    pub async fn spawn(&self, spec: Spec) -> Result<Terminal> {
        let place = self.registry.enter(spec.owner.clone())?;
        spawn::child::start(spec, place).await
    }

    #[cfg(feature = "testing")]
    pub(crate) fn enter(&self, spec: &Spec) -> Result<Place> {
        self.registry.enter(spec.owner.clone())
    }

    /// The terminal of this id, running or ended.
    #[must_use]
    pub fn get(&self, id: &TerminalId) -> Option<Terminal> {
        let shared = self.registry.book().known.get(id).cloned()?;
        Some(Terminal { shared })
    }

    /// How they stand, the oldest first.
    #[must_use]
    pub fn list(&self, filter: &Filter) -> Vec<Info> {
        let known: Vec<Arc<Shared>> = self.registry.book().known.values().cloned().collect();
        let wanted = known.iter().filter(|shared| filter.takes(&shared.facts.owner));
        let mut list: Vec<Info> = wanted.map(|shared| shared.info()).collect();
        list.sort_by_key(|info| (info.created_at, info.id));
        list
    }

    /// Figures over all of them.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.registry.counters.stats(self.registry.book().active)
    }

    /// What they may take.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.registry.limits
    }

    /// Ends all terminals: there are no new ones from now on, viewers are closed, trees ended. Returns once nobody is
    /// left.
    ///
    /// # Errors
    /// How many terminals still had processes when the time was over.
    pub async fn shutdown(&self, within: Duration) -> Result<(), usize> {
        self.registry.close();
        let all_left = async {
            loop {
                let mut left = std::pin::pin!(self.registry.left.notified());
                left.as_mut().enable();
                if self.registry.book().active == 0 {
                    return;
                }
                left.await;
            }
        };
        let in_time = tokio::time::timeout(within, all_left).await;
        in_time.map_err(|_| self.registry.book().active)
    }
}

impl Filter {
    fn takes(&self, owner: &Owner) -> bool {
        match self {
            Filter::All => true,
            Filter::Owner(one) => one == owner,
        }
    }
}

impl Registry {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more, counted from now on.
    fn enter(self: &Arc<Self>, owner: Owner) -> Result<Place> {
        let mut book = self.book();
        if book.is_closed {
            return Err(Error::ShuttingDown);
        }
        if book.active >= self.limits.sessions {
            return Err(Error::LimitReached { limit: Limit::Sessions, max: self.limits.sessions });
        }
        let own = book.by_owner.entry(owner.clone()).or_default();
        if *own >= self.limits.per_owner {
            return Err(Error::LimitReached { limit: Limit::SessionsOfOwner, max: self.limits.per_owner });
        }
        *own += 1;
        book.active += 1;
        Ok(Place { registry: Arc::clone(self), owner })
    }

    /// Makes a terminal known.
    pub(crate) fn add(&self, shared: Arc<Shared>) -> Result<()> {
        let mut book = self.book();
        if book.is_closed {
            return Err(Error::ShuttingDown);
        }
        book.known.insert(shared.id, shared);
        Ok(())
    }

    /// Notes that a terminal ended. Of too many such the oldest goes.
    pub(crate) fn ended(&self, id: TerminalId) {
        let too_many = {
            let mut book = self.book();
            book.ended.push_back(id);
            let oldest = (book.ended.len() > self.limits.kept).then(|| book.ended.pop_front()).flatten();
            oldest.and_then(|id| book.known.get(&id).cloned())
        };
        if let Some(shared) = too_many {
            shared.request_end(Reason::Deleted);
        }
    }

    pub(crate) fn forget(&self, id: TerminalId) {
        let mut book = self.book();
        book.known.remove(&id);
        book.ended.retain(|ended| *ended != id);
    }

    fn close(&self) {
        let known: Vec<Arc<Shared>> = {
            let mut book = self.book();
            book.is_closed = true;
            book.known.values().cloned().collect()
        };
        known.iter().for_each(|shared| shared.request_end(Reason::ShuttingDown));
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Place {
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.registry.book();
        book.active -= 1;
        if let Some(own) = book.by_owner.get_mut(&self.owner) {
            *own -= 1;
            if *own == 0 {
                book.by_owner.remove(&self.owner);
            }
        }
        drop(book);
        self.registry.left.notify_waiters();
    }
}
