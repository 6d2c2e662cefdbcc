//! The measurements of "Claude Code over HTTP".

mod aborted;
mod first_line;
mod memory;
mod runs;
mod stopped;
mod tally;
mod throughput;

use clap::ValueEnum;

use crate::bench::{Bench, Each, of};
use crate::contestant::Contestant;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::{Bar, Kind, Panel};
use crate::section::Section;

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
}

impl Measure {
    pub(crate) const ALL: [Self; 6] =
        [Self::Runs, Self::Throughput, Self::Memory, Self::Stopped, Self::Aborted, Self::FirstLine];

    /// As it is typed; its plot's file is named so.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Throughput => "throughput",
            Self::Memory => "memory",
            Self::Stopped => "stopped",
            Self::Aborted => "aborted",
            Self::FirstLine => "first-line",
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
        }
    }
}

/// The median of one contestant; none where it took no part.
fn median_of(each: &Each<Samples>, contestant: Contestant) -> Option<f64> {
    of(each, contestant)?.median()
}

/// A panel of medians.
fn panel(title: impl Into<String>, each: &Each<Samples>) -> Panel {
    let bars = each.iter().map(|(contestant, samples)| bar(contestant.label(), kind(*contestant), samples));
    Panel { title: title.into(), bars: bars.collect() }
}

fn bar(label: &'static str, kind: Kind, samples: &Samples) -> Bar {
    Bar { label, kind, value: samples.median().unwrap_or_default(), shown: with_range(samples) }
}

const fn kind(contestant: Contestant) -> Kind {
    match contestant {
        Contestant::Simple | Contestant::Careful => Kind::Peer,
        Contestant::Bare => Kind::Limit,
        Contestant::Ours => Kind::Ours,
    }
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
