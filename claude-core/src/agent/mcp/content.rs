//! What a server answers, as content blocks of the API.

use rmcp::model::{CallToolResult, ContentBlock as Answered, ResourceContents};
use serde_json::json;

use crate::agent::ToolOutput;
use crate::messages::ContentBlock;
use crate::text::Json;

/// The kinds of images that the API takes.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The output for the model. Structured content counts where there is no other: servers give both.
pub(super) fn output(result: CallToolResult) -> ToolOutput {
    let mut blocks: Vec<ContentBlock> = result.content.into_iter().filter_map(block).collect();
    if let (true, Some(structured)) = (blocks.is_empty(), result.structured_content) {
        blocks.push(ContentBlock::text(structured.to_string()));
    }
    let output = ToolOutput::blocks(&blocks);
    if result.is_error == Some(true) { output.failed() } else { output }
}

fn block(answered: Answered) -> Option<ContentBlock> {
    match answered {
        Answered::Text(it) => text(it.text),
        Answered::Image(it) => media(&it.mime_type, &it.data),
        Answered::Audio(it) => text(not_shown(&it.mime_type, &it.data)),
        Answered::Resource(it) => match it.resource {
            ResourceContents::TextResourceContents { uri, text: content, .. } => {
                text(format!("{uri}\n{content}"))
            }
            ResourceContents::BlobResourceContents { mime_type, blob, .. } => {
                media(mime_type.as_deref().unwrap_or("application/octet-stream"), &blob)
            }
            _ => text("[a resource of an unknown kind]".to_owned()),
        },
        Answered::ResourceLink(it) => text(format!("{}: {}", it.name, it.uri)),
        _ => text("[content of an unknown kind]".to_owned()),
    }
}

/// The API refuses empty texts.
fn text(text: String) -> Option<ContentBlock> {
    (!text.is_empty()).then(|| ContentBlock::text(text))
}

/// An image where the API takes it, else a word about it.
fn media(kind: &str, data: &str) -> Option<ContentBlock> {
    if !IMAGES.contains(&kind) {
        return text(not_shown(kind, data));
    }
    let source = json!({"type": "base64", "media_type": kind, "data": data});
    Json::from(json!({"type": "image", "source": source})).read().ok().map(ContentBlock::from_members)
}

fn not_shown(kind: &str, data: &str) -> String {
    format!("[{kind}, {} bytes of base64, not shown]", data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output_of(result: serde_json::Value) -> (serde_json::Value, bool) {
        let output = output(serde_json::from_value(result).unwrap());
        (output.content.read().unwrap(), output.is_error)
    }

    #[test]
    fn each_kind_of_content_has_its_block() {
        let image = json!({"type": "image", "data": "aGk=", "mimeType": "image/png"});
        let (blocks, is_error) = output_of(json!({"content": [
            {"type": "text", "text": "hello"},
            {"type": "text", "text": ""},
            image,
            {"type": "image", "data": "aGk=", "mimeType": "image/tiff"},
            {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
            {"type": "resource", "resource": {"uri": "file:///b", "blob": "aGk=", "mimeType": "image/gif"}},
            {"type": "resource_link", "uri": "file:///c", "name": "c"},
        ]}));
        let source = |kind: &str| json!({"type": "base64", "media_type": kind, "data": "aGk="});
        let text = |text: &str| json!({"type": "text", "text": text});
        let expected = json!([
            text("hello"),
            {"type": "image", "source": source("image/png")},
            text("[image/tiff, 4 bytes of base64, not shown]"),
            text("[audio/wav, 4 bytes of base64, not shown]"),
            text("file:///a\ninside"),
            {"type": "image", "source": source("image/gif")},
            text("c: file:///c"),
        ]);
        assert_eq!((blocks, is_error), (expected, false));
    }

    #[test]
    fn structured_content_counts_where_there_is_no_other() {
        let (alone, _) = output_of(json!({"structuredContent": {"n": 1}}));
        assert_eq!(alone, json!([{"type": "text", "text": "{\"n\":1}"}]));
        let (both, is_error) = output_of(
            json!({"content": [{"type": "text", "text": "one"}], "structuredContent": {"n": 1}, "isError": true}),
        );
        assert_eq!((both, is_error), (json!([{"type": "text", "text": "one"}]), true));
    }
}
