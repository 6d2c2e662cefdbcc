//! Owns a child process and everything that descends from it.

#[cfg(not(target_os = "linux"))]
compile_error!("process-tree works on Linux only: it is made of cgroups, subreapers and /proc");

mod cgroup;
mod channel;
mod command;
mod error;
mod escalation;
mod exit;
mod grace;
mod hunt;
mod keeper;
mod kernel;
mod mark;
mod procfs;
mod resident;
mod spawner;
mod supervisor;
mod sweep;
mod tree;
mod wire;

pub use command::{Command, Reach, Resource};
pub use error::Error;
pub use exit::{Exit, Status, Usage};
pub use grace::{Grace, Signal};
pub use spawner::init;
pub use sweep::{Swept, sweep};
pub use tree::{Pipes, Tree};
