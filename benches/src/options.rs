//! The command line.

use std::env;
use std::path::PathBuf;

use anyhow::bail;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::bench::Selection;
use crate::codec::Codec;
use crate::compared::Compared;
use crate::contestant::Contestant;
use crate::measure::Measure;
use crate::relay::Relay;
use crate::scale::Scale;
use crate::terminal::Terminal;
use crate::terminal::work::Work;

/// Compares claude-web and its crates with peers and limits.
#[derive(Debug, Parser)]
#[command(name = "benches", args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What this program is started as by itself.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Role {
    /// Serve as the bare pipe-to-socket copy
    #[command(name = "serve-bare", hide = true)]
    Bare,
    /// Serve as the Messages API
    #[command(name = "serve-upstream", hide = true)]
    Upstream,
    /// Serve as the byte relay
    #[command(name = "serve-byte-relay", hide = true)]
    ByteRelay,
    /// Serve as the relay that encodes anew
    #[command(name = "serve-re-encode", hide = true)]
    ReEncode,
    /// Serve as the relay that is made of our crates
    #[command(name = "serve-crates", hide = true)]
    Crates,
    /// Work as the child in a terminal
    #[command(name = crate::terminal::work::SUBCOMMAND, hide = true)]
    TerminalChild {
        #[command(subcommand)]
        work: Work,
    },
    /// Read a terminal as the limit of those who serve it
    #[command(name = crate::terminal::pty_reader::SUBCOMMAND, hide = true)]
    PtyReader {
        #[command(subcommand)]
        work: Work,
    },
    /// Serve ready messages as the limit of a WebSocket
    #[command(name = crate::terminal::ws_sender::SUBCOMMAND, hide = true)]
    WsSender,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure; everything without it
    #[arg(value_name = "NAME")]
    measures: Vec<Measure>,
    /// Fewer rounds and smaller streams
    #[arg(long)]
    quick: bool,
    /// Just show that everything works
    #[arg(long, hide = true, conflicts_with = "quick")]
    smoke: bool,
    /// Only these contestants
    #[arg(long, value_delimiter = ',', value_name = "WHO", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Leave claude-web and the crates out
    #[arg(long)]
    without_ours: bool,
    /// Where the report and its plots go [default: bench/ in the target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Options {
    /// In a fixed order, each once.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        let asked = |measure: &Measure| self.measures.is_empty() || self.measures.contains(measure);
        Measure::ALL.into_iter().filter(asked).collect()
    }

    pub(crate) fn scale(&self) -> Scale {
        match (self.quick, self.smoke) {
            (true, _) => Scale::QUICK,
            (_, true) => Scale::SMOKE,
            _ => Scale::FULL,
        }
    }

    /// Who takes part. One that can't is an error.
    pub(crate) fn contestants(&self) -> anyhow::Result<Vec<Contestant>> {
        let asked = |contestant: &Contestant| {
            self.only.is_empty() || self.only.iter().any(|it| it == contestant.name())
        };
        let mut taking_part = Vec::new();
        for contestant in Contestant::ALL.into_iter().filter(asked) {
            if contestant == Contestant::Ours && self.without_ours {
                println!("{} takes no part: --without-ours", contestant.label());
                continue;
            }
            if let Some(why) = contestant.lack() {
                bail!("{} can't take part: {why}", contestant.label());
            }
            taking_part.push(contestant);
        }
        Ok(taking_part)
    }

    /// Whom the measurements of streaming and of terminals take.
    pub(crate) fn selection(&self) -> Selection {
        Selection { only: self.only.clone(), without_ours: self.without_ours }
    }

    /// The program lies in `target/release`.
    pub(crate) fn out(&self) -> anyhow::Result<PathBuf> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let program = env::current_exe()?;
        let target = program.ancestors().nth(2).map(|target| target.join("bench"));
        Ok(target.unwrap_or_else(|| PathBuf::from("bench")))
    }
}

/// Everybody who can be named, each once.
fn names() -> Vec<&'static str> {
    let mut names = Contestant::ALL.map(Compared::name).to_vec();
    names.extend(Codec::ALL.map(Compared::name));
    names.extend(Relay::ALL.map(Compared::name));
    names.extend(Terminal::ALL.map(Compared::name));
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Options {
        Cli::try_parse_from(["benches"].iter().chain(arguments)).unwrap().options
    }

    #[test]
    fn everything_is_measured_unless_something_is_named() {
        assert_eq!(parse(&[]).measures(), Measure::ALL);
        assert_eq!(parse(&["first-line", "runs"]).measures(), [Measure::Runs, Measure::FirstLine]);
        assert!(Cli::try_parse_from(["benches", "nonsense"]).is_err());
    }

    #[test]
    fn quick_is_less() {
        assert!(parse(&["--quick"]).scale().rounds < parse(&[]).scale().rounds);
    }

    #[test]
    fn the_server_of_the_limit_is_a_role_of_this_program() {
        let cli = Cli::try_parse_from(["benches", crate::contestant::bare::SUBCOMMAND]).unwrap();
        assert!(matches!(cli.role, Some(Role::Bare)));
    }
}
