//! `Idempotency-Key`: a request that is repeated finds the run that it started.
//!
//! Keys live in memory: after a restart a repeated request starts anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName};
use claude_core::approval::Digest;
use server_kit::auth::UserId;
use server_kit::problem::Problem;
use server_kit::runs::RunId;
use tokio::sync::OnceCell;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Most characters of a key.
const KEY: usize = 128;

/// Keys of one user that are known; beyond it the oldest are forgotten.
const KEYS_PER_USER: usize = 256;

/// A client's name for one request: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Box<str>);

/// The key of a request, where it has one.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Key>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => "",
    };
    let fits = (1..=KEY).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    let key = fits.then(|| Some(Key(value.into())));
    key.ok_or_else(|| Problem::invalid("idempotency-key", "is not 1 to 128 visible ASCII characters"))
}

/// The requests that are known. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(Arc<Mutex<HashMap<UserId, VecDeque<Claim>>>>);

/// One request and, once it was started, its run.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    key: Key,
    body: Digest,
    /// Whoever comes first starts the run, others wait for that.
    pub(super) run: Arc<OnceCell<RunId>>,
}

impl Keys {
    /// Claims the key for this body, or finds who claimed it before.
    ///
    /// # Errors
    /// 400 where that was another body.
    pub(super) fn claim(&self, user: UserId, key: Key, body: Digest) -> Result<Claim, Problem> {
        let mut users = self.users();
        let claims = users.entry(user).or_default();
        if let Some(known) = claims.iter().find(|known| known.key == key) {
            return match known.body == body {
                true => Ok(known.clone()),
                false => Err(Problem::invalid("idempotency-key", "was used for another request")),
            };
        }
        if claims.len() == KEYS_PER_USER {
            claims.pop_front();
        }
        let claim = Claim { key, body, run: Arc::default() };
        claims.push_back(claim.clone());
        Ok(claim)
    }

    /// Gives a claim up that no run came of, unless somebody else tries with it at this moment.
    pub(super) fn give_up(&self, user: UserId, claim: Claim) {
        // Claims are copied and given up under the lock only, so that the last one who tries knows it.
        let mut users = self.users();
        let Some(claims) = users.get_mut(&user) else { return };
        claims.retain(|known| {
            let is_tried = Arc::strong_count(&known.run) > 2;
            !Arc::ptr_eq(&known.run, &claim.run) || known.run.initialized() || is_tried
        });
        drop(claim);
        if claims.is_empty() {
            users.remove(&user);
        }
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, VecDeque<Claim>>> {
        // A panic elsewhere leaves a plain map behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use claude_core::Json;

    use super::*;

    fn body(text: &str) -> Digest {
        Digest::of("chat", &Json::parse(text).unwrap())
    }

    fn key(text: &str) -> Key {
        Key(text.into())
    }

    #[test]
    fn a_key_stands_for_one_request_of_one_user() {
        let keys = Keys::default();
        let [ann, bob] = [1, 2].map(|id| UserId::new(uuid::Uuid::from_u128(id)));
        let first = keys.claim(ann, key("k"), body("[1]")).unwrap();
        let again = keys.claim(ann, key("k"), body("[ 1 ]")).unwrap();
        assert!(Arc::ptr_eq(&first.run, &again.run));
        assert_eq!(keys.claim(ann, key("k"), body("[2]")).unwrap_err().code(), "invalid_request");
        let other = keys.claim(bob, key("k"), body("[2]")).unwrap();
        assert!(!Arc::ptr_eq(&first.run, &other.run));
        keys.give_up(ann, first);
        assert!(keys.claim(ann, key("k"), body("[2]")).is_err(), "somebody still tries with it");
        keys.give_up(ann, again);
        keys.claim(ann, key("k"), body("[2]")).unwrap();
    }

    #[test]
    fn the_oldest_keys_are_forgotten() {
        let keys = Keys::default();
        let user = UserId::new(uuid::Uuid::nil());
        for at in 0..=KEYS_PER_USER {
            keys.claim(user, key(&at.to_string()), body("[1]")).unwrap();
        }
        assert!(keys.claim(user, key("0"), body("[2]")).is_ok());
        assert!(keys.claim(user, key("2"), body("[2]")).is_err());
    }

    #[test]
    fn a_key_is_visible_text() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, axum::http::HeaderValue::from_bytes(value).unwrap());
            of(&headers).map(|key| key.is_some())
        };
        assert!(read(b"1f0c-a").unwrap() && of(&HeaderMap::new()).unwrap().is_none());
        for bad in [&b""[..], b"a b", b"\xff", &[b'x'; 129]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
