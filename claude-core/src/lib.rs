//! Claude streaming.
