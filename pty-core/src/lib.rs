//! Terminals that outlive their viewers.

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
pub use error::{Error, Result};
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
