//! What is shown of a run: for people, or for programs.

mod json;
mod stream;
mod summary;
mod text;

use std::io;
use std::time::Duration;

use claude_core::cli::{self, Message};
use claude_core::turn::Answer;
use claude_core::{Text, TurnEvent};
use tokio::io::{AsyncWriteExt, Stdout};

use self::summary::Summary;
use crate::arguments::Output;
use crate::exit::Code;
use crate::failure::Failure;
use crate::terminal::tell;

/// How a run ended.
pub(crate) struct End<'a> {
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) code: Code,
    pub(crate) elapsed: Duration,
    /// Its reader stands still, so that nothing more can be written.
    pub(crate) skips_stdout: bool,
}

/// One way to show a run. All failures are those of stdout: nobody reads it any more.
pub(crate) struct Printer {
    form: Form,
    stdout: Stdout,
    /// What came of it so far, for the closing.
    summary: Option<Summary>,
    answer: Answer,
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
        Self { form, stdout: tokio::io::stdout(), summary: None, answer: Answer::default(), session_id: None }
    }

    pub(crate) async fn show(&mut self, output: &cli::Output) -> io::Result<()> {
        match &output.message {
            Some(Message::Result(result)) => self.summary = Some((&**result).into()),
            Some(Message::Init(init)) => self.session_id = Some(init.session_id.detached()),
            _ => {}
        }
        match &self.form {
            Form::Text(_) => self.show_text(output).await,
            Form::Json => Ok(()),
            Form::StreamJson => self.write(&stream::bytes(output)).await,
        }
    }

    /// One event of a turn that has no lines of its own.
    pub(crate) async fn show_event(&mut self, event: &TurnEvent) -> io::Result<()> {
        self.answer.push(event.clone());
        match &self.form {
            Form::Text(_) => self.show_piece(event).await,
            Form::Json => Ok(()),
            Form::StreamJson => self.write(&stream::line(event)).await,
        }
    }

    async fn show_text(&mut self, output: &cli::Output) -> io::Result<()> {
        for event in &output.events {
            self.show_piece(event).await?;
        }
        Ok(())
    }

    /// Each piece in its turn, so that both streams stand in order on one terminal.
    async fn show_piece(&mut self, event: &TurnEvent) -> io::Result<()> {
        let Form::Text(text) = &mut self.form else { return Ok(()) };
        let (answer, step) = text.show(event);
        self.write(answer.as_bytes()).await?;
        if let Some(step) = step {
            tell(&step);
        }
        Ok(())
    }

    pub(crate) async fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        let summary = self.summary.take().or_else(|| Summary::of(&self.answer));
        let summary = summary.as_ref();
        let (bytes, closing) = match &mut self.form {
            Form::Text(text) => text.end(summary, end),
            Form::Json => (json::object(summary, self.session_id.as_deref(), end), None),
            Form::StreamJson => (String::new(), None),
        };
        let written = if end.skips_stdout { Ok(()) } else { self.write(bytes.as_bytes()).await };
        if let Some(closing) = closing {
            tell(&closing);
        }
        if let Some(failure) = end.failure {
            tell(&format!("claude-exec: {}", failure.told));
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
