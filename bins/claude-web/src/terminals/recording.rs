//! Recordings as they are handed out.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use server_kit::problem::Problem;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Bytes that are read at once.
const PIECE: u64 = 64 << 10;

/// Makes the directory that a recording goes to, for its owner alone.
pub(super) fn make_place(recording: &Path) -> io::Result<()> {
    let Some(directory) = recording.parent() else { return Ok(()) };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// A recording as it is now; more may be written to it meanwhile.
pub(super) async fn answer(path: &Path) -> Result<Response, Problem> {
    let file = File::open(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Problem::not_found(),
        _ => Problem::internal(error),
    })?;
    let length = file.metadata().await.map_err(Problem::internal)?.len();
    let pieces = futures_util::stream::try_unfold((file, length), async |(mut file, left)| {
        let mut piece = Vec::new();
        (&mut file).take(left.min(PIECE)).read_to_end(&mut piece).await?;
        let left = left - piece.len() as u64;
        Ok::<_, io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), (file, left))))
    });
    let headers =
        [(CONTENT_TYPE, "application/x-asciicast".to_owned()), (CONTENT_LENGTH, length.to_string())];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
