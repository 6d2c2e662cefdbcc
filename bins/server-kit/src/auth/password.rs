//! Passwords: hashed with Argon2id, on threads of their own, two at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::failure;
use crate::problem::Problem;

/// Most bytes of a password.
pub const MAX_PASSWORD: usize = 1024;

/// Hashes at once: each takes its time on a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Who waits for a hash, beyond those; more are told to come again (429).
const WAITING: usize = 128;

/// A password that may be hashed: 1 to [`MAX_PASSWORD`] bytes without NUL. `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// From what somebody typed.
    ///
    /// # Errors
    /// 400, naming `field`.
    pub fn parse(text: SecretString, field: &'static str) -> Result<Self, Problem> {
        let bytes = text.expose_secret().as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_PASSWORD || bytes.contains(&0) {
            return Err(Problem::invalid(field, "a password has 1 to 1024 bytes and no NUL"));
        }
        Ok(Self(text))
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// A password's hash in PHC form (`$argon2id$…`). `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(String);

impl StoredPassword {
    /// As it was stored.
    #[must_use]
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// To be stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredPassword(…)")
    }
}

/// What a hash costs. It may grow: a hash that was cheaper is made anew at the next sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost(Params);

impl Cost {
    /// This much memory in KiB, this many passes, one lane. `None` for what Argon2 doesn't take.
    #[must_use]
    pub fn new(memory: u32, passes: u32) -> Option<Self> {
        Params::new(memory, passes, 1, None).ok().map(Self)
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone())
    }

    /// Whether this hash is weaker than one of this cost.
    fn exceeds(&self, hash: &PasswordHash) -> bool {
        let Ok(params) = Params::try_from(hash) else { return true };
        hash.algorithm != argon2::ARGON2ID_IDENT
            || params.m_cost() < self.0.m_cost()
            || params.t_cost() < self.0.t_cost()
    }

    /// A hash of this cost that no password has: what is verified for a user that doesn't exist.
    fn dummy(&self) -> StoredPassword {
        let (memory, passes) = (self.0.m_cost(), self.0.t_cost());
        let (salt, output) = ("b3Bza2l0LW5vYm9keQ", "A".repeat(43));
        StoredPassword(format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${output}"))
    }
}

impl Default for Cost {
    /// 19 MiB and two passes, as OWASP recommends.
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// Whether a password is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// It is right, and its hash is weaker than hashes are now.
    RightButWeak,
}

/// Hashes and verifies. Clones share the places.
#[derive(Debug, Clone)]
pub struct Passwords {
    cost: Cost,
    waiting: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
}

impl Passwords {
    /// With hashes of this cost.
    #[must_use]
    pub fn new(cost: Cost) -> Self {
        let waiting = Arc::new(Semaphore::new(WAITING + AT_ONCE));
        Self { cost, waiting, at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Hashes a password, with a salt of its own.
    ///
    /// # Errors
    /// 429 if too many wait.
    pub async fn hash(&self, password: &Password) -> Result<StoredPassword, Problem> {
        self.place().await?.hash(password).await
    }

    /// Waits for a place.
    pub(crate) async fn place(&self) -> Result<Place, Problem> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(failure::busy()) };
        let permit = self.at_once.clone().acquire_owned().await.map_err(Problem::internal)?;
        Ok(Place { cost: self.cost.clone(), permit: Arc::new(permit) })
    }
}

/// One of the places there are for hashing. It is free again when it is dropped and its last work is done: a
/// caller who goes away doesn't make room for more.
pub(crate) struct Place {
    cost: Cost,
    permit: Arc<OwnedSemaphorePermit>,
}

impl Place {
    pub(crate) async fn hash(&self, password: &Password) -> Result<StoredPassword, Problem> {
        let (argon2, password) = (self.cost.argon2(), password.clone());
        let hash = self.work(move || argon2.hash_password(password.bytes())).await?;
        hash.map(|hash| StoredPassword(hash.to_string())).map_err(Problem::internal)
    }

