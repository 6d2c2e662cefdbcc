//! What the handlers share.

use std::sync::Arc;

use server_kit::auth::{Authenticate, Identity, Tickets};
use server_kit::guard::{Gate, StreamPermits};
use server_kit::runs::{Reader, Runs};
use server_kit::sse::Sse;
use store_core::Store;

use crate::approvals::Approvals;
use crate::chat::Chats;
use crate::claude::ClaudeCode;
use crate::terminals::{Grant, WebTerminals};

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct App {
    /// Who asks.
    pub auth: Arc<dyn Authenticate>,
    /// Whether it may, and how often.
    pub gate: Gate,
    /// What is kept.
    pub store: Store,
    /// What goes on.
    pub runs: Runs,
    /// Streams of each user.
    pub permits: StreamPermits,
    /// Claude Code.
    pub claude: ClaudeCode,
    /// Chat turns.
    pub chats: Chats,
    /// Questions about tools.
    pub approvals: Approvals,
    /// Terminals.
    pub terminals: WebTerminals,
    /// What lets a browser open a socket on a terminal.
    pub(crate) tickets: Tickets<Grant>,
}

impl App {
    /// A stream for this user: it ends with the events, or when the user's token or account counts no more.
    #[must_use]
    pub fn stream<P: Send + 'static>(&self, who: &Identity, events: Reader, permit: P) -> Sse {
        Sse::new(events).until(self.until_signed_out(who, permit))
    }

    /// Done when this user's token or account counts no more. Holds the permit until then, or until it is dropped.
    pub fn until_signed_out<P: Send + 'static>(
        &self,
        who: &Identity,
        permit: P,
    ) -> impl Future<Output = ()> + Send + use<P> + 'static {
        let (auth, who) = (self.auth.clone(), who.clone());
        async move {
            let _permit = permit;
            server_kit::auth::signed_out(&*auth, &who).await;
        }
    }
}
