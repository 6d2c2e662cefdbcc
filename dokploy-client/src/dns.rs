//! Records that lead a host to an address, at whichever provider: the port [`Dns`].
//!
//! It is made for deployments that are undone later. Each record set says whose it is, and nothing is changed or removed
//! that is another's: a record that a person made stays, even where it has the address that was asked for.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Source;
use crate::host::Host;

const MAX_OWNER_CHARS: usize = 63;

/// A zone in which records are made and removed.
///
/// [`present`](Dns::present) and [`absent`](Dns::absent) are idempotent, so they may be called again after any error and
/// after a crash. A change whose answer was lost is answered by looking, not by guessing: the record set is read before
/// the change is made again. Dropping a call's future leaves a change that was sent to happen all the same.
#[async_trait]
pub trait Dns: Send + Sync {
    /// Sees to it that a host leads to this address, by a record set of type `A`, or `AAAA` for IPv6, that is the
    /// owner's. When it says [`Presence::Created`], the provider has carried it out; resolvers may still remember that
    /// there was no record.
    ///
    /// # Errors
    /// [`DnsError::OutsideZone`], or why it is not known to be there. It may be there nevertheless, so what is undone
    /// is undone by [`absent`](Dns::absent) after an error too.
    async fn present(&self, host: &Host, address: IpAddr, owner: &Owner) -> Result<Presence, DnsError>;

    /// Removes what leads this host to an address and is the owner's, whatever the address. If nothing is there, or only
    /// what is another's, that is fine.
    ///
    /// # Errors
    /// [`DnsError::OutsideZone`], or why it may still be there.
    async fn absent(&self, host: &Host, owner: &Owner) -> Result<(), DnsError>;

    /// The record set of a host and type, whosever it is. It changes nothing.
    ///
    /// # Errors
    /// [`DnsError::OutsideZone`], or why there is no answer.
    async fn find(&self, host: &Host, kind: RecordType) -> Result<Option<RecordSet>, DnsError>;

    /// All record sets that are this owner's, in no order: what is left of a deployment. It changes nothing.
    ///
    /// # Errors
    /// Why there is no answer; never a part of it.
    async fn owned(&self, owner: &Owner) -> Result<Vec<RecordSet>, DnsError>;
}

/// Whose a record set is: the id of a deployment, 1 to 63 of `A-Z`, `a-z`, `0-9` and `-_.`, with a letter or digit at
/// each end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(Box<str>);

/// Whether a host leads to an address now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It does, since this call.
    Created,
    /// It did before: the owner's record set was there, with this address and no other. After an answer that was lost
    /// it may be this call that made it.
    AlreadyThere,
    /// It does not: there is a record set that is another's, or has another address, or leads the host to another name
    /// ([`RecordType::Cname`]). It was left as it is.
    Taken(RecordSet),
}

/// Where a host leads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordSet {
    /// The host.
    pub host: Host,
    /// To which addresses, or to another name.
    pub kind: RecordType,
    /// The addresses; none where it leads to another name.
    pub addresses: Vec<IpAddr>,
    /// Whose it is; `None` if it was not made here.
    pub owner: Option<Owner>,
}

impl RecordSet {
    /// What a provider found, for who implements [`Dns`].
    #[must_use]
    pub fn new(host: Host, kind: RecordType, addresses: Vec<IpAddr>, owner: Option<Owner>) -> Self {
        Self { host, kind, addresses, owner }
    }
}

/// A type of record that says where a host leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordType {
    /// To IPv4 addresses.
    A,
    /// To IPv6 addresses.
    Aaaa,
    /// To another name, whose addresses count; beside it a host has no addresses of its own. It is found, never made.
    Cname,
}

