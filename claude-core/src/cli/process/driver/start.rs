//! From a command to a running driver.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use process_tree::Tree;

use super::clock::Clock;
use super::{Child, Driver, End};
use crate::cli::command::Command;
use crate::cli::control::{Requests, user_message};
use crate::cli::input::Input;
use crate::cli::outcome::Outcome;
use crate::cli::questions::Questions;
use crate::cli::secrets::Secrets;
use crate::cli::stderr::Stderr;
use crate::cli::translator::Translator;
use crate::error::{Error, Result};
use crate::messages::Content;
use crate::ndjson::Lines;

/// What the kernel holds of output that we have not read. More than the usual 64 KiB saves a fast child
/// from being stopped and woken for each of our reads; where the system refuses, the usual size does.
const PIPE_BYTES: usize = 256 << 10;

impl Driver {
    pub(crate) async fn start(
        command: Command,
        requests: Requests,
        outcome: Arc<OnceLock<Outcome>>,
    ) -> Result<Self> {
        let cwd = directory(&command.cwd)?;
        let mut child = process_tree::Command::new(&command.program).cwd(&cwd).args(command.arguments());
        let environment = command.environment();
        let secrets = Secrets::of(&environment);
        for (name, value) in environment {
            child = child.env(name, value);
        }
        if let Some(user) = &command.user {
            child = child.user(user.system());
        }
        let (tree, pipes) = Tree::piped(child).await.map_err(|error| not_started(&command.program, error))?;
        let _ = rustix::pipe::fcntl_setpipe_size(&pipes.stdout, PIPE_BYTES);
        let mut input = Input::new(pipes.stdin);
        match &command.prompt {
            Content::Text(prompt) if !command.is_controlled() => {
                input.push(prompt.clone().into_bytes());
                input.close();
            }
            prompt => input.push(user_message(prompt)),
        }
        Ok(Self {
            child: Child::Running(tree),
            stdout: Some(pipes.stdout),
            stderr: Stderr::new(pipes.stderr, command.limits.stderr_bytes),
            input,
            lines: Lines::new(command.limits.line_bytes),
            translator: Translator::new(command.detail),
            clock: Clock::new(command.limits.clone()),
            resumed: command.resumed().cloned(),
            secrets,
            questions: command.approver.map(|approver| Questions::new(approver, cwd)),
            requests: requests.requests,
            stops: requests.stops,
            unanswered: Vec::new(),
            ready: VecDeque::new(),
            stopped_by: None,
            failure: None,
            dismissed: false,
            cut: false,
            end: End::Open,
            outcome,
        })
    }
}

/// The directory with an absolute path. A missing one would look like a missing program to the system.
fn directory(path: &Path) -> Result<std::path::PathBuf> {
    match path.canonicalize() {
        Ok(real) if real.is_dir() => Ok(real),
        _ => Err(Error::BadDirectory { path: path.to_path_buf() }),
    }
}

pub(crate) fn not_started(program: &Path, error: process_tree::Error) -> Error {
    match error {
        process_tree::Error::Missing { .. } => Error::CliMissing { program: program.to_path_buf() },
        process_tree::Error::BadDirectory { path, .. } => Error::BadDirectory { path },
        process_tree::Error::User { uid, source } => Error::UserRefused { uid, source },
        error => Error::CliUnusable { program: program.to_path_buf(), source: Box::new(error) },
    }
}
