//! What the handlers share.

use std::sync::Arc;

use server_kit::auth::{Authenticate, Identity};
use server_kit::guard::{Permit, StreamPermits};
use server_kit::runs::{Reader, Runs};
use server_kit::sse::Sse;
use store_core::Store;

use crate::claude::ClaudeCode;

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct App {
    /// Who asks.
    pub auth: Arc<dyn Authenticate>,
    /// What is kept.
    pub store: Store,
    /// What goes on.
    pub runs: Runs,
    /// Streams of each user.
    pub permits: StreamPermits,
    /// Claude Code.
    pub claude: ClaudeCode,
}

impl App {
    /// A stream for this user: it ends with the events, or when the user's token or account counts no more.
    #[must_use]
    pub fn stream(&self, who: &Identity, events: Reader, permit: Permit) -> Sse {
        Sse::new(events).until(self.until_signed_out(who, permit))
    }

    /// Done when this user's token or account counts no more. Holds the permit until then, or until it is dropped.
    pub fn until_signed_out(
        &self,
        who: &Identity,
        permit: Permit,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (auth, who) = (self.auth.clone(), who.clone());
        async move {
            let _permit = permit;
            server_kit::auth::signed_out(&*auth, &who).await;
        }
    }
}
