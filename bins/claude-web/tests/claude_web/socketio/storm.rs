//! A thousand clients come and go.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::driver::drive;
use super::{CAT, place};
use crate::server::{Server, block_on};

/// Connections, and as many of them at a time.
const CONNECTIONS: u64 = 1000;
const AT_ONCE: u64 = 20;

/// How long the server may take to find out that clients are gone which never said so.
const PATIENCE: Duration = Duration::from_secs(120);

/// Descriptors that the database's pool may open under load, and keep.
const POOL: usize = 16;

/// What a server holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    descriptors: usize,
    children: usize,
    /// Masters of pseudo-terminals; none where its descriptors may not be looked at.
    terminals: usize,
}

impl Held {
    async fn by(server: &Server) -> Self {
        let metrics = server.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("process_open_fds ")).unwrap();
        let descriptors =
            std::fs::read_dir(format!("/proc/{}/fd", server.pid())).into_iter().flatten().flatten();
        let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
        let terminals = targets.filter(|target| target.ends_with("ptmx")).count();
        Self { descriptors: line.trim().parse().unwrap(), children: descendants(server.pid()), terminals }
    }

    fn is_within(self, most: Self) -> bool {
        let is_closed = self.descriptors <= most.descriptors + POOL;
        is_closed && self.children <= most.children && self.terminals <= most.terminals
    }
}

/// How many processes have this one as their parent, or as that of their parent, and so on.
fn descendants(pid: u32) -> usize {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (head, tail) = stat.rsplit_once(") ")?;
            Some((head.split(' ').next()?.parse().ok()?, tail.split(' ').nth(1)?.parse().ok()?))
        })
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    family.len() - 1
}

pub(crate) fn a_thousand_connections_leave_nothing_behind() {
    block_on(async {
        let server = place(CAT).set("SOCKETIO_GRACE_MS", "0").start().await;
        // Whatever is made once is made by the first ones.
        drive(&server, "storm", json!({"connections": 20, "at_once": AT_ONCE})).await;
        let before = settled(&server, None).await;
        let ends = drive(&server, "storm", json!({"connections": CONNECTIONS, "at_once": AT_ONCE})).await;
        assert!(ends["opened"].as_u64().unwrap() >= CONNECTIONS / 5, "{ends}");
        assert_eq!(ends["refused"], CONNECTIONS / 5, "{ends}");
        let after = settled(&server, Some(before)).await;
        println!("{ends}; held before: {before:?}, after: {after:?}");
        assert_eq!(server.running().await, 0);
        let seen = drive(&server, "leave", json!({"shows": "ready|"})).await;
        assert_eq!(seen["first"], "opened", "the server lives");
    });
}

/// What is held once no terminal runs, and no more is held than before; without a before, as soon as it stays the same.
async fn settled(server: &Server, before: Option<Held>) -> Held {
    let started = Instant::now();
    let mut last = Held::by(server).await;
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = Held::by(server).await;
        let is_calm = before.map_or(now == last, |before| now.is_within(before));
        if is_calm && server.running().await == 0 {
            return now;
        }
        assert!(started.elapsed() < PATIENCE, "held: {now:?}; before: {before:?}");
        last = now;
    }
}
