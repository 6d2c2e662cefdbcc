//! Proxies that may say for whom they ask.

use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

use crate::peer::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no address and no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an address such as 10.0.0.1, or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl Network {
    /// Whether an address belongs to it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differ = ours.to_bits() ^ theirs.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differ = ours.to_bits() ^ theirs.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = address.trim().parse::<IpAddr>().map_err(|_| NotANetwork)?.to_canonical();
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), |prefix| prefix.trim().parse()).map_err(|_| NotANetwork)?;
        if prefix <= whole { Ok(Self { address, prefix }) } else { Err(NotANetwork) }
    }
}

/// Who asks, when `from` has connected: itself, or, if that is a trusted proxy, the last address in
/// `X-Forwarded-For` that is none. From anybody else the header counts for nothing.
#[must_use]
pub fn peer(trusted: &[Network], from: IpAddr, headers: &HeaderMap) -> Peer {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut asks = from.to_canonical();
    if !is_proxy(asks) {
        return Peer(asks);
    }
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for hop in hops {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        asks = address.to_canonical();
        if !is_proxy(asks) {
            break;
        }
    }
    Peer(asks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        peer(&trusted, from.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_for_whom_it_asks() {
        assert_eq!(asked("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(asked("10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(asked("::ffff:10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(asked("::1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn what_a_client_wrote_itself_is_not_believed() {
        assert_eq!(asked("10.0.0.1", &["127.0.0.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(asked("10.0.0.1", &["127.0.0.1", "203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(asked("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(asked("10.0.0.1", &["203.0.113.9, <script>, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(asked("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(asked("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read() {
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0/8"] {
            assert_eq!(bad.parse::<Network>(), Err(NotANetwork), "{bad}");
        }
    }
}
