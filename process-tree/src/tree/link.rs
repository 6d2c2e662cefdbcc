//! The owner's end of a tree's stream.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::net::UnixStream;

use crate::error::Error;
use crate::exit::Exit;
use crate::wire::{Control, FRAME_BYTES, Failure, Report};

#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    inbox: Mutex<Inbox>,
}

/// What the keeper has said so far.
#[derive(Debug, Default)]
struct Inbox {
    bytes: [u8; FRAME_BYTES],
    filled: usize,
    start: Option<Start>,
    exit: Option<Exit>,
    left: Option<u32>,
    is_closed: bool,
}

/// How a start went.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Started { child: u32, supervisor: Option<u32> },
    Failed(Failure),
}

impl Link {
    /// Must be called within a runtime.
    pub(super) fn new(stream: OwnedFd) -> std::io::Result<Self> {
        let stream = UnixStream::from_std(StdStream::from(stream))?;
        Ok(Link { stream, inbox: Mutex::default() })
    }

    /// Writes without waiting, also outside of the runtime. Returns how much went.
    pub(super) fn push(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            match self.send(&bytes[done..]) {
                Ok(count) => done += count,
                Err(_) => break,
            }
        }
        done
    }

    /// Writes all of it. An error means that the keeper is gone or refused the tree; it may have said why.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the keeper, without waiting.
    pub(super) fn say(&self, control: Control) -> Result<(), Error> {
        match self.send(&control.encode()) {
            Ok(FRAME_BYTES) => Ok(()),
            // A keeper is never that far behind with frames, unless it was stopped.
            Ok(_) | Err(Errno::AGAIN) => {
                Err(Error::Spawn { step: "signal", source: std::io::ErrorKind::WouldBlock.into() })
            }
            Err(_) => Err(Error::Ended),
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        rustix::net::send(&self.stream, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    /// The child's end, if it has been told.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.look().exit
    }

    /// Whether the keeper closed its end.
    pub(super) fn is_closed(&self) -> bool {
        self.look().is_closed
    }

    /// How the start went; `None` when the keeper is gone without a word.
    pub(super) async fn until_start(&self) -> Option<Start> {
        self.until(|inbox| inbox.start).await
    }

    /// The child's end; [`Exit::lost`] when nobody will tell any more.
    pub(super) async fn until_exit(&self) -> Exit {
        self.until(|inbox| inbox.exit).await.unwrap_or(Exit::lost())
    }

    /// How many are left at the end; `None` when the keeper doesn't say so in time, or is gone.
    pub(super) async fn until_empty(&self, within: Duration) -> Option<u32> {
        tokio::time::timeout(within, self.until(|inbox| inbox.left)).await.ok().flatten()
    }

    /// Waits until the keeper closed its end.
    pub(super) async fn until_closed(&self, within: Duration) {
        drop(tokio::time::timeout(within, self.until(|_| None::<()>)).await);
    }

    /// Cancel safe: what was read is in the inbox before anything is awaited.
    async fn until<T>(&self, found: impl Fn(&Inbox) -> Option<T>) -> Option<T> {
        loop {
            {
                let inbox = self.drain(|place| self.stream.try_read(place));
                let answer = found(&inbox);
                if answer.is_some() || inbox.is_closed {
                    return answer;
                }
            }
            if self.stream.readable().await.is_err() {
                // The runtime is shutting down.
                return None;
            }
        }
    }

    /// Takes in what is there by asking the kernel: the runtime knows only what it has polled for.
    fn look(&self) -> MutexGuard<'_, Inbox> {
        self.drain(|place| Ok(rustix::net::recv(&self.stream, place, RecvFlags::DONTWAIT)?.0))
    }

    fn drain(&self, mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>) -> MutexGuard<'_, Inbox> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        while !inbox.is_closed {
            let filled = inbox.filled;
            match read(&mut inbox.bytes[filled..]) {
                Ok(0) => inbox.is_closed = true,
                Ok(count) => inbox.take(count),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => inbox.is_closed = true,
            }
        }
        inbox
    }
}

impl Inbox {
    fn take(&mut self, count: usize) {
        self.filled += count;
        if self.filled < FRAME_BYTES {
            return;
        }
        self.filled = 0;
        match Report::decode(&self.bytes) {
            Some(Report::Started { child, supervisor }) => {
                self.start = Some(Start::Started { child, supervisor });
            }
            Some(Report::Failed(failure)) => self.start = Some(Start::Failed(failure)),
            Some(Report::Exited(ended)) => self.exit = Some(Exit::of(ended)),
            Some(Report::Empty { left }) => self.left = Some(left),
            None => self.is_closed = true,
        }
    }
}
