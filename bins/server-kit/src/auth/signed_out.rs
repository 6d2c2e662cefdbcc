//! The end of streams whose reader counts no more.

use std::time::Duration;

use tokio::sync::watch;

use super::{Authenticate, Identity};

/// How long a revocation made elsewhere, by a command beside the server, may go unnoticed by an open stream.
const ASK_AGAIN: Duration = Duration::from_secs(4);

/// Done once somebody who was let in counts no more: for streams that stay open.
pub async fn signed_out(auth: &dyn Authenticate, who: &Identity) {
    let mut changes = auth.changes();
    loop {
        changed(&mut changes).await;
        if !auth.still_counts(who).await {
            return;
        }
    }
}

/// Waits until something changed, or until it is time to look whether something did.
pub(super) async fn changed(changes: &mut watch::Receiver<u64>) {
    let noticed = tokio::time::timeout(ASK_AGAIN, changes.changed()).await;
    if let Ok(Err(_)) = noticed {
        // Nobody is left who could tell of changes.
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
