//! Talks to a Dokploy server: typed calls, over all versions from 0.24 on.

mod application;
mod builder;
mod call;
mod deployment;
mod domain;
mod endpoint;
mod environment;
mod key;
mod limits;
mod project;
mod refusal;
mod sending;
mod transport;
mod version;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use application::{
    Application, ApplicationStatus, ApplicationSummary, ApplicationUpdate, Applications, Deploy,
    DockerProvider, NewApplication, Place, Registry, SourceType,
};
pub use builder::ClientBuilder;
pub use deployment::{Deployment, DeploymentStatus, Deployments, JobState, QueuedJob, Tail};
pub use domain::{CertificateType, Domain, DomainCheck, DomainUpdate, Domains, NewDomain, Tls};
pub use environment::{EnvironmentUpdate, Environments, NewEnvironment, ProjectEnvironment};
pub use key::KeySource;
pub use limits::Limits;
pub use project::{CreatedProject, NewProject, Project, ProjectUpdate, Projects};
pub use version::Version;

use call::Call;
use transport::Transport;
use version::Known;

use crate::error::{Error, Result};
use crate::http;
use crate::open_enum::open_enum;

/// A Dokploy server. `Clone`; connects on first use, and keeps connections for the next call.
///
/// A call is repeated only where that is safe: it only reads, or it was never sent. What else gets no clear answer
/// ends as [`Error::MaybeDone`]: look before it is repeated. Dropping a call's future leaves a change that was sent
/// to happen all the same.
///
/// The server's version is asked for by the first call and kept. After a failure that may come from an upgrade it is
/// asked for again, by the next call for which it matters.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    key: KeySource,
    limits: Limits,
    seed: Option<u64>,
    version: Mutex<Known>,
}

open_enum! {
    /// What Dokploy says of itself.
    Health {
        /// All is well.
        Ok = "ok",
        /// All is well, on a server of one's own. So say versions before 0.27.
        NotCloud = "not_cloud",
    }
}

impl Client {
    /// A client for the server at this URL: `https://HOST`, with a port and a path before `/api` where there are some.
    /// `http://` works too, and shows the key to whoever is on the way. Proxies are taken from the environment, but not
    /// to this machine.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    /// Projects.
    #[must_use]
    pub fn projects(&self) -> Projects<'_> {
        Projects { client: self }
    }

    /// Environments of projects, which Dokploy has since 0.25.
    #[must_use]
    pub fn environments(&self) -> Environments<'_> {
        Environments { client: self }
    }

    /// Applications.
    #[must_use]
    pub fn applications(&self) -> Applications<'_> {
        Applications { client: self }
    }

    /// Domains.
    #[must_use]
    pub fn domains(&self) -> Domains<'_> {
        Domains { client: self }
    }

    /// Deployments, their logs and the queue.
    #[must_use]
    pub fn deployments(&self) -> Deployments<'_> {
        Deployments { client: self }
    }

    /// Whether the server listens. It takes no key.
    ///
    /// # Errors
    /// Why there is no answer that says so.
    pub async fn listens(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Listens {
            ok: bool,
        }
        let call = Call::public("health");
        let answer: Listens = call.read(&self.send(&call, self.deadline()).await?)?;
        if answer.ok { Ok(()) } else { Err(call.unreadable("it says that it is not well", None)) }
    }

    /// What the server says of itself, and its database of itself. It takes a key.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn health(&self) -> Result<Health> {
        #[derive(Deserialize)]
        struct Status {
            status: Health,
        }
        Ok(self.ask::<Status>(Call::query("settings.health")).await?.status)
    }

    /// The server's version, as it is kept; it is asked for if it is not known, or may have changed.
    ///
    /// # Errors
    /// [`Error::TooOld`], or why there is no answer.
    pub async fn version(&self) -> Result<Version> {
        self.version_by(self.deadline()).await
    }

    /// The server's version, asked for now.
    ///
    /// # Errors
    /// [`Error::TooOld`], or why there is no answer.
    pub async fn current_version(&self) -> Result<Version> {
        self.asked_version(self.deadline()).await
    }

    /// Makes a call whose answer is JSON, to a version that is known.
    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        self.exchange(call, Call::read).await
    }

    /// Makes a call whose answer is `true`.
    async fn tell(&self, call: Call) -> Result<()> {
        self.exchange(call, Call::read_true).await
    }

    /// Makes a call whose answer is empty.
    async fn order(&self, call: Call) -> Result<()> {
        self.exchange(call, Call::read_nothing).await
    }

    async fn exchange<T>(&self, call: Call, read: impl FnOnce(&Call, &[u8]) -> Result<T>) -> Result<T> {
        self.exchange_by(self.deadline(), call, read).await
    }

    /// Makes a call and, before it, the question for the version where that is needed: both until this time.
    async fn exchange_by<T>(
        &self,
        until: Instant,
        call: Call,
        read: impl FnOnce(&Call, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let result = async {
            self.check_version(&call, until).await?;
            read(&call, &self.send(&call, until).await?)
        };
        let result = result.await;
        if result.as_ref().is_err_and(may_come_from_upgrade) {
            self.known_version().doubt();
        }
        result
    }

    /// Looks whether the server's version is one that the client speaks to, and has the call.
    async fn check_version(&self, call: &Call, until: Instant) -> Result<()> {
        let Some(has) = call.needs else {
            // For most calls all versions are alike, so an outage costs no question more.
            let known = self.known_version().version();
            return if known.is_some() { Ok(()) } else { self.asked_version(until).await.map(drop) };
        };
        let version = self.version_by(until).await?;
        if has(version) { Ok(()) } else { Err(Error::Unsupported { call: call.name, version }) }
    }

    async fn version_by(&self, until: Instant) -> Result<Version> {
        let known = *self.known_version();
        match known {
            Known::Current(version) => Ok(version),
            Known::Nothing | Known::Doubtful(_) => self.asked_version(until).await,
        }
    }

    async fn asked_version(&self, until: Instant) -> Result<Version> {
        let call = Call::query("settings.getDokployVersion");
        let text: String = call.read(&self.send(&call, until).await?)?;
        let version = Version::parse(&text);
        let version = version.ok_or_else(|| call.unreadable("it is no version such as v0.30.2", None))?;
        // One that is too old is asked for again: the way on is an upgrade.
        *self.known_version() = version.supported().map_or(Known::Nothing, Known::Current);
        version.supported()
    }

    /// When a call that begins now ends.
    fn deadline(&self) -> Instant {
        http::deadline(self.limits().call)
    }

    fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    fn known_version(&self) -> std::sync::MutexGuard<'_, Known> {
        self.inner.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

/// An upgrade restarts the server, and changes what it takes, has and answers.
fn may_come_from_upgrade(error: &Error) -> bool {
    matches!(
        error,
        Error::Unavailable { .. }
            | Error::MaybeDone { .. }
            | Error::TimedOut { .. }
            | Error::Protocol { .. }
            | Error::Unsupported { .. }
            | Error::Rejected { .. }
    )
}

impl Inner {
    fn new(transport: Transport, key: KeySource, limits: Limits, seed: Option<u64>) -> Self {
        Self { transport, key, limits, seed, version: Mutex::new(Known::Nothing) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.inner.transport.endpoint.base().as_str())
            .field("key", &self.inner.key)
            .field("limits", &self.inner.limits)
            .field("version", &self.known_version().version())
            .finish_non_exhaustive()
    }
}
