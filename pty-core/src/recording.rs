//! Recordings of terminals, as [asciicast v2]: a line of JSON for the header, then one for each event, each with its
//! time in seconds since the start.
//!
//! | event | |
//! |---|---|
//! | `"o"` | output, as text; what is no UTF-8 becomes U+FFFD |
//! | `"i"` | input, where it was asked for |
//! | `"r"` | a new size, `80x24` |
//! | `"m"` | a marker: output that the recorder missed, the end of a recording that is full |
//!
//! A recorder looks on like a viewer. The child never waits for it: a disk that is too slow makes a gap, a disk that is
//! full ends the recording, and the log says so.
//!
//! [asciicast v2]: https://docs.asciinema.org/manual/asciicast/v2/

mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::spawn::Spec;
use crate::terminal::Terminal;
use crate::terminal::flow::Role;
use crate::terminal::state::{Line, Shared};
use crate::terminal::viewer::Output;
use text::Decoder;

/// The most bytes of a recording, unless its limit says otherwise.
const BYTES_MOST: u64 = 64 << 20;
/// How much is gathered before it is written, while there is more, bytes.
const GATHER: usize = 64 << 10;
/// Room for what is said at the end of a recording, bytes.
const LAST_WORDS: u64 = 256;

/// Where and how a terminal is recorded.
#[derive(Debug, Clone)]
#[must_use]
pub struct Recording {
    path: PathBuf,
    bytes: u64,
    with_input: bool,
}

impl Recording {
    /// To this file, which must not be there yet. It is made for its owner alone (0600).
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), bytes: BYTES_MOST, with_input: false }
    }

    /// Ends the recording, not the terminal, before the file grows beyond so many bytes; 64 MiB unless given.
    pub const fn limit_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Records what is typed as well: passwords among it.
    pub const fn with_input(mut self) -> Self {
        self.with_input = true;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file with its header.
    pub(crate) fn begin(self, spec: &Spec, at: SystemTime) -> Result<Recorder> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path).map_err(Error::Recording)?;
        let mut pending = header(spec, at).to_string().into_bytes();
        pending.push(b'\n');
        let (output, input) = (Decoder::default(), Decoder::default());
        let file = tokio::fs::File::from_std(file);
        Ok(Recorder {
            file,
            room: self.bytes,
            written: 0,
            pending,
            started: Instant::now(),
            output,
            input,
            with_input: self.with_input,
            unless_followed: Some(self.path),
        })
    }
}

fn header(spec: &Spec, at: SystemTime) -> Value {
    let variable = |name: &str| {
        spec.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.to_string_lossy())
    };
    let mut header = json!({
        "version": 2,
        "width": spec.size.cols(),
        "height": spec.size.rows(),
        "timestamp": at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        "env": {"TERM": variable("TERM"), "SHELL": variable("SHELL")},
    });
    if let Some(name) = &spec.name {
        header["title"] = json!(name);
    }
    header
}

/// Writes one recording.
pub(crate) struct Recorder {
    file: tokio::fs::File,
    /// How many more bytes the file may get.
    room: u64,
    written: u64,
    pending: Vec<u8>,
    started: Instant,
    output: Decoder,
    input: Decoder,
    with_input: bool,
    /// The file that goes again unless there is something to record.
    unless_followed: Option<PathBuf>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(path) = self.unless_followed.take() {
            // It was made just now; if it can't be removed it holds a header and nothing else.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Why a recording ended before its terminal.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("it is as long as it may be")]
    Full,
    #[error("it can't be written")]
    Failed(#[from] std::io::Error),
}

impl Recorder {
    /// Follows a terminal to its end.
    pub(crate) fn follow(mut self, terminal: &Terminal) {
        self.unless_followed = None;
        let shared = Arc::clone(&terminal.shared);
        let id = {
            let mut state = shared.lock();
            let base = state.ring.base();
            state.flow.sit(Role::Recorder, (0, base), Line::recorder(self.with_input))
        };
        let output = Output::of(&shared, id);
        tokio::spawn(self.record(output, shared));
    }

    async fn record(mut self, mut output: Output, shared: Arc<Shared>) {
        if let Err(ended) = self.write_all(&mut output).await {
            self.say_last(&ended).await;
            let error = &ended as &dyn std::error::Error;
            tracing::warn!(terminal = %shared.id, error, "a recording ended before its terminal");
        }
    }

    async fn write_all(&mut self, output: &mut Output) -> Result<(), Ended> {
        while let Some(frame) = output.next().await {
            let at = self.started.elapsed();
            for piece in output.typed() {
                let text = self.input.push(&piece);
                self.event(at, "i", &text)?;
            }
            self.frame(at, frame)?;
            while self.pending.len() < GATHER
                && let Some(more) = output.more(GATHER)
            {
                let text = self.output.push(&more);
                self.event(at, "o", &text)?;
            }
            self.flush().await?;
        }
        let rest = self.output.finish();
        self.event(self.started.elapsed(), "o", &rest)?;
        self.flush().await?;
        Ok(self.file.sync_all().await?)
    }

    fn frame(&mut self, at: Duration, frame: Frame) -> Result<(), Ended> {
        match frame {
            Frame::Output { data, .. } => {
                let text = self.output.push(&data);
                self.event(at, "o", &text)
            }
            Frame::Gap { from, to } => self.event(at, "m", &format!("{} bytes are missing", to - from)),
            Frame::Resized(size) => self.event(at, "r", &format!("{}x{}", size.cols(), size.rows())),
            Frame::Exit(_) | Frame::Closed(_) => Ok(()),
        }
    }

    /// Adds a line, or says that there is no room for it.
    fn event(&mut self, at: Duration, kind: &str, text: &str) -> Result<(), Ended> {
        if text.is_empty() {
            return Ok(());
        }
        let line = format!("[{:.6}, \"{kind}\", {}]\n", at.as_secs_f64(), Value::from(text));
        let length = line.len() as u64;
        if (self.pending.len() as u64).saturating_add(length + LAST_WORDS) > self.room {
            return Err(Ended::Full);
        }
        self.pending.extend_from_slice(line.as_bytes());
        Ok(())
    }

    /// Says in the file why there is no more, if that can be written; a line that was not written whole goes.
    async fn say_last(&mut self, ended: &Ended) {
        if let Ended::Failed(_) = ended {
            self.pending = Vec::new();
            let _ = self.file.set_len(self.written).await;
            let _ = self.file.seek(std::io::SeekFrom::Start(self.written)).await;
        }
        let line = format!(
            "[{:.6}, \"m\", {}]\n",
            self.started.elapsed().as_secs_f64(),
            Value::from(ended.to_string())
        );
        self.pending.extend_from_slice(line.as_bytes());
        let _ = self.flush().await;
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_all(&self.pending).await?;
        self.file.flush().await?;
        self.room = self.room.saturating_sub(self.pending.len() as u64);
        self.written += self.pending.len() as u64;
        // A flood is over at some time.
        self.pending = Vec::new();
        Ok(())
    }
}
