//! Terminals that outlive their viewers.
//!
//! A terminal is a child on a PTY, with everything that descends from it. Viewers come and go: a browser reloads, a phone
//! sleeps, a network breaks. The child runs on, what it writes is kept by absolute offsets, and who comes back says how far
//! it got. A viewer that takes part loses no byte: where it falls behind, the child waits.
//!
//! **Linux only.**
//!
//! ```no_run
//! use pty_core::{Attach, Frame, Size, Spec, Terminals, Viewer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! pty_core::init(); // first of all: no thread, no runtime, no secret exists yet
//! let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let terminals = Terminals::builder().limits(|limits| limits.per_owner = 8).build();
//!     let path = std::env::var_os("PATH").unwrap_or_default();
//!     let spec = Spec::new("bash").env("PATH", path).env("TERM", "xterm-256color").size(Size::new(120, 40)?);
//!     let bash = terminals.spawn(spec).await?;
//!
//!     let Viewer { mut output, input, .. } = bash.attach(Attach::writer())?;
//!     input.send("echo hello; exit\r").await?;
//!     while let Some(frame) = output.next().await {
//!         match frame {
//!             Frame::Output { offset, data } => {
//!                 print!("{}", String::from_utf8_lossy(&data));
//!                 input.ack(offset + data.len() as u64)?; // it may be sent more
//!             }
//!             Frame::Exit(exit) => println!("ended with {:?}", exit.code),
//!             _ => {}
//!         }
//!     }
//!     bash.end().await?; // nobody of it is left
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # The cast
//!
//! * [`Terminals`] owns every terminal of a program: who may have one more, where they are found, how all end.
//! * A [`Spec`] says what to start: program, arguments, environment, directory, size, owner, limits, user, recording.
//! * A [`Terminal`] is a handle. Dropping the last one ends nothing; [`Terminal::end`] does.
//! * A [`Viewer`] is one attachment, in two halves: [`Output`] tells [`Frame`]s, [`Input`] takes what is typed,
//!   acknowledgements, sizes, signals. Dropping it is a cut.
//! * One task owns each terminal's device, child and times. It reads when there is something to read, and no thread waits
//!   for it.
//!
//! # What is promised
//!
//! | to | what |
//! |---|---|
//! | every viewer | output in order, each byte once, at most a [window](Limits::window) beyond what it acknowledged |
//! | a writer | every byte: the child is read no further than a window beyond the slowest writer |
//! | a writer that was cut | its place, for [`Limits::hold`]: the child is read at most a [ring](Limits::ring_bytes) beyond what it acknowledged. Attached with [`Attach::from`] in that time, it misses nothing |
//! | the child | that it isn't held back for ever: a writer that says nothing for [`Limits::stall`] is closed |
//! | a watcher | that it is told what it missed: a [`Frame::Gap`] |
//! | who types | that input arrives in order and exactly; [`Input::send`] waits while too much is queued |
//! | everybody | after the child's death all of its output, then [`Frame::Exit`] |
//!
//! Without viewers the child runs on, and the ring keeps the newest of what it writes.
//!
//! While the queue of input is full the child is read until the ring is full, whatever the window: acknowledgements come
//! behind input in the same connection, and waiting for them would make a large paste wait for itself.
//!
//! # How terminals end
//!
//! Children are held by [`process_tree`]: a cgroup where one may be made, else a supervisor, to which orphans fall. An end
//! is `SIGHUP` to the child, after 1 s `SIGTERM` to all, after 3 s `SIGKILL`, and reaches daemons that forked twice and
//! cleared their environment. It comes by [`Terminal::end`], by a limit, by [`Terminals::shutdown`], and for the rest of a
//! tree whose child has ended. When the program dies, however it dies, so do its terminals; [`sweep`] at the next start
//! ends what was killed together with its helpers.
//!
//! # What is not in it
//!
//! No wire format, no authentication, no terminal emulation: output is bytes. What the bytes mean is the viewer's business.

mod attach;
mod error;
mod exit;
mod frame;
mod id;
mod info;
mod limits;
#[cfg(feature = "recording")]
pub mod recording;
mod signal;
mod size;
mod spawn;
mod stats;
mod terminal;
mod terminals;
#[cfg(feature = "testing")]
pub mod testing;

pub use attach::{Attach, Mode, Start};
pub use error::{Error, Limit, Result};
pub use exit::Exit;
pub use frame::{Frame, Reason};
pub use id::{Owner, TerminalId};
pub use info::{Info, Phase};
pub use limits::Limits;
pub use process_tree::init;
pub use signal::Signal;
pub use size::Size;
pub use spawn::{Resources, Spec, User};
pub use stats::Stats;
pub use terminal::Terminal;
pub use terminal::viewer::{Input, Output, Viewer};
pub use terminals::{Builder, Clock, Filter, Terminals};

/// Ends what an earlier program left behind when it was killed together with its helpers, and says how many processes that
/// were. Call it at the start; it reads `/proc`, and touches nothing whose owner is alive.
pub fn sweep() -> u32 {
    process_tree::sweep().processes
}
