//! The server under test, and a client that sends exactly what it is told.

mod app;
mod client;
mod stub;

pub(crate) use app::{App, VERSION, page};
pub(crate) use client::{Ask, Connection, Reply, json};
