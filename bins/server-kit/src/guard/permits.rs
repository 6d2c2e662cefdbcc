//! How many streams one user may hold open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::auth::UserId;
use crate::problem::Problem;

/// When to try again with a further stream.
const RETRY: Duration = Duration::from_secs(5);

/// Hands out at most `MAX_STREAMS_PER_USER` permits to each user. Clones share the count.
#[derive(Debug, Clone)]
pub struct StreamPermits {
    most: usize,
    held: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One stream's place; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit is given back when it is dropped"]
pub struct Permit {
    user: UserId,
    held: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl StreamPermits {
    /// At most so many for each user; 0 = no limit.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// 429 `rate_limited` if the user holds as many as it may.
    pub fn take(&self, user: UserId) -> Result<Permit, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(user).or_default();
        if self.most > 0 && *count >= self.most {
            return Err(Problem::rate_limited(RETRY));
        }
        *count += 1;
        Ok(Permit { user, held: Arc::clone(&self.held) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_makes_room_and_users_do_not_count_for_each_other() {
        let permits = StreamPermits::new(2);
        let [one, other] = [UserId::new(uuid::Uuid::from_u128(1)), UserId::new(uuid::Uuid::from_u128(2))];
        let first = permits.take(one).unwrap();
        let _second = permits.take(one).unwrap();
        assert_eq!(permits.take(one).unwrap_err().status(), 429);
        let _others = permits.take(other).unwrap();
        drop(first);
        let _third = permits.take(one).unwrap();
    }

    #[test]
    fn nothing_is_kept_of_users_without_streams() {
        let permits = StreamPermits::new(0);
        let user = UserId::new(uuid::Uuid::nil());
        let many: Vec<_> = (0..100).map(|_| permits.take(user).unwrap()).collect();
        drop(many);
        assert!(permits.held.lock().unwrap().is_empty());
    }
}
