//! A real server on loopback, asked as clients, browsers and attackers ask.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod bodies;
mod ends;
mod limits;
mod origins;
mod raw;
mod seen;
mod socket_io;
mod support;
mod tickets;
mod websocket;
