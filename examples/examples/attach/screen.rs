//! The terminal that this program runs in.

use std::io::{Read, Write};
use std::sync::Arc;

use rustix::termios::{self, OptionalActions, Termios};
use tokio::sync::{Notify, mpsc};

/// The most bytes of one piece of input; the acknowledgements travel between pieces.
const PIECE: usize = 64 << 10;
/// Pieces that wait to be sent; beyond it nothing more is read of the keyboard.
const PIECES: usize = 4;

/// Ctrl-], as terminals have always sent it, and as they do in the keyboard mode that some programs switch on.
const LEAVE: [&[u8]; 2] = [b"\x1d", b"\x1b[93;5u"];

/// Takes back what programs may have switched on: colours, the second screen, the mouse, bracketed paste, the keyboard
/// mode, a hidden cursor. They are told nothing of us leaving.
const AS_BEFORE: &[u8] =
    b"\x1b[0m\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[<u\x1b[?25h";

/// The screen in raw mode: every key is a byte for the other end. Dropping it puts all back, however this program ends,
/// as long as it isn't killed.
pub(crate) struct Raw(Termios);

impl Raw {
    pub(crate) fn enter() -> std::io::Result<Self> {
        let before = termios::tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(std::io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Where the screen is gone there is nothing to put back.
        let mut out = std::io::stdout();
        let _ = out.write_all(AS_BEFORE).and_then(|()| out.flush());
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Columns and rows, as far as a terminal may have them.
pub(crate) fn size() -> (u16, u16) {
    match termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) => (size.ws_col.clamp(1, 1000), size.ws_row.clamp(1, 1000)),
        Err(_) => (80, 24),
    }
}

/// What is typed, in pieces, until Ctrl-] is pressed, which notifies `leave`; so does the keyboard's end.
pub(crate) fn keys(leave: &Arc<Notify>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let leave = Arc::clone(leave);
    // A thread of its own, which nobody waits for: a read of the keyboard can't be cancelled.
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        while let Ok(read @ 1..) = std::io::stdin().read(&mut piece) {
            let typed = &piece[..read];
            let end = LEAVE.iter().filter_map(|keys| position(typed, keys)).min();
            let typed = typed[..end.unwrap_or(read)].to_vec();
            if (!typed.is_empty() && sender.blocking_send(typed).is_err()) || end.is_some() {
                break;
            }
        }
        leave.notify_one();
    });
    receiver
}

fn position(typed: &[u8], keys: &[u8]) -> Option<usize> {
    typed.windows(keys.len()).position(|window| window == keys)
}
