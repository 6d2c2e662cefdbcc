//! The keys that every scenario knows: pace, form and faults.

use super::super::reply::Reply;
use super::super::wire::LineEnd;
use super::prompt::Prompt;

/// Each key with its values and what it does.
pub(super) const KEYS: [(&str, &str); 16] = [
    ("rounds=N", "a scenario that calls tools does so N times (1)"),
    ("first=MS", "waits before the head of the response"),
    ("delay=MS", "waits before each event"),
    ("rate=N", "N deltas in a second"),
    ("split=BYTES", "sends the body in pieces of this size"),
    ("delta_bytes=N", "deltas of this size instead of words"),
    ("line_end=crlf|cr|lf", "how lines end"),
    ("events=unnamed|unnamed_errors", "leaves out `event:` lines"),
    ("usage=none", "leaves out all usage"),
    ("stop=REASON", "the stop reason"),
    ("stall=PLACE", "sends nothing more from there on"),
    ("pings=MS", "goes on with pings while it stalls"),
    ("cut=PLACE", "breaks the connection there"),
    ("end=PLACE", "ends the body there as if it were whole"),
    ("fail=PLACE", "sends an `error` event there, and ends"),
    ("error_type=TYPE", "the type of that error (`overloaded_error`)"),
];

/// What a PLACE may be.
pub(super) const PLACES: &str =
    "`before` (the head), `head`, `start` (the first event), `last` (delta), N events, or Nb bytes";

/// The reply as the keys have it.
pub(super) fn apply(reply: Reply, prompt: &Prompt) -> Reply {
    faults(form(pace(reply, prompt), prompt), prompt)
}

fn pace(mut reply: Reply, prompt: &Prompt) -> Reply {
    if let Some(wait) = prompt.millis("first") {
        reply = reply.after(wait);
    }
    if let Some(pause) = prompt.millis("delay") {
        reply = reply.words_every(pause);
    }
    if let Some(rate) = prompt.find("rate") {
        reply = reply.per_second(rate);
    }
    if let Some(pause) = prompt.millis("pings") {
        reply = reply.pings_every(pause);
    }
    match prompt.find("split") {
        Some(bytes) => reply.split_every(bytes),
        None => reply,
    }
}

fn form(mut reply: Reply, prompt: &Prompt) -> Reply {
    if let Some(bytes) = prompt.find("delta_bytes") {
        reply = reply.delta_bytes(bytes);
    }
    if let Some(reason) = prompt.get("stop") {
        reply = reply.stop_reason(reason);
    }
    if prompt.get("usage") == Some("none") {
        reply = reply.without_usage();
    }
    reply = match prompt.get("line_end") {
        Some("crlf") => reply.line_end(LineEnd::CrLf),
        Some("cr") => reply.line_end(LineEnd::Cr),
        _ => reply,
    };
    match prompt.get("events") {
        Some("unnamed") => reply.unnamed_events(),
        Some("unnamed_errors") => reply.unnamed_errors(),
        _ => reply,
    }
}

fn faults(mut reply: Reply, prompt: &Prompt) -> Reply {
    if let Some(place) = prompt.point("stall") {
        reply = reply.stall(place);
    }
    if let Some(place) = prompt.point("cut") {
        reply = reply.cut(place);
    }
    if let Some(place) = prompt.point("end") {
        reply = reply.end(place);
    }
    match prompt.point("fail") {
        Some(place) => reply.error_event(place, prompt.or("error_type", "overloaded_error")),
        None => reply,
    }
}
