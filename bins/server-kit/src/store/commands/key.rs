//! `key`: API keys of users.

use std::io::Write;

use store_core::api_key::{ApiKey as Row, NewApiKey};
use store_core::{ApiKeyId, Paging, Store};

use super::{CommandError, Result, record, user_of};
use crate::auth::{ApiKey, Entry, Role, Scope, Timestamp};

/// Makes, lists and revokes API keys.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum KeyCommand {
    /// Make a key; prints it once
    Add {
        /// Whom it stands for
        #[arg(long)]
        user: String,
        /// What it is called
        #[arg(long)]
        name: String,
        /// What it allows: read, chat, claude, admin
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        scopes: Vec<Scope>,
        /// When it ends; never, unless set
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36500))]
        expires_days: Option<u32>,
    },
    /// List keys
    List {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
    },
    /// Revoke a key
    Revoke {
        /// Its id, as `key list` names it
        id: String,
    },
}

impl KeyCommand {
    /// Does it, and tells on `out` what was done. Beside a server, open the store with `beside()`.
    ///
    /// # Errors
    /// [`CommandError`]; then nothing was changed.
    pub async fn run(&self, store: &Store, out: &mut impl Write) -> Result<()> {
        match self {
            Self::Add { user, name, scopes, expires_days } => {
                let owner = user_of(store, user).await?;
                check(owner.role.into(), scopes)?;
                let key = ApiKey::generate()?;
                let now = Timestamp::from(std::time::SystemTime::now());
                let expires_at = expires_days.map(|days| now + chrono::Duration::days(days.into()));
                let (name, scopes) = (name.clone(), scopes.iter().copied().map(Into::into).collect());
                let new = NewApiKey { name, hash: key.digest().into(), scopes, expires_at };
                let row = store.of(&owner.id).api_keys().create(new).await?;
                record(store, entry("key.create", &row)).await;
                writeln!(out, "made the key {} of {:?}", row.id, owner.name)?;
                Ok(writeln!(out, "key: {}", key.expose())?)
            }
            Self::List { user } => list(store, user.as_deref(), out).await,
            Self::Revoke { id } => revoke(store, id, out).await,
        }
    }
}

fn check(role: Role, scopes: &[Scope]) -> Result<()> {
    match scopes.iter().find(|scope| !role.allows(**scope)) {
        Some(scope) => Err(CommandError::Scope { role: role.as_str(), scope: scope.as_str() }),
        None => Ok(()),
    }
}

async fn list(store: &Store, user: Option<&str>, out: &mut impl Write) -> Result<()> {
    let only = match user {
        Some(name) => Some(user_of(store, name).await?.id),
        None => None,
    };
    let mut paging = Paging::first();
    loop {
        let page = match only {
            Some(owner) => store.of(&owner).api_keys().list(paging).await?,
            None => store.system().keyring().list(paging).await?,
        };
        for key in page.items {
            let owner = store.system().users().get(key.owner).await?;
            writeln!(
                out,
                "{}  {:7}  {}  {:?}  {:?}",
                key.id,
                state(&key),
                scopes(&key),
                owner.name,
                key.name
            )?;
        }
        let Some(next) = page.next else { return Ok(()) };
        paging = Paging::first().after(next);
    }
}

async fn revoke(store: &Store, text: &str, out: &mut impl Write) -> Result<()> {
    let none = || CommandError::NoKey(text.to_owned());
    let id = ApiKeyId::parse(text).map_err(|_| none())?;
    let key = match store.system().keyring().get(id).await {
        Err(store_core::Error::NotFound) => return Err(none()),
        found => found?,
    };
    store.of(&key.owner).api_keys().revoke(id).await?;
    record(store, entry("key.revoke", &key)).await;
    Ok(writeln!(out, "revoked the key {id}")?)
}

fn state(key: &Row) -> &'static str {
    let now = Timestamp::from(std::time::SystemTime::now());
    match key.is_valid_at(now) {
        true => "valid",
        false if key.revoked_at.is_some() => "revoked",
        false => "expired",
    }
}

fn scopes(key: &Row) -> String {
    let names: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(",")
}

fn entry(action: &'static str, key: &Row) -> Entry {
    let entry = Entry::cli(action, format!("key {}", key.id));
    entry.with("owner", key.owner.to_string()).with("name", key.name.as_str()).with("scopes", scopes(key))
}
