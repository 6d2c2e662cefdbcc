//! What it writes.

use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use serde_json::Value;

use super::child::{PRINT, lines, run, with};

pub(crate) fn writes_lines_of_the_exact_size() {
    let plan = StandIn::new().lines(2500).size(1000).big_line(2_000_000);
    let output = run(&plan, &with(&PRINT, &["--session-id=title with spaces"]), "hi");
    let sizes: Vec<usize> = output.stdout.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    assert_eq!(sizes.len(), 2503);
    assert!(sizes[1..2501].iter().all(|size| *size == 1000));
    assert_eq!(sizes[2501], 2_000_000);
    let lines = lines(&output);
    assert_eq!(lines[2500]["uuid"], "00000000-0000-4000-8000-000000002500");
    assert_eq!(lines[2502]["subtype"], "success");
}

pub(crate) fn writes_lines_at_the_rate() {
    let start = Instant::now();
    let output = run(&StandIn::new().no_init().no_result().lines(11).rate(50.0), &PRINT, "hi");
    assert_eq!(lines(&output).len(), 11);
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}

pub(crate) fn writes_garbage() {
    let output = run(&StandIn::new().garbage().text("after"), &PRINT, "hi");
    let good = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter(|line| line["session_id"].is_string())
        .count();
    assert_eq!(good, 3);
    assert!(String::from_utf8(output.stdout).is_err());
}

pub(crate) fn shows_partial_messages() {
    let output =
        run(&StandIn::new().text("one two three"), &with(&PRINT, &["--include-partial-messages"]), "hi");
    let texts: String = lines(&output)
        .iter()
        .filter_map(|line| line["event"]["delta"]["text"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(texts, "one two three");
}
