//! Comparisons against peers and limits, as ratios of one run.
//!
//! [`contestant`] starts servers that run the CLI, [`relay`] those that pass on what the Messages API says, [`codec`]
//! knows who decodes without a server, [`terminal`] who serves terminals. [`http`] is the client they are asked with; each module below [`measure`] takes
//! one measurement in interleaved rounds and gives a [`section`] of the [`report`]. The CLI that all servers start and
//! the Messages API they ask are this program too. Whatever is started stays in the [`nest`] and ends with it.

mod allocations;
mod bench;
mod codec;
mod compared;
mod contestant;
mod http;
mod machine;
mod measure;
mod median;
mod nest;
mod number;
mod options;
mod peer;
mod plot;
mod process;
mod readers;
mod relay;
mod report;
mod scale;
mod section;
mod table;
mod terminal;
mod verdict;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use claude_core::testing::stand_in;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

use bench::Bench;
use nest::Nest;
use options::{Cli, Options, Role};
use report::Report;

/// How long the measurement may take to notice that it is to stop, once all servers are gone.
const STOP_MAX: Duration = Duration::from_secs(3);

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    stand_in::become_if_asked();
    let cli = Cli::parse();
    let done = match cli.role {
        Some(role) => serve(role).map(|()| ExitCode::SUCCESS),
        None => run(&cli.options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn serve(role: Role) -> anyhow::Result<()> {
    match role {
        Role::Bare => contestant::bare::serve(),
        Role::Upstream => relay::upstream::serve(),
        Role::ByteRelay => relay::byte_relay::serve(),
        Role::ReEncode => relay::re_encode::serve(),
        Role::Crates => relay::crates::serve(),
        Role::TerminalChild { work } => work.run(),
        Role::PtyReader { work } => terminal::pty_reader::serve(work),
        Role::WsSender => terminal::ws_sender::serve(),
    }
}

/// Measures on a thread of its own, so that a signal finds somebody to end everything.
fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let bench = Bench {
        contestants: options.contestants()?,
        selection: options.selection(),
        scale: options.scale(),
        scratch: scratch.path().to_owned(),
        stopping: Arc::new(AtomicBool::new(false)),
    };
    let _nest = Nest::new()?;
    let report = Report::begin(&options.out()?)?;
    let (stopping, measures) = (Arc::clone(&bench.stopping), options.measures());
    let (tell, mut told) = oneshot::channel();
    thread::spawn(move || tell.send(measure_all(&measures, &bench, report)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            done = &mut told => return done.context("the measurement panicked")?,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        eprintln!("stopping");
        stopping.store(true, Ordering::Relaxed);
        nest::clear();
        // Who doesn't stop in time ends with this process.
        let _ = timeout(STOP_MAX, told).await;
        Ok(ExitCode::from(INTERRUPTED))
    })
}

fn measure_all(measures: &[measure::Measure], bench: &Bench, mut report: Report) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for measure in measures {
        let section = measure.run(bench);
        nest::clear();
        match section {
            Ok(section) => report.add(*measure, &section)?,
            Err(error) => {
                report.fail(*measure, &error)?;
                code = ExitCode::FAILURE;
            }
        }
    }
    println!("\nwritten to {}", report.file().display());
    Ok(code)
}
