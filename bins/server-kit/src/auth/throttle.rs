//! Slows guessing of passwords down: per user, per address, and per pair of both, by a clock that can't be set.
//!
//! Each failure takes a place of its bucket, and places come back one by one. Who finds a bucket full isn't heard:
//! 429, without a look at the password. Users that don't exist have buckets like all others.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::peer::Peer;

/// Failures that are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// At once.
    pub burst: u32,
    /// After that, one in this time.
    pub every: Duration,
}

/// How much guessing is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of one user from one address; 10, then one in 90 s.
    pub pair: Rule,
    /// Of one user from all addresses it never signed in from; 100, then one in 9 s. Where it signed in before
    /// this doesn't hold, so a stranger can't lock it out.
    pub user: Rule,
    /// From one address (IPv6: one /64); 50, then one in 18 s.
    pub address: Rule,
    /// Users, addresses and pairs that are remembered, of each; beyond it those with the least to wait are
    /// forgotten. 10 000.
    pub entries: usize,
}

const WINDOW: Duration = Duration::from_secs(15 * 60);

impl Default for Limits {
    fn default() -> Self {
        let rule = |burst| Rule { burst, every: WINDOW / burst };
        Self { pair: rule(10), user: rule(100), address: rule(50), entries: 10_000 }
    }
}

/// Remembers failures.
#[derive(Debug)]
pub(crate) struct Throttle {
    tables: Mutex<Tables>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Tables {
    pairs: Table,
    users: Table,
    addresses: Table,
    /// Pairs that signed in, and when.
    known: HashMap<u64, Instant>,
}

/// Who tries to sign in, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pair: u64,
    user: u64,
    address: u64,
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        let table = |rule| Table { rule, most: limits.entries.max(1), due: HashMap::new() };
        let (pairs, users, addresses) = (table(limits.pair), table(limits.user), table(limits.address));
        let tables = Tables { pairs, users, addresses, known: HashMap::new() };
        Self { tables: Mutex::new(tables), hasher: RandomState::new() }
    }

    pub(crate) fn attempt(&self, name: &str, peer: Peer) -> Attempt {
        let (name, address) = (name.trim().to_lowercase(), network(peer.0));
        Attempt {
            pair: self.hasher.hash_one((&name, address)),
            user: self.hasher.hash_one(&name),
            address: self.hasher.hash_one(address),
        }
    }

    /// How long this attempt has to wait, if it isn't heard now.
    pub(crate) fn wait(&self, of: Attempt) -> Option<Duration> {
        let now = Instant::now();
        self.locked(|tables| {
            let known = tables.known.contains_key(&of.pair);
            let user = if known { None } else { tables.users.wait(of.user, now) };
            user.max(tables.pairs.wait(of.pair, now)).max(tables.addresses.wait(of.address, now))
        })
    }

    /// The name or the password was wrong.
    pub(crate) fn failed(&self, of: Attempt) {
        let now = Instant::now();
        self.locked(|tables| {
            tables.pairs.fill(of.pair, now);
            tables.users.fill(of.user, now);
            tables.addresses.fill(of.address, now);
        });
    }

    /// Both were right.
    pub(crate) fn succeeded(&self, of: Attempt) {
        let now = Instant::now();
        self.locked(|tables| {
            tables.pairs.due.remove(&of.pair);
            make_room(&mut tables.known, tables.pairs.most, of.pair);
            tables.known.insert(of.pair, now);
        });
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Tables) -> T) -> T {
        work(&mut self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// Buckets, each told by the time at which it is empty again.
#[derive(Debug)]
struct Table {
    rule: Rule,
    most: usize,
    due: HashMap<u64, Instant>,
}

impl Table {
    fn wait(&self, key: u64, now: Instant) -> Option<Duration> {
        let filled = self.due.get(&key)?.saturating_duration_since(now);
        let wait = filled.saturating_sub(self.rule.every * self.rule.burst.saturating_sub(1));
        (wait > Duration::ZERO).then_some(wait)
    }

    fn fill(&mut self, key: u64, now: Instant) {
        make_room(&mut self.due, self.most, key);
        let due = self.due.entry(key).or_insert(now);
        *due = (*due).max(now) + self.rule.every;
    }
}

/// Forgets the earliest, if there is no room for `key`.
fn make_room(times: &mut HashMap<u64, Instant>, most: usize, key: u64) {
    if times.len() < most || times.contains_key(&key) {
        return;
    }
    if let Some(earliest) = times.iter().min_by_key(|(_, time)| **time).map(|(key, _)| *key) {
        times.remove(&earliest);
    }
}

/// What one subscriber has: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer(text.parse().unwrap())
    }

    fn fail(throttle: &Throttle, attempt: Attempt, times: u32) {
        for _ in 0..times {
            throttle.failed(attempt);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_failures_of_a_pair_then_one_in_ninety_seconds() {
        let throttle = Throttle::default();
        let attempt = throttle.attempt("Ada", peer("192.0.2.1"));
        fail(&throttle, attempt, 9);
        assert_eq!(throttle.wait(attempt), None);
        throttle.failed(attempt);
        assert_eq!(throttle.wait(throttle.attempt(" aDA ", peer("::ffff:192.0.2.1"))), Some(WINDOW / 10));
        assert_eq!(throttle.wait(throttle.attempt("ada", peer("192.0.2.2"))), None);
        assert_eq!(throttle.wait(throttle.attempt("bob", peer("192.0.2.1"))), None);
        tokio::time::advance(WINDOW / 10).await;
        assert_eq!(throttle.wait(attempt), None);
        throttle.failed(attempt);
        assert!(throttle.wait(attempt).is_some());
        tokio::time::advance(WINDOW).await;
        fail(&throttle, attempt, 9);
        assert_eq!(throttle.wait(attempt), None, "all is forgiven after the window");
    }

    #[tokio::test(start_paused = true)]
    async fn many_users_from_one_network_are_slowed_down() {
        let throttle = Throttle::default();
        for number in 0..50 {
            let address = format!("2001:db8::{number:x}");
            throttle.failed(throttle.attempt(&format!("user{number}"), peer(&address)));
        }
        assert!(throttle.wait(throttle.attempt("other", peer("2001:db8::ffff"))).is_some());
        assert!(throttle.wait(throttle.attempt("other", peer("2001:db8:0:1::1"))).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cannot_lock_a_user_out_of_where_it_signed_in() {
        let throttle = Throttle::default();
        let home = throttle.attempt("ada", peer("192.0.2.1"));
        throttle.succeeded(home);
        for number in 0..100 {
            throttle.failed(throttle.attempt("ada", peer(&format!("198.51.100.{number}"))));
        }
        assert!(throttle.wait(throttle.attempt("ada", peer("203.0.113.1"))).is_some());
        assert_eq!(throttle.wait(home), None);
        fail(&throttle, home, 10);
        assert!(throttle.wait(home).is_some(), "guessing from there has its own limit");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let throttle = Throttle::new(Limits { entries: 8, ..Limits::default() });
        let target = throttle.attempt("ada", peer("192.0.2.1"));
        fail(&throttle, target, 10);
        for number in 0..100 {
            let attempt = throttle.attempt(&format!("user{number}"), peer("192.0.2.9"));
            throttle.failed(attempt);
            throttle.succeeded(attempt);
        }
        throttle.locked(|tables| {
            assert!(tables.users.due.len() <= 8 && tables.pairs.due.len() <= 8 && tables.known.len() <= 8);
        });
        assert!(throttle.wait(target).is_some(), "who has the longest to wait is forgotten last");
    }
}
