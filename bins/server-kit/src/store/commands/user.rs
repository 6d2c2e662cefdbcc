//! `user`: who may sign in.

use std::io::Write;

use secrecy::{ExposeSecret, SecretString};
use store_core::user::{self, NewUser, User};
use store_core::{Paging, Store};

use super::{CommandError, Result, read_password, record, user_of};
use crate::auth::{Cost, Entry, Password, Passwords, Role, StoredPassword, random};

/// Makes, lists and changes users.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum UserCommand {
    /// Make a user; prints a generated password once, unless one is given
    Add {
        /// Its name, unique without regard to case
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = Role::User)]
        role: Role,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users
    List,
    /// Give a user another password and end its logins; prints a generated one once, unless one is given
    Password {
        /// Which user
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Change what a user may do
    Role {
        /// Which user
        name: String,
        /// What it may do from now on
        #[arg(value_enum)]
        role: Role,
    },
    /// Forbid a user to sign in, and end its logins
    Disable {
        /// Which user
        name: String,
    },
    /// Allow a user to sign in again
    Enable {
        /// Which user
        name: String,
    },
    /// Delete a user and all it owns
    Delete {
        /// Which user
        name: String,
    },
}

impl UserCommand {
    /// Does it, and tells on `out` what was done. Beside a server, open the store with `beside()`.
    ///
    /// # Errors
    /// [`CommandError`]; then nothing was changed.
    pub async fn run(&self, store: &Store, out: &mut impl Write) -> Result<()> {
        match self {
            Self::Add { name, role, password_stdin } => {
                let (hash, generated) = new_password(*password_stdin).await?;
                add(store, name, (*role, hash)).await?;
                writeln!(out, "made the {} {name:?}", role.as_str())?;
                show(out, generated.as_ref())
            }
            Self::List => list(store, out).await,
            Self::Password { name, password_stdin } => {
                let user = user_of(store, name).await?;
                let (hash, generated) = new_password(*password_stdin).await?;
                store.system().users().set_password(user.id, hash.into()).await?;
                record(store, entry("user.password", &user)).await;
                writeln!(out, "changed the password of {:?}", user.name)?;
                show(out, generated.as_ref())
            }
            Self::Role { name, role } => {
                let user = user_of(store, name).await?;
                store.system().users().set_role(user.id, (*role).into()).await?;
                record(store, entry("user.role", &user).with("role", role.as_str())).await;
                Ok(writeln!(out, "{:?} is a {} now", user.name, role.as_str())?)
            }
            Self::Disable { name } => set_access(store, name, user::Access::Disabled, out).await,
            Self::Enable { name } => set_access(store, name, user::Access::Enabled, out).await,
            Self::Delete { name } => {
                let user = user_of(store, name).await?;
                store.system().users().delete(user.id).await?;
                record(store, entry("user.delete", &user).with("name", user.name.as_str())).await;
                Ok(writeln!(out, "deleted {:?}", user.name)?)
            }
        }
    }
}

async fn add(store: &Store, name: &str, (role, hash): (Role, StoredPassword)) -> Result<()> {
    let new = NewUser { name: name.to_owned(), password_hash: hash.into(), role: role.into() };
    let user = store.system().users().create(new).await?;
    let entry = entry("user.create", &user).with("name", user.name.as_str());
    record(store, entry.with("role", role.as_str())).await;
    Ok(())
}

async fn list(store: &Store, out: &mut impl Write) -> Result<()> {
    let mut paging = Paging::first();
    loop {
        let page = store.system().users().list(paging).await?;
        for user in page.items {
            let state = if user.disabled { "disabled" } else { "enabled" };
            let made = user.created_at.format("%Y-%m-%d");
            writeln!(out, "{}  {made}  {:6}  {state:8}  {}", user.id, user.role.as_str(), user.name)?;
        }
        let Some(next) = page.next else { return Ok(()) };
        paging = Paging::first().after(next);
    }
}

async fn set_access(store: &Store, name: &str, access: user::Access, out: &mut impl Write) -> Result<()> {
    let user = user_of(store, name).await?;
    store.system().users().set_access(user.id, access).await?;
    let (action, word) = match access {
        user::Access::Enabled => ("user.enable", "may"),
        user::Access::Disabled => ("user.disable", "may not"),
    };
    record(store, entry(action, &user)).await;
    Ok(writeln!(out, "{:?} {word} sign in", user.name)?)
}

fn entry(action: &'static str, user: &User) -> Entry {
    Entry::cli(action, format!("user {}", user.id))
}

/// A hash to be stored, and the password if it was generated.
async fn new_password(from_stdin: bool) -> Result<(StoredPassword, Option<SecretString>)> {
    let (text, generated) = if from_stdin {
        (read_password(std::io::stdin())?, None)
    } else {
        let drawn = random::password()?;
        (drawn.clone(), Some(drawn))
    };
    let password = Password::parse(text, "password").map_err(CommandError::Password)?;
    let hash = Passwords::new(Cost::default()).hash(&password).await.map_err(CommandError::Password)?;
    Ok((hash, generated))
}

/// The one time that a generated password is shown.
fn show(out: &mut impl Write, generated: Option<&SecretString>) -> Result<()> {
    if let Some(password) = generated {
        writeln!(out, "password: {}", password.expose_secret())?;
    }
    Ok(())
}
