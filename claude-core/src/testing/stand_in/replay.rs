//! A recording, byte for byte.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::arguments::Arguments;
use super::inbox::{Event, Inbox};
use super::output::Output;
use super::{BAD_PLAN, system};

/// What `case.json` says of the end.
#[derive(Debug, Deserialize)]
struct Case {
    exit_code: Option<i32>,
    signal: Option<i32>,
}

/// `arrivals.json`: milliseconds since the start, one per line.
#[derive(Debug, Default, Deserialize)]
struct Arrivals {
    ms: Vec<f64>,
}

struct Recording {
    case: Case,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    arrivals: Arrivals,
}

/// Replays the case; the exit code.
pub(super) fn run(case: &Path, timing: bool, arguments: &Arguments, inbox: &Inbox) -> i32 {
    let recording = match Recording::read(case, timing) {
        Ok(recording) => recording,
        Err(error) => {
            system::complain(&format!("The recording {} can't be read: {error}", case.display()));
            return BAD_PLAN;
        }
    };
    match play(&recording, arguments, inbox) {
        Played::Whole => {}
        Played::Interrupted => return 0,
    }
    let stderr = String::from_utf8_lossy(&recording.stderr);
    if !stderr.is_empty() {
        system::complain(stderr.strip_suffix('\n').unwrap_or(&stderr));
    }
    if let Some(signal) = recording.case.signal {
        system::die(signal);
    }
    recording.case.exit_code.unwrap_or_default()
}

enum Played {
    Whole,
    Interrupted,
}

fn play(recording: &Recording, arguments: &Arguments, inbox: &Inbox) -> Played {
    let start = Instant::now();
    if arguments.prompt.is_none() && inbox.next() == Event::Interrupt {
        return Played::Interrupted;
    }
    let mut output = Output::new();
    for (number, line) in recording.stdout.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let due = recording.arrivals.ms.get(number).map(|ms| start + Duration::from_secs_f64(ms / 1000.0));
        if due.is_some_and(|due| wait_until(due, inbox)) {
            return Played::Interrupted;
        }
        output.write(line);
        if let Some(id) = asks(line)
            && wait_for_answer(&id, inbox)
        {
            return Played::Interrupted;
        }
    }
    // A process that reads messages lives until nobody can send one any more.
    while arguments.reads_messages() {
        match inbox.next() {
            Event::End => break,
            Event::Interrupt => return Played::Interrupted,
            Event::Line(line) if serde_json::from_slice::<serde_json::Value>(&line).is_err() => break,
            Event::Line(_) => {}
        }
    }
    Played::Whole
}

/// Whether an interrupt came.
fn wait_until(due: Instant, inbox: &Inbox) -> bool {
    while let Some(event) = inbox.heard_before(Some(due)) {
        if event == Event::Interrupt {
            return true;
        }
    }
    false
}

/// The id of the question that this line asks.
fn asks(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Question {
        r#type: String,
        request_id: String,
    }
    // Only such a line is worth parsing.
    line.starts_with(br#"{"type":"control_request""#).then_some(())?;
    let question: Question = serde_json::from_slice(line).ok()?;
    (question.r#type == "control_request").then_some(question.request_id)
}

/// Whether an interrupt came before the answer.
fn wait_for_answer(id: &str, inbox: &Inbox) -> bool {
    loop {
        match inbox.next() {
            Event::Interrupt => return true,
            Event::End => return false,
            Event::Line(line) => {
                let message: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
                if message["type"] == "control_response" && message["response"]["request_id"] == *id {
                    return false;
                }
            }
        }
    }
}

impl Recording {
    fn read(case: &Path, timing: bool) -> io::Result<Self> {
        let arrivals = if timing {
            serde_json::from_slice(&fs::read(case.join("arrivals.json"))?)?
        } else {
            Arrivals::default()
        };
        Ok(Self {
            case: serde_json::from_slice(&fs::read(case.join("case.json"))?)?,
            stdout: fs::read(case.join("stdout.ndjson"))?,
            stderr: fs::read(case.join("stderr.txt"))?,
            arrivals,
        })
    }
}
