//! The zone, and what its hosts are called in it.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::dns::DnsError;
use crate::host::Host;

/// What the zone itself is called in it.
const APEX: &str = "@";

/// A zone, as it was set.
#[derive(Debug)]
pub(super) enum Zone {
    Name(Host),
    Id {
        id: u64,
        /// As it was told: the name of an id never changes.
        name: OnceLock<Host>,
    },
}

impl Zone {
    /// Reads a name or an id.
    ///
    /// # Errors
    /// [`DnsError::Invalid`].
    pub(super) fn parse(text: &str) -> Result<Self, DnsError> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id { id, name: OnceLock::new() });
        }
        let reason = "it must be the name of a zone, such as `example.org`, or the number that is its id";
        let invalid = |_| DnsError::Invalid { field: "zone", reason: reason.into() };
        Host::parse(text).map(Self::Name).map_err(invalid)
    }

    /// Its name, as far as it is known.
    pub(super) fn name(&self) -> Option<&Host> {
        match self {
            Self::Name(name) => Some(name),
            Self::Id { name, .. } => name.get(),
        }
    }

    /// Keeps the name that was told; one that was set stays as it is.
    pub(super) fn keep(&self, told: Host) -> Host {
        match self {
            Self::Name(name) => name.clone(),
            Self::Id { name, .. } => name.get_or_init(|| told).clone(),
        }
    }

    /// As it is named in a path.
    pub(super) fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Name(name) => name.as_str().into(),
            Self::Id { id, .. } => id.to_string().into(),
        }
    }
}

/// A host's name within the zone; `None` if it is outside.
pub(super) fn relative<'a>(host: &'a Host, zone: &Host) -> Option<&'a str> {
    match host.as_str().strip_suffix(zone.as_str())? {
        "" => Some(APEX),
        before => before.strip_suffix('.'),
    }
}

/// The host of a name within the zone, in letters of whichever size; one with a dot at its end is the host itself. `None` if
/// it is no host, such as `*` or `_dmarc`, or is outside.
pub(super) fn absolute(name: &str, zone: &Host) -> Option<Host> {
    match (name, name.strip_suffix('.')) {
        (APEX, _) => Some(zone.clone()),
        (_, Some(host)) => Host::parse(host).ok().filter(|host| relative(host, zone).is_some()),
        (name, None) => Host::parse(&format!("{name}.{zone}")).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_zone() {
        let host = |text| Host::parse(text).unwrap();
        let zone = host("example.org");
        for (text, name) in [
            ("example.org", "@"),
            ("Example.ORG", "@"),
            ("a.example.org", "a"),
            ("A.b.EXAMPLE.org", "a.b"),
            ("example.org.example.org", "example.org"),
        ] {
            assert_eq!(relative(&host(text), &zone), Some(name), "{text}");
            assert_eq!(absolute(name, &zone), Some(host(text)), "{text}");
        }
        for outside in ["notexample.org", "example.com", "a.example.org.evil.test", "a.example"] {
            assert_eq!(relative(&host(outside), &zone), None, "{outside}");
        }
        assert_eq!(relative(&zone, &host("a.example.org")), None);
        for (written, text) in [
            ("Alpha", "alpha.example.org"),
            ("alpha.example.org.", "alpha.example.org"),
            ("Alpha.Example.ORG.", "alpha.example.org"),
            ("example.org.", "example.org"),
            ("alpha.example.org", "alpha.example.org.example.org"),
        ] {
            assert_eq!(absolute(written, &zone), Some(host(text)), "{written}");
        }
        for name in ["*", "_dmarc", "", "a b", ".", "alpha.", "alpha.example.com.", "alpha.example.org.."] {
            assert_eq!(absolute(name, &zone), None, "{name}");
        }
    }
}
