//! Brings an archived run's events to the archive, behind its readers.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::archive::ArchiveError;
use super::id::Seq;
use super::log::{SeatId, Sitter};
use super::run::{Run, Stop};

/// How often a batch is tried before the run is stopped.
const TRIES: u32 = 5;

/// The wait before the second try; it doubles.
const BACK_OFF: Duration = Duration::from_millis(100);

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
    while let Some(events) = poll_fn(|cx| run.log.poll_unkept(seat, cx)).await {
        let last = events.last().map_or(Seq::START, |(seq, _)| *seq);
        keep(run, &events).await?;
        run.log.kept(seat, last);
        run.archived_up_to(last);
    }
    Ok(())
}

async fn keep(run: &Run, events: &[(Seq, bytes::Bytes)]) -> Result<(), ArchiveError> {
    let mut wait = BACK_OFF;
    for _ in 1..TRIES {
        match run.archive.append(run.id, events.to_vec()).await {
            Err(ArchiveError::Unavailable(_)) => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    run.archive.append(run.id, events.to_vec()).await
}

/// The archive's place in a run's log, from its beginning.
pub(super) fn seat(run: &Run) -> Option<SeatId> {
    run.log.sit(Sitter::Archive, Seq::START)
}
