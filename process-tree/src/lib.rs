//! Owns a child process and everything that descends from it, whatever it does: ignore signals, lead sessions of
//! its own, fork twice and lose its parents, clear its environment, fork without end, stop itself.
//!
//! **Linux only**: it is made of cgroups, subreapers and `/proc`. Elsewhere it doesn't compile.
//!
//! ```no_run
//! use process_tree::{Command, Grace, Tree};
//! use tokio::io::AsyncReadExt;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! process_tree::init(); // first of all: no thread, no runtime, no secret exists yet
//! process_tree::sweep(); // ends what an earlier, killed run left behind
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let command = Command::new("sh").args(["-c", "sleep 600 & echo hello"]).env("LANG", "C");
//!     let (mut tree, mut pipes) = Tree::piped(command).await?;
//!     let exit = tree.wait().await; // the shell; its `sleep` goes on
//!     println!("{:?}", exit.status);
//!     tree.end(Grace::default()).await; // now nobody is left
//!     let mut output = String::new();
//!     pipes.stdout.read_to_string(&mut output).await?;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # The cast
//!
//! * The **owner** is the program that uses this crate.
//! * A **tree** is a child and all that descends from it. [`Tree`] is the owner's handle to it.
//! * The **spawner** is a process that [`init`] forks before the owner has any thread, runtime or secret. It has
//!   an empty environment, `/dev/null` for its standard descriptors and no other of the owner's, ignores every
//!   signal it can, and can't be traced by other users. It starts the children, so they inherit nothing of the
//!   owner's either, and orphans fall to it. It goes when the owner is gone and every tree is ended.
//! * A **supervisor** is a small process per tree, forked from the spawner, that holds its tree by being the
//!   nearest one that orphans fall to: when it has no more children, nobody is left, exactly. It weighs about
//!   60 KiB of its own.
//! * A **keeper** is the loop that launches, reaps, signals and reports. Spawner and supervisors run it, and so
//!   does a thread of the owner where `init` wasn't called.
//!
//! Owner and keeper share one stream per tree. Its end tells the keeper that the owner is gone, however it went:
//! then everybody in the tree is killed at once, unless an ending was under way, which is carried through.
//!
//! # What each reach holds, and what it misses
//!
//! | [`Reach`] | holds | misses |
//! |---|---|---|
//! | `Cgroup` | everybody in a version 2 cgroup below the owner's own (Linux 5.14, writable; no controller is needed but for [`Resource::Processes`]); killing is atomic. With `init`, also orphans that moved out of it | nobody, as long as the spawner lives, though who moved out is killed without `SIGTERM`; without `init`, who moved out |
//! | `Supervisor` | every descendant | nobody, as long as the supervisor lives |
//! | `Marker` | who bears the environment marker, descends from one who does, or is in the child's session | who cleared its environment and lost its parents; where [`Command::user`] was used and the owner lacks `CAP_SYS_PTRACE`, as root does in most containers, markers can't be read, so who lost its parents; and when the owner is killed, only the direct child goes with it: [`sweep`] ends the rest later |
//!
//! [`Reach::Auto`] takes the first of these that works here. `PROCESS_TREE_REACH` in the owner's environment
//! forces one.
//!
//! What none of them prevents:
//!
//! * A child **of the owner's own user** may kill or stop the helpers. A killed supervisor's orphans fall to the
//!   spawner, which kills them; the owner learns [`Status::Lost`]. A stopped one is given up by [`Tree::end`]
//!   one second after the last deadline. A killed spawner leaves marker, cgroup and `sweep`. Whoever must rule
//!   this out runs its children as another user: [`Command::user`].
//! * A child that becomes **another user's**, by [`Command::user`] or a set-user-id program, can be signalled only
//!   by an owner that is root or has `CAP_KILL`. A cgroup is killed all the same.
//! * A child that asks **another daemon** to start something (systemd, cron, a container engine, a remote host)
//!   has it started outside of the tree.
//! * A process in an uninterruptible wait of the kernel's goes when the kernel lets it. [`Exit::left`] counts
//!   it, and its keeper stays to see it go.
//!
//! # Another user's children
//!
//! An owner that is root starts children as anybody by [`Command::user`]: user, groups and capabilities are exactly
//! those of [`User`], nothing of root's stays. Such a child can't read the owner's environment, memory or
//! private files, can't signal owner or helpers, and can't leave its cgroup; the tree is held and ended as any other.
//! What the owner still has to see to is what that user may reach by the file system's own rules.
//!
//! # Cost
//!
//! A start is one packet to a process with few pages to copy, so it doesn't grow with the owner's memory. On the
//! normal path nobody reads `/proc`. `examples/latency.rs` and `examples/memory.rs` measure it here.

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
mod user;
mod wire;

pub use command::{Command, Reach, Resource};
pub use error::Error;
pub use exit::{Exit, Status, Usage};
pub use grace::{Grace, Signal};
pub use spawner::init;
pub use sweep::{Swept, sweep};
pub use tree::{Pipes, Tree};
pub use user::User;
