//! Deployments: the machine against a simulated server with everything going wrong, and the journals.

#![cfg(feature = "deployer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "testing")]
#[path = "deployer/handover.rs"]
mod handover;
#[path = "deployer/journals.rs"]
mod journals;
#[cfg(feature = "testing")]
#[path = "deployer/loopback.rs"]
mod loopback;
#[path = "deployer/machine.rs"]
mod machine;
#[cfg(feature = "testing")]
#[path = "deployer/outcomes.rs"]
mod outcomes;
#[path = "deployer/removals.rs"]
mod removals;
#[cfg(feature = "testing")]
#[path = "deployer/runner.rs"]
mod runner;
#[path = "deployer/schedule.rs"]
mod schedule;
#[path = "deployer/script.rs"]
mod script;
#[path = "deployer/steps.rs"]
mod steps;
#[cfg(feature = "testing")]
#[path = "deployer/withdrawal.rs"]
mod withdrawal;
#[path = "deployer/world.rs"]
mod world;
#[cfg(feature = "testing")]
#[path = "deployer/zones.rs"]
mod zones;
