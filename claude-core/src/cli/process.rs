//! A running Claude Code: the lines it writes, and what they mean.

mod driver;

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use self::driver::Driver;
pub(super) use self::driver::not_started;
use super::command::Command;
use super::control::Control;
use super::message::Message;
use super::outcome::Outcome;
use crate::error::{Error, Result};
use crate::turn::event::Events;
use crate::turn::{Stops, TurnHandle};

/// A child and the stream of its output. Dropping it ends the child and all that descends from it.
///
/// The stream gives each line as it came, then the turn's end, then either nothing more or one error. It reads
/// only when polled: a consumer that stands still stops the child at its pipe, and nothing is lost.
pub struct Process {
    /// `None` after the end.
    outputs: Option<Pin<Box<dyn Stream<Item = Result<Output>> + Send>>>,
    control: Control,
    outcome: Arc<OnceLock<Outcome>>,
    pid: u32,
}

/// One line, or something that the process has to say without a line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Output {
    /// The line without its LF, a slice of the read buffer; `None` for approvals and for the end.
    pub line: Option<Bytes>,
    /// The same line typed, as far as [`Detail`](super::Detail) wants it.
    pub message: Option<Message>,
    /// What it means.
    pub events: Events,
    /// Whether the line's LF is missing: the output was cut.
    pub is_cut: bool,
}

impl Output {
    /// Whether the line belongs to the control protocol and not to the conversation.
    #[must_use]
    pub fn is_control(&self) -> bool {
        match &self.message {
            Some(Message::CanUseTool(_) | Message::ControlCancel(_) | Message::ControlResponse(_)) => true,
            Some(Message::Unparsed(kind) | Message::Unknown(kind)) => kind.is_control(),
            _ => false,
        }
    }
}

impl Process {
    /// Starts it; who holds the handle's other half steers it.
    pub(super) async fn start(command: Command, handle: (TurnHandle, Stops)) -> Result<Self> {
        let (control, requests) = Control::new(handle);
        let outcome = Arc::new(OnceLock::new());
        let driver = Driver::start(command, requests, outcome.clone()).await?;
        let pid = driver.pid();
        let outputs = futures_util::stream::unfold(driver, |mut driver| async move {
            let output = driver.next().await?;
            Some((output, driver))
        });
        Ok(Self { outputs: Some(Box::pin(outputs)), control, outcome, pid })
    }

    /// The next output; `None` after the end. An error comes once and is the last.
    ///
    /// Cancel safe: what was not returned comes with the next call.
    ///
    /// # Errors
    /// Why the run failed; every line that came before was returned.
    pub async fn next(&mut self) -> Option<Result<Output>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Steers the process from anywhere.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// What the run came to; `None` before the end, and where it ended with an error.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// The child's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Reads to the end and throws the output away.
    ///
    /// # Errors
    /// As [`Process::next`].
    pub async fn wait(mut self) -> Result<Outcome> {
        while let Some(output) = self.next().await {
            output?;
        }
        self.outcome.get().cloned().ok_or(Error::Ended)
    }
}

impl Stream for Process {
    type Item = Result<Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(outputs) = &mut self.outputs else { return Poll::Ready(None) };
        let output = std::task::ready!(outputs.as_mut().poll_next(cx));
        if output.is_none() {
            self.outputs = None;
        }
        Poll::Ready(output)
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("pid", &self.pid).finish_non_exhaustive()
    }
}
