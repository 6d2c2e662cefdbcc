//! The server under test, and a client that sends exactly what it is told.

mod app;
mod client;
mod raw_socket;
mod socket_io;
mod sockets;
mod stub;

pub(crate) use app::{App, VERSION, page};
pub(crate) use client::{Ask, Connection, Reply, json};
pub(crate) use raw_socket::{FIN, Frame, Raw, masked};
pub(crate) use sockets::RTTS;
pub(crate) use stub::user;
