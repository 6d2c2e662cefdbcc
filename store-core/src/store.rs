//! The open store and the two ways in: confined to an owner, or across all.

use std::sync::Arc;
use std::time::SystemTime;

use crate::api_key::{ApiKeys, Keyring};
use crate::audit::Audit;
use crate::clock::{self, Clock, Timestamp};
use crate::error::Result;
use crate::id::UserId;
use crate::refresh::RefreshFamilies;
use crate::run::{Runs, Scope};
use crate::session::Sessions;
use crate::sqlite::{Location, Options, Sqlite};
use crate::token::RevokedTokens;
use crate::user::Users;

/// What a write promises once it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is on disk: it survives a crash of the program, of the system, and the loss of power.
    #[default]
    Fsync,
    /// It survives a crash of the program; the last seconds may be lost with the system or its power.
    Relaxed,
}

/// When every page of the database is looked at before it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// When the last owner died without closing it.
    #[default]
    AfterCrash,
    /// Each time; takes about a second per GiB.
    Always,
    /// Never; damage shows when it is read.
    Never,
}

/// What the store takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Writes that wait for the writer; beyond it callers wait for a place.
    pub queued_writes: usize,
    /// Reads at once; beyond it they wait, after 5 s they are [`Busy`](crate::Error::Busy).
    pub readers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queued_writes: 1024, readers: 4 }
    }
}

/// Opens a [`Store`].
#[must_use]
pub struct Builder {
    url: String,
    options: Options,
    clock: Clock,
}

impl Builder {
    /// What a write promises; [`Durability::Fsync`] unless set.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// When every page is looked at; [`Check::AfterCrash`] unless set.
    pub fn check(mut self, check: Check) -> Self {
        self.options.check = check;
        self
    }

    /// For commands: opens the database beside a server that may have it open, without owning it.
    pub fn beside(mut self) -> Self {
        self.options.beside = true;
        self
    }

    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    /// Where wall time comes from; the system's clock unless set.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Opens it: makes or migrates the database first. Must be called in a tokio runtime, which the store's
    /// writer then runs in.
    ///
    /// # Errors
    /// [`InUse`](crate::Error::InUse), [`Corrupt`](crate::Error::Corrupt),
    /// [`NewerSchema`](crate::Error::NewerSchema), [`ReadOnly`](crate::Error::ReadOnly),
    /// [`Full`](crate::Error::Full); [`Invalid`](crate::Error::Invalid) for the URL.
    pub async fn open(mut self) -> Result<Store> {
        let limits = &mut self.options.limits;
        limits.queued_writes = limits.queued_writes.max(1);
        limits.readers = limits.readers.max(1);
        let backend = Backend::Sqlite(Sqlite::open(Location::parse(&self.url)?, self.options).await?);
        Ok(Store { shared: Arc::new(Shared { backend, clock: self.clock }) })
    }
}

/// The databases there are. Public methods choose among them with `on!`.
pub(crate) enum Backend {
    Sqlite(Sqlite),
}

/// One line per public method: `on!(store, db => db.method(…).await)`.
macro_rules! on {
    ($store:expr, $db:ident => $call:expr) => {
        match $store.backend() {
            $crate::store::Backend::Sqlite($db) => $call,
        }
    };
}
pub(crate) use on;

struct Shared {
    backend: Backend,
    clock: Clock,
}

/// The store. Clones share one database; what a clone wrote, all read.
///
/// A write that was answered is on disk (see [`Durability`]). Dropping the future of a write does not undo it:
/// it may happen or have happened. Dropping the future of a read stops it.
///
/// When the last clone is dropped the database is written back and closed in the background;
/// [`Store::close`] waits for that.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

impl Store {
    /// Opens `sqlite://path` or `sqlite::memory:` with the defaults of [`Store::builder`].
    ///
    /// # Errors
    /// As [`Builder::open`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::builder(url).open().await
    }

    /// Opens `sqlite://path` or `sqlite::memory:`. The file is made with mode 0600, missing directories with
    /// 0700. A path is relative unless it begins with `/`: `sqlite:///var/lib/app/app.db`.
    pub fn builder(url: &str) -> Builder {
        Builder {
            url: url.to_owned(),
            options: Options {
                durability: Durability::default(),
                check: Check::default(),
                beside: false,
                limits: Limits::default(),
            },
            clock: Arc::new(SystemTime::now),
        }
    }

    /// What belongs to `owner`. Others' rows are [`NotFound`](crate::Error::NotFound).
    #[must_use]
    pub fn of(&self, owner: &UserId) -> Owned<'_> {
        Owned { store: self, owner: *owner }
    }

    /// What crosses owners: accounts, tokens, recovery, audit.
    #[must_use]
    pub fn system(&self) -> System<'_> {
        System { store: self }
    }

    /// What the writer did so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let counts = on!(self, db => db.counts());
        Statistics { writes: counts.jobs, commits: counts.commits }
    }

    /// Does what is queued, writes everything back and closes the database for all clones: what they ask
    /// from then on is [`Closed`](crate::Error::Closed).
    pub async fn close(&self) {
        on!(self, db => db.close().await);
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.shared.backend
    }

    pub(crate) fn now(&self) -> Timestamp {
        clock::now(&self.shared.clock)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Figures since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Writes that were answered.
    pub writes: u64,
    /// Transactions they took: fewer than writes, when writes came together.
    pub commits: u64,
}

/// Handles confined to one owner.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    store: &'a Store,
    owner: UserId,
}

impl<'a> Owned<'a> {
    /// The owner's API keys.
    #[must_use]
    pub fn api_keys(self) -> ApiKeys<'a> {
        ApiKeys { store: self.store, owner: self.owner }
    }

    /// The owner's Claude Code sessions.
    #[must_use]
    pub fn sessions(self) -> Sessions<'a> {
        Sessions { store: self.store, owner: self.owner }
    }

    /// The owner's runs.
    #[must_use]
    pub fn runs(self) -> Runs<'a> {
        Runs { store: self.store, scope: Scope::Owner(self.owner) }
    }
}

/// Handles across owners.
#[derive(Debug, Clone, Copy)]
pub struct System<'a> {
    store: &'a Store,
}

impl<'a> System<'a> {
    /// All users.
    #[must_use]
    pub fn users(self) -> Users<'a> {
        Users { store: self.store }
    }

    /// API keys by their hash: who asks?
    #[must_use]
    pub fn keyring(self) -> Keyring<'a> {
        Keyring { store: self.store }
    }

    /// Tokens that count no more.
    #[must_use]
    pub fn revoked_tokens(self) -> RevokedTokens<'a> {
        RevokedTokens { store: self.store }
    }

    /// Refresh tokens.
    #[must_use]
    pub fn refresh_families(self) -> RefreshFamilies<'a> {
        RefreshFamilies { store: self.store }
    }

    /// All owners' runs.
    #[must_use]
    pub fn runs(self) -> Runs<'a> {
        Runs { store: self.store, scope: Scope::All }
    }

    /// Who did what.
    #[must_use]
    pub fn audit(self) -> Audit<'a> {
        Audit { store: self.store }
    }
}
