//! Viewers that do whatever comes to their minds, against the true stream of bytes.

use std::time::Duration;

use pty_core::testing::Script;
use pty_core::{Attach, Error, Frame, Mode, Size, Spec, Terminal, Terminals, Viewer};
use tokio::time::sleep;

use crate::support::trials;

trials![whatever_viewers_do_each_byte_comes_once_and_in_its_place];

/// Bytes of one run.
const BYTES: u64 = 3_000_000;
const RUNS: u64 = 30;

/// A small, repeatable generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

fn limits(limits: &mut pty_core::Limits) {
    (limits.window, limits.ring_bytes) = (20_000, 100_000);
    (limits.hold, limits.stall) = (Duration::from_secs(3), Duration::from_secs(20));
}

async fn whatever_viewers_do_each_byte_comes_once_and_in_its_place() {
    let seeds = (0..RUNS).map(|run| tokio::spawn(run_once(run)));
    for (seed, run) in seeds.enumerate() {
        assert!(run.await.is_ok(), "run {seed} failed");
    }
}

async fn run_once(seed: u64) {
    let terminals = Terminals::builder().limits(limits).build();
    let (terminal, script) = Script::spawn(&terminals, &Spec::new("script")).unwrap();
    let child = tokio::spawn(write_stream(script, Dice(seed)));
    let mut viewers = Vec::new();
    // One writer is there from the first byte, so none is lost to it.
    let steady = terminal.attach(Attach::writer()).unwrap();
    viewers.push(tokio::spawn(follow(terminal.clone(), steady, Dice(seed ^ 0xAAAA))));
    for other in 1..=seed % 4 {
        let mode = if other % 2 == 0 { Mode::Write } else { Mode::Watch };
        let viewer = terminal.attach(Attach::as_(mode)).unwrap();
        viewers.push(tokio::spawn(follow(terminal.clone(), viewer, Dice(seed ^ other))));
    }
    for viewer in viewers {
        viewer.await.unwrap();
    }
    child.await.unwrap();
}

async fn write_stream(mut script: Script, mut dice: Dice) {
    let mut at = 0;
    while at < BYTES {
        let length = match dice.roll(3) {
            0 => 1 + dice.roll(10),
            1 => 1 + dice.roll(5_000),
            _ => 1 + dice.roll(100_000),
        };
        let piece: Vec<u8> = (at..BYTES.min(at + length)).map(byte).collect();
        script.write(&piece).await.unwrap();
        at += piece.len() as u64;
        if dice.roll(20) == 0 {
            sleep(Duration::from_millis(dice.roll(3))).await;
        }
    }
    script.exit(0);
}

/// Reads to the end: slowly or fast, with acknowledgements late or wrong, with cuts and detachments on the way.
async fn follow(terminal: Terminal, mut viewer: Viewer, mut dice: Dice) {
    let mode = viewer.start.mode;
    let (mut at, mut acked) = (viewer.start.from, viewer.start.from);
    loop {
        match viewer.output.next().await {
            Some(Frame::Output { offset, data }) => {
                assert_eq!(offset, at);
                assert!(data.iter().zip(at..).all(|(found, offset)| *found == byte(offset)), "wrong at {at}");
                at += data.len() as u64;
                assert!(at - acked <= 20_000, "more than a window");
            }
            Some(Frame::Gap { from, to }) => {
                assert_eq!(from, at);
                assert_eq!(mode, Mode::Watch, "a writer lost {from}..{to}");
                (at, acked) = (to, acked.max(to));
            }
            Some(Frame::Exit(exit)) => {
                assert_eq!((exit.head, at), (BYTES, BYTES));
                return;
            }
            Some(Frame::Resized(_)) => {}
            other => panic!("{other:?} at {at}"),
        }
        match dice.roll(40) {
            0 => sleep(Duration::from_millis(dice.roll(4))).await,
            1 => assert!(matches!(viewer.input.ack(at + 1 + dice.roll(9)), Err(Error::AckAhead { .. }))),
            2 => viewer.input.ack(acked / 2).unwrap(),
            3 if mode == Mode::Write => {
                let size = Size::new(u16::try_from(1 + dice.roll(1000)).unwrap(), 24).unwrap();
                // The end may be there already.
                drop(viewer.input.resize(size));
            }
            4 => {
                drop(viewer);
                sleep(Duration::from_millis(dice.roll(4))).await;
                viewer = terminal.attach(Attach::as_(mode).from(at)).unwrap();
                acked = at;
                assert_eq!(viewer.start.from, at);
            }
            5 if mode == Mode::Watch => {
                viewer.input.detach();
                viewer = terminal.attach(Attach::as_(mode).from(at)).unwrap();
                acked = at;
            }
            6..20 => {}
            _ => {
                acked = acked.max(at - dice.roll(at - acked + 1));
                viewer.input.ack(acked).unwrap();
            }
        }
        if at - acked > 15_000 {
            acked = at;
            viewer.input.ack(acked).unwrap();
        }
    }
}
