//! The limit of a server: opens a terminal, reads what it shows and throws it away.

use std::env;
use std::io::Read;
use std::process::{Command, id};
use std::time::Instant;

use anyhow::{Context, bail};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use serde::{Deserialize, Serialize};

use super::work::{self, READY, Work};
use crate::bench::Bench;
use crate::contestant::Process;
use crate::process::cpu_seconds;

/// The argument that makes this program the reader.
pub(crate) const SUBCOMMAND: &str = "read-terminal";

/// How much is read at once, at most. A terminal gives less.
const READ: usize = 64 * 1024;

/// What reading a terminal to its end took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) seconds: f64,
    /// CPU seconds of the reader alone.
    pub(crate) cpu: f64,
}

/// Has a process of its own read what this work writes.
pub(crate) fn run(bench: &Bench, work: Work) -> anyhow::Result<Taken> {
    let mut process = Process::start(&env::current_exe()?, &bench.scratch, |command, _| {
        command.arg(SUBCOMMAND).args(work.words());
    })?;
    let mut told = String::new();
    let mut stdout = process.child.stdout.take().context("a reader without stdout")?;
    stdout.read_to_string(&mut told)?;
    serde_json::from_str(&told).with_context(|| process.log())
}

/// Reads and tells on stdout what it took.
pub(crate) fn serve(work: Work) -> anyhow::Result<()> {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    let inside =
        ioctl_tiocgptpeer(&terminal, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    let mut child = Command::new(env::current_exe()?)
        .arg(work::SUBCOMMAND)
        .args(work.words())
        .stdin(inside.try_clone()?)
        .stdout(inside.try_clone()?)
        .stderr(inside)
        .spawn()?;
    let mut buffer = vec![0; READ];
    let shown = rustix::io::read(&terminal, &mut buffer)?;
    if &buffer[..shown] != READY {
        bail!("the child isn't ready: {}", buffer[..shown].escape_ascii());
    }
    let (before, started) = (own_cpu()?, Instant::now());
    rustix::io::write(&terminal, b"\n")?;
    let (mut bytes, expected) = (0, work.check().expected());
    while bytes < expected {
        bytes += match rustix::io::read(&terminal, &mut buffer) {
            Ok(0) | Err(Errno::IO) => bail!("of {expected} bytes {bytes} came"),
            Err(Errno::INTR) => 0,
            read => read? as u64,
        };
    }
    let taken = Taken { seconds: started.elapsed().as_secs_f64(), cpu: own_cpu()? - before };
    drop(terminal);
    child.wait()?;
    println!("{}", serde_json::to_string(&taken)?);
    Ok(())
}

fn own_cpu() -> anyhow::Result<f64> {
    cpu_seconds(id()).context("no CPU clock")
}
