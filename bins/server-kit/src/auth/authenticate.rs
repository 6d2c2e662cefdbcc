//! Who asks: at each request, by the accounts as they are now.

use std::collections::HashSet;

use async_trait::async_trait;
use http::HeaderMap;
use tokio::sync::watch;

use super::credentials::Credentials;
use super::failure::Failure;
use super::signed_out::changed;
use super::{
    Account, Auth, Authenticate, Digest, Find, Identity, Key, LoginId, Proof, Role, Scope, Timestamp, UserId,
};
use crate::problem::Problem;

/// A key's last use is noted when the last note is at least this old, in seconds.
const TOUCH_EVERY: i64 = 60;

#[async_trait]
impl Authenticate for Auth {
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        match Credentials::of(headers)? {
            Credentials::Token(token) => self.by_token(token).await,
            Credentials::Key(key) => self.by_key(key.digest()).await,
        }
    }

    async fn still_counts(&self, who: &Identity) -> bool {
        // Accounts that can't be asked for a moment are no reason to cut what is open; they are asked again soon.
        self.look_again(who).await.unwrap_or(true)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl Auth {
    pub(super) async fn by_token(&self, token: &str) -> Result<Identity, Problem> {
        let token = self.shared.tokens.verify(token)?;
        if !self.shared.logins.vouches(token.login, token.user, &token.jti).await? {
            return Err(Failure::Revoked.into());
        }
        let account = self.enabled(token.user).await?.ok_or(Failure::Account)?;
        Ok(identity(account, Proof::Token { jti: token.jti, exp: token.exp }))
    }

    async fn by_key(&self, digest: Digest) -> Result<Identity, Problem> {
        let key = self.valid_key(digest).await?.ok_or(Failure::Key)?;
        let account = self.enabled(key.owner).await?.ok_or(Failure::Account)?;
        self.touch(&key).await;
        let scopes = key.scopes.into_iter().filter(|scope| account.role.allows(*scope)).collect();
        Ok(identity(account, Proof::Key { digest, scopes }))
    }

    /// Whether the account is there and not disabled. One that can't be asked for a moment counts.
    pub async fn is_enabled(&self, user: UserId) -> bool {
        self.enabled(user).await.map_or(true, |account| account.is_some())
    }

    /// Calls `gone` for each of `owners` whose account is gone or disabled, or has a role that may not have what it
    /// owns, whenever something changed and at least every 4 s, for ever. For what goes on without its owner.
    pub async fn watch_over(
        &self,
        owners: impl Fn() -> HashSet<UserId>,
        may: impl Fn(Role) -> bool,
        gone: impl Fn(UserId),
    ) {
        let mut changes = self.changes();
        loop {
            changed(&mut changes).await;
            for owner in owners() {
                // One that can't be asked for a moment counts.
                let account = self.enabled(owner).await;
                if account.is_ok_and(|account| !account.is_some_and(|account| may(account.role))) {
                    gone(owner);
                }
            }
        }
    }

    /// The account, unless it is gone or disabled.
    pub(super) async fn enabled(&self, user: UserId) -> Result<Option<Account>, Problem> {
        let account = self.shared.accounts.account(Find::Id(user)).await?;
        Ok(account.filter(|account| !account.disabled))
    }

    async fn valid_key(&self, digest: Digest) -> Result<Option<Key>, Problem> {
        let now = self.now();
        let key = self.shared.accounts.key(digest).await?;
        Ok(key.filter(|key| !key.revoked && key.expires_at.is_none_or(|end| now < end)))
    }

    /// A use that can't be noted is no reason to refuse it.
    async fn touch(&self, key: &Key) {
        let age = |last: Timestamp| (self.now() - last).num_seconds();
        if key.last_used_at.is_some_and(|last| age(last) < TOUCH_EVERY) {
            return;
        }
        if let Err(error) = self.shared.accounts.touch_key(key.id).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a key's last use can't be noted");
        }
    }

    async fn look_again(&self, who: &Identity) -> Result<bool, Problem> {
        let proved = match &who.proof {
            Proof::Token { jti, exp } => {
                let ended = i64::try_from(*exp).is_ok_and(|exp| exp <= self.now().timestamp());
                let Some(login) = LoginId::of(jti).filter(|_| !ended) else { return Ok(false) };
                self.shared.logins.vouches(login, who.user, jti).await?
            }
            Proof::Key { digest, scopes } => {
                let key = self.valid_key(*digest).await?;
                key.is_some_and(|key| scopes.iter().all(|scope: &Scope| key.scopes.contains(scope)))
            }
        };
        Ok(proved && self.enabled(who.user).await?.is_some_and(|account| account.role == who.role))
    }
}

fn identity(account: Account, proof: Proof) -> Identity {
    Identity { user: account.id, name: account.name, role: account.role, proof }
}
