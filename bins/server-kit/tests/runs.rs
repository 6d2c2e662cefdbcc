//! Runs: their logs, their readers, their ends, on a real store.

#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "runs/archive.rs"]
mod archive;
#[path = "runs/ends.rs"]
mod ends;
#[path = "runs/readers.rs"]
mod readers;
#[path = "runs/support.rs"]
mod support;
