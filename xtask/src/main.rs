//! The project's own chores, called as `cargo xtask …`.
//!
//! [`mod@test`] asks [`prerequisite`] what the machine lacks, then runs the [`step::Step`]s one after another;
//! [`features`] checks each library crate with each of its features alone. What is to be done is planned as
//! data ([`invocation::Invocation`]s); running it is one small function. [`mod@bench`] compares claude-web with its peers.

mod bench;
mod features;
mod invocation;
mod prerequisite;
mod step;
mod test;
mod timing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks everything: format, lints, tests, documentation, features
    Test(test::Options),
    /// Checks each library crate with each feature alone, with none, and with its defaults
    Features(features::Options),
    /// Compares claude-web with peers and limits: tables and plots
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = root().and_then(|root| match Cli::parse().chore {
        Chore::Test(options) => test::run(&options, &root),
        Chore::Features(options) => features::run(&options, &root),
        Chore::Bench(options) => bench::run(&options, &root),
    });
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The workspace this program was built from: the parent of its own package.
fn root() -> anyhow::Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(package.parent().context("the xtask package has no parent directory")?.to_path_buf())
}
