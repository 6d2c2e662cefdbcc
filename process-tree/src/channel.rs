//! The owner's way to a keeper: one packet with descriptors per request.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use crate::wire::Request;

/// How long a keeper may be too busy to take a request.
const TAKE_WITHIN: Duration = Duration::from_secs(10);

/// Rest between two tries.
const TRY_EVERY: Duration = Duration::from_millis(1);

/// Descriptors of one request at most.
const DESCRIPTORS_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
    /// `None` for a thread of this process.
    pid: Option<i32>,
    is_broken: AtomicBool,
}

impl Channel {
    pub(crate) fn new(socket: OwnedFd, pid: Option<i32>) -> Self {
        Channel { socket, pid, is_broken: AtomicBool::new(false) }
    }

    /// Whether the keeper was found to be gone.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Lets a keeper go on that someone stopped. It is our unreaped child, so the id is its own.
    pub(crate) fn wake(&self) {
        if let Some(pid) = self.pid {
            crate::hunt::signal_child(pid, libc::SIGCONT);
        }
    }

    /// Hands a request over. Cancelled, it was handed over or not.
    pub(crate) async fn request(&self, request: Request, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let give_up = tokio::time::Instant::now() + TAKE_WITHIN;
        loop {
            match self.try_request(request, files) {
                Ok(()) => return Ok(()),
                Err(Errno::AGAIN | Errno::INTR) if tokio::time::Instant::now() < give_up => {
                    self.wake();
                    tokio::time::sleep(TRY_EVERY).await;
                }
                Err(error) => {
                    self.is_broken.store(error != Errno::AGAIN, Ordering::Relaxed);
                    return Err(error.into());
                }
            }
        }
    }

    fn try_request(&self, request: Request, files: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(Errno::INVAL);
        }
        let bytes = request.encode();
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut control, flags).map(drop)
    }
}
