//! The gate before a route: how often, who, and whether it may.

use std::sync::Arc;

use http::request::Parts;

use super::RateLimit;
use super::rate::{Caller, Rate};
use crate::auth::{Access, Authenticate, Identity, ticket_of};
use crate::peer::Peer;
use crate::problem::Problem;

/// Lets requests in, before anything of their body is read. Clones share what they count.
#[derive(Clone)]
pub struct Gate {
    auth: Arc<dyn Authenticate>,
    rate: Arc<Rate>,
}

impl Gate {
    /// A gate that asks `auth` who somebody is.
    #[must_use]
    pub fn new(auth: Arc<dyn Authenticate>, limit: RateLimit) -> Self {
        Self { auth, rate: Arc::new(Rate::new(limit)) }
    }

    /// Who asks, if it may what `access` asks for; nobody for a public route, and for a ticket, which its handler
    /// redeems. Users are counted as such, everyone else, failed sign-ins too, by address: one user's token is not
    /// locked out by a neighbour's failures.
    ///
    /// # Errors
    /// 429 `rate_limited`, 401 `unauthorized`, 403 `forbidden`, or what the accounts say.
    pub async fn admit(&self, access: Access, parts: &Parts) -> Result<Option<Identity>, Problem> {
        let address = || Caller::at(parts.extensions.get::<Peer>().copied().unwrap_or_default().0);
        let is_handlers = access == Access::Ticket && ticket_of(parts).is_some();
        if access == Access::Public || is_handlers {
            return self.rate.check(address()).map(|()| None);
        }
        match self.auth.authenticate(&parts.headers).await {
            Err(problem) => {
                self.rate.check(address())?;
                Err(problem)
            }
            Ok(who) => {
                self.rate.check(Caller::User(who.user))?;
                if who.may(access) {
                    Ok(Some(who))
                } else {
                    Err(Problem::forbidden("this is not yours to do"))
                }
            }
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
