//! Floods: nobody is drowned, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::driver::{Driver, drive};
use super::{DEAF, SEQ, SHELL, TRANSPORTS, end, errors, place};
use crate::server::block_on;

/// Lines of eight bytes: 32 MiB, and a flood before it, so that all buffers are there.
const FLOOD: u64 = (32 << 20) / 8;
const WARM: u64 = (1 << 20) / 8;

/// How much more memory the server may take while a client stands still.
const GROWTH_MOST: u64 = 1 << 20;

pub(crate) fn a_busy_client_costs_little_and_loses_nothing() {
    block_on(async {
        let server = place(SEQ).start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[0])] {
            let options = json!({
                "client": client, "transports": transports, "warm": WARM, "lines": FLOOD, "busy_ms": 5000,
            });
            let mut driver = Driver::start(&server, "blocked", options.clone());
            driver.mark("warm").await;
            let watch = Watch::start(server.pid());
            let busy = driver.mark("busy").await;
            driver.mark("done").await;
            let (before, peak) = watch.end();
            println!("{options}: {before} bytes resident, {} more at most; busy {busy}", peak - before);
            let seen = driver.seen().await;
            assert_eq!((&seen["parting"], &seen["offset"]), (&Value::Null, &seen["length"]), "{options}");
            assert!(peak - before <= GROWTH_MOST, "{options}: {} bytes more", peak - before);
        }
    });
}

/// Looks at a process's resident memory again and again.
struct Watch {
    is_over: Arc<AtomicBool>,
    looks: std::thread::JoinHandle<(u64, u64)>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let before = resident(pid);
        let is_over = Arc::new(AtomicBool::new(false));
        let told = is_over.clone();
        let looks = std::thread::spawn(move || {
            let mut peak = before;
            while !told.load(Ordering::Relaxed) {
                peak = peak.max(resident(pid));
                std::thread::sleep(Duration::from_millis(5));
            }
            (before, peak)
        });
        Self { is_over, looks }
    }

    /// Bytes at the beginning, and at most.
    fn end(self) -> (u64, u64) {
        self.is_over.store(true, Ordering::Relaxed);
        self.looks.join().unwrap()
    }
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

pub(crate) fn ctrl_c_in_a_flood_is_answered_before_a_mebibyte_more() {
    block_on(async {
        let server = place(SHELL).start().await;
        let seen = drive(&server, "interrupt", json!({"rate": 2_000_000, "first": 6_000_000})).await;
        println!("{seen}");
        assert!(seen["end"].as_str().unwrap().ends_with("the prompt> "), "{seen}");
        assert!(seen["after"].as_u64().unwrap() <= 1 << 20, "{seen}");
    });
}

pub(crate) fn who_acknowledges_is_sent_a_window_at_most() {
    block_on(async {
        let server = place(SEQ).start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let options = json!({"client": client, "transports": transports, "lines": (2 << 20) / 8});
            let seen = drive(&server, "acks", options.clone()).await;
            let held = seen["held"].as_u64().unwrap();
            assert!((128 << 10..=320 << 10).contains(&held), "{options}: {held} bytes without an ack");
            assert_eq!(
                (&seen["ahead"], &seen["still"]),
                (&json!("invalid_request"), &seen["held"]),
                "{options}"
            );
            assert_eq!((&seen["parting"], &seen["errors"]), (&Value::Null, &json!(["invalid_request"])));
        }
    });
}

pub(crate) fn input_that_nobody_reads_has_an_end() {
    block_on(async {
        let server = place(DEAF).start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let (fine, most) = (3_u64 << 20, 8_u64 << 20);
            let options = json!({
                "client": client, "transports": transports, "piece": 64 << 10, "fine": fine, "most": most,
            });
            let seen = drive(&server, "overflow", options.clone()).await;
            assert_eq!(seen["at_fine"], json!([]), "{options}");
            assert_eq!(errors(&seen), ["input_overflow"], "{options}");
            assert_eq!(end(&seen).1, "io server disconnect");
            let sent = seen["sent"].as_u64().unwrap();
            // The terminal queues another MiB, and some is on its way when the client hears of it.
            assert!((4 << 20..=6 << 20).contains(&sent), "{options}: {sent} bytes");
        }
    });
}
