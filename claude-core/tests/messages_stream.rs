//! From bytes to a message: server-sent events, typed events, the message that they add up to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "messages_stream/accumulator.rs"]
mod accumulator;
#[path = "messages_stream/decoder.rs"]
mod decoder;
#[path = "messages_stream/fixtures.rs"]
mod fixtures;
#[path = "messages_stream/scanner.rs"]
mod scanner;
#[path = "messages_stream/sse.rs"]
mod sse;
#[path = "messages_stream/support.rs"]
mod support;
