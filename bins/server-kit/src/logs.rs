//! The log, on standard error: JSON lines, or text for people. No payloads, no paths, no queries.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::health;
use crate::metrics::{self, Record};

/// Most characters of a user's name in the log.
const MAX_NAME: usize = 64;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Pretty,
}

impl LogFormat {
    /// Text where a person looks on, else JSON.
    #[must_use]
    pub fn by_terminal() -> Self {
        if io::stderr().is_terminal() { Self::Pretty } else { Self::Json }
    }
}

/// A `LOG_LEVEL` that can't be understood.
#[derive(Debug, thiserror::Error)]
#[error("write a level such as `info`, or levels by module such as `info,server_kit=debug`")]
pub struct NotALevel(#[from] tracing_subscriber::filter::ParseError);

/// Starts the log of the process. A second call changes nothing. A standard error that is closed or full loses
/// lines, nothing else.
///
/// # Errors
/// If `level` is none.
pub fn init(level: &str, format: LogFormat) -> Result<(), NotALevel> {
    // Fails where a log is there already.
    let _ = subscriber(level, format)?.try_init();
    Ok(())
}

fn subscriber(level: &str, format: LogFormat) -> Result<Box<dyn Subscriber + Send + Sync>, NotALevel> {
    let writer = || Quiet(io::stderr());
    let layer =
        tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).log_internal_errors(false);
    let levels = tracing_subscriber::registry().with(EnvFilter::try_new(level)?);
    Ok(match format {
        LogFormat::Json => Box::new(levels.with(layer.json().flatten_event(true).with_span_list(false))),
        LogFormat::Pretty => {
            let fields = debug_fn(|writer, field, value| {
                let mut line = OneLine(writer);
                match field.name() {
                    "message" => write!(line, "{value:?}"),
                    name => write!(line, "{name}={value:?}"),
                }
            });
            Box::new(levels.with(layer.compact().fmt_fields(fields.delimited(" "))))
        }
    })
}

/// The line of a request.
pub(crate) fn request(record: &Record<'_>, user: Option<&str>) {
    let request_id = record.id.as_str();
    let Record { route, method, .. } = *record;
    let status = record.status.map(|status| status.as_u16());
    let duration_ms = (record.took.as_secs_f64() * 1e6).round() / 1e3;
    if health::PATHS.contains(&route) || route == metrics::PATH {
        tracing::debug!(request_id, method, route, status, duration_ms, user, "request");
    } else if status.is_some() {
        tracing::info!(request_id, method, route, status, duration_ms, user, "request");
    } else {
        tracing::info!(request_id, method, route, duration_ms, user, "request given up by the client");
    }
}

/// A user's name as far as the log has room for it.
pub(crate) fn cut(name: &str) -> &str {
    name.char_indices().nth(MAX_NAME).map_or(name, |(end, _)| &name[..end])
}

/// Writes what a line may hold; what would break or colour it, escaped.
struct OneLine<W>(W);

impl<W: fmt::Write> fmt::Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| match char {
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                write!(self.0, "{}", char.escape_unicode())
            }
            char if char.is_control() => write!(self.0, "{}", char.escape_default()),
            char => self.0.write_char(char),
        })
    }
}

/// A writer that can't fail: a log that nobody reads is no reason to stop.
struct Quiet<W>(W);

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
