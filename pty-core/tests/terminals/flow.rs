use std::time::Duration;

use pty_core::{Attach, Error, Frame, Reason, Terminals};
use tokio::time::sleep;

use crate::support::{Reader, shell, spawn, terminals, trials, writer};

trials![
    nothing_is_lost_by_twenty_cuts_of_random_bytes,
    a_writer_that_stands_still_pauses_the_child,
    a_writer_that_stands_still_for_too_long_is_closed_and_comes_back,
    a_patient_writer_is_waited_for_as_long_as_it_takes,
    a_terminal_may_keep_less_than_others,
    who_is_closed_does_not_wait_to_be_heard,
    a_watcher_holds_nobody_back_and_is_told_what_it_missed,
    without_viewers_the_child_runs_on,
    who_detaches_is_not_waited_for,
    one_half_hears_that_the_other_has_left,
    an_acknowledgement_of_the_future_is_refused,
    small_pieces_can_be_taken_as_one,
];

async fn nothing_is_lost_by_twenty_cuts_of_random_bytes() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("random");
    let made = std::process::Command::new("sh")
        .args(["-c", &format!("head -c 8000000 /dev/urandom > {}", file.display())])
        .status();
    assert!(made.unwrap().success());
    let terminal = spawn(&format!("stty raw -echo; cat {}", file.display())).await;
    let mut bytes = Vec::new();
    let mut reader = Reader::new(writer(&terminal));
    for cut in 1..=20 {
        let until = cut * 380_000;
        while reader.at < until && reader.more().await {}
        let at = reader.at;
        bytes.append(&mut reader.bytes);
        drop(reader);
        // The flood goes on meanwhile, as far as the ring allows.
        sleep(Duration::from_millis(5 * cut % 40)).await;
        reader = Reader::new(terminal.attach(Attach::writer().from(at)).unwrap());
        assert_eq!(reader.at, at);
    }
    while reader.more().await {}
    bytes.append(&mut reader.bytes);
    assert!(reader.gaps.is_empty());
    assert!(bytes == std::fs::read(file).unwrap(), "{} bytes", bytes.len());
}

async fn a_writer_that_stands_still_pauses_the_child() {
    let terminals = terminals();
    let terminal = terminals.spawn(shell("yes")).await.unwrap();
    let mut viewer = writer(&terminal);
    let mut got = 0;
    while got < 256 << 10 {
        let Some(Frame::Output { data, .. }) = viewer.output.next().await else { panic!("no output") };
        got += data.len();
    }
    assert_eq!(got, 256 << 10, "a window, and not a byte more");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(terminal.info().head, 256 << 10);
    assert!(terminals.stats().pauses > 0);
    viewer.input.ack(256 << 10).unwrap();
    let Some(Frame::Output { offset, .. }) = viewer.output.next().await else { panic!("no output") };
    assert_eq!(offset, 256 << 10);
    terminal.end().await.unwrap();
}

