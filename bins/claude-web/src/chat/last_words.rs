//! How the server itself tells that a run is over.

use claude_core::TurnEvent;
use claude_core::turn::Failed;
use server_kit::problem::ErrorBody;
use server_kit::runs::{Event, error_event};

use super::KIND;

/// A turn ends `failed` where its server died; a run of lines has `event: error`.
pub(crate) fn last_words(kind: &str, told: &ErrorBody) -> Option<Event> {
    if kind != KIND {
        return error_event(kind, told);
    }
    // The same turn may go well with a server that lives.
    let failed = Failed::new(&*told.error.code, &*told.error.message).retryable();
    let end = TurnEvent::Failed(failed);
    Event::json(end.name(), &end).ok()
}
