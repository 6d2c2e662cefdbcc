//! What a tree holds, tried with children that would rather not be held.
//!
//! The test program is its own children: started with a role, it becomes one of [`nasty`]'s or [`owners`]'.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is all tests, which the lint can't see"
)]

mod ending;
mod kernel_state;
mod nasty;
mod observe;
mod owners;
mod plain;
mod processes;
mod starting;
mod tampering;
mod terminal;
mod users;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use process_tree::Reach;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("--own-uninitialised") {
        process_tree::init();
    }
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--be") => nasty::be(&arguments[2..]),
        Some("--own" | "--own-uninitialised") => owners::own(&arguments[2..]),
        _ => {}
    }
    let trials = [
        plain::trials(),
        starting::trials(),
        ending::trials(),
        tampering::trials(),
        kernel_state::trials(),
        owners::trials(),
        users::trials(),
        processes::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}

/// The reaches that must hold whatever a child does.
const STRONG: [Reach; 2] = [Reach::Cgroup, Reach::Supervisor];
const ALL: [Reach; 3] = [Reach::Cgroup, Reach::Supervisor, Reach::Marker];

/// One trial per reach. Where no cgroup can be made, that one is skipped.
fn each<F: AsyncFn(Reach) + Send + Copy + 'static>(name: &str, reaches: &[Reach], test: F) -> Vec<Trial> {
    let trial = |reach: &Reach| {
        let reach = *reach;
        let trial = Trial::test(format!("{name}::{reach:?}").to_lowercase(), move || {
            block_on(test(reach));
            Ok(())
        });
        trial.with_ignored_flag(reach == Reach::Cgroup && !has_cgroups())
    };
    reaches.iter().map(trial).collect()
}

/// One trial whatever the reach.
fn once<F: AsyncFn() + Send + 'static>(name: &str, test: F) -> Trial {
    Trial::test(name, move || {
        block_on(test());
        Ok(())
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn has_cgroups() -> bool {
    static HAS: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    // In a thread of its own, as the caller may be within a runtime.
    *HAS.get_or_init(|| std::thread::spawn(try_cgroup).join().unwrap())
}

fn try_cgroup() -> bool {
    block_on(async {
        let command = process_tree::Command::new("true").reach(Reach::Cgroup);
        match process_tree::Tree::piped(command).await {
            Ok((tree, _pipes)) => tree.end(process_tree::Grace::kill()).await.left == 0,
            Err(_) => false,
        }
    })
}
