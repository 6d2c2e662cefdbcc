//! Domains: which host and path lead to an application.

use std::num::NonZeroU16;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Client;
use super::call::Call;
use crate::error::Result;
use crate::host::{Host, UrlPath};
use crate::id::{ApplicationId, DomainId};
use crate::open_enum::open_enum;
use crate::time;

/// The calls about domains. Each change writes the application's Traefik file at once, before any deployment.
#[derive(Debug, Clone, Copy)]
pub struct Domains<'a> {
    pub(super) client: &'a Client,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Domain {
    /// Its id.
    #[serde(rename = "domainId")]
    pub id: DomainId,
    /// The host, as it is stored: old versions check nothing.
    pub host: String,
    /// The beginning of the paths that are served.
    pub path: Option<String>,
    /// The application's port, as it is stored: it may be none that there is.
    pub port: Option<u32>,
    /// Whether it is served by HTTPS.
    pub https: bool,
    /// Where the certificate comes from.
    pub certificate_type: CertificateType,
    /// The application. Only a domain that belongs to something else, or to nothing, has none.
    pub application_id: Option<ApplicationId>,
    /// When it was made.
    #[serde(deserialize_with = "time::rfc3339")]
    pub created_at: SystemTime,
}

open_enum! {
    /// Where a certificate comes from.
    CertificateType {
        /// From Traefik's entry point, if from anywhere.
        None = "none",
        /// From Let's Encrypt.
        LetsEncrypt = "letsencrypt",
        /// From a resolver of one's own.
        Custom = "custom",
    }
}

/// How a domain is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// By HTTP only.
    Off,
    /// By HTTPS, with the certificate of Traefik's entry point. Where that has none, HTTPS does not work.
    EntryPoint,
    /// By HTTPS, with a certificate from Let's Encrypt.
    LetsEncrypt,
}

/// A domain to make.
#[derive(Debug, Clone)]
pub struct NewDomain {
    application: ApplicationId,
    host: Host,
    path: Option<UrlPath>,
    port: NonZeroU16,
    tls: Tls,
}

/// Changes to a domain. Dokploy wants the host each time.
#[derive(Debug, Clone)]
pub struct DomainUpdate {
    host: Host,
    path: Option<UrlPath>,
    port: Option<NonZeroU16>,
    tls: Option<Tls>,
}

/// What the server finds in the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DomainCheck {
    /// Whether the host leads to an address.
    pub is_valid: bool,
    /// Why not, in the words of the server's resolver: for a log.
    pub error: Option<String>,
}

/// As it is sent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_id: Option<&'a DomainId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a UrlPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<NonZeroU16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    https: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a ApplicationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_type: Option<&'static str>,
}

impl Domains<'_> {
    /// Makes a domain. Hosts are not unique: made twice, there are two, also on two applications.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been made, or why it was not.
    pub async fn create(&self, new: &NewDomain) -> Result<Domain> {
        let body = Body {
            domain_id: None,
            host: Some(&new.host),
            path: new.path.as_ref(),
            port: Some(new.port),
            https: Some(new.tls.is_https()),
            certificate_type: Some(new.tls.certificate_type()),
            application_id: Some(&new.application),
            domain_type: Some("application"),
        };
        self.client.ask(Call::mutation("domain.create", &body, self.client.limits())?).await
    }

    /// One domain.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), or why there is no answer.
    pub async fn one(&self, id: &DomainId) -> Result<Domain> {
        self.client.ask(Call::query("domain.one").with("domainId", id)).await
    }

    /// Those of an application. For one that there isn't, there are none since 0.30; before, it is
    /// [`Error::NotFound`](crate::Error::NotFound).
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn by_application(&self, application: &ApplicationId) -> Result<Vec<Domain>> {
        self.client.ask(Call::query("domain.byApplicationId").with("applicationId", application)).await
    }

    /// Changes a domain, and tells it as it is then.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been changed, or why it was not.
    pub async fn update(&self, id: &DomainId, update: &DomainUpdate) -> Result<Domain> {
        let body = Body {
            domain_id: Some(id),
            host: Some(&update.host),
            path: update.path.as_ref(),
            port: update.port,
            https: update.tls.map(Tls::is_https),
            certificate_type: update.tls.map(Tls::certificate_type),
            ..Body::default()
        };
        self.client.ask(Call::mutation("domain.update", &body, self.client.limits())?).await
    }

    /// Deletes a domain, and tells it as it was.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been deleted, or why it was not.
    pub async fn delete(&self, id: &DomainId) -> Result<Domain> {
        let body = Body { domain_id: Some(id), ..Body::default() };
        self.client.ask(Call::mutation("domain.delete", &body, self.client.limits())?).await
    }

    /// Has the server look a host up.
    ///
    /// # Errors
    /// Why there is no answer. That the host leads nowhere is an answer.
    pub async fn validate(&self, host: &Host) -> Result<DomainCheck> {
        #[derive(Serialize)]
        struct Question<'a> {
            domain: &'a Host,
        }
        let call = Call::mutation("domain.validateDomain", &Question { domain: host }, self.client.limits())?;
        self.client.ask(call.that_only_reads()).await
    }
}

impl Tls {
    fn is_https(self) -> bool {
        self != Self::Off
    }

    fn certificate_type(self) -> &'static str {
        match self {
            Self::Off | Self::EntryPoint => "none",
            Self::LetsEncrypt => "letsencrypt",
        }
    }
}

impl NewDomain {
    /// A host that leads to this port of an application, served by HTTP only.
    #[must_use]
    pub fn new(application: ApplicationId, host: Host, port: NonZeroU16) -> Self {
        Self { application, host, path: None, port, tls: Tls::Off }
    }

    /// Only for paths that begin so; `/` unless set.
    #[must_use]
    pub fn path(mut self, path: UrlPath) -> Self {
        self.path = Some(path);
        self
    }

    /// How it is served.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }
}

impl DomainUpdate {
    /// This host, which may be the one it has.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, path: None, port: None, tls: None }
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: UrlPath) -> Self {
        self.path = Some(path);
        self
    }

    /// Another port.
    #[must_use]
    pub fn port(mut self, port: NonZeroU16) -> Self {
        self.port = Some(port);
        self
    }

    /// Another way to be served.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}
