//! What is to be deployed.

mod variables;
mod written;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use self::variables::Variables;
use self::written::Written;
use crate::client::Tls;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::image::Image;
use crate::name::Name;
use crate::stack_name::StackName;
use crate::variables::Environment;

const DEFAULT_PREFIX: &str = "ai-stack-";
const DEFAULT_PORT: NonZeroU16 = NonZeroU16::MIN.saturating_add(8079);
const MAX_URL_BYTES: usize = 2000;

/// All that a deployment needs: what runs, where it is reached, and how long is waited.
///
/// It is written into the journal, where a restart finds it again: also the values of the variables, since a deployment
/// that goes on has to send them. So a journal is as secret as they are, until the deployment has ended. `Debug` shows
/// names only.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Plan {
    name: StackName,
    project: Name,
    image: Image,
    host: Host,
    port: NonZeroU16,
    tls: Tls,
    variables: Variables,
    health: Option<Box<str>>,
    record: Option<IpAddr>,
    deadlines: Deadlines,
}

/// How long a deployment waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deadlines {
    /// From the order to deploy to the end of its job, the queue included: 300 s. Then it is rolled back.
    pub deploy: Duration,
    /// Until the stack answers at its health URL: 120 s. Then it is rolled back.
    pub health: Duration,
    /// For a step that keeps failing, and for one change of a DNS record: 30 s. Then it is rolled back.
    pub step: Duration,
    /// For the end of a job before what it works on is deleted: 60 s. Then it is deleted, and the service that may
    /// remain is named as a leak.
    pub rollback_wait: Duration,
}

impl Plan {
    /// A stack of this name and image, at `{name}.{suffix}`: port 8080 of the container, HTTPS by Traefik's entry
    /// point, no variables, no health URL, no DNS record, in the project `ai-stack-{name}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the suffix makes no host.
    pub fn new(name: StackName, image: Image, suffix: &str) -> Result<Self> {
        let host = Host::parse(&format!("{name}.{suffix}"))?;
        let project = Name::parse(&format!("{DEFAULT_PREFIX}{name}"))?;
        Ok(Self {
            name,
            project,
            image,
            host,
            port: DEFAULT_PORT,
            tls: Tls::EntryPoint,
            variables: Variables::default(),
            health: None,
            record: None,
            deadlines: Deadlines::default(),
        })
    }

    /// Another port of the container.
    #[must_use]
    pub fn port(mut self, port: NonZeroU16) -> Self {
        self.port = port;
        self
    }

    /// Served in another way.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// With this variable; a name that is there already gets the new value.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what [`Environment::with`] refuses: `${{`, control characters.
    pub fn variable(mut self, name: &str, value: impl Into<SecretString>) -> Result<Self> {
        self.variables = self.variables.with(name, value.into())?;
        Ok(self)
    }

    /// It is complete when this URL answers with a success, or sends elsewhere than from HTTP to HTTPS.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is no `http://` or `https://` URL of at most 2000 bytes.
    pub fn health(mut self, url: &str) -> Result<Self> {
        let is_http = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_http || url.len() > MAX_URL_BYTES {
            return Err(Error::invalid("health URL", "it must be an `http://` or `https://` URL"));
        }
        self.health = Some(url.into());
        Ok(self)
    }

    /// In the project `{prefix}{name}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where that is no [`Name`].
    pub fn project_prefix(mut self, prefix: &str) -> Result<Self> {
        self.project = Name::parse(&format!("{prefix}{}", self.name))?;
        Ok(self)
    }

    /// With a DNS record that leads the host to this address.
    #[must_use]
    pub fn record(mut self, address: IpAddr) -> Self {
        self.record = Some(address);
        self
    }

    /// With other deadlines.
    #[must_use]
    pub fn deadlines(mut self, change: impl FnOnce(&mut Deadlines)) -> Self {
        change(&mut self.deadlines);
        self
    }

    /// The stack's name.
    #[must_use]
    pub fn name(&self) -> &StackName {
        &self.name
    }

    /// The host where it is reached.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The name of its project.
    #[must_use]
    pub fn project(&self) -> &Name {
        &self.project
    }

    /// Its image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Its health URL, if it has one.
    #[must_use]
    pub fn health_url(&self) -> Option<&str> {
        self.health.as_deref()
    }

    /// Where its DNS record leads, if it has one of its own.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.record
    }

    /// Its deadlines.
    #[must_use]
    pub fn waits(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Its port and the way it is served.
    #[must_use]
    pub fn served(&self) -> (NonZeroU16, Tls) {
        (self.port, self.tls)
    }

    /// Its variables, as they are sent.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.variables.environment()
    }

    /// The same without variables.
    pub(super) fn without_values(self) -> Self {
        Self { variables: Variables::default(), ..self }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            deploy: Duration::from_secs(300),
            health: Duration::from_secs(120),
            step: Duration::from_secs(30),
            rollback_wait: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("host", &self.host)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}
