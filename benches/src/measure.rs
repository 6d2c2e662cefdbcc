//! The measurements: of "Claude Code over HTTP" here, of streaming below [`stream`], of terminals below [`terminal`].

mod aborted;
mod first_line;
mod memory;
mod runs;
mod stopped;
mod stream;
mod tally;
mod terminal;
mod throughput;

use clap::ValueEnum;

use crate::bench::{Bench, Each, of};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::{Bar, Kind, Panel};
use crate::section::Section;
use crate::terminal::Face;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Runs a second
    Runs,
    /// MB a second of one stream
    Throughput,
    /// Memory with many streams
    Memory,
    /// A reader that stops in mid-stream
    Stopped,
    /// Who is left after aborted requests
    Aborted,
    /// Time to the first line
    FirstLine,
    /// Decoding a Messages API stream
    Decode,
    /// The whole message of a stream
    FinalMessage,
    /// Typed lines of the CLI
    Ndjson,
    /// Lines of the CLI that go on as they are
    PassThrough,
    /// Allocations for each piece of text
    Allocations,
    /// Turns relayed at the pace of a model: CPU and latency
    Relay,
    /// Turns relayed at full speed
    RelayFullSpeed,
    /// Memory of a relay
    StreamMemory,
    /// Many readers of one run
    FanOut,
    /// A reader that leaves
    Cancellation,
    /// Bulk output of a terminal
    TerminalBulk,
    /// Keys that come back
    TerminalEcho,
    /// Memory with many terminals
    TerminalMemory,
    /// Many terminals opened at once
    TerminalConnects,
    /// A terminal's client that stops
    TerminalStopped,
    /// Ctrl-C to prompt with a slow client
    TerminalInterrupt,
    /// Who is left after terminals have ended
    TerminalLeft,
    /// Bulk output of a terminal, by Socket.IO
    SocketioBulk,
    /// Keys that come back, by Socket.IO
    SocketioEcho,
    /// A terminal's client that stops, by Socket.IO
    SocketioGrowth,
    /// Ctrl-C to prompt with a slow client, by Socket.IO
    SocketioInterrupt,
}

impl Measure {
    pub(crate) const ALL: [Self; 27] = [
        Self::Runs,
        Self::Throughput,
        Self::Memory,
        Self::Stopped,
        Self::Aborted,
        Self::FirstLine,
        Self::Decode,
        Self::FinalMessage,
        Self::Ndjson,
        Self::PassThrough,
        Self::Allocations,
        Self::Relay,
        Self::RelayFullSpeed,
        Self::StreamMemory,
        Self::FanOut,
        Self::Cancellation,
        Self::TerminalBulk,
        Self::TerminalEcho,
        Self::TerminalMemory,
        Self::TerminalConnects,
        Self::TerminalStopped,
        Self::TerminalInterrupt,
        Self::TerminalLeft,
        Self::SocketioBulk,
        Self::SocketioEcho,
        Self::SocketioGrowth,
        Self::SocketioInterrupt,
    ];

    /// As it is typed; its plot's file is named so.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Throughput => "throughput",
            Self::Memory => "memory",
            Self::Stopped => "stopped",
            Self::Aborted => "aborted",
            Self::FirstLine => "first-line",
            Self::Decode => "decode",
            Self::FinalMessage => "final-message",
            Self::Ndjson => "ndjson",
            Self::PassThrough => "pass-through",
            Self::Allocations => "allocations",
            Self::Relay => "relay",
            Self::RelayFullSpeed => "relay-full-speed",
            Self::StreamMemory => "stream-memory",
            Self::FanOut => "fan-out",
            Self::Cancellation => "cancellation",
            Self::TerminalBulk => "terminal-bulk",
            Self::TerminalEcho => "terminal-echo",
            Self::TerminalMemory => "terminal-memory",
            Self::TerminalConnects => "terminal-connects",
            Self::TerminalStopped => "terminal-stopped",
            Self::TerminalInterrupt => "terminal-interrupt",
            Self::TerminalLeft => "terminal-left",
            Self::SocketioBulk => "socketio-bulk",
            Self::SocketioEcho => "socketio-echo",
            Self::SocketioGrowth => "socketio-growth",
            Self::SocketioInterrupt => "socketio-interrupt",
        }
    }

    pub(crate) fn run(self, bench: &Bench) -> anyhow::Result<Section> {
        match self {
            Self::Runs => runs::measure(bench),
            Self::Throughput => throughput::measure(bench),
            Self::Memory => memory::measure(bench),
            Self::Stopped => stopped::measure(bench),
            Self::Aborted => aborted::measure(bench),
            Self::FirstLine => first_line::measure(bench),
            Self::Decode => stream::decode::measure(bench),
            Self::FinalMessage => stream::final_message::measure(bench),
            Self::Ndjson => stream::ndjson::measure(bench),
            Self::PassThrough => stream::pass_through::measure(bench),
            Self::Allocations => stream::allocations::measure(bench),
            Self::Relay => stream::relay::measure(bench),
            Self::RelayFullSpeed => stream::full_speed::measure(bench),
            Self::StreamMemory => stream::memory::measure(bench),
            Self::FanOut => stream::fan_out::measure(bench),
            Self::Cancellation => stream::cancellation::measure(bench),
            Self::TerminalBulk => terminal::bulk::measure(bench, Face::WebSocket),
            Self::TerminalEcho => terminal::echo::measure(bench, Face::WebSocket),
            Self::TerminalMemory => terminal::memory::measure(bench),
            Self::TerminalConnects => terminal::connects::measure(bench),
            Self::TerminalStopped => terminal::stopped::measure(bench, Face::WebSocket),
            Self::TerminalInterrupt => terminal::interrupt::measure(bench, Face::WebSocket),
            Self::TerminalLeft => terminal::left::measure(bench),
            Self::SocketioBulk => terminal::bulk::measure(bench, Face::SocketIo),
            Self::SocketioEcho => terminal::echo::measure(bench, Face::SocketIo),
            Self::SocketioGrowth => terminal::stopped::measure(bench, Face::SocketIo),
            Self::SocketioInterrupt => terminal::interrupt::measure(bench, Face::SocketIo),
        }
    }
}

/// The median of one contestant; none where it took no part.
fn median_of<Who: Compared>(each: &Each<Samples, Who>, who: Who) -> Option<f64> {
    of(each, who)?.median()
}

/// A panel of medians.
fn panel<Who: Compared>(title: impl Into<String>, each: &Each<Samples, Who>) -> Panel {
    let bars = each.iter().map(|(who, samples)| bar(who.label(), who.kind(), samples));
    Panel { title: title.into(), bars: bars.collect() }
}

fn bar(label: &'static str, kind: Kind, samples: &Samples) -> Bar {
    Bar { label, kind, value: samples.median().unwrap_or_default(), shown: with_range(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_named_as_it_is_typed() {
        for measure in Measure::ALL {
            assert_eq!(measure.to_possible_value().unwrap().get_name(), measure.name());
        }
    }
}
