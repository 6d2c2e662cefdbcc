use std::time::{Duration, Instant};

use pty_core::{Attach, Error, Filter, Frame, Reason, Spec, Terminals};

use crate::support::{Reader, is_alive, number_in, read_all, shell, spawn, terminals, trials, writer};

trials![
    the_end_reaches_a_daemon_with_an_empty_environment,
    a_child_that_ignores_hangup_and_term_is_killed,
    what_a_dead_child_wrote_still_comes,
    what_was_not_read_yet_comes_after_a_late_acknowledgement,
    last_words_are_kept_when_the_end_was_asked_for,
    an_end_waits_for_no_place_that_is_kept,
    the_rest_of_a_tree_goes_with_its_child,
    a_deleted_terminal_is_gone_and_its_viewers_know,
    two_ends_at_once_are_one,
    a_shutdown_ends_all_and_takes_no_more,
    an_ended_terminal_can_be_looked_at_for_a_while,
];

/// Forks twice, leads a session of its own, clears the environment, ignores what it can.
fn daemon(file: &std::path::Path) -> String {
    let inner = format!("trap '' HUP TERM INT; echo $$ > {}; exec sleep 600", file.display());
    format!("(setsid env -i /bin/sh -c \"{}\" </dev/null >/dev/null 2>&1 &) ; ", inner.replace('$', "\\$"))
}

async fn the_end_reaches_a_daemon_with_an_empty_environment() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("pid");
    let terminal = spawn(&format!("{} sleep 600", daemon(&file))).await;
    let pid = number_in(&file).await;
    assert!(is_alive(pid));
    let started = Instant::now();
    terminal.end().await.unwrap();
    assert!(!is_alive(pid));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

async fn a_child_that_ignores_hangup_and_term_is_killed() {
    let terminal = spawn("trap '' HUP TERM; echo ready; while :; do sleep 600; done").await;
    Reader::new(writer(&terminal)).until("ready").await;
    let pid = terminal.info().pid;
    terminal.end().await.unwrap();
    assert!(!is_alive(pid));
}

async fn what_a_dead_child_wrote_still_comes() {
    let terminal = spawn("stty raw; head -c 3000000 /dev/zero").await;
    let viewer = writer(&terminal);
    // The reader comes late; the child waits in the middle of it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (bytes, exit) = read_all(viewer).await;
    assert_eq!((bytes.len(), exit.head), (3_000_000, 3_000_000));
}

/// A little more than a window: the rest lies in the system while the child is gone and nothing may be read.
async fn what_was_not_read_yet_comes_after_a_late_acknowledgement() {
    for more in [1, 900, 2900, 3900] {
        let total = (256 << 10) + more;
        let terminal = spawn(&format!("stty raw -echo; head -c {total} /dev/zero")).await;
        let mut viewer = writer(&terminal);
        let mut at = 0;
        while at < 256 << 10 {
            let Some(Frame::Output { data, .. }) = viewer.output.next().await else { panic!("no output") };
            at += data.len() as u64;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        viewer.input.ack(at).unwrap();
        let mut reader = Reader::new(viewer);
        reader.at = at;
        while reader.more().await {}
        assert_eq!(reader.exit.unwrap().head, total);
    }
}

async fn last_words_are_kept_when_the_end_was_asked_for() {
    let idle = Some(Duration::from_secs(2));
    let terminals = Terminals::builder().limits(|limits| limits.idle = idle).build();
    let text = "trap 'echo bye; exit' HUP; echo ready; while :; do sleep 0.01; done";
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(terminals.spawn(shell(text)).await.unwrap());
    }
    for terminal in all {
        terminal.exited().await.unwrap();
        let (bytes, _) = read_all(writer(&terminal)).await;
        assert_eq!(String::from_utf8_lossy(&bytes), "ready\r\nbye\r\n");
    }
}

async fn an_end_waits_for_no_place_that_is_kept() {
    let terminals = Terminals::builder().limits(|limits| limits.hold = Duration::MAX).build();
    let terminal = terminals.spawn(shell("yes")).await.unwrap();
    drop(writer(&terminal));
    while terminal.info().head < 4 << 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    terminal.end().await.unwrap();
}

async fn the_rest_of_a_tree_goes_with_its_child() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("pid");
    let started = format!("while [ ! -s {} ]; do sleep 0.01; done", file.display());
    let text = format!("{} {started}; (trap '' HUP; sleep 600) & echo bye; exit 5", daemon(&file));
    let terminal = spawn(&text).await;
    let (bytes, exit) = read_all(writer(&terminal)).await;
    assert!(String::from_utf8_lossy(&bytes).contains("bye"));
    assert_eq!(exit.code, Some(5));
    let pid = number_in(&file).await;
    terminal.exited().await;
    assert!(!is_alive(pid));
}

async fn a_deleted_terminal_is_gone_and_its_viewers_know() {
    let terminals = terminals();
    let terminal = terminals.spawn(shell("sleep 600")).await.unwrap();
    let mut viewer = writer(&terminal);
    let id = terminal.id();
    terminal.end().await.unwrap();
    assert_eq!(viewer.output.next().await, Some(Frame::Closed(Reason::Deleted)));
    assert_eq!(viewer.output.next().await, None);
    assert!(terminals.get(&id).is_none());
    assert!(matches!(terminal.attach(Attach::writer()), Err(Error::NotFound)));
    assert_eq!(terminals.stats().active, 0);
}

async fn two_ends_at_once_are_one() {
    let terminal = spawn("sleep 600").await;
    let (one, other) = tokio::join!(terminal.end(), terminal.end());
    assert_eq!(one.unwrap(), other.unwrap());
}

async fn a_shutdown_ends_all_and_takes_no_more() {
    let terminals = terminals();
    let mut viewers = Vec::new();
    let mut pids = Vec::new();
    for _ in 0..5 {
        let terminal = terminals.spawn(shell("trap '' HUP; sleep 600")).await.unwrap();
        pids.push(terminal.info().pid);
        viewers.push(writer(&terminal));
    }
    let started = Instant::now();
    terminals.shutdown(Duration::from_secs(6)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(6));
    for viewer in &mut viewers {
        assert_eq!(viewer.output.next().await, Some(Frame::Closed(Reason::ShuttingDown)));
    }
    assert!(!pids.into_iter().any(is_alive));
    assert!(matches!(terminals.spawn(Spec::new("true")).await, Err(Error::ShuttingDown)));
}

async fn an_ended_terminal_can_be_looked_at_for_a_while() {
    let limits = |limits: &mut pty_core::Limits| {
        (limits.kept, limits.kept_for) = (2, Duration::from_secs(3));
    };
    let terminals = Terminals::builder().limits(limits).build();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let terminal = terminals.spawn(shell("echo x")).await.unwrap();
        terminal.exited().await;
        ids.push(terminal.id());
    }
    while terminals.get(&ids[0]).is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(terminals.get(&ids[1]).is_some() && terminals.get(&ids[2]).is_some());
    let watched = terminals.get(&ids[2]).unwrap();
    let mut viewer = writer(&watched);
    while !terminals.list(&Filter::All).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(viewer.output.next().await, Some(Frame::Closed(Reason::Deleted))));
}
