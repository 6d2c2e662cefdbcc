//! The CLI started without a server: what no server can be faster than.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use claude_core::testing::StandIn;

/// How the limit is named in tables and plots.
pub(crate) const LABEL: &str = "direct spawn, no server";

/// The command line of the CLI.
pub(super) fn command(prompt: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["-p", "--verbose", "--output-format", "stream-json", prompt]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

/// Runs the CLI to its end; how long its first line took from the start.
pub(crate) fn run(plan: &StandIn) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let (name, plan) = plan.to_env();
    let mut child = command("Say hello.")?.env(name, plan).spawn().context("cannot start the CLI")?;
    let mut stdout = BufReader::new(child.stdout.take().context("a CLI without stdout")?);
    let mut output = Vec::new();
    stdout.read_until(b'\n', &mut output)?;
    let first_line = started.elapsed();
    stdout.read_to_end(&mut output)?;
    let status = child.wait()?;
    if !status.success() {
        bail!("the CLI ended with {status}");
    }
    Ok(first_line)
}
