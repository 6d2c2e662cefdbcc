//! What a tool answers, and how much of it the model gets.

use std::fmt;

use serde::Serialize;

use crate::messages::ContentBlock;
use crate::text::{Json, Text};

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// A string, or an array of content blocks as the API has them.
    pub content: Json,
    /// Whether the model is told that the tool failed.
    pub is_error: bool,
}

impl ToolOutput {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        Self { content: string(&text.into()), is_error: false }
    }

    /// Anything that serialises, as JSON text.
    ///
    /// # Errors
    /// It refuses to be serialised.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, ToolError> {
        serde_json::to_string(value).map(Self::text).map_err(ToolError::new)
    }

    /// Content blocks: texts, images, …
    #[must_use]
    pub fn blocks(blocks: &[ContentBlock]) -> Self {
        Self { content: array(blocks), is_error: false }
    }

    /// The same, told to the model as a failure.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// At most so many bytes; what is beyond is cut between two characters, and said.
    pub(super) fn cut(self, max: usize) -> Self {
        if let Content::Blocks(mut blocks) = Content::read(&self.content)
            && blocks.iter().any(is_blank)
        {
            // The API refuses them.
            blocks.retain(|block| !is_blank(block));
            return Self { content: array(&blocks), ..self }.cut(max);
        }
        // JSON is never shorter than the text it stands for.
        let fits = self.content.as_str().len() <= max;
        let content = match Content::read(&self.content) {
            Content::Blocks(_) | Content::Text(_) if fits => self.content,
            Content::Text(text) | Content::Other(text) => string(&cut_text(&text, max)),
            Content::Blocks(blocks) => array(&cut_blocks(blocks, max)),
        };
        Self { content, is_error: self.is_error }
    }

    /// The same content with a note in front.
    pub(super) fn noted(self, note: String) -> Self {
        let mut blocks = vec![ContentBlock::text(note)];
        match Content::read(&self.content) {
            Content::Text(text) if text.is_empty() => {}
            Content::Text(text) | Content::Other(text) => blocks.push(ContentBlock::text(text)),
            Content::Blocks(rest) => blocks.extend(rest),
        }
        Self { content: array(&blocks), is_error: self.is_error }
    }
}

/// Why a tool failed, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError(Text);

impl ToolError {
    /// In these words.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ToolError {}

impl From<ToolError> for ToolOutput {
    fn from(error: ToolError) -> Self {
        Self::text(error.0).failed()
    }
}

/// What a tool may have made.
enum Content {
    Text(Text),
    Blocks(Vec<ContentBlock>),
    /// What the API does not take: told as the text of its JSON.
    Other(Text),
}

impl Content {
    fn read(content: &Json) -> Self {
        let known = match content.as_str().trim_start().as_bytes().first() {
            Some(b'"') => content.read_slices().map(Self::Text),
            Some(b'[') => content.read_slices().map(Self::Blocks),
            _ => return Self::Other(content.as_str().into()),
        };
        known.unwrap_or_else(|_| Self::Other(content.as_str().into()))
    }
}

/// A text as a JSON string. A string always serialises.
pub(super) fn string(text: &Text) -> Json {
    Json::of(text).unwrap_or_else(|_| Json::null())
}

/// Blocks as a JSON array. They were read from JSON, or made of text.
pub(super) fn array(blocks: &[ContentBlock]) -> Json {
    Json::of(&blocks).unwrap_or_else(|_| Json::null())
}

fn is_blank(block: &ContentBlock) -> bool {
    matches!(block, ContentBlock::Text(it) if it.text.trim().is_empty())
}

/// What stands where something was cut.
pub(super) fn cut_here(total: usize, kept: usize) -> String {
    format!("\n[cut here: {total} bytes in all, {kept} of them shown]")
}

fn cut_text(text: &str, max: usize) -> Text {
    if text.len() <= max {
        return text.into();
    }
    let kept = text.floor_char_boundary(max);
    format!("{}{}", &text[..kept], cut_here(text.len(), kept)).into()
}

fn cut_blocks(blocks: Vec<ContentBlock>, max: usize) -> Vec<ContentBlock> {
    let mut left = max;
    let cut = blocks.into_iter().map(|block| match block {
        ContentBlock::Text(mut it) => {
            let text = cut_text(&it.text, left);
            left = left.saturating_sub(it.text.len());
            it.text = text;
            ContentBlock::Text(it)
        }
        other => {
            let bytes = Json::of(&other).map_or(0, |json| json.as_str().len());
            if bytes > left {
                return ContentBlock::text(format!("[left out here: {} of {bytes} bytes]", other.kind()));
            }
            left -= bytes;
            other
        }
    });
    cut.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &ToolOutput) -> serde_json::Value {
        output.content.read().unwrap()
    }

    #[test]
    fn what_fits_is_untouched() {
        let output = ToolOutput::text("a \"b\" é");
        assert_eq!(output.clone().cut(100), output);
        let blocks = ToolOutput::blocks(&[ContentBlock::text("x")]).failed();
        assert_eq!(blocks.clone().cut(100), blocks);
    }

    #[test]
    fn fifty_megabytes_are_cut_between_two_characters() {
        let output = ToolOutput::text("é".repeat(25 << 20)).cut(1001);
        let text: String = output.content.read().unwrap();
        assert!(text.starts_with(&"é".repeat(500)) && text.len() < 1100, "{}", text.len());
        assert!(text.ends_with("[cut here: 52428800 bytes in all, 1000 of them shown]"), "{text}");
    }

    #[test]
    fn blocks_share_the_limit() {
        let image =
            Json::parse(r#"{"type":"image","source":{"data":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}"#);
        let image = image.unwrap().read_slices::<ContentBlock>().unwrap();
        let blocks = [ContentBlock::text("12345"), ContentBlock::text("1234567"), image];
        let cut = read(&ToolOutput::blocks(&blocks).cut(10));
        assert_eq!(cut[0]["text"], "12345");
        assert_eq!(cut[1]["text"], "12345\n[cut here: 7 bytes in all, 5 of them shown]");
        assert!(cut[2]["text"].as_str().unwrap().starts_with("[left out here: image of "), "{cut}");
    }

    #[test]
    fn what_the_api_would_refuse_becomes_text() {
        let odd = ToolOutput { content: Json::parse(r#"{"a":1}"#).unwrap(), is_error: false };
        assert_eq!(read(&odd.cut(100)), r#"{"a":1}"#);
        let odd = ToolOutput { content: Json::parse("[1]").unwrap(), is_error: false };
        assert_eq!(read(&odd.cut(100)), "[1]");
    }

    #[test]
    fn blocks_without_text_are_left_out() {
        let output = |texts: [&str; 3]| ToolOutput::blocks(&texts.map(ContentBlock::text)).cut(100);
        assert_eq!(read(&output(["", "a", " \n"])), serde_json::json!([{"type": "text", "text": "a"}]));
        assert_eq!(read(&output(["", "", ""])), serde_json::json!([]));
    }

    #[test]
    fn a_note_stands_in_front() {
        let noted = read(&ToolOutput::text("done").noted("changed".into()));
        assert_eq!((&noted[0]["text"], &noted[1]["text"]), (&"changed".into(), &"done".into()));
        assert_eq!(read(&ToolOutput::text("").noted("changed".into())).as_array().unwrap().len(), 1);
    }
}
