//! What stands before every handler: under which name the server was asked, from where, how often, with how much.

pub mod body;
pub(crate) mod cors;
mod gate;
pub(crate) mod head;
pub(crate) mod headers;
pub mod host;
pub mod origin;
mod permits;
pub mod proxy;
mod rate;
pub(crate) mod shape;
mod site;

pub use gate::Gate;
pub use permits::{Permit, StreamPermits};
pub use rate::RateLimit;
pub use site::Site;
