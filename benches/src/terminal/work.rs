//! What runs in a terminal: this program, so that bulk is fast and exact.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use anyhow::Context;
use clap::{Parser, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::pattern::{Check, Kind, Pattern};

/// The argument that makes this program the child in a terminal.
pub(crate) const SUBCOMMAND: &str = "terminal-child";

/// What a child shows once its terminal is set. Bulk waits for a byte then, and for its end once all is written.
pub(crate) const READY: &[u8] = b">";

/// What the child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Work {
    /// Write so many bytes on a raw terminal
    BulkRaw { bytes: u64 },
    /// Write so many bytes of lines on a raw terminal, the last line whole
    BulkText { bytes: u64 },
    /// Write lines on a cooked terminal that become so many bytes there, the last line whole
    BulkCooked { bytes: u64 },
    /// Write back what is typed, on a raw terminal
    Echo,
    /// Write lines on a cooked terminal until somebody ends it
    Flood,
}

/// Works as words of a command line.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(subcommand)]
    work: Work,
}

impl Work {
    pub(crate) fn from_words<'a>(words: impl Iterator<Item = &'a str>) -> anyhow::Result<Self> {
        Ok(Words::try_parse_from(words).context("no work of a terminal")?.work)
    }

    pub(crate) fn words(self) -> Vec<String> {
        let (name, bytes) = match self {
            Self::BulkRaw { bytes } => ("bulk-raw", Some(bytes)),
            Self::BulkText { bytes } => ("bulk-text", Some(bytes)),
            Self::BulkCooked { bytes } => ("bulk-cooked", Some(bytes)),
            Self::Echo => ("echo", None),
            Self::Flood => ("flood", None),
        };
        [Some(name.to_owned()), bytes.map(|bytes| bytes.to_string())].into_iter().flatten().collect()
    }

    /// The command line for a shell.
    pub(crate) fn command_line(self) -> anyhow::Result<String> {
        let program = env::current_exe()?;
        let program = program.to_str().context("a path that is no text")?.replace('\'', r"'\''");
        Ok(format!("'{program}' {SUBCOMMAND} {}", self.words().join(" ")))
    }

    /// What a reader of the terminal must get.
    pub(crate) fn check(self) -> Check {
        let shown = self.shown();
        Check::new(shown, self.lines() * shown.line())
    }

    /// What the terminal shows of it: a cooked one adds a carriage return to each line.
    pub(crate) fn shown(self) -> Kind {
        match self {
            Self::BulkRaw { .. } | Self::Echo => Kind::Raw,
            Self::BulkText { .. } | Self::BulkCooked { .. } | Self::Flood => Kind::Lines(b"\r\n"),
        }
    }

    fn written(self) -> Kind {
        match self {
            Self::BulkCooked { .. } | Self::Flood => Kind::Lines(b"\n"),
            Self::BulkRaw { .. } | Self::BulkText { .. } | Self::Echo => self.shown(),
        }
    }

    fn lines(self) -> u64 {
        match self {
            Self::BulkRaw { bytes } | Self::BulkText { bytes } | Self::BulkCooked { bytes } => {
                bytes.div_ceil(self.shown().line())
            }
            Self::Echo => 0,
            Self::Flood => u64::MAX / self.shown().line(),
        }
    }

    /// Does it in the terminal that this process has.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.set_terminal()?;
        let (mut keys, mut terminal) = (io::stdin().lock(), unbuffered()?);
        terminal.write_all(READY)?;
        match self {
            Self::Echo => echo(&mut keys, &mut terminal),
            Self::Flood => self.write(&mut terminal),
            Self::BulkRaw { .. } | Self::BulkText { .. } | Self::BulkCooked { .. } => {
                keys.read_exact(&mut [0])?;
                self.write(&mut terminal)?;
                // How a server takes the end of a child isn't measured: node-pty loses some of what was written before.
                let _ = keys.read(&mut [0]);
                Ok(())
            }
        }
    }

    fn set_terminal(self) -> anyhow::Result<()> {
        let terminal = io::stdout();
        let mut modes = tcgetattr(&terminal).context("no terminal")?;
        match self {
            Self::BulkRaw { .. } | Self::BulkText { .. } | Self::Echo => modes.make_raw(),
            Self::BulkCooked { .. } => modes.local_modes.remove(LocalModes::ECHO),
            Self::Flood => return Ok(()),
        }
        Ok(tcsetattr(&terminal, OptionalActions::Now, &modes)?)
    }

    fn write(self, terminal: &mut File) -> anyhow::Result<()> {
        let kind = self.written();
        let (mut pattern, mut block) = (Pattern::new(kind), Vec::new());
        let mut left = self.lines() * kind.line();
        while left > 0 {
            pattern.next(&mut block);
            let here = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
            terminal.write_all(&block[..here])?;
            left -= here as u64;
        }
        Ok(())
    }
}

fn echo(keys: &mut impl Read, terminal: &mut File) -> anyhow::Result<()> {
    let mut typed = [0; 4096];
    loop {
        let read = keys.read(&mut typed)?;
        if read == 0 {
            return Ok(());
        }
        terminal.write_all(&typed[..read])?;
    }
}

/// Standard output without Rust's buffer of lines.
fn unbuffered() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_the_work() {
        let bulk = [Work::BulkRaw { bytes: 7 }, Work::BulkText { bytes: 8 }, Work::BulkCooked { bytes: 70 }];
        for work in bulk.into_iter().chain([Work::Echo, Work::Flood]) {
            let words = work.words();
            assert_eq!(Work::from_words(words.iter().map(String::as_str)).unwrap(), work);
        }
        assert!(Work::from_words(["nonsense"].into_iter()).is_err());
    }

    #[test]
    fn lines_are_whole_and_become_longer_on_a_cooked_terminal_alone() {
        assert_eq!(Work::BulkRaw { bytes: 100 }.check().expected(), 100);
        assert_eq!(Work::BulkText { bytes: 100 }.check().expected(), 148);
        assert_eq!(Work::BulkText { bytes: 100 }.written(), Work::BulkText { bytes: 100 }.shown());
        assert_eq!(Work::BulkCooked { bytes: 100 }.check().expected(), 148);
    }
}
