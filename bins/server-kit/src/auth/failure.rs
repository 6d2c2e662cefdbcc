//! Why somebody is not let in: counted by reason, told in few words.

use std::time::Duration;

use crate::problem::Problem;

/// Why. The reasons are the label of `auth_failures_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No token, no key.
    Missing,
    /// Neither token nor key, or more than one of them.
    Malformed,
    /// A token that was not signed here, or not like this.
    Token,
    /// A token that has ended.
    Expired,
    /// A token that was revoked, by itself or with its login.
    Revoked,
    /// A key that is unknown, revoked or has ended.
    Key,
    /// A ticket that is unknown, used or has ended.
    Ticket,
    /// A user that is gone or disabled.
    Account,
    /// A wrong name or password.
    Password,
    /// A refresh token that counts no more.
    Refresh,
    /// A refresh token that was used before.
    Reuse,
}

impl Failure {
    const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Token => "token",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Key => "key",
            Self::Ticket => "ticket",
            Self::Account => "account",
            Self::Password => "password",
            Self::Refresh => "refresh",
            Self::Reuse => "reuse",
        }
    }

    /// What is told does not say whether a user exists, nor which check failed.
    const fn message(self) -> &'static str {
        match self {
            Self::Missing => "sign in, or send an API key",
            Self::Expired => "the token has expired; refresh it or sign in again",
            Self::Ticket => "the ticket is not valid; ask for a new one",
            Self::Password => "wrong name or password",
            Self::Refresh | Self::Reuse => "sign in again",
            Self::Malformed | Self::Token | Self::Revoked | Self::Key | Self::Account => {
                "the token or key is not valid"
            }
        }
    }
}

impl From<Failure> for Problem {
    /// Counts it, too.
    fn from(failure: Failure) -> Self {
        count(failure.reason());
        Self::unauthorized(failure.message())
    }
}

/// Too many failures: nothing was tried.
pub(crate) fn throttled(wait: Duration) -> Problem {
    count("throttled");
    Problem::rate_limited(wait)
}

/// Too many wait for their password to be hashed.
pub(crate) fn busy() -> Problem {
    count("busy");
    Problem::rate_limited(Duration::from_secs(2))
}

fn count(reason: &'static str) {
    metrics::counter!("auth_failures_total", "reason" => reason).increment(1);
}