/// What went wrong with a record. Messages say what to do. They hold no secret and nothing that the provider said: that
/// is in [`source()`](std::error::Error::source), for a log, and not in the `Debug` form either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// What the caller gave can't be sent. It was not sent.
    #[error("{field}: {reason}")]
    Invalid {
        /// What is wrong.
        field: &'static str,
        /// Why, and what is right. It never repeats the value.
        reason: Cow<'static, str>,
    },
    /// Something that the call needs was not set.
    #[error("{what} is missing; set it")]
    NotConfigured {
        /// What.
        what: &'static str,
    },
    /// The host is not in the zone. Nothing was sent.
    #[error("{host} is not in the zone {zone}")]
    OutsideZone {
        /// The host.
        host: Host,
        /// The zone.
        zone: Host,
    },
    /// The zone does not exist, or the token is of another project.
    #[error("there is no zone {zone}; is it in the project of the token?")]
    NoSuchZone {
        /// Its name or id, as it was set.
        zone: Box<str>,
        /// What the provider said.
        source: Source,
    },
    /// The token is unknown: 401. Never repeated.
    #[error("the token was refused ({call}); set another")]
    Unauthorized {
        /// Doing what.
        call: &'static str,
        /// What the provider said.
        source: Source,
    },
    /// The token is known, but may not do this: 403. Never repeated.
    #[error("the token may not do this ({call}); it must allow reading and writing")]
    Forbidden {
        /// Doing what.
        call: &'static str,
        /// What the provider said.
        source: Source,
    },
    /// The provider refused the request; repeating it changes nothing.
    #[error("the provider refused to {call} with status {status}")]
    Rejected {
        /// Doing what.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// The provider's own code, such as `invalid_input`. Without one, something before it may have answered.
        code: Option<Box<str>>,
        /// What the provider said.
        source: Source,
    },
    /// Too many requests were made with the project's tokens: 429. The last one was not carried out.
    #[error("too many requests ({call}); try again later")]
    RateLimited {
        /// Doing what.
        call: &'static str,
        /// The least wait.
        retry_after: Duration,
        /// What the provider said.
        source: Source,
    },
    /// Another change of the zone was under way all the time. The last request was not carried out.
    #[error("another change is under way ({call}); try again later")]
    Busy {
        /// Doing what.
        call: &'static str,
        /// What the provider said.
        source: Source,
    },
    /// There is no clear answer. A change may have been carried out; the same call looks before it makes it again.
    #[error("the provider is unavailable ({call}{}); try again later", Status(*status))]
    Unavailable {
        /// Doing what.
        call: &'static str,
        /// HTTP status, where there was an answer.
        status: Option<u16>,
        /// The least wait, where it was told.
        retry_after: Option<Duration>,
        /// What happened.
        source: Source,
    },
    /// There was no answer in time. A change may have been carried out, as with [`DnsError::Unavailable`].
    #[error("no answer within {after:.0?} ({call}); try again later")]
    TimedOut {
        /// Doing what.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The provider took the change, but says that it failed. Undo it by [`Dns::absent`].
    #[error("the change failed (action {action})")]
    ActionFailed {
        /// The provider's number for it.
        action: u64,
        /// The provider's own code, such as `action_failed`.
        code: Option<Box<str>>,
        /// What the provider said.
        source: Source,
    },
    /// The provider took the change, and did not end it in time. It may still be carried out.
    #[error("the change did not end within {after:?} (action {action})")]
    ActionLate {
        /// The provider's number for it.
        action: u64,
        /// The limit.
        after: Duration,
    },
    /// The answer is none of the provider's.
    #[error("the answer can't be read ({call}): {what}")]
    Protocol {
        /// Doing what.
        call: &'static str,
        /// What was wrong.
        what: &'static str,
        /// Where, as far as the reader tells.
        source: Option<Source>,
    },
    /// A limit that the caller set was reached.
    #[error("limit reached: {limit} is {max}")]
    LimitReached {
        /// Its name.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// The system failed.
    #[error("{what}")]
    System {
        /// Doing what.
        what: &'static str,
        /// What it said.
        source: Source,
    },
}

impl DnsError {
    /// A stable name in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::NotConfigured { .. } => "not_configured",
            Self::OutsideZone { .. } => "outside_zone",
            Self::NoSuchZone { .. } => "no_such_zone",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Rejected { .. } => "rejected",
            Self::RateLimited { .. } => "rate_limited",
            Self::Busy { .. } => "busy",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut { .. } => "timed_out",
            Self::ActionFailed { .. } => "action_failed",
            Self::ActionLate { .. } => "action_late",
            Self::Protocol { .. } => "protocol",
            Self::LimitReached { .. } => "limit_reached",
            Self::System { .. } => "system",
        }
    }

    /// Whether the same call may be of use later. It does no harm after the others either.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Busy { .. }
                | Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::ActionLate { .. }
        )
    }

    /// The least wait before anything is asked again, where it is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => Some(*retry_after),
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Owner {
    /// Reads an id.
    ///
    /// # Errors
    /// [`DnsError::Invalid`].
    pub fn parse(text: &str) -> Result<Self, DnsError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let is_owner = bytes.len() <= MAX_OWNER_CHARS
            && bytes.iter().all(|byte| is_plain(*byte))
            && is_outer(bytes.first())
            && is_outer(bytes.last());
        if is_owner {
            return Ok(Self(text.into()));
        }
        let reason = "it must be 1 to 63 letters, digits and `-_.`, with a letter or digit at each end";
        Err(DnsError::Invalid { field: "owner", reason: reason.into() })
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RecordType {
    /// The type of record that holds this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::A } else { Self::Aaaa }
    }

    /// As it is written in a zone.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `, status …`, or nothing.
struct Status(Option<u16>);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |status| write!(f, ", status {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<DnsError>();
        assert!(size_of::<DnsError>() < 128, "{}", size_of::<DnsError>());
    }

    #[test]
    fn an_owner_is_what_a_label_takes() {
        for id in ["7", "dep-01J9ZK.x_y", "A", &"x".repeat(63)] {
            assert_eq!(Owner::parse(id).unwrap().as_str(), id);
        }
        for bad in ["", "-a", "a-", ".", "a b", "a,b", "a=b", "é", "a\n", "a/b", &"x".repeat(64)] {
            let error = Owner::parse(bad).unwrap_err();
            assert!(matches!(error, DnsError::Invalid { field: "owner", .. }), "{bad:?}");
        }
    }
}
