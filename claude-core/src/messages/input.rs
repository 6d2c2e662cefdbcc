//! Blocks that the caller writes: pictures, documents, results of tools, and marks for the cache.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::json;

use super::block::ContentBlock;
use super::content::Content;
use crate::object::Object;
use crate::text::{Json, Text};

/// How long the API keeps what it read up to a mark. Each reading begins the time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ttl {
    /// Writing costs a quarter more than reading without a cache.
    FiveMinutes,
    /// Writing costs twice as much as reading without a cache.
    OneHour,
}

/// Where a picture or document comes from.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: String },
    Text { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
}

impl ContentBlock {
    /// A picture: `image/png`, `image/jpeg`, `image/gif` or `image/webp`, and its bytes.
    #[must_use]
    pub fn image(media_type: &str, bytes: &[u8]) -> Self {
        with_source("image", &Source::Base64 { media_type, data: BASE64_STANDARD.encode(bytes) })
    }

    /// A picture that the API fetches.
    #[must_use]
    pub fn image_url(url: &str) -> Self {
        with_source("image", &Source::Url { url })
    }

    /// A PDF.
    #[must_use]
    pub fn document_pdf(bytes: &[u8]) -> Self {
        let data = BASE64_STANDARD.encode(bytes);
        with_source("document", &Source::Base64 { media_type: "application/pdf", data })
    }

    /// A PDF that the API fetches.
    #[must_use]
    pub fn document_url(url: &str) -> Self {
        with_source("document", &Source::Url { url })
    }

    /// A text that is a document: it can be cited.
    #[must_use]
    pub fn document_text(text: &str) -> Self {
        with_source("document", &Source::Text { media_type: "text/plain", data: text })
    }

    /// What a tool gave for the call of this id.
    #[must_use]
    pub fn tool_result(tool_use_id: impl Into<Text>, content: impl Into<Content>, is_error: bool) -> Self {
        let mut members = typed("tool_result");
        members.set("tool_use_id", written(&tool_use_id.into()));
        members.set("content", written(&content.into()));
        if is_error {
            members.set("is_error", json!(true).into());
        }
        Self::Other(members)
    }

    /// With a mark: the API keeps what was read up to here. Up to four marks in a request; the API refuses them
    /// on thinking.
    #[must_use]
    pub fn cached(self, time: Ttl) -> Self {
        self.extra("cache_control", mark(time))
    }

    /// With this member, such as a document's `title` or `citations`, instead of one of the same name.
    #[must_use]
    pub fn extra(mut self, name: &str, value: impl Into<Json>) -> Self {
        let members = match &mut self {
            Self::Text(it) => &mut it.extra,
            Self::Thinking(it) => &mut it.extra,
            Self::RedactedThinking(it) => &mut it.extra,
            Self::ToolUse(it) | Self::ServerToolUse(it) => &mut it.extra,
            Self::Other(members) => members,
        };
        members.set(name, value.into());
        self
    }
}

/// A tool, or any other object, with a mark. What is no object stays as it is.
pub(super) fn cached(json: &Json, time: Ttl) -> Json {
    match json.read_slices::<Object>() {
        Ok(mut members) => {
            members.set("cache_control", mark(time));
            written(&members)
        }
        Err(_) => json.clone(),
    }
}

fn mark(time: Ttl) -> Json {
    match time {
        Ttl::FiveMinutes => json!({"type": "ephemeral"}).into(),
        Ttl::OneHour => json!({"type": "ephemeral", "ttl": "1h"}).into(),
    }
}

fn typed(kind: &str) -> Object {
    let mut members = Object::default();
    members.set("type", json!(kind).into());
    members
}

fn with_source(kind: &str, source: &Source<'_>) -> ContentBlock {
    let mut members = typed(kind);
    members.set("source", written(source));
    ContentBlock::Other(members)
}

/// The JSON of a value of this module: strings, numbers and checked JSON, which always serialise.
fn written(value: &impl Serialize) -> Json {
    Json::of(value).unwrap_or_else(|_| Json::null())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(block: &ContentBlock) -> String {
        serde_json::to_string(block).unwrap()
    }

    #[test]
    fn pictures_and_documents_are_written_as_the_api_reads_them() {
        for (block, written) in [
            (
                ContentBlock::image("image/png", b"\x89PNG"),
                r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw=="}}"#,
            ),
            (
                ContentBlock::image_url("https://h/a?b=\"c\""),
                r#"{"type":"image","source":{"type":"url","url":"https://h/a?b=\"c\""}}"#,
            ),
            (
                ContentBlock::document_pdf(b"%PDF"),
                r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERg=="}}"#,
            ),
            (
                ContentBlock::document_url("https://h"),
                r#"{"type":"document","source":{"type":"url","url":"https://h"}}"#,
            ),
            (
                ContentBlock::document_text("a\n").extra("title", json!("t")),
                r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a\n"},"title":"t"}"#,
            ),
        ] {
            assert_eq!(json_of(&block), written);
            assert_eq!(serde_json::from_str::<ContentBlock>(written).unwrap(), block);
        }
    }

    #[test]
    fn results_of_tools_are_texts_or_blocks() {
        assert_eq!(
            json_of(&ContentBlock::tool_result("t1", "fine", false)),
            r#"{"type":"tool_result","tool_use_id":"t1","content":"fine"}"#
        );
        let blocks = vec![ContentBlock::text("bad")];
        assert_eq!(
            json_of(&ContentBlock::tool_result("t1", blocks, true)),
            r#"{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"bad"}],"is_error":true}"#
        );
    }

    #[test]
    fn a_block_has_one_mark_the_last_one() {
        let block = ContentBlock::text("a").cached(Ttl::OneHour).cached(Ttl::FiveMinutes);
        assert_eq!(json_of(&block), r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#);
        let result = ContentBlock::tool_result("t", "x", false).cached(Ttl::OneHour);
        assert!(json_of(&result).ends_with(r#""cache_control":{"ttl":"1h","type":"ephemeral"}}"#));
        assert_eq!(cached(&Json::null(), Ttl::OneHour), Json::null());
    }
}
