//! How far a client got.

use std::collections::VecDeque;

use server_kit::socket_io::Mark;

/// How far a client got with the output of its terminal.
pub(super) struct Progress {
    /// What was emitted and not consumed yet: up to which offset.
    out: VecDeque<(Mark, u64)>,
    consumed: Mark,
    told: u64,
    acked: u64,
    by: Proof,
}

/// What proves that the client got somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The connection.
    Connection,
    /// The client's own word.
    Client,
}

/// Only output before this was told.
pub(super) struct Ahead;

impl Progress {
    /// A client that has everything before this.
    pub(super) fn from(offset: u64) -> Self {
        let (out, consumed) = (VecDeque::new(), Mark::default());
        Self { out, consumed, told: offset, acked: offset, by: Proof::Connection }
    }

    /// Output before this offset was emitted.
    pub(super) fn told(&mut self, mark: Mark, offset: u64) {
        self.out.push_back((mark, offset));
        self.told = offset;
    }

    /// Output before this offset is not held any more.
    pub(super) fn skipped(&mut self, offset: u64) {
        (self.told, self.acked) = (offset, offset);
    }

    /// What the connection proved last.
    pub(super) const fn consumed(&self) -> Mark {
        self.consumed
    }

    /// The connection proves that the client consumed this.
    pub(super) fn proved(&mut self, mark: Mark) {
        self.consumed = mark;
        while let Some((_, offset)) = self.out.pop_front_if(|(at, _)| *at <= mark) {
            if self.by == Proof::Connection {
                self.acked = self.acked.max(offset);
            }
        }
    }

    /// The client says that it consumed everything before this offset; from now on its word counts alone.
    pub(super) fn acknowledged(&mut self, offset: u64) -> Result<(), Ahead> {
        if offset > self.told {
            return Err(Ahead);
        }
        self.by = Proof::Client;
        self.acked = self.acked.max(offset);
        Ok(())
    }

    /// Up to where the terminal's bytes count as consumed, of which those before `read` became text: what was told and is
    /// not consumed yet is missing. What was removed or held back behind it would never be consumed.
    pub(super) const fn offset(&self, read: u64) -> u64 {
        read - (self.told - self.acked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_connection_proves_counts_until_the_client_speaks() {
        let first = Mark::default();
        let mut progress = Progress::from(10);
        assert_eq!(progress.offset(15), 15);
        progress.told(first, 20);
        assert_eq!(progress.offset(25), 15);
        progress.proved(first);
        assert_eq!(progress.offset(25), 25);
        assert!(progress.acknowledged(21).is_err());
        progress.told(first, 30);
        assert!(progress.acknowledged(25).is_ok());
        progress.proved(first);
        assert_eq!(progress.offset(35), 30);
        assert!(progress.acknowledged(12).is_ok());
        assert_eq!(progress.offset(35), 30);
        assert!(progress.acknowledged(30).is_ok());
        assert_eq!(progress.offset(35), 35);
        progress.skipped(100);
        assert_eq!(progress.offset(100), 100);
    }
}
