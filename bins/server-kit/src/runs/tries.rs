//! Trying again what the archive could not take for a while.

use std::time::Duration;

use super::archive::ArchiveError;

/// How often it is tried.
const TRIES: u32 = 5;

/// The wait before the second try; it doubles.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Asks again as long as the archive is unavailable, for about 1.5 s.
pub(super) async fn until_available<F>(ask: impl Fn() -> F) -> Result<(), ArchiveError>
where
    F: Future<Output = Result<(), ArchiveError>>,
{
    let mut wait = BACK_OFF;
    for _ in 1..TRIES {
        match ask().await {
            Err(ArchiveError::Unavailable(_)) => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    ask().await
}
