//! One-time tickets: for what a browser opens without headers, such as a socket.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use secrecy::SecretString;
use tokio::time::Instant;

use super::failure::Failure;
use super::random;
use super::{Authenticate, Digest, Identity, UserId};
use crate::problem::Problem;

/// How long a ticket counts.
const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets of one user; beyond it its oldest goes.
const PER_USER: usize = 64;
/// Tickets of all users; beyond it there is none until one has ended.
const OVERALL: usize = 16_384;
const PREFIX: &str = "tkt_";
/// The parameter of a query that holds a ticket.
const PARAMETER: &str = "ticket";

/// Issues tickets that stand for who asked for them, for what is granted with them, once, for 30 s. They are kept in
/// memory, by digest: at most 64 of a user, 16 384 in all. Clones share them.
pub struct Tickets<G> {
    table: Arc<Mutex<Table<G>>>,
}

/// A ticket, to be handed to who asked.
#[derive(Debug)]
pub struct Issued {
    /// The ticket.
    pub ticket: SecretString,
    /// How long it counts.
    pub expires_in: Duration,
}

/// The ticket in a request's query, the parameter `ticket`, of whatever worth.
#[must_use]
pub fn ticket_of(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == PARAMETER).map(|(_, ticket)| ticket.into_owned())
}

impl<G> Tickets<G> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { table: Arc::new(Mutex::new(Table::new())) }
    }

    /// A ticket for this user and grant. The user's oldest counts no more if it has 64.
    ///
    /// # Errors
    /// 429 `rate_limited` if there are too many in all; 500 `internal` if the system has no random bytes.
    pub fn issue(&self, who: &Identity, grant: G) -> Result<Issued, Problem> {
        let ticket = random::secret(PREFIX).map_err(Problem::internal)?;
        let digest = Digest::of(&ticket);
        let now = Instant::now();
        let held = Held { digest, who: who.clone(), grant, ends: now + LIFETIME };
        self.locked(|table| table.add(held, now)).map_err(Problem::rate_limited)?;
        Ok(Issued { ticket, expires_in: LIFETIME })
    }

    /// Whom a ticket stands for and what it grants, if `auth` says that its owner still counts. The ticket is spent
    /// by the attempt, whatever comes of it.
    ///
    /// # Errors
    /// 401 `unauthorized`: unknown, used, ended, or its owner counts no more.
    pub async fn redeem(&self, auth: &dyn Authenticate, ticket: &str) -> Result<(Identity, G), Problem> {
        let digest = Digest::of(&ticket.into());
        let held = self.locked(|table| table.take(digest, Instant::now())).ok_or(Failure::Ticket)?;
        if !auth.still_counts(&held.who).await {
            return Err(Failure::Revoked.into());
        }
        Ok((held.who, held.grant))
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Table<G>) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<G> Default for Tickets<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G> Clone for Tickets<G> {
    fn clone(&self) -> Self {
        Self { table: Arc::clone(&self.table) }
    }
}

impl<G> std::fmt::Debug for Tickets<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let live = self.locked(|table| table.held.len());
        f.debug_struct("Tickets").field("live", &live).finish_non_exhaustive()
    }
}

/// Tickets by number; all live equally long, so the lowest number ends first.
struct Table<G> {
    next: u64,
    held: BTreeMap<u64, Held<G>>,
    numbers: HashMap<Digest, u64>,
    of_users: HashMap<UserId, BTreeSet<u64>>,
}

struct Held<G> {
    digest: Digest,
    who: Identity,
    grant: G,
    ends: Instant,
}

impl<G> Table<G> {
    fn new() -> Self {
        Self { next: 0, held: BTreeMap::new(), numbers: HashMap::new(), of_users: HashMap::new() }
    }

