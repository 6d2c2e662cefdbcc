//! Figures of the process itself, taken every few seconds.

use std::time::Duration;

use metrics::{gauge, histogram};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::handle;

/// How often the process is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// How often the runtime's lateness is measured.
const BEAT: Duration = Duration::from_millis(500);

/// The tasks that look; they end with it.
#[derive(Debug)]
pub(crate) struct Probes([JoinHandle<()>; 2]);

impl Probes {
    pub(crate) fn start() -> Self {
        Self([tokio::spawn(watch_process()), tokio::spawn(watch_runtime())])
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn watch_process() {
    loop {
        // Reading these is a few microseconds: nothing for a thread of its own.
        if let Some(process) = Process::now() {
            process.tell();
        }
        handle().run_upkeep();
        sleep(EVERY).await;
    }
}

/// How late a task runs that should run now.
async fn watch_runtime() {
    let delay = histogram!("tokio_poll_delay_seconds");
    loop {
        let due = Instant::now() + BEAT;
        sleep_until(due).await;
        delay.record(due.elapsed());
    }
}

/// What `/proc/self` says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Process {
    resident_bytes: u64,
    user_seconds: f64,
    system_seconds: f64,
    open_fds: u32,
}

impl Process {
    fn now() -> Option<Self> {
        let read = |name| std::fs::read_to_string(name).ok();
        let stat = read("/proc/self/stat")?;
        let pages = read("/proc/self/statm")?.split(' ').nth(1)?.parse::<u64>().ok()?;
        // The name of the program stands in brackets, and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok().map(f64::from);
        let rate = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?);
        let fds = std::fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Self {
            resident_bytes: pages * rustix::param::page_size() as u64,
            user_seconds: ticks(11)? / rate,
            system_seconds: ticks(12)? / rate,
            open_fds: u32::try_from(fds).ok()?,
        })
    }

    fn tell(self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; bytes of memory fit")]
        gauge!("process_resident_memory_bytes").set(self.resident_bytes as f64);
        gauge!("process_cpu_user_seconds_total").set(self.user_seconds);
        gauge!("process_cpu_system_seconds_total").set(self.system_seconds);
        gauge!("process_cpu_seconds_total").set(self.user_seconds + self.system_seconds);
        gauge!("process_open_fds").set(self.open_fds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_seen() {
        let process = Process::now().unwrap();
        assert!(process.resident_bytes > 1 << 20);
        assert!(process.open_fds >= 3);
    }
}
