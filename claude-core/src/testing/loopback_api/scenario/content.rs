//! What the scenarios say, as content blocks of the API.

use serde_json::{Value, json};

use super::super::message::id;
use super::super::reply::Reply;
use crate::text::Json;

/// Integers beyond 64 bits and a fraction beyond a double: no digit may change.
const BIG_INTEGERS: &str =
    r#"{"n":123456789012345678901234567890,"least":-9223372036854775809,"fraction":0.10000000000000000555}"#;

/// All escapes of JSON beside characters of one to four bytes.
const ESCAPES: &str =
    r#"{"text":"\"quoted\" \\ \/ \b\f\n\r\t \u00e4\u20ac\ud83d\ude00 = ä€😀 \u2028\u0000"}"#;

pub(super) fn big_integers() -> Option<Json> {
    Json::parse(BIG_INTEGERS).ok()
}

pub(super) fn escapes() -> Option<Json> {
    Json::parse(ESCAPES).ok()
}

/// Redacted thinking, then a text.
pub(super) fn redacted(text: &str) -> Reply {
    Reply::content([
        json!({"type": "redacted_thinking", "data": "cmVkYWN0ZWQ=".repeat(8)}),
        json!({"type": "text", "text": text}),
    ])
}

/// A call of the API's own search.
fn search(call: &str) -> [Value; 2] {
    [
        json!({"type": "text", "text": "I will search."}),
        json!({"type": "server_tool_use", "id": call, "name": "web_search",
            "input": {"query": "event stream framing"}}),
    ]
}

/// A search of the web: call, result and a text that cites it.
pub(super) fn web_search() -> Reply {
    let call = id("srvtoolu");
    let found = json!({"type": "web_search_result", "title": "Server-sent events",
        "url": "https://example.org/sse", "encrypted_content": "RW5jcnlwdGVk", "page_age": "2 days ago"});
    let citation = json!({"type": "web_search_result_location", "cited_text": "blank line",
        "url": "https://example.org/sse", "title": "Server-sent events", "encrypted_index": "aW5kZXg="});
    let result = json!({"type": "web_search_tool_result", "tool_use_id": call, "content": [found]});
    let text = "Streams are framed by blank lines.";
    let answer = json!({"type": "text", "text": text, "citations": [citation]});
    let blocks = search(&call).into_iter().chain([result, answer]);
    Reply::content(blocks).usage(json!({"input_tokens": 1000, "server_tool_use": {"web_search_requests": 1}}))
}

/// The same search, paused before its result.
pub(super) fn paused_search() -> Reply {
    Reply::content(search(&id("srvtoolu"))).stop_reason("pause_turn")
}

/// Texts that cite documents, by characters and by pages.
pub(super) fn citations() -> Reply {
    let by_characters = json!({"type": "char_location", "cited_text": "The ring keeps bytes.", "document_index": 0,
        "document_title": "Design notes", "start_char_index": 0, "end_char_index": 21, "file_id": null});
    let by_pages = json!({"type": "page_location", "cited_text": "Viewers acknowledge.", "document_index": 1,
        "document_title": null, "start_page_number": 2, "end_page_number": 3, "file_id": null});
    Reply::content([
        json!({"type": "text", "text": "Cited text follows: "}),
        json!({"type": "text", "text": "the ring keeps bytes", "citations": [by_characters, by_pages]}),
    ])
}

/// A member, a block, a delta, an event and a stop reason that no client knows.
pub(super) fn unknown(text: &str) -> Reply {
    let delta = json!({"type": "hologram_delta", "beam": [1, 2]});
    let blocks = [
        json!({"type": "hologram", "source": {"kind": "beam"}, "depth": 3}),
        json!({"type": "text", "text": text, "mood": "fine"}),
    ];
    Reply::content(blocks)
        .members(json!({"orbit": {"period": 90}}))
        .usage(json!({"quanta": 7}))
        .stop_reason("moon_phase")
        .ending(json!({"tide": "low"}))
        .insert_event(3, json!({"type": "content_block_delta", "index": 0, "delta": delta}))
        .insert_event(1, json!({"type": "solar_flare", "strength": 9}))
}
