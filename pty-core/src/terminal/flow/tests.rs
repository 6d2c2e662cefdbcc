use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const WINDOW: u64 = 100;
const RING: u64 = 400;
const WRITER: Role = Role::Viewer(Mode::Write);
const WATCHER: Role = Role::Viewer(Mode::Watch);

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.window, limits.ring_bytes) = (100, 400);
    limits
}

fn flow() -> Flow<()> {
    Flow::new(&limits())
}

fn at(head: u64) -> Output {
    Output { base: head.saturating_sub(RING), head, least: 1, input_is_full: false }
}

fn now() -> Instant {
    Instant::now()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_writer_is_sent_a_window_and_no_more_until_it_acknowledges() {
    let mut flow = flow();
    let id = flow.sit(WRITER, (0, 0), ());
    assert_eq!(flow.next(id, at(300)), Next::Send { from: 0, most: WINDOW });
    flow.sent(id, 100);
    assert_eq!(flow.next(id, at(300)), Next::Wait);
    flow.ack(id, 40, now()).unwrap();
    assert_eq!(flow.next(id, at(300)), Next::Send { from: 100, most: 40 });
    flow.ack(id, 10, now()).unwrap();
    assert_eq!(flow.next(id, at(300)), Next::Send { from: 100, most: 40 });
}

#[test]
fn an_acknowledgement_of_the_future_is_refused_and_changes_nothing() {
    let mut flow = flow();
    let id = flow.sit(WRITER, (0, 0), ());
    flow.sent(id, 50);
    assert_eq!(flow.ack(id, 51, now()), Err(Ahead(50)));
    assert_eq!(flow.ack(id, u64::MAX, now()), Err(Ahead(50)));
    assert_eq!(flow.end_of_reading(at(50)), Some(WINDOW));
}

#[test]
fn reading_stops_a_window_beyond_the_slowest_writer() {
    let mut flow = flow();
    assert_eq!(flow.end_of_reading(at(0)), None);
    let [one, other] = [(), ()].map(|()| flow.sit(WRITER, (0, 0), ()));
    flow.sit(WATCHER, (0, 0), ());
    flow.sent(one, 90);
    flow.ack(one, 90, now()).unwrap();
    assert_eq!(flow.end_of_reading(at(90)), Some(WINDOW));
    flow.leave(other);
    assert_eq!(flow.end_of_reading(at(90)), Some(90 + WINDOW));
    flow.leave(one);
    assert_eq!(flow.end_of_reading(at(90)), None);
}

#[test]
fn while_input_waits_the_child_is_read_until_the_ring_is_full() {
    let mut flow = flow();
    flow.sit(WRITER, (0, 0), ());
    assert_eq!(flow.end_of_reading(Output { input_is_full: true, ..at(50) }), Some(RING));
}

#[test]
fn the_place_of_a_cut_writer_is_kept_for_as_long_as_said() {
    let (mut flow, start) = (flow(), now());
    let id = flow.sit(WRITER, (20, 0), ());
    flow.cut(id, start);
    assert_eq!(flow.next(id, at(50)), Next::Closed);
    assert_eq!(flow.end_of_reading(at(50)), Some(20 + RING));
    assert_eq!(flow.deadline(), Some(start + seconds(10)));
    assert_eq!(flow.review(at(50), start + seconds(9)), None);
    assert_eq!(flow.end_of_reading(at(50)), Some(20 + RING));
    assert_eq!(flow.review(at(50), start + seconds(10)), None);
    assert_eq!(flow.end_of_reading(at(50)), None);
}

#[test]
fn a_writer_that_comes_back_takes_the_nearest_place_before_it() {
    let mut flow = flow();
    let seats = [10, 60, 90].map(|from| flow.sit(WRITER, (from, 0), ()));
    for id in seats {
        flow.sent(id, 95);
        flow.cut(id, now());
    }
    flow.sit(WRITER, (70, 0), ());
    // The places at 10 and 90 are left; the writer itself is at 70.
    assert_eq!(flow.end_of_reading(at(90)), Some(10 + RING).min(Some(70 + WINDOW)));
    assert_eq!(flow.seats.iter().map(|seat| seat.acked).collect::<Vec<_>>(), [10, 90, 70]);
    // Who begins where none of them can have come has never been there.
    flow.sit(WRITER, (96, 0), ());
    assert_eq!(flow.seats.len(), 4);
}

#[test]
fn a_watcher_that_falls_out_of_the_ring_is_told_of_the_gap_whatever_its_window() {
    let mut flow = flow();
    let id = flow.sit(WATCHER, (0, 0), ());
    flow.sent(id, WINDOW);
    assert_eq!(flow.next(id, at(RING)), Next::Wait);
    assert_eq!(flow.next(id, at(1000)), Next::Gap { from: WINDOW, to: 600 });
    flow.skipped(id, 600);
    assert_eq!(flow.next(id, at(1000)), Next::Send { from: 600, most: WINDOW });
    flow.cut(id, now());
    assert!(flow.seats.is_empty());
}

#[test]
fn a_writer_that_starts_before_what_is_held_begins_with_a_gap() {
    let mut flow = flow();
    let id = flow.sit(WRITER, (5, 600), ());
    assert_eq!(flow.end_of_reading(at(1000)), Some(600 + WINDOW));
    assert_eq!(flow.next(id, at(1000)), Next::Gap { from: 5, to: 600 });
}

#[test]
fn who_holds_the_child_back_without_a_word_stalls() {
    let (mut flow, start) = (flow(), now());
    let id = flow.sit(WRITER, (0, 0), ());
    flow.sent(id, WINDOW);
    assert_eq!(flow.review(at(WINDOW - 1), start), None);
    assert_eq!(flow.deadline(), None);
    assert_eq!(flow.review(at(WINDOW), start), None);
    assert_eq!(flow.deadline(), Some(start + seconds(10)));
    assert_eq!(flow.review(at(WINDOW), start + seconds(9)), None);
    flow.ack(id, 1, start + seconds(9)).unwrap();
    assert_eq!(flow.review(at(WINDOW + 1), start + seconds(18)), None);
    assert_eq!(flow.review(at(WINDOW + 1), start + seconds(19)), Some(id));
    flow.close(id);
    assert_eq!((flow.next(id, at(WINDOW + 1)), flow.end_of_reading(at(WINDOW + 1))), (Next::Closed, None));
}

#[test]
fn who_acknowledges_too_little_to_go_on_stalls_as_well() {
    let (mut flow, start) = (flow(), now());
    let id = flow.sit(WRITER, (0, 0), ());
    flow.sent(id, WINDOW);
    let paused = Output { least: 12, ..at(WINDOW) };
    assert_eq!(flow.review(paused, start), None);
    flow.ack(id, 5, start + seconds(1)).unwrap();
    assert_eq!(flow.review(paused, start + seconds(10)), None);
    assert_eq!(flow.review(paused, start + seconds(11)), Some(id));
}

#[test]
fn only_so_many_places_are_kept() {
    let mut flow = flow();
    let seats: Vec<SeatId> = (0..100).map(|from| flow.sit(WRITER, (from, 0), ())).collect();
    seats.into_iter().for_each(|id| flow.cut(id, now()));
    assert_eq!((flow.seats.len(), flow.seats[0].acked), (KEPT_MOST, 36));
    flow.keep_none();
    assert!(flow.seats.is_empty());
}

#[test]
fn who_was_closed_stays_until_it_heard_of_it() {
    let mut flow = flow();
    let id = flow.sit(WRITER, (0, 0), ());
    flow.close(id);
    flow.cut(id, now());
    assert!(flow.extra(id).is_some());
    flow.leave_if_closed(id);
    assert!(flow.extra(id).is_none());
}

#[test]
fn a_recorder_has_no_window_and_holds_nobody_back() {
    let mut flow = flow();
    let id = flow.sit(Role::Recorder, (0, 0), ());
    assert_eq!(flow.next(id, at(350)), Next::Send { from: 0, most: 350 });
    assert_eq!((flow.end_of_reading(at(350)), flow.viewers()), (None, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Sit { writes: bool, from: u64 },
    Read(u64),
    Send { who: usize, most: u64 },
    Ack { who: usize, to: u64 },
    Cut(usize),
    Leave(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (any::<bool>(), 0..2000u64).prop_map(|(writes, from)| Step::Sit { writes, from }),
        6 => (1..150u64).prop_map(Step::Read),
        6 => (0..8usize, 1..200u64).prop_map(|(who, most)| Step::Send { who, most }),
        6 => (0..8usize, 0..3000u64).prop_map(|(who, to)| Step::Ack { who, to }),
        1 => (0..8usize).prop_map(Step::Cut),
        1 => (0..8usize).prop_map(Step::Leave),
        1 => (0..6u64).prop_map(Step::Pass),
    ]
}

/// What a viewer saw: it must be gapless for a writer, whatever happened.
struct Seen {
    id: SeatId,
    writes: bool,
    at: u64,
    acked: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_writer_loses_a_byte_and_nobody_gets_more_than_a_window(steps in vec(step(), 1..120)) {
        let mut flow = flow();
        let mut head = 0;
        let mut clock = now();
        let mut seen: Vec<Seen> = Vec::new();
        for step in steps {
            match step {
                Step::Sit { writes, from } => {
                    // A viewer may begin where it likes: before what is held, it begins with a gap.
                    let from = from.min(head);
                    let base = at(head).base;
                    let role = if writes { WRITER } else { WATCHER };
                    let id = flow.sit(role, (from, base), ());
                    let mut new = Seen { id, writes, at: from, acked: from.max(base) };
                    if let Next::Gap { to, .. } = flow.next(id, at(head)) {
                        flow.skipped(id, to);
                        new.at = to;
                    }
                    seen.push(new);
                }
                Step::Read(count) => {
                    let end = flow.end_of_reading(at(head)).unwrap_or(u64::MAX);
                    head += count.min(end.saturating_sub(head));
                }
                Step::Send { who, most } => {
                    let Some(one) = seen.get_mut(who) else { continue };
                    match flow.next(one.id, at(head)) {
                        Next::Gap { from, to } => {
                            prop_assert!(!one.writes, "a writer lost {from}..{to}");
                            prop_assert_eq!(from, one.at);
                            flow.skipped(one.id, to);
                            (one.at, one.acked) = (to, one.acked.max(to));
                        }
                        Next::Send { from, most: may } => {
                            prop_assert_eq!(from, one.at);
                            prop_assert!(from >= at(head).base);
                            one.at += most.min(may);
                            flow.sent(one.id, one.at);
                            prop_assert!(one.at <= head && one.at - one.acked <= WINDOW);
                        }
                        Next::Wait | Next::Closed => {}
                    }
                }
                Step::Ack { who, to } => {
                    let Some(one) = seen.get_mut(who) else { continue };
                    match flow.ack(one.id, to, clock) {
                        Err(Ahead(sent)) => prop_assert!(to > sent && sent == one.at),
                        Ok(()) => one.acked = one.acked.max(to.min(one.at)),
                    }
                }
                Step::Cut(who) if who < seen.len() => flow.cut(seen.swap_remove(who).id, clock),
                Step::Leave(who) if who < seen.len() => flow.leave(seen.swap_remove(who).id),
                Step::Cut(_) | Step::Leave(_) => {}
                Step::Pass(time) => {
                    clock += seconds(time);
                    if let Some(stalled) = flow.review(at(head), clock) {
                        flow.close(stalled);
                        seen.retain(|one| one.id != stalled);
                    }
                }
            }
            let slowest = seen.iter().filter(|one| one.writes).map(|one| one.acked).min();
            prop_assert!(slowest.is_none_or(|acked| acked >= at(head).base), "the ring dropped what a writer needs");
        }
    }
}
