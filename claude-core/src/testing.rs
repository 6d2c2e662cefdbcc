//! What tests of programs that use this crate need: the outside world, played on this machine.
//!
//! - [`stand_in`]: any program turns into a stand-in for the Claude Code CLI, so that no second binary is needed;
//! - [`LoopbackApi`]: a Messages API on a loopback socket, for the real CLI and for API clients;
//! - [`processes_with`] and [`grandchildren`]: who is left when a run is over;
//! - [`real_cli`]: where the real CLI lies that the tests of this workspace install.
//!
//! Nothing here needs an account or the network.

mod leftovers;
pub mod loopback_api;
mod real_cli;
pub mod stand_in;

pub use leftovers::{grandchildren, processes_with};
pub use loopback_api::{LoopbackApi, Plan, RecordedRequest, Reply};
pub use real_cli::{RealCliMissing, real_cli};
pub use stand_in::StandIn;