async fn a_writer_that_stands_still_for_too_long_is_closed_and_comes_back() {
    let terminals = Terminals::builder().limits(|limits| limits.stall = Duration::from_millis(300)).build();
    let terminal = terminals.spawn(shell("yes")).await.unwrap();
    let mut viewer = writer(&terminal);
    let mut at = 0;
    loop {
        match viewer.output.next().await {
            Some(Frame::Output { data, .. }) => at += data.len() as u64,
            Some(Frame::Closed(Reason::Stalled)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(viewer.output.next().await, None);
    assert!(matches!(viewer.input.send("x").await, Err(Error::Detached)));
    let back = terminal.attach(Attach::writer().from(at)).unwrap();
    assert!(back.start.from == at && back.start.head >= at);
    terminal.end().await.unwrap();
}

async fn a_patient_writer_is_waited_for_as_long_as_it_takes() {
    let terminals = Terminals::builder().limits(|limits| limits.stall = Duration::from_millis(100)).build();
    let terminal = terminals.spawn(shell("yes")).await.unwrap();
    let mut viewer = terminal.attach(Attach::writer().patient()).unwrap();
    let mut at = 0;
    while at < 256 << 10 {
        let Some(Frame::Output { data, .. }) = viewer.output.next().await else { panic!("no output") };
        at += data.len() as u64;
    }
    sleep(Duration::from_millis(500)).await;
    viewer.input.ack(at).unwrap();
    assert!(matches!(viewer.output.next().await, Some(Frame::Output { .. })));
    terminal.end().await.unwrap();
}

async fn a_terminal_may_keep_less_than_others() {
    let spec = shell("head -c 1000000 /dev/zero | tr '\\0' 'x'").ring_bytes(100_000);
    let terminal = terminals().spawn(spec).await.unwrap();
    assert_eq!(terminal.exited().await.unwrap().head, 1_000_000);
    let start = writer(&terminal).start;
    assert_eq!((start.base, start.window), (900_000, 100_000));
}

async fn who_is_closed_does_not_wait_to_be_heard() {
    let change = |limits: &mut pty_core::Limits| {
        (limits.stall, limits.input_bytes) = (Duration::from_millis(300), 1000);
    };
    let terminals = Terminals::builder().limits(change).build();
    let terminal = terminals.spawn(shell("yes & sleep 600")).await.unwrap();
    let viewer = writer(&terminal);
    // Nobody reads it: the queue fills, then the ring, then the writer stalls.
    let typed = async { while viewer.input.send(vec![b'x'; 500]).await.is_ok() {} };
    typed.await;
    assert!(matches!(viewer.input.send("x").await, Err(Error::Detached)));
    terminal.end().await.unwrap();
}

async fn a_watcher_holds_nobody_back_and_is_told_what_it_missed() {
    let terminal = spawn("head -c 12000000 /dev/zero | tr '\\0' 'x'").await;
    let watcher = terminal.attach(Attach::watcher()).unwrap();
    let mut reader = Reader::new(writer(&terminal));
    while reader.more().await {}
    assert_eq!(reader.bytes.len(), 12_000_000);
    let mut late = Reader::new(watcher);
    while late.more().await {}
    let missed: u64 = late.gaps.iter().map(|(from, to)| to - from).sum();
    assert_eq!(late.bytes.len() as u64 + missed, 12_000_000);
    assert_eq!(late.gaps, [(0, 12_000_000 - (4 << 20))]);
}

async fn without_viewers_the_child_runs_on() {
    let terminal = spawn("head -c 6000000 /dev/zero | tr '\\0' 'x'").await;
    assert_eq!(terminal.exited().await.unwrap().head, 6_000_000);
    let mut reader = Reader::new(terminal.attach(Attach::writer().from(5)).unwrap());
    assert_eq!((reader.at, reader.viewer.start.base), (5, 6_000_000 - (4 << 20)));
    while reader.more().await {}
    assert_eq!(reader.gaps, [(5, 6_000_000 - (4 << 20))]);
}

async fn who_detaches_is_not_waited_for() {
    let terminal = spawn("head -c 6000000 /dev/zero | tr '\\0' 'x'").await;
    let viewer = writer(&terminal);
    viewer.input.detach();
    assert_eq!(terminal.exited().await.unwrap().head, 6_000_000);
}

async fn one_half_hears_that_the_other_has_left() {
    let terminal = spawn("sleep 600").await;
    let pty_core::Viewer { mut output, input, .. } = writer(&terminal);
    let told = tokio::spawn(async move { output.next().await });
    sleep(Duration::from_millis(50)).await;
    input.detach();
    assert_eq!(told.await.unwrap(), None);
    let pty_core::Viewer { mut output, input, .. } = writer(&terminal);
    let told = tokio::spawn(async move { output.next().await });
    sleep(Duration::from_millis(50)).await;
    drop(input);
    assert_eq!(told.await.unwrap(), None);
    // What closed a viewer is told, though its other half is gone.
    let pty_core::Viewer { mut output, input, .. } = writer(&terminal);
    let ended = terminal.end().await;
    drop(input);
    assert!(ended.is_ok());
    assert_eq!(output.closed().await, Reason::Deleted);
}

async fn an_acknowledgement_of_the_future_is_refused() {
    let terminal = spawn("printf 12345; read line").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("12345").await;
    assert!(matches!(reader.viewer.input.ack(6), Err(Error::AckAhead { sent: 5 })));
    assert!(matches!(reader.viewer.input.ack(u64::MAX), Err(Error::AckAhead { sent: 5 })));
    reader.viewer.input.ack(2).unwrap();
    reader.viewer.input.send("\n").await.unwrap();
    while reader.more().await {}
}

async fn small_pieces_can_be_taken_as_one() {
    let terminal = spawn("head -c 200000 /dev/zero | tr '\\0' 'x'").await;
    terminal.exited().await;
    let mut viewer = writer(&terminal);
    let Some(Frame::Output { offset: 0, data }) = viewer.output.next().await else { panic!("no output") };
    let mut got = data.len();
    while let Some(more) = viewer.output.more(1000) {
        assert!(more.len() <= 1000);
        got += more.len();
    }
    assert_eq!(got, 200_000);
    assert!(matches!(viewer.output.next().await, Some(Frame::Exit(_))));
}
