use std::time::Duration;

use bytes::Bytes;
use pty_core::{Attach, Error, Signal, Size, Terminals};

use crate::support::{Reader, shell, spawn, trials, writer};

trials![
    what_is_typed_reaches_the_child_and_is_echoed,
    a_large_paste_reaches_a_slow_reader_exactly,
    a_paste_of_two_mebibytes_into_cat_never_stands_still,
    small_pieces_of_a_paste_never_stand_still,
    silent_readers_get_all_of_it,
    ctrl_c_is_answered_at_once_during_a_flood,
    a_new_size_reaches_the_child_and_the_others,
    a_size_that_the_child_set_is_set_anew,
    a_size_asked_for_before_input_is_there_before_it,
    signals_reach_the_foreground,
    a_watcher_may_only_look,
    input_after_the_end_is_refused,
];

async fn what_is_typed_reaches_the_child_and_is_echoed() {
    let terminal = spawn("read line; echo \"got $line\"").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.viewer.input.send("hällo\r").await.unwrap();
    let seen = reader.until("got hällo\r\n").await;
    assert!(seen.starts_with("hällo\r\n"), "{seen:?}");
}

async fn a_large_paste_reaches_a_slow_reader_exactly() {
    // Raw but with echo: the child reads 64 KiB now and then, and every byte is echoed meanwhile.
    let text = "stty raw echo; echo ready; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do \
        sleep 0.05; head -c 65536; done | sha256sum > $OUT; echo done";
    let place = tempfile::tempdir().unwrap();
    let sum = place.path().join("sum");
    let text = text.replace("$OUT", sum.to_str().unwrap());
    let terminal = spawn(&text).await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    let paste: Vec<u8> =
        (0..1u32 << 20).map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let expected = sha256(&paste, place.path());
    let pasted = Bytes::from(paste);
    let (input, output) = (&reader.viewer.input, &mut reader.viewer.output);
    let typing = async {
        for piece in pasted.chunks(10_000) {
            input.send(pasted.slice_ref(piece)).await.unwrap();
        }
    };
    let mut echoed = Vec::new();
    let reading = async {
        while !echoed.ends_with(b"done\n\r") && !echoed.ends_with(b"done\n") && !echoed.ends_with(b"done\r\n")
        {
            match output.next().await {
                Some(pty_core::Frame::Output { offset, data }) => {
                    echoed.extend_from_slice(&data);
                    input.ack(offset + data.len() as u64).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(typing, reading);
    assert_eq!(std::fs::read_to_string(&sum).unwrap().split(' ').next(), Some(expected.as_str()));
    assert!(echoed.len() >= 1 << 20, "{}", echoed.len());
}

fn sha256(bytes: &[u8], place: &std::path::Path) -> String {
    let file = place.join("wanted");
    std::fs::write(&file, bytes).unwrap();
    let output = std::process::Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

async fn a_paste_of_two_mebibytes_into_cat_never_stands_still() {
    paste_in_pieces(64 << 10).await;
}

async fn small_pieces_of_a_paste_never_stand_still() {
    paste_in_pieces(1 << 10).await;
}

/// Reads and writes by turns, as one socket does: acknowledgements stand behind input.
async fn paste_in_pieces(size: usize) {
    // What stands still does so for good.
    let terminals = Terminals::builder().limits(|limits| limits.stall = Duration::MAX).build();
    let terminal = terminals.spawn(shell("stty raw -echo; echo ready; exec cat")).await.unwrap();
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready\n").await;
    let start = reader.at;
    let paste: Vec<u8> = (0..2u32 << 20).map(|index| index.wrapping_mul(40_503).to_le_bytes()[1]).collect();
    let pasted = Bytes::from(paste.clone());
    let (input, output) = (&reader.viewer.input, &mut reader.viewer.output);
    let (told, mut acks) = tokio::sync::watch::channel(0);
    let typing = async {
        for piece in pasted.chunks(size) {
            input.send(pasted.slice_ref(piece)).await.unwrap();
            // Only now is the next acknowledgement read.
            input.ack(*acks.borrow_and_update()).unwrap();
        }
        while acks.changed().await.is_ok() {
            input.ack(*acks.borrow_and_update()).unwrap();
        }
    };
    let mut echoed = Vec::new();
    let reading = async move {
        while echoed.len() < 2 << 20 {
            match output.next().await {
                Some(pty_core::Frame::Output { offset, data }) => {
                    assert_eq!(offset, start + echoed.len() as u64);
                    echoed.extend_from_slice(&data);
                    told.send_replace(offset + data.len() as u64);
                }
                other => panic!("{other:?}"),
            }
        }
        echoed
    };
    let ((), echoed) = tokio::join!(typing, reading);
    assert!(echoed == paste);
}

/// Nothing comes back that could wake anybody by chance: the system's word that there is room must never be missed.
async fn silent_readers_get_all_of_it() {
    let paste = Bytes::from(vec![b'x'; 256 << 10]);
    let runs = (0..60).map(|_| tokio::spawn(paste_to_a_silent_reader(paste.clone())));
    for run in runs {
        run.await.unwrap();
    }
}

async fn paste_to_a_silent_reader(paste: Bytes) {
    let terminal = spawn("stty raw -echo; echo ready; head -c 262144 | wc -c").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    reader.viewer.input.send(paste).await.unwrap();
    while reader.more().await {}
    assert!(String::from_utf8_lossy(&reader.bytes).contains("262144"));
}

async fn ctrl_c_is_answered_at_once_during_a_flood() {
    let terminal =
        spawn("trap 'echo stopped; exit 0' INT; while :; do echo line of a flood that never ends; done")
            .await;
    let mut reader = Reader::new(writer(&terminal));
    while reader.at < 1 << 20 {
        assert!(reader.more().await);
    }
    let before = reader.at;
    reader.viewer.input.send("\x03").await.unwrap();
    while reader.more().await {}
    let behind = reader.at - before;
    assert!(String::from_utf8_lossy(&reader.bytes).contains("stopped"));
    assert!(behind < 1 << 20, "{behind} bytes came after Ctrl-C");
}

async fn a_new_size_reaches_the_child_and_the_others() {
    let terminal = spawn("trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done").await;
    let mut other = terminal.attach(Attach::watcher()).unwrap();
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    for cols in [100, 110, 120] {
        reader.viewer.input.resize(Size::new(cols, 50).unwrap()).unwrap();
    }
    reader.until("50 120").await;
    assert_eq!(terminal.info().size, Size::new(120, 50).unwrap());
    loop {
        match other.output.next().await {
            Some(pty_core::Frame::Resized(size)) if size == Size::new(120, 50).unwrap() => break,
            Some(_) => {}
            None => panic!("it was never told"),
        }
    }
    terminal.end().await.unwrap();
}

async fn a_size_that_the_child_set_is_set_anew() {
    let terminal = spawn("stty cols 132 rows 50; echo ready; read line; stty size").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    reader.viewer.input.resize(Size::default()).unwrap();
    // The size is set before what is typed later is read.
    tokio::time::sleep(Duration::from_millis(50)).await;
    reader.viewer.input.send("\n").await.unwrap();
    reader.until("24 80").await;
}

async fn a_size_asked_for_before_input_is_there_before_it() {
    let terminal = spawn("stty -echo; echo go; while read line; do stty size; done").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("go").await;
    for rows in 30..60 {
        reader.viewer.input.resize(Size::new(100, rows).unwrap()).unwrap();
        reader.viewer.input.send("\r").await.unwrap();
        reader.until(&format!("{rows} 100")).await;
    }
    terminal.end().await.unwrap();
}

async fn signals_reach_the_foreground() {
    let text = "trap 'echo shell' USR1; echo ready; while :; do sleep 0.02; done";
    let terminal = spawn(text).await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    terminal.signal(Signal::User1).unwrap();
    reader.until("shell").await;
    reader.viewer.input.signal(Signal::Kill).unwrap();
    while reader.more().await {}
    assert_eq!(reader.exit.unwrap().signal.as_deref(), Some("KILL"));
    assert!(matches!(terminal.signal(Signal::Kill), Err(Error::Exited(_))));
}

async fn a_watcher_may_only_look() {
    let terminal = spawn("echo ready; sleep 60").await;
    let watcher = terminal.attach(Attach::watcher()).unwrap();
    assert!(matches!(watcher.input.send("x").await, Err(Error::ReadOnly)));
    assert!(matches!(watcher.input.resize(Size::default()), Err(Error::ReadOnly)));
    assert!(matches!(watcher.input.signal(Signal::Interrupt), Err(Error::ReadOnly)));
    let mut reader = Reader::new(watcher);
    reader.until("ready").await;
    terminal.end().await.unwrap();
}

async fn input_after_the_end_is_refused() {
    let terminal = spawn("exit 4").await;
    let viewer = writer(&terminal);
    terminal.exited().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(matches!(viewer.input.send("x").await, Err(Error::Exited(exit)) if exit.code == Some(4)));
}
