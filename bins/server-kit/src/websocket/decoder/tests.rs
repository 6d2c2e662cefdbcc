use super::*;

const LIMIT: usize = 200_000;
const FIN: u8 = 0x80;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % most
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }
}

/// A masked frame, with its length written in the shortest way.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![first];
    match length {
        ..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        126..65_536 => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn binary(payload: &[u8]) -> Event {
    Event::Binary(Bytes::copy_from_slice(payload))
}

/// All that a stream says, cut into pieces of these lengths, and the fault it ends with.
fn decode(bytes: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<Event>, Option<Fault>) {
    let mut decoder = Decoder::new(LIMIT, Texts::Unwanted);
    let (mut events, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let end = (at + piece().max(1)).min(bytes.len());
        let mut input = &bytes[at..end];
        loop {
            match decoder.next(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break assert!(input.is_empty(), "what is not an event yet was taken"),
                Err(fault) => return (events, Some(fault)),
            }
        }
        at = end;
    }
    (events, None)
}

fn whole(bytes: &[u8]) -> (Vec<Event>, Option<Fault>) {
    decode(bytes, || usize::MAX / 2)
}

fn fault(bytes: &[u8]) -> Option<Fault> {
    let (events, fault) = whole(bytes);
    assert_eq!(events, []);
    assert_eq!(decode(bytes, || 1), (events, fault));
    fault
}

#[test]
fn messages_of_all_kinds_of_lengths_come_out_as_they_went_in() {
    let mut dice = Dice(1);
    for length in [0, 1, 2, 3, 7, 8, 9, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, LIMIT] {
        let payload = dice.bytes(length);
        let bytes = frame(FIN | 2, &payload);
        for piece in [1, 3, 4096, usize::MAX / 2] {
            assert_eq!(decode(&bytes, || piece), (vec![binary(&payload)], None), "{length} by {piece}");
        }
    }
}

/// A few frames, of which one in fifty is anything at all.
fn stream(dice: &mut Dice) -> Vec<u8> {
    const LENGTHS: [usize; 9] = [0, 1, 5, 124, 125, 126, 127, 65_535, 65_536];
    let (mut bytes, mut open) = (Vec::new(), false);
    for _ in 0..1 + dice.below(20) {
        let length = match dice.below(20) {
            0 => LENGTHS[dice.below(LENGTHS.len())],
            1..8 => LENGTHS[dice.below(LENGTHS.len() - 2)],
            _ => dice.below(200),
        };
        let last = if dice.below(2) > 0 { FIN } else { 0 };
        let (first, length) = match dice.below(50) {
            0 => (u8::try_from(dice.below(256)).unwrap(), length),
            1..10 => (FIN | 9, length.min(125)),
            10..15 => (FIN | 10, length.min(125)),
            15 => (FIN | 8, 0),
            16..20 if !open => (last | 1, length),
            _ if open => (last, length),
            _ => (last | 2, length),
        };
        open = if first & 8 == 0 { first & FIN == 0 } else { open };
        bytes.extend(frame(first, &dice.bytes(length)));
    }
    bytes
}

#[test]
fn how_a_stream_is_cut_makes_no_difference() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut faults = 0;
    for _ in 0..2000 {
        let bytes = stream(&mut dice);
        let told = whole(&bytes);
        faults += usize::from(told.1.is_some());
        let most = [1, 2, 20, 5000][dice.below(4)];
        assert_eq!(decode(&bytes, || 1 + dice.below(most)), told);
    }
    assert!((100..1900).contains(&faults), "{faults}: both are tried");
}

#[test]
fn fragments_are_joined_with_control_frames_between_them() {
    let parts =
        [frame(2, b"one "), frame(FIN | 9, b"ping"), frame(0, b""), frame(FIN | 10, b""), frame(FIN, b"two")];
    let events = vec![Event::Ping(Control::of(b"ping")), Event::Pong(Control::EMPTY), binary(b"one two")];
    assert_eq!(whole(&parts.concat()), (events, None));
}

#[test]
fn text_is_told_by_its_head_and_passed_over() {
    let head = &frame(FIN | 1, &[b'x'; LIMIT + 1])[..14];
    assert_eq!(whole(head), (vec![Event::Unwanted], None));
    let parts =
        [frame(1, b"text"), frame(FIN | 9, b""), frame(0, b"more"), frame(FIN, b""), frame(FIN | 2, b"b")];
    let events = vec![Event::Unwanted, Event::Ping(Control::EMPTY), binary(b"b")];
    assert_eq!(whole(&parts.concat()), (events, None));
}

#[test]
fn text_that_is_taken_is_whole_and_checked() {
    let said = |parts: &[Vec<u8>]| {
        let (mut decoder, bytes) = (Decoder::new(8, Texts::Taken), parts.concat());
        let mut input = &bytes[..];
        decoder.next(&mut input)
    };
    let crab = "🦀".as_bytes();
    let parts = [frame(1, b"one "), frame(FIN, crab)];
    assert_eq!(said(&parts), Ok(Some(Event::Text("one 🦀".to_owned()))));
    assert_eq!(said(&[frame(FIN | 1, b"")]), Ok(Some(Event::Text(String::new()))));
    assert_eq!(said(&[frame(FIN | 1, &crab[..3])]), Err(Fault::NotUtf8));
    assert_eq!(said(&[frame(1, b"12345"), frame(FIN, b"6789")]), Err(Fault::TooLarge));
    assert_eq!(
        said(&[frame(1, b"a"), frame(FIN | 2, b"b")]),
        Err(Fault::Protocol("a message inside another one"))
    );
}

