//! What tests of programs that use this crate need: the outside world, played on this machine.
//!
//! - [`ScriptedBackend`]: turns that say, call and fail what a test tells them to;
//! - [`stand_in`]: any program turns into a stand-in for the Claude Code CLI, so that no second binary is needed;
//! - [`LoopbackApi`]: a Messages API on a loopback socket, for the real CLI and for API clients;
//! - [`processes_with`] and [`grandchildren`]: who is left when a run is over;
//! - [`real_cli`]: where the real CLI lies that the tests of this workspace install.
//!
//! Nothing here needs an account or the network.

mod leftovers;
pub mod loopback_api;
mod real_cli;
mod scripted_backend;
pub mod stand_in;

pub use leftovers::{grandchildren, processes_with};
pub use loopback_api::{LineEnd, LoopbackApi, Plan, Point, RecordedRequest, Reply};
pub use real_cli::{RealCliMissing, real_cli};
pub use scripted_backend::ScriptedBackend;
pub use stand_in::StandIn;

/// Trials of the crate `libtest_mimic`, named like their functions, for tests that need a `main` of their own: to call
/// [`init`](crate::init) first, or to become a stand-in. `$run` is handed each function and runs it.
///
/// ```text
/// fn call(test: fn()) {
///     test();
/// }
/// let trials = claude_core::trials![call; lines::come_in_order, ends::leave_nobody,];
/// ```
#[macro_export]
macro_rules! trials {
    ($run:path; $($($part:ident)::+,)*) => {
        vec![$(libtest_mimic::Trial::test(stringify!($($part)::+).replace(" :: ", "::"), || {
            $run($($part)::+);
            Ok(())
        })),*]
    };
}
