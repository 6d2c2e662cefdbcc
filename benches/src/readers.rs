//! Many readers of event streams on one thread.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::http::{Event, Progress, Stream};

/// Readers, each with its stream. Dropping them closes the connections.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    open: Vec<Stream>,
}

impl Readers {
    /// Takes over an open stream.
    pub(crate) fn add(&mut self, mut stream: Stream) -> anyhow::Result<()> {
        stream.never_wait()?;
        self.open.push(stream);
        Ok(())
    }

    /// Reads what comes until then, or until all streams have ended.
    pub(crate) fn read_until(
        &mut self,
        deadline: Instant,
        on_event: &mut impl FnMut(&Event),
    ) -> anyhow::Result<()> {
        while !self.open.is_empty() && Instant::now() < deadline {
            let ready = self.ready(deadline.saturating_duration_since(Instant::now()))?;
            let mut ended = Vec::new();
            for index in ready {
                if self.open[index].read(on_event)? == Progress::End {
                    ended.push(index);
                }
            }
            for index in ended.into_iter().rev() {
                self.open.swap_remove(index);
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Which of them have something to read, in ascending order.
    fn ready(&self, patience: Duration) -> anyhow::Result<Vec<usize>> {
        let early: Vec<usize> = indices(&self.open, Stream::has_early);
        if !early.is_empty() {
            return Ok(early);
        }
        let mut sockets: Vec<PollFd<'_>> =
            self.open.iter().map(|stream| PollFd::new(stream.socket(), PollFlags::IN)).collect();
        poll(&mut sockets, Some(&Timespec::try_from(patience)?))?;
        Ok(indices(&sockets, |socket| !socket.revents().is_empty()))
    }
}

fn indices<T>(all: &[T], is: impl Fn(&T) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| is(one)).map(|(index, _)| index).collect()
}

/// The time that a token's text tells: when it was written, as [`now`](crate::relay::upstream::now) tells it.
pub(crate) fn written_at(event: &Event) -> Option<u64> {
    const BEFORE: &[u8] = b"\"text\":\" ";
    let from = memchr::memmem::find(&event.tail, BEFORE)? + BEFORE.len();
    let digits = event.tail[from..].split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_when_it_was_written_in_each_relays_words() {
        let event = |data: &str| {
            let mut event = Event::default();
            event.tail = data.as_bytes().to_vec();
            event
        };
        let delta =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" 12345"}}"#;
        assert_eq!(written_at(&event(delta)), Some(12345));
        assert_eq!(written_at(&event(r#"{"type":"text_delta","text":" 7"}"#)), Some(7));
        assert_eq!(written_at(&event(r#"{"type":"text_delta","text":" tokens"}"#)), None);
        assert_eq!(written_at(&event(r#"{"type":"completed"}"#)), None);
    }
}
