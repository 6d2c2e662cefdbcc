//! The first start: a server without users makes its admin.

use secrecy::SecretString;

use super::audit::Entry;
use super::{Auth, Password, random};
use crate::problem::Problem;

/// What became of the first admin.
#[derive(Debug)]
pub enum FirstAdmin {
    /// There are users already: nothing was done.
    NotNeeded,
    /// It was made, with the password that was given.
    Created,
    /// It was made, with this password, which is nowhere else: print it once, to the operator's terminal.
    Generated(SecretString),
}

impl Auth {
    /// Makes an admin of this name if there is no user at all, with a generated password unless one is given.
    ///
    /// # Errors
    /// The name or the password can't be used, or the accounts can't be asked.
    pub async fn ensure_admin(
        &self,
        name: &str,
        password: Option<SecretString>,
    ) -> Result<FirstAdmin, Problem> {
        if self.shared.accounts.any().await? {
            return Ok(FirstAdmin::NotNeeded);
        }
        let (text, made) = match password {
            Some(given) => (given, FirstAdmin::Created),
            None => {
                let drawn = random::password().map_err(Problem::internal)?;
                (drawn.clone(), FirstAdmin::Generated(drawn))
            }
        };
        let hash = self.passwords().hash(&Password::parse(text, "ADMIN_PASSWORD")?).await?;
        let id = self.shared.accounts.create_admin(name, hash).await?;
        let entry = Entry::system("user.create", format!("user {id}"));
        self.record(entry.with("name", name).with("role", "admin")).await;
        Ok(made)
    }
}
