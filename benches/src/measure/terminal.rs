//! The measurements of terminals.

pub(super) mod bulk;
pub(super) mod connects;
pub(super) mod echo;
pub(super) mod interrupt;
pub(super) mod left;
pub(super) mod memory;
pub(super) mod stopped;

use std::thread;

use anyhow::{Context, anyhow};

use crate::bench::{Bench, Each};
use crate::median::Samples;
use crate::terminal::viewer::Viewer;
use crate::terminal::{Face, Running, Terminal};

/// All servers that take part, started.
fn start_all(bench: &Bench, face: Face) -> Each<Running, Terminal> {
    bench.taking_part(&face.servers(), |terminal| terminal.start(bench))
}

/// Something empty for each server that takes part, where each round starts its own.
fn each<T: Default>(bench: &Bench, face: Face) -> Each<T, Terminal> {
    bench.taking_part(&face.servers(), |terminal| terminal.start(bench).map(|_| T::default()))
}

fn pick<T>(all: &Each<T, Terminal>, samples: impl Fn(&T) -> &Samples) -> Each<Samples, Terminal> {
    all.iter().map(|(terminal, one)| (*terminal, samples(one).clone())).collect()
}

/// Does something so many times at the same time.
fn at_once<T: Send>(count: usize, one: impl Fn() -> anyhow::Result<T> + Sync) -> anyhow::Result<Vec<T>> {
    let one = &one;
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, one);
        let threads: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>().context("too many threads")?;
        let ended =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a client panicked"))?);
        ended.collect()
    })
}

/// Ends them all at the same time.
fn end_all(running: &Running, viewers: Vec<Viewer>) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let ends: Vec<_> =
            viewers.into_iter().map(|viewer| scope.spawn(move || running.end(viewer))).collect();
        let mut ended = ends.into_iter().map(|end| end.join().map_err(|_| anyhow!("a client panicked"))?);
        ended.try_for_each(|ended| ended)
    })
}