#[test]
fn what_is_too_large_is_refused_by_the_head_that_says_so() {
    let too_large = Some(Fault::TooLarge);
    assert_eq!(fault(&frame(FIN | 2, &vec![0; LIMIT + 1])[..10]), too_large);
    assert_eq!(fault(&[FIN | 2, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), too_large);
    let half = frame(2, &vec![0; LIMIT / 2]);
    let more = frame(0, &vec![0; LIMIT / 2 + 1]);
    assert_eq!(fault(&[&half[..], &more[..10]].concat()), too_large);
    let last = frame(FIN, &vec![0; LIMIT / 2]);
    assert_eq!(whole(&[half, last].concat()), (vec![binary(&vec![0; LIMIT])], None));
}

#[test]
fn breaches_of_the_protocol_are_told() {
    let nested = [frame(2, b"a"), frame(FIN | 2, b"b")].concat();
    let text = [frame(2, b"a"), frame(FIN | 1, b"b")].concat();
    let ended = [frame(2, b"a")[..7].to_vec(), frame(FIN, b"")[..6].to_vec(), frame(FIN, b"")].concat();
    assert!(matches!(whole(&ended), (events, Some(Fault::Protocol(_))) if events.len() == 1));
    for (bytes, why) in [
        (vec![FIN | 2, 0x01], "a frame without a mask"),
        (vec![FIN | 0x40 | 2, 0x81], "a reserved bit is set"),
        (vec![FIN | 0x20 | 9, 0x81], "a reserved bit is set"),
        (vec![0x10, 0x81], "a reserved bit is set"),
        (vec![FIN | 3, 0x81], "a reserved opcode"),
        (vec![FIN | 11, 0x81], "a reserved opcode"),
        (vec![9, 0x81], "a control frame in fragments"),
        (vec![FIN | 9, 0xfe], "a control frame above 125 bytes"),
        (vec![FIN | 8, 0xff], "a control frame above 125 bytes"),
        (vec![FIN, 0x81], "a continuation without a start"),
        (nested, "a message inside another one"),
        (text, "a message inside another one"),
        (vec![FIN | 2, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], "a length of 64 bits"),
        (frame(FIN | 8, &[3]), "a close of one byte"),
    ] {
        assert_eq!(fault(&bytes), Some(Fault::Protocol(why)), "{bytes:?}");
    }
}

#[test]
fn lengths_may_be_written_longer_than_needed() {
    let long = [&[FIN | 2, 0xff, 0, 0, 0, 0, 0, 0, 0, 1][..], &KEY, &[KEY[0] ^ 7]].concat();
    let medium = [&[FIN | 2, 0xfe, 0, 1][..], &KEY, &[KEY[0] ^ 8]].concat();
    assert_eq!(whole(&[long, medium].concat()), (vec![binary(&[7]), binary(&[8])], None));
}

#[test]
fn a_close_has_a_code_that_may_be_sent_and_a_reason_in_utf8() {
    let close = |code: u16, reason: &[u8]| frame(FIN | 8, &[&code.to_be_bytes()[..], reason].concat());
    assert_eq!(whole(&frame(FIN | 8, b"")), (vec![Event::Close(None)], None));
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4008, 4999] {
        assert_eq!(whole(&close(code, "bye ✓".as_bytes())), (vec![Event::Close(Some(code))], None));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert!(matches!(fault(&close(code, b"")), Some(Fault::Protocol(_))), "{code}");
    }
    assert_eq!(fault(&close(1000, &[0xff])), Some(Fault::NotUtf8));
}

#[test]
fn a_million_empty_fragments_take_no_memory() {
    let mut decoder = Decoder::new(LIMIT, Texts::Unwanted);
    for first in std::iter::once(2).chain(std::iter::repeat_n(0, 1_000_000)) {
        assert_eq!(decoder.next(&mut &frame(first, b"")[..]), Ok(None));
    }
    assert_eq!(decoder.message.capacity(), 0);
    assert_eq!(decoder.next(&mut &frame(FIN, b"x")[..]), Ok(Some(binary(b"x"))));
}

#[test]
fn room_is_made_for_what_came_and_not_for_what_was_announced() {
    let mut decoder = Decoder::new(LIMIT, Texts::Unwanted);
    let bytes = frame(FIN | 2, &vec![1; LIMIT]);
    assert_eq!(decoder.next(&mut &bytes[..1014]), Ok(None));
    assert!(decoder.message.capacity() <= 1000, "{}", decoder.message.capacity());

    let mut decoder = Decoder::new(LIMIT, Texts::Unwanted);
    let mut growths = 0;
    decoder.next(&mut &frame(2, b"")[..]).unwrap();
    for _ in 0..LIMIT {
        let before = decoder.message.capacity();
        decoder.next(&mut &frame(0, b"x")[..]).unwrap();
        growths += usize::from(decoder.message.capacity() != before);
    }
    assert!(growths < 20, "{growths}");
}

#[test]
fn after_skim_only_the_close_is_looked_for() {
    let mut decoder = Decoder::new(1, Texts::Unwanted);
    let bytes = [frame(FIN | 2, &[0; 300]), frame(FIN | 8, &[0x03, 0xe8])].concat();
    let mut input = &bytes[..];
    assert_eq!(decoder.next(&mut input), Err(Fault::TooLarge));
    decoder.skim();
    assert_eq!(decoder.next(&mut input), Ok(Some(binary(b""))));
    assert_eq!(decoder.next(&mut input), Ok(Some(Event::Close(Some(1000)))));
}
