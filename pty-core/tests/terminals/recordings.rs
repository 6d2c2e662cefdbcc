use pty_core::recording::Recording;
use pty_core::{Error, Size};
use serde_json::Value;

use crate::support::{Reader, shell, terminals, trials, writer};

trials![
    a_recording_has_what_was_shown_and_no_input,
    input_is_recorded_where_it_was_asked_for,
    a_full_recording_ends_and_the_terminal_goes_on,
    a_recording_that_cannot_be_made_starts_nothing,
];

/// The header and the events.
async fn recorded(path: &std::path::Path, has: impl Fn(&str) -> bool) -> (Value, Vec<(f64, String, String)>) {
    let text = loop {
        let text = std::fs::read_to_string(path).unwrap();
        if has(&text) {
            break text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    let event = |line: Value| {
        (
            line[0].as_f64().unwrap(),
            line[1].as_str().unwrap().to_owned(),
            line[2].as_str().unwrap().to_owned(),
        )
    };
    let events: Vec<_> = lines.map(event).collect();
    assert!(events.is_sorted_by(|one, other| one.0 <= other.0));
    (header, events)
}

fn all_of(events: &[(f64, String, String)], kind: &str) -> String {
    events.iter().filter(|event| event.1 == kind).map(|event| event.2.as_str()).collect()
}

async fn session(recording: Recording) {
    let spec = shell("stty -echo; echo 'ünï ready'; read line; stty size; echo last")
        .name("a name")
        .record(recording);
    let terminal = terminals().spawn(spec).await.unwrap();
    let mut reader = Reader::new(writer(&terminal));
    reader.until("ready").await;
    reader.viewer.input.resize(Size::new(90, 30).unwrap()).unwrap();
    while terminal.info().size.cols() != 90 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    reader.viewer.input.send("secret\n").await.unwrap();
    while reader.more().await {}
}

async fn a_recording_has_what_was_shown_and_no_input() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("one.cast");
    session(Recording::to(&file)).await;
    let (header, events) = recorded(&file, |text| text.contains("last")).await;
    assert_eq!(
        (&header["version"], &header["width"], &header["height"]),
        (&2.into(), &80.into(), &24.into())
    );
    assert_eq!((&header["title"], &header["env"]["TERM"]), (&"a name".into(), &"xterm-256color".into()));
    assert_eq!(all_of(&events, "o"), "ünï ready\r\n30 90\r\nlast\r\n");
    assert_eq!((all_of(&events, "r").as_str(), all_of(&events, "i").as_str()), ("90x30", ""));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

async fn input_is_recorded_where_it_was_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("one.cast");
    session(Recording::to(&file).with_input()).await;
    let (_, events) = recorded(&file, |text| text.contains("last")).await;
    assert_eq!(all_of(&events, "i"), "secret\n");
}

async fn a_full_recording_ends_and_the_terminal_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("one.cast");
    let spec =
        shell("head -c 3000000 /dev/zero | tr '\\0' 'x'").record(Recording::to(&file).limit_bytes(100_000));
    let terminal = terminals().spawn(spec).await.unwrap();
    let mut reader = Reader::new(writer(&terminal));
    while reader.more().await {}
    assert_eq!(reader.bytes.len(), 3_000_000);
    let (_, events) = recorded(&file, |text| text.contains("\"m\"")).await;
    assert!(std::fs::metadata(&file).unwrap().len() <= 100_000);
    assert!(all_of(&events, "m").contains("as long as it may be"));
}

async fn a_recording_that_cannot_be_made_starts_nothing() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("there.cast");
    std::fs::write(&file, "kept").unwrap();
    let terminals = terminals();
    for path in [file.clone(), place.path().join("no/directory.cast")] {
        let refused = terminals.spawn(shell("sleep 600").record(Recording::to(path))).await.unwrap_err();
        assert!(matches!(refused, Error::Recording(_)), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
    assert_eq!(terminals.stats().active, 0);
}
