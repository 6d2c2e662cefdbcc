//! Signing in and out, refreshing, changing a password.

use http::HeaderMap;
use secrecy::SecretString;

use super::audit::Entry;
use super::credentials::Credentials;
use super::failure::{self, Failure};
use super::password::{Place, Verdict};
use super::throttle::Attempt;
use super::tokens::Issued;
use super::{Account, Auth, Digest, Find, Identity, LoginId, Password, Proof, Rotation, UserId, random};
use crate::peer::Peer;
use crate::problem::Problem;

/// How long a login lives, in days, however often it is refreshed.
pub const REFRESH_DAYS: i64 = 30;

/// What somebody gets who signed in or refreshed.
pub(super) struct Session {
    pub(super) account: Account,
    pub(super) access: Issued,
    pub(super) refresh: SecretString,
}

impl Auth {
    /// Whether the user doesn't exist, is disabled or has another password, it takes as long and is told the same.
    pub(super) async fn log_in(
        &self,
        name: &str,
        password: &Password,
        from: Peer,
    ) -> Result<Session, Problem> {
        let attempt = self.shared.throttle.attempt(name, from);
        self.admit(attempt)?;
        let place = self.passwords().place().await?;
        let account = self.shared.accounts.account(Find::Name(name)).await?;
        let verdict = self.try_password(&place, attempt, (password, account.as_ref())).await?;
        let failed = Entry::nobody("login.failed", subject(account.as_ref())).from(from);
        let Some(mut account) = account.filter(|account| verdict != Verdict::Wrong && !account.disabled)
        else {
            self.shared.throttle.failed(attempt);
            self.record(failed).await;
            return Err(Failure::Password.into());
        };
        if verdict == Verdict::RightButWeak {
            let stronger = place.hash(password).await?;
            self.shared.accounts.rehash(account.id, account.password, stronger.clone()).await?;
            account.password = stronger;
        }
        drop(place);
        self.shared.throttle.succeeded(attempt);
        let session = self.begin(account).await?;
        self.record(Entry::own(session.account.id, "login.ok").from(from)).await;
        Ok(session)
    }

    /// A refresh token for the next one. One that was used before ends its login: it was stolen, from or by who
    /// shows it now.
    pub(super) async fn refresh(&self, headers: &HeaderMap, from: Peer) -> Result<Session, Problem> {
        let old = self.shared.cookies.read(headers).ok_or(Failure::Missing)?;
        let refresh = random::secret("").map_err(Problem::internal)?;
        match self.shared.logins.rotate(Digest::of(&old), Digest::of(&refresh)).await? {
            Rotation::Rotated { login, user } => {
                let account = self.enabled(user).await?.ok_or(Failure::Account)?;
                self.session(account, login, refresh)
            }
            Rotation::Reused { user } => {
                self.changed();
                self.record(Entry::own(user, "login.reuse").from(from)).await;
                Err(Failure::Reuse.into())
            }
            Rotation::Unknown => Err(Failure::Refresh.into()),
        }
    }

    /// Ends the login of the access token, and that of the refresh token. One of them has to count.
    pub(super) async fn log_out(&self, headers: &HeaderMap, from: Peer) -> Result<(), Problem> {
        let by_token = self.end_by_token(headers).await?;
        let by_cookie = self.end_by_cookie(headers).await?;
        let user = by_token.or(by_cookie).ok_or(Failure::Missing)?;
        self.changed();
        self.record(Entry::own(user, "logout").from(from)).await;
        Ok(())
    }

    /// Changes the password of who asks and ends all its logins; this one goes on as a new one.
    pub(super) async fn change_password(
        &self,
        who: &Identity,
        (current, new): (&Password, &Password),
        from: Peer,
    ) -> Result<Session, Problem> {
        if !matches!(who.proof, Proof::Token { .. }) {
            return Err(Problem::forbidden("sign in to change the password; a key can't"));
        }
        let attempt = self.shared.throttle.attempt(&who.name, from);
        let place = self.passwords().place().await?;
        let mut account = self.enabled(who.user).await?.ok_or(Failure::Account)?;
        if self.try_password(&place, attempt, (current, Some(&account))).await? == Verdict::Wrong {
            self.shared.throttle.failed(attempt);
            self.record(Entry::own(who.user, "password.failed").from(from)).await;
            return Err(Problem::invalid("current", "this is not the current password"));
        }
        let hash = place.hash(new).await?;
        drop(place);
        self.shared.throttle.succeeded(attempt);
        self.shared.accounts.set_password(account.id, hash.clone()).await?;
        account.password = hash;
        self.changed();
        self.record(Entry::own(account.id, "password.change").from(from)).await;
        self.begin(account).await
    }

    fn admit(&self, attempt: Attempt) -> Result<(), Problem> {
        self.shared.throttle.wait(attempt).map_or(Ok(()), |wait| Err(failure::throttled(wait)))
    }

    /// Asks once more whether the attempt is heard: while it waited for its place others may have failed.
    async fn try_password(
        &self,
        place: &Place,
        attempt: Attempt,
        (password, account): (&Password, Option<&Account>),
    ) -> Result<Verdict, Problem> {
        self.admit(attempt)?;
        place.verify(password, account.map(|account| &account.password)).await
    }

    /// Begins a login. If the password was changed since it was verified, which ends all logins, this one ends, too.
    async fn begin(&self, account: Account) -> Result<Session, Problem> {
        let refresh = random::secret("").map_err(Problem::internal)?;
        let until = self.now() + chrono::Duration::days(REFRESH_DAYS);
        let login = self.shared.logins.begin(account.id, Digest::of(&refresh), until).await?;
        let now = self.enabled(account.id).await?;
        if now.is_none_or(|now| now.password != account.password) {
            self.shared.logins.end(login).await?;
            return Err(Failure::Password.into());
        }
        self.session(account, login, refresh)
    }

    fn session(&self, account: Account, login: LoginId, refresh: SecretString) -> Result<Session, Problem> {
        let access = self.shared.tokens.issue(account.id, account.role, login);
        let access = access.ok_or_else(|| Problem::unavailable("the server's clock is wrong"))?;
        Ok(Session { account, access, refresh })
    }

    async fn end_by_token(&self, headers: &HeaderMap) -> Result<Option<UserId>, Problem> {
        let Ok(Credentials::Token(token)) = Credentials::of(headers) else { return Ok(None) };
        let Ok(token) = self.shared.tokens.verify(token) else { return Ok(None) };
        let logins = &self.shared.logins;
        if !logins.vouches(token.login, token.user, &token.jti).await? {
            return Ok(None);
        }
        logins.revoke(&token.jti, token.expires_at).await?;
        logins.end(token.login).await?;
        Ok(Some(token.user))
    }

    /// The refresh token is used up, which names its login.
    async fn end_by_cookie(&self, headers: &HeaderMap) -> Result<Option<UserId>, Problem> {
        let Some(old) = self.shared.cookies.read(headers) else { return Ok(None) };
        let unused = random::secret("").map_err(Problem::internal)?;
        match self.shared.logins.rotate(Digest::of(&old), Digest::of(&unused)).await? {
            Rotation::Rotated { login, user } => {
                self.shared.logins.end(login).await?;
                Ok(Some(user))
            }
            Rotation::Reused { user } => Ok(Some(user)),
            Rotation::Unknown => Ok(None),
        }
    }
}

/// Names of users that don't exist aren't kept: people type passwords there.
fn subject(account: Option<&Account>) -> String {
    account.map_or_else(|| "an unknown user".to_owned(), |account| format!("user {}", account.id))
}
