//! A peer in another language: a process that takes tasks as lines of JSON and answers with what it took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::{Task, Work};
use crate::contestant::Process;
use crate::peer;
use crate::wire::{Cut, Tally};

/// A worker that waits for tasks; ended when dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    process: Process,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// What it is asked: to work on this file again and again.
#[derive(Debug, Serialize)]
struct Question<'a> {
    work: Work,
    cut: Cut,
    file: &'a Path,
    /// Seconds of CPU.
    seconds: f64,
}

/// What it took.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Done {
        bytes: f64,
        /// Seconds of CPU.
        cpu: f64,
        /// Of the last time; all were the same.
        found: Tally,
    },
    Failed {
        error: String,
    },
}

impl Worker {
    /// The official SDK, and readline.
    pub(super) fn node(scratch: &Path) -> anyhow::Result<Self> {
        peer::node_packages()?;
        Self::start(Path::new("node"), "decode.mjs", scratch)
    }

    /// The official SDK.
    pub(super) fn python(scratch: &Path) -> anyhow::Result<Self> {
        Self::start(&peer::python()?, "decode.py", scratch)
    }

    fn start(program: &Path, script: &str, scratch: &Path) -> anyhow::Result<Self> {
        let mut process = Process::start(program, scratch, |command, _| {
            command.arg(peer::script(script)).stdin(Stdio::piped()).env("NODE_ENV", "production");
        })?;
        let stdin = process.child.stdin.take().context("a worker without stdin")?;
        let stdout = process.child.stdout.take().context("a worker without stdout")?;
        Ok(Self { process, stdin, stdout: BufReader::new(stdout) })
    }

    /// Megabytes and seconds of CPU.
    pub(super) fn repeat(&mut self, task: &Task<'_>) -> anyhow::Result<(f64, f64)> {
        let seconds = task.cpu.as_secs_f64();
        let question = Question { work: task.work, cut: task.cut, file: task.file, seconds };
        let mut line = serde_json::to_string(&question)?;
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).with_context(|| self.process.log())?;
        line.clear();
        self.stdout.read_line(&mut line)?;
        match serde_json::from_str(&line).with_context(|| self.process.log())? {
            Answer::Done { found, .. } if found != task.expected => {
                bail!("it found {found:?}, not {:?}", task.expected)
            }
            Answer::Done { bytes, cpu, .. } => Ok((bytes / 1e6, cpu)),
            Answer::Failed { error } => bail!("{error}"),
        }
    }
}
