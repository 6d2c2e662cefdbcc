//! The limit of a relay: what the upstream says goes on as it is.

use super::serve::{ask, serve as serve_turns, upstream};

/// Serves until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let upstream = upstream()?;
    serve_turns(move || ask(upstream.clone()))
}