    /// Whether the password is right. Without a hash to compare it with the work is the same, and it is wrong.
    pub(crate) async fn verify(
        &self,
        password: &Password,
        stored: Option<&StoredPassword>,
    ) -> Result<Verdict, Problem> {
        let (cost, password) = (self.cost.clone(), password.clone());
        let stored = stored.cloned().unwrap_or_else(|| cost.dummy());
        self.work(move || {
            let Ok(hash) = PasswordHash::new(&stored.0) else { return Verdict::Wrong };
            if cost.argon2().verify_password(password.bytes(), &hash).is_err() {
                return Verdict::Wrong;
            }
            if cost.exceeds(&hash) { Verdict::RightButWeak } else { Verdict::Right }
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let permit = self.permit.clone();
        let work = spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        work.await.map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same parameters are the same work: an unknown name takes as long as a wrong password.
    #[tokio::test]
    async fn what_is_verified_for_nobody_costs_what_a_real_hash_does() {
        for cost in [Cost::default(), Cost::new(64, 1).unwrap()] {
            let real = Passwords::new(cost.clone()).hash(&password("x")).await.unwrap();
            let (real, dummy) = (real.0, cost.dummy().0);
            let parameters = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
            assert_eq!(parameters(&dummy), parameters(&real));
            let salt = |hash: &str| hash.rsplit('$').nth(1).unwrap().len();
            assert_eq!((salt(&dummy) > 0, dummy.len() > 60), (salt(&real) > 0, real.len() > 60));
            let place = Passwords::new(cost).place().await.unwrap();
            assert!(matches!(place.verify(&password("x"), None).await.unwrap(), Verdict::Wrong));
        }
    }

    fn password(text: &str) -> Password {
        Password::parse(text.into(), "password").unwrap()
    }

    #[test]
    fn a_password_is_bounded_and_not_printed() {
        for bad in [String::new(), "a\0b".to_owned(), "x".repeat(MAX_PASSWORD + 1)] {
            assert!(Password::parse(bad.into(), "password").is_err());
        }
        let longest = password(&"planted".repeat(146));
        assert!(!format!("{longest:?}").contains("planted"));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_told_and_every_hash_has_its_own_salt() {
        let weak = Passwords::new(Cost::new(64, 1).unwrap());
        let strong = Passwords::new(Cost::new(128, 1).unwrap());
        let right = password("correct horse");
        let (one, two) = (weak.hash(&right).await.unwrap(), weak.hash(&right).await.unwrap());
        assert_ne!(one, two);
        assert!(one.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", one.expose());
        let place = strong.place().await.unwrap();
        assert_eq!(place.verify(&right, Some(&one)).await.unwrap(), Verdict::RightButWeak);
        assert_eq!(place.verify(&password("wrong"), Some(&one)).await.unwrap(), Verdict::Wrong);
        let anew = place.hash(&right).await.unwrap();
        assert_eq!(place.verify(&right, Some(&anew)).await.unwrap(), Verdict::Right);
    }

    #[tokio::test]
    async fn nobody_has_the_dummy_and_a_broken_hash_is_nobodys() {
        let passwords = Passwords::new(Cost::new(64, 1).unwrap());
        let dummy = passwords.cost.dummy();
        assert!(PasswordHash::new(dummy.expose()).is_ok(), "it is verified, not refused");
        let place = passwords.place().await.unwrap();
        assert_eq!(place.verify(&password("x"), None).await.unwrap(), Verdict::Wrong);
        for broken in ["", "x", "$argon2id$v=19$m=64,t=1,p=1$", "$2b$10$abc"] {
            let stored = StoredPassword::new(broken);
            assert_eq!(place.verify(&password("x"), Some(&stored)).await.unwrap(), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn two_hash_at_once_and_few_wait() {
        let passwords = Passwords::new(Cost::new(64, 1).unwrap());
        let places = [passwords.place().await.unwrap(), passwords.place().await.unwrap()];
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING + AT_ONCE {
            let passwords = passwords.clone();
            waiting.spawn(async move { passwords.place().await.map(drop) });
        }
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.place().await.err().unwrap().code(), "rate_limited");
        drop(places);
        assert!(waiting.join_all().await.iter().all(Result::is_ok));
    }
}
