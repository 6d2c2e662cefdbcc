//! What concerns a whole process: signals, settings, descriptors, the log's end. Each test starts this program again
//! as a server of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
mod config;
mod ends;
mod log;
