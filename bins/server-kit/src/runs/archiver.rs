//! Brings an archived run's events to the archive, behind its readers.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::archive::ArchiveError;
use super::id::Seq;
use super::log::{SeatId, Sitter};
use super::run::{Run, Stop};
use super::tries;

/// How long events are gathered before they are kept together: a commit for each token would cost more than the token.
/// Whoever waits for the archive does not wait for this.
const GATHER: Duration = Duration::from_millis(500);

/// Keeps events until the run's end. A run whose events can't be kept is stopped.
pub(super) async fn keep_events(run: Arc<Run>, seat: SeatId) {
    let kept = match run.recorded().await {
        Ok(()) => keep_all(&run, seat).await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::error!(run_id = %run.id, error = &error as &dyn std::error::Error, "events can't be archived");
        run.archive_failed(error);
        run.stop(Stop::Unrecorded);
    }
    run.log.leave(seat);
}

async fn keep_all(run: &Run, seat: SeatId) -> Result<(), ArchiveError> {
    while poll_fn(|cx| run.log.poll_unkept(seat, cx)).await {
        tokio::select! {
            () = run.archive_is_awaited() => {}
            _ = poll_fn(|cx| run.log.poll_gathered(seat, cx)) => {}
            () = tokio::time::sleep(GATHER) => {}
        }
        let events = run.log.unkept(seat);
        let last = events.last().map_or(Seq::START, |(seq, _)| *seq);
        tries::until_available(|| run.archive.append(run.id, events.clone())).await?;
        run.log.kept(seat, last);
        run.archived_up_to(last);
    }
    Ok(())
}

/// The archive's place in a run's log, from its beginning.
pub(super) fn seat(run: &Run) -> Option<SeatId> {
    run.log.sit(Sitter::Archive, Seq::START)
}
