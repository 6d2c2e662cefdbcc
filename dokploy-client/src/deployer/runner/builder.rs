//! Sets a deployer up.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{DeployError, Deployer, Inner, random};
use crate::client::Client;
use crate::deployer::journal::{Clock, Holder, Journal};
use crate::deployer::perform::Hands;
use crate::dns::Dns;
use crate::error::Error;

/// The limits of a [`Deployer`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeployerLimits {
    /// Deployments and operations that are worked on at once; others wait for their turn. 4. What was left behind by
    /// failed ones doesn't count.
    pub active: usize,
    /// How long a deployment stays held by a deployer that doesn't renew that. It must be longer than a pause of the
    /// process. 30 s.
    pub lease: Duration,
}

/// Sets a [`Deployer`] up.
pub struct DeployerBuilder {
    client: Client,
    journal: Arc<dyn Journal>,
    dns: Option<Arc<dyn Dns>>,
    clock: Clock,
    limits: DeployerLimits,
}

impl DeployerBuilder {
    pub(super) fn new(client: Client, journal: Arc<dyn Journal>) -> Self {
        let limits = DeployerLimits { active: 4, lease: Duration::from_secs(30) };
        Self { client, journal, dns: None, clock: Arc::new(SystemTime::now), limits }
    }

    /// Makes the DNS records of plans that have one in this zone.
    #[must_use]
    pub fn dns(mut self, dns: Arc<dyn Dns>) -> Self {
        self.dns = Some(dns);
        self
    }

    /// Reads the wall time from this clock, once for each operation and once when it is taken over: from there on its time
    /// goes as fast as time does, so a clock that is set meanwhile ends nothing early and keeps nothing waiting.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Changes the limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut DeployerLimits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// The deployer. It does nothing before it is asked.
    ///
    /// # Errors
    /// [`DeployError::Dokploy`] for a limit of nothing, or where the system can't be used.
    pub fn build(self) -> Result<Deployer, DeployError> {
        if self.limits.active == 0 || self.limits.lease.is_zero() {
            return Err(
                Error::invalid("deployer limits", "`active` and `lease` must be more than nothing").into()
            );
        }
        let inner = Inner {
            hands: Hands { client: self.client, dns: self.dns },
            journal: self.journal,
            clock: self.clock,
            holder: Holder::new(&format!("{:032x}", random()?)),
            active: Semaphore::new(self.limits.active.min(Semaphore::MAX_PERMITS)),
            limits: self.limits,
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
            logs: Mutex::default(),
        };
        Ok(Deployer { inner: Arc::new(inner) })
    }
}
