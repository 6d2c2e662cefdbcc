//! What is likely behind an error.

use std::fmt;

/// Why a key was refused, as far as an answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The answer has no code: the key is unknown, or used up.
    Key,
    /// The answer has a code, or is a 403: the key is known, but its user may not do this.
    Permission,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => {
                "the API key is unknown or used up; a default key answers five calls a day, so make one without \
                 rate limit"
            }
            Self::Permission => "the API key's user may not do this; give the user access",
        })
    }
}

/// What is not as a URL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The certificate: it is of an authority that the system does not trust, of another host, or of another time.
    Certificate,
    /// There is no TLS behind `https://`, or none that this client speaks.
    NoTls,
    /// There is no HTTP behind `http://`; most likely it is TLS.
    NoHttp,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => {
                "the server's certificate is not trusted; check the URL's host, the system's certificates and the clock"
            }
            Self::NoTls => {
                "the server does not speak TLS; check the URL's port, and whether it is to begin with http://"
            }
            Self::NoHttp => {
                "the server does not speak plain HTTP; check the URL's port, and whether it is to begin with https://"
            }
        })
    }
}
