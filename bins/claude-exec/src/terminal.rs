//! The terminal that somebody sits at, whatever stdin and stdout are.

use std::fs::File;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use rustix::fs::OFlags;
use rustix::termios::{QueueSelector, tcflush};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// The most bytes of one line of an answer.
const LINE_BYTES: usize = 4096;

/// `/dev/tty`, read line by line without a thread that can't be stopped.
pub(crate) struct Terminal {
    /// A receiver polls any descriptor that can be polled; its own kind is not looked at.
    input: pipe::Receiver,
    output: File,
    pending: Vec<u8>,
    pub(crate) colours: bool,
}

impl Terminal {
    /// # Errors
    /// When there is no terminal.
    pub(crate) fn open() -> io::Result<Self> {
        // An open file of its own: not blocking here does not change it for the shell.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let input = rustix::fs::open("/dev/tty", flags, rustix::fs::Mode::empty())?;
        let input = pipe::Receiver::from_owned_fd_unchecked(input)?;
        let output = File::options().write(true).open("/dev/tty")?;
        Ok(Self { input, output, pending: Vec::new(), colours: wants_colours() })
    }

    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    /// Forgets what was typed before the question, so that it does not answer it.
    pub(crate) fn forget_typed(&mut self) {
        self.pending.clear();
        // Without it the old input is an answer that nobody meant; nothing better can be done about it.
        let _ = tcflush(&self.output, QueueSelector::IFlush);
    }

    /// The next line; `None` at the end of input. Cancel safe: what was read stays in `self`.
    pub(crate) async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
            }
            if self.pending.len() > LINE_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            let mut bytes = [0; 512];
            match self.input.read(&mut bytes).await? {
                0 => return Ok(None),
                read => self.pending.extend_from_slice(&bytes[..read]),
            }
        }
    }
}

/// `NO_COLOR` (no-color.org) and terminals that can't.
pub(crate) fn wants_colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// A line on stderr. Nobody is told when even that can't be written.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// `text` in a colour, if colours are wanted.
pub(crate) fn painted(text: &str, colour: AnsiColor, colours: bool) -> String {
    if !colours {
        return text.to_owned();
    }
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// Text of others, without what would steer the terminal: control characters are shown, directional overrides
/// too.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|it| if matches!(it, '\n' | '\t') { it } else { shown(it) }).collect()
}

/// What somebody decides upon, on one line: nothing is invisible, and no line of it passes for one of ours.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|it| if is_invisible(it) { '\u{fffd}' } else { shown(it) }).collect()
}

fn shown(it: char) -> char {
    match it {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + it as u32).unwrap_or('\u{fffd}'),
        _ if steers(it) => '\u{fffd}',
        _ => it,
    }
}

/// What ASCII does not have of control characters, and what changes the direction of text.
pub(crate) fn steers(it: char) -> bool {
    matches!(it, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without width, or blank though no blank: joiners, fillers, tags, soft hyphens.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_can_not_steer_the_terminal() {
        assert_eq!(visible("a\n\u{200b}b\u{e0041}"), "a␊\u{fffd}b\u{fffd}");
        assert_eq!(printable("a\u{1b}[2Jb\r\u{7}\u{9b}c\u{202e}d\té\n"), "a␛[2Jb␍␇\u{fffd}c\u{fffd}d\té\n");
    }
}
