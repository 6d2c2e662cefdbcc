//! `claude-exec`: one prompt, its answer as it comes, its approvals, its exit code.
//!
//! [`arguments`] says what can be asked for; [`run`](self) composes a [`claude_core::cli::Command`] from it, shows
//! the outputs with a `Printer` (or starts a [`claude_core::Turn`] of the Messages API and shows its events), puts questions on the terminal, and turns the end into an [`exit::Code`].

pub mod arguments;
pub mod exit;

mod api;
mod ask_user;
mod diff;
mod doctor;
mod editor;
mod failure;
mod printer;
mod run;
mod signals;
mod terminal;
mod terminal_approver;

use std::io::Write;

use clap::CommandFactory;

use arguments::{Arguments, Task};
use exit::Code;

/// Reads the command line and does what it says.
pub async fn main() -> Code {
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { Code::Usage } else { Code::Fine };
            // Nobody to tell when even that can't be written.
            let _ = error.print();
            return code;
        }
    };
    match arguments.task {
        Task::Run(task) => run::run(*task).await,
        Task::Doctor(task) => doctor::doctor(&task).await,
        Task::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "claude-exec", &mut script);
            std::io::stdout().write_all(&script).map_or(Code::Failed, |()| Code::Fine)
        }
    }
}