    /// Adds a ticket, or says how long there is no room for it.
    fn add(&mut self, held: Held<G>, now: Instant) -> Result<(), Duration> {
        self.purge(now);
        let user = held.who.user;
        let own = self.of_users.get(&user).filter(|own| own.len() >= PER_USER);
        if let Some(oldest) = own.and_then(BTreeSet::first).copied() {
            self.remove(oldest);
        }
        if let Some((_, first)) = self.held.first_key_value().filter(|_| self.held.len() >= OVERALL) {
            return Err(first.ends.saturating_duration_since(now));
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(held.digest, number);
        self.of_users.entry(user).or_default().insert(number);
        self.held.insert(number, held);
        Ok(())
    }

    fn take(&mut self, digest: Digest, now: Instant) -> Option<Held<G>> {
        self.purge(now);
        let number = self.numbers.get(&digest).copied()?;
        self.remove(number)
    }

    /// Forgets what has ended.
    fn purge(&mut self, now: Instant) {
        while let Some((number, _)) = self.held.first_key_value().filter(|(_, held)| held.ends <= now) {
            let number = *number;
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Held<G>> {
        let held = self.held.remove(&number)?;
        self.numbers.remove(&held.digest);
        if let Some(own) = self.of_users.get_mut(&held.who.user) {
            own.remove(&number);
            if own.is_empty() {
                self.of_users.remove(&held.who.user);
            }
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use http::HeaderMap;
    use secrecy::ExposeSecret;
    use tokio::sync::watch;
    use uuid::Uuid;

    use super::*;
    use crate::auth::{Proof, Role};

    /// Everybody counts, or nobody.
    struct Everybody(bool);

    #[async_trait]
    impl Authenticate for Everybody {
        async fn authenticate(&self, _: &HeaderMap) -> Result<Identity, Problem> {
            Err(Problem::unauthorized("sign in"))
        }

        async fn still_counts(&self, _: &Identity) -> bool {
            self.0
        }

        fn changes(&self) -> watch::Receiver<u64> {
            watch::channel(0).1
        }
    }

    fn who(id: u128) -> Identity {
        let proof = Proof::Token { jti: id.to_string(), exp: u64::MAX };
        let user = UserId::new(Uuid::from_u128(id));
        Identity { user, name: format!("user{id}"), role: Role::User, proof }
    }

    fn issue(tickets: &Tickets<u32>, id: u128, grant: u32) -> String {
        tickets.issue(&who(id), grant).unwrap().ticket.expose_secret().to_owned()
    }

    async fn redeem(tickets: &Tickets<u32>, ticket: &str) -> Option<(u128, u32)> {
        let (who, grant) = tickets.redeem(&Everybody(true), ticket).await.ok()?;
        Some((who.user.as_uuid().as_u128(), grant))
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_counts_once_for_who_got_it_and_what_was_granted() {
        let tickets = Tickets::new();
        let (first, second) = (issue(&tickets, 1, 10), issue(&tickets, 2, 20));
        assert!(first.starts_with("tkt_") && first.len() == 47 && first != second);
        assert_eq!(redeem(&tickets.clone(), &first).await, Some((1, 10)));
        assert_eq!(redeem(&tickets, &first).await, None);
        assert_eq!(redeem(&tickets, &second).await, Some((2, 20)));
        for nothing in ["", "tkt_", "tkt_unknown", &second[..46]] {
            let problem = tickets.redeem(&Everybody(true), nothing).await.unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (401, "unauthorized"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_ends_after_its_time() {
        let tickets = Tickets::new();
        let (early, late) = (issue(&tickets, 1, 1), issue(&tickets, 1, 2));
        assert_eq!(tickets.issue(&who(1), 3).unwrap().expires_in, LIFETIME);
        tokio::time::advance(LIFETIME - Duration::from_millis(1)).await;
        assert_eq!(redeem(&tickets, &early).await, Some((1, 1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(redeem(&tickets, &late).await, None);
        tickets.locked(|table| {
            assert!(table.held.is_empty() && table.numbers.is_empty() && table.of_users.is_empty());
        });
    }

    #[tokio::test(start_paused = true)]
    async fn who_counts_no_more_is_not_let_in_and_its_ticket_is_spent() {
        let tickets = Tickets::new();
        let ticket = issue(&tickets, 1, 1);
        assert_eq!(tickets.redeem(&Everybody(false), &ticket).await.unwrap_err().status(), 401);
        assert_eq!(redeem(&tickets, &ticket).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_one_user_pushes_out_its_own_tickets_alone() {
        let tickets = Tickets::new();
        let other = issue(&tickets, 2, 7);
        let first = issue(&tickets, 1, 0);
        let newest: Vec<_> = (0..1000).map(|number| issue(&tickets, 1, number)).collect();
        assert_eq!(redeem(&tickets, &other).await, Some((2, 7)));
        assert_eq!(redeem(&tickets, &first).await, None);
        assert_eq!(redeem(&tickets, &newest[1000 - PER_USER - 1]).await, None);
        assert_eq!(redeem(&tickets, &newest[1000 - PER_USER]).await, Some((1, 936)));
        assert!(format!("{tickets:?}").contains("live: 63"));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_most_of_all_and_room_again_when_they_end() {
        let tickets = Tickets::new();
        for number in 0..OVERALL {
            issue(&tickets, 1 + (number / PER_USER) as u128, 0);
        }
        tokio::time::advance(Duration::from_secs(10)).await;
        let problem = tickets.issue(&who(1 << 64), 0).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (429, "rate_limited"));
        issue(&tickets, 1, 0);
        tokio::time::advance(Duration::from_secs(20)).await;
        issue(&tickets, 1 << 64, 0);
        tickets.locked(|table| assert_eq!(table.held.len(), 2));
    }

    #[tokio::test]
    async fn no_ticket_is_shown() {
        let tickets = Tickets::new();
        let issued = tickets.issue(&who(1), 1).unwrap();
        let shown = format!("{issued:?} {tickets:?}");
        assert!(!shown.contains(issued.ticket.expose_secret()) && !shown.contains(PREFIX), "{shown}");
    }
}
