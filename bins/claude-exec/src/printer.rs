//! What is shown of a run: for people, or for programs.

mod json;
mod stream;
mod text;

use std::io;
use std::time::Duration;

use claude_core::cli::{self, Message, RunResult};
use claude_core::{Error, Text};
use tokio::io::{AsyncWriteExt, Stdout};

use crate::arguments::Output;
use crate::exit::Code;
use crate::terminal::tell;

/// How a run ended.
pub(crate) struct End<'a> {
    pub(crate) error: Option<&'a Error>,
    pub(crate) code: Code,
    pub(crate) elapsed: Duration,
    /// Its reader stands still, so that nothing more can be written.
    pub(crate) skips_stdout: bool,
}

/// One way to show a run. All failures are those of stdout: nobody reads it any more.
pub(crate) struct Printer {
    form: Form,
    stdout: Stdout,
    /// The last result, for the closing.
    result: Option<RunResult>,
    /// The session, which a run that failed may be resumed with.
    session_id: Option<Text>,
}

enum Form {
    Text(text::Text),
    Json,
    StreamJson,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        let form = match output {
            Output::Text => Form::Text(text::Text::default()),
            Output::Json => Form::Json,
            Output::StreamJson => Form::StreamJson,
        };
        Self { form, stdout: tokio::io::stdout(), result: None, session_id: None }
    }

    pub(crate) async fn show(&mut self, output: &cli::Output) -> io::Result<()> {
        match &output.message {
            Some(Message::Result(result)) => self.result = Some((**result).clone()),
            Some(Message::Init(init)) => self.session_id = Some(init.session_id.detached()),
            _ => {}
        }
        match &self.form {
            Form::Text(_) => self.show_text(output).await,
            Form::Json => Ok(()),
            Form::StreamJson => self.write(&stream::bytes(output)).await,
        }
    }

    /// Each piece in its turn, so that both streams stand in order on one terminal.
    async fn show_text(&mut self, output: &cli::Output) -> io::Result<()> {
        for event in &output.events {
            let Form::Text(text) = &mut self.form else { continue };
            let (answer, step) = text.show(event);
            self.write(answer.as_bytes()).await?;
            if let Some(step) = step {
                tell(&step);
            }
        }
        Ok(())
    }

    pub(crate) async fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        let result = self.result.as_ref();
        let (bytes, closing) = match &mut self.form {
            Form::Text(text) => text.end(result, end),
            Form::Json => (json::object(result, self.session_id.as_deref(), end), None),
            Form::StreamJson => (String::new(), None),
        };
        let written = if end.skips_stdout { Ok(()) } else { self.write(bytes.as_bytes()).await };
        if let Some(closing) = closing {
            tell(&closing);
        }
        if let Some(error) = end.error {
            tell(&format!("claude-exec: {}", chain(error)));
        }
        written
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.stdout.write_all(bytes).await?;
        self.stdout.flush().await
    }
}

/// An error with its causes on one line, safe to print.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    crate::terminal::visible(&text)
}
