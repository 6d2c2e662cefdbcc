//! Measures starting, waiting for and ending a child that does nothing, per reach, against the standard
//! library: `cargo run --release -p process-tree --example latency [runs]`.

use std::time::{Duration, Instant};

use process_tree::{Command, Grace, Reach, Tree};

/// Trees that run at once when throughput is measured.
const AT_ONCE: usize = 8;

fn main() {
    process_tree::init();
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(500);
    report("std::process::Command", (0..runs).map(|_| once_std()).collect());
    for reach in [Reach::Cgroup, Reach::Supervisor, Reach::Marker] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let times: Vec<Duration> = (0..runs).filter_map(|_| runtime.block_on(once(reach))).collect();
        report(&format!("{reach:?}"), times);
        let begun = Instant::now();
        let done = runtime.block_on(many(reach, runs));
        println!(
            "{reach:?}, {AT_ONCE} at once: {:.0} runs/s",
            f64::from(done) / begun.elapsed().as_secs_f64()
        );
    }
}

/// Keeps some trees going at once until so many have run. Returns how many did.
async fn many(reach: Reach, runs: u32) -> u32 {
    let mut running = tokio::task::JoinSet::new();
    let mut done = 0;
    for _ in 0..runs {
        if running.len() >= AT_ONCE {
            done += u32::from(matches!(running.join_next().await, Some(Ok(Some(_)))));
        }
        running.spawn(once(reach));
    }
    while let Some(end) = running.join_next().await {
        done += u32::from(matches!(end, Ok(Some(_))));
    }
    done
}

fn once_std() -> Duration {
    let begun = Instant::now();
    drop(std::process::Command::new("/bin/true").env_clear().output());
    begun.elapsed()
}

async fn once(reach: Reach) -> Option<Duration> {
    let begun = Instant::now();
    let (mut tree, _pipes) = Tree::piped(Command::new("/bin/true").reach(reach)).await.ok()?;
    tree.wait().await;
    tree.end(Grace::default()).await;
    Some(begun.elapsed())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let Some(median) = times.get(times.len() / 2) else { return println!("{what}: not available") };
    let slow = times[times.len() * 99 / 100];
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap_or(u32::MAX);
    println!(
        "{what}: median {} µs, mean {} µs, 99% {} µs, {} runs",
        median.as_micros(),
        mean.as_micros(),
        slow.as_micros(),
        times.len()
    );
}
