//! What users add.

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use super::output::{ToolError, ToolOutput};
use crate::approval::Preview;
use crate::text::{Json, Text};
use crate::turn::Effect;

/// The largest piece of output that is told at once, in bytes; a larger one is told in several.
pub const CHUNK_BYTES: usize = 16 << 10;

/// A tool that the model may call.
///
/// Each call runs in a task of its own: one that panics or hangs costs its own result and never the turn.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Its name, what it is for, and the schema of its input.
    fn spec(&self) -> &ToolSpec;

    /// What it does to the world. Writes are asked about, and run one by one; calls that only look run at once.
    fn effect(&self) -> Effect;

    /// What a call would do, for whoever decides about it; the input itself unless told better. Where this
    /// fails or takes more than [`PREVIEW_TIME`](super::PREVIEW_TIME), the input is shown.
    ///
    /// # Errors
    /// There is nothing better to show.
    async fn preview(&self, input: &Json) -> Result<Preview, ToolError> {
        Ok(Preview::Input { input: input.clone() })
    }

    /// Does it. The input is a JSON object that fits the schema as far as [`ToolSpec::input_schema`] says.
    ///
    /// # Errors
    /// Why it failed, in words for the model.
    async fn call(&self, input: Json, cx: ToolContext) -> Result<ToolOutput, ToolError>;
}

/// What the model is told of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolSpec {
    /// Its name: 1 to 128 of letters, digits, `_` and `-`.
    pub name: Text,
    /// What it is for.
    pub description: Text,
    /// The JSON schema of its input: of type `object`. Before a call, `type`, `required`, `properties`, `items`,
    /// `enum` and `additionalProperties: false` are checked, at any depth; a tool checks the rest itself.
    pub input_schema: Json,
}

impl ToolSpec {
    /// A tool of this name. [`ToolRegistry::check`](super::ToolRegistry::check) tells what is wrong with it.
    #[must_use]
    pub fn new(name: impl Into<Text>, description: impl Into<Text>, input_schema: impl Into<Json>) -> Self {
        Self { name: name.into(), description: description.into(), input_schema: input_schema.into() }
    }
}

/// What a running call gets.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolContext {
    /// The call.
    pub tool_call_id: Text,
    /// Fires when the call is to end: the turn was stopped or dropped, or the call took too long. What still runs
    /// [`TOOL_GRACE`](super::TOOL_GRACE) later is aborted at its next `await`.
    pub cancelled: CancellationToken,
    /// Where its output goes; `None`: nowhere.
    output: Option<mpsc::Sender<Text>>,
}

impl ToolContext {
    /// For a call outside of a turn: nothing cancels it and nobody sees its output.
    #[must_use]
    pub fn alone() -> Self {
        Self { tool_call_id: Text::default(), cancelled: CancellationToken::new(), output: None }
    }

    pub(super) fn new(tool_call_id: Text, cancelled: CancellationToken, output: mpsc::Sender<Text>) -> Self {
        Self { tool_call_id, cancelled, output: Some(output) }
    }

    /// Shows a piece of output while the call runs. It is for people; the model gets the result only.
    ///
    /// Waits while the turn's reader is behind. Beyond as many bytes as a result may have, nothing more is shown.
    pub async fn output(&self, chunk: impl Into<Text>) {
        let Some(output) = &self.output else { return };
        let chunk = chunk.into();
        let (text, bytes) = (&*chunk, chunk.clone().into_bytes());
        let mut at = 0;
        while at < text.len() {
            let end = text.floor_char_boundary(at + CHUNK_BYTES);
            let piece = Text::try_from(bytes.slice(at..end)).unwrap_or_default();
            // Nobody listens any more: the call is being ended, or enough was shown.
            if output.send(piece).await.is_err() {
                return;
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_comes_in_bounded_pieces_that_add_up() {
        let (sender, mut pieces) = mpsc::channel(64);
        let cx = ToolContext::new("toolu_1".into(), CancellationToken::new(), sender);
        let text = "aé😀".repeat(10_000);
        cx.output(text.clone()).await;
        drop(cx);
        let mut all = String::new();
        while let Some(piece) = pieces.recv().await {
            assert!(!piece.is_empty() && piece.len() <= CHUNK_BYTES, "{}", piece.len());
            all.push_str(&piece);
        }
        assert_eq!(all, text);
    }

    #[tokio::test]
    async fn output_that_nobody_sees_costs_nothing() {
        ToolContext::alone().output("x".repeat(1 << 20)).await;
    }
}
