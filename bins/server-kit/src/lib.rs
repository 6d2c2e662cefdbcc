//! What our servers share, so that a binary only parses, calls and answers.
//!
//! - `Routes` collects handlers; each states its [`Access`](auth::Access), and the guard of that
//!   access stands before the handler, before a body is read. `Server` serves them.
//! - [`Auth`](auth::Auth) tells who asks: an [`Identity`](auth::Identity), by token or API key, checked against
//!   the [`Accounts`](auth::Accounts) at each request.
//! - `Runs` owns work that goes on without readers: one event log and one end each.
//! - A [`websocket`] is accepted from an [`Offer`](websocket::Offer), and worked on by one task.
//! - A [`SocketIo`](socket_io::SocketIo) answers the official Socket.IO clients.
//! - [`Problem`](problem::Problem) is the one error answer.
//! - Guards for host, origin, rate and size are in [`guard`]; what is seen from outside in [`logs`] and
//!   [`metrics`]; what can be set in [`settings`].
//!
//! The feature `store` brings accounts, audit and archived runs on `store-core`.

pub mod auth;
pub mod data_dir;
pub mod guard;
pub mod harden;
pub mod health;
pub mod json;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod peer;
pub mod problem;
pub mod request_id;
pub mod routes;
pub mod runs;
pub mod server;
pub mod settings;
pub mod shutdown;
pub mod socket_io;
pub mod sse;
#[cfg(feature = "store")]
pub mod store;
pub mod websocket;
