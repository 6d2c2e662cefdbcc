//! When a keeper doesn't answer: a member of the tree killed or stopped it. What it held is found by its mark.

use std::time::{Duration, Instant};

use tokio::net::UnixStream;

use super::link::Link;
use super::{Hold, make_stream};
use crate::cgroup::{self, base};
use crate::command::Reach;
use crate::hunt;
use crate::keeper::holder::Marked;
use crate::mark::Mark;
use crate::spawner;
use crate::wire::Request;

/// How late a keeper may be with its answer before it counts as stopped.
pub(super) const KEEPER_LATE: Duration = Duration::from_secs(1);

/// How long the end of a killed keeper, then that of its orphans, is waited for.
const KEEPER_GONE_WITHIN: Duration = Duration::from_secs(1);
const ORPHANS_GONE_WITHIN: Duration = Duration::from_secs(2);

/// How long marked members are hunted.
const HUNT_FOR: Duration = Duration::from_secs(2);

/// Rest between two hunts.
const HUNT_EVERY: Duration = Duration::from_millis(10);

/// Ends what is left of a tree without its keeper. Returns how many it couldn't end.
pub(super) async fn mop_up(link: &Link, hold: &Hold) -> u32 {
    if let Some(left) = rouse(link, hold).await {
        return left;
    }
    clear_orphans().await;
    let hold = hold.clone();
    // Going through `/proc` takes milliseconds at a time.
    tokio::task::spawn_blocking(move || hunt(&hold)).await.unwrap_or_default()
}

/// A stopped spawner goes on when told to, and may answer after all. A supervisor is given up: what it held
/// falls to the spawner.
async fn rouse(link: &Link, hold: &Hold) -> Option<u32> {
    if link.is_closed() {
        return None;
    }
    if let Some(channel) = spawner::channel() {
        channel.wake();
    }
    let Some(supervisor) = hold.supervisor else { return link.until_empty(KEEPER_LATE).await };
    // It holds the other end of an open stream, so it is alive, and the id is its own.
    hunt::signal_child(supervisor.cast_signed(), libc::SIGKILL);
    link.until_closed(KEEPER_GONE_WITHIN).await;
    None
}

/// Has the spawner kill the orphans that fell to it, also those without a mark.
async fn clear_orphans() {
    let Some(channel) = spawner::channel() else { return };
    let Ok((own, spawners)) = make_stream() else { return };
    let Ok(own) = UnixStream::from_std(own.into()) else { return };
    let asked = async {
        channel.request(Request::Clear, &[std::os::fd::AsFd::as_fd(&spawners)]).await?;
        drop(spawners);
        // Any answer, or its end.
        own.readable().await
    };
    drop(tokio::time::timeout(ORPHANS_GONE_WITHIN, asked).await);
}

fn hunt(hold: &Hold) -> u32 {
    let quarry = Marked { is_ours: |mark: &Mark| *mark == hold.mark, child: None };
    let group = if hold.reach == Reach::Cgroup { base::directory_of(&hold.mark) } else { None };
    let give_up = Instant::now() + HUNT_FOR;
    loop {
        if let Some(group) = &group {
            cgroup::kill(group);
        }
        hunt::kill(&quarry);
        let members = group.as_deref().map(cgroup::members).unwrap_or_default();
        let left = hunt::alive(&quarry).len().max(members.len());
        if left == 0 || Instant::now() >= give_up {
            drop(group.as_deref().map(cgroup::remove));
            return u32::try_from(left).unwrap_or(u32::MAX);
        }
        std::thread::sleep(HUNT_EVERY);
    }
}
