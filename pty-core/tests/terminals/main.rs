//! Terminals with real children. Each test is a trial of its own, since what owns children must be forked first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod children;
mod ends;
mod flow;
mod input;
mod limits;
mod random;
mod recordings;
mod starts;
mod support;

use libtest_mimic::{Arguments, Trial};

fn main() {
    pty_core::init();
    let all = [
        starts::all(),
        children::all(),
        input::all(),
        flow::all(),
        ends::all(),
        limits::all(),
        recordings::all(),
        random::all(),
    ];
    let trials: Vec<Trial> = all.into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
