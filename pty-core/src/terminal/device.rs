//! The server's end of a terminal: what children write is read here, what people type is written here.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portable_pty::{PtySize, native_pty_system};
use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
use rustix::termios::{self, InputModes, OptionalActions, Winsize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::signal::Signal;
use crate::size::Size;
use crate::spawn::User;

/// One end of a pair, without blocking.
#[derive(Debug)]
pub(crate) struct Device(OwnedFd);

/// What became of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes; there may be more.
    Some(usize),
    /// Nothing for now.
    Nothing,
    /// Nobody has the other end open.
    HungUp,
}

impl Device {
    /// Opens a pair: ours, and the child's end, which its child gets and nobody else keeps. Its user, if it is another
    /// one, becomes the owner of the device, so that it can be opened by its name.
    pub(crate) fn open(size: Size, user: Option<&User>) -> io::Result<(Self, OwnedFd)> {
        let size = PtySize { rows: size.rows(), cols: size.cols(), pixel_width: 0, pixel_height: 0 };
        let pair =
            native_pty_system().openpty(size).map_err(|error| io::Error::other(format!("{error:#}")))?;
        let fd = pair.master.as_raw_fd().ok_or(io::ErrorKind::Unsupported)?;
        let master = duplicate(fd)?;
        let child = child_end(&master, pair.master.tty_name().as_deref())?;
        let mut modes = termios::tcgetattr(&child)?;
        // So that erasing takes a whole character away, as terminals of today send UTF-8.
        modes.input_modes |= InputModes::IUTF8;
        termios::tcsetattr(&child, OptionalActions::Now, &modes)?;
        if let Some(user) = user {
            rustix::fs::fchown(&child, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
        }
        Ok((Self::new(master)?, child))
    }

    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self(fd))
    }

    /// Reads into `place`, which is not empty.
    pub(crate) fn read(&self, place: &mut [u8]) -> Read {
        loop {
            match rustix::io::read(&self.0, &mut *place) {
                Ok(0) => return Read::HungUp,
                Ok(count) => return Read::Some(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Read::Nothing,
                // EIO is how the kernel says it; with any other error there is nothing to read either.
                Err(_) => return Read::HungUp,
            }
        }
    }

    /// Writes what is taken at once; `None` while nothing is.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(None),
                Ok(count) => return Ok(Some(count)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Its size, which the child may have changed.
    pub(crate) fn size(&self) -> Option<Size> {
        let size = termios::tcgetwinsize(&self.0).ok()?;
        Size::new(size.ws_col, size.ws_row).ok()
    }

    /// Sets the size; the foreground gets `SIGWINCH`.
    pub(crate) fn resize(&self, size: Size) {
        let size = Winsize { ws_row: size.rows(), ws_col: size.cols(), ws_xpixel: 0, ws_ypixel: 0 };
        // What has no size, a scripted terminal, is none the worse for it.
        let _ = termios::tcsetwinsize(&self.0, size);
    }

    /// Signals whoever is in the foreground; the group of `leader` where nobody is.
    pub(crate) fn signal(&self, signal: Signal, leader: Option<u32>) -> io::Result<()> {
        let leader = || Pid::from_raw(leader?.cast_signed());
        let group = termios::tcgetpgrp(&self.0).ok().or_else(leader).ok_or(io::ErrorKind::NotFound)?;
        Ok(rustix::process::kill_process_group(group, signal.system())?)
    }
}

/// A descriptor of our own for the same end.
#[allow(unsafe_code)]
fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the caller holds what this descriptor belongs to, so it is open for the length of the call.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// The other end: asked of ours, which works in any mount namespace; by its name where the kernel can't.
fn child_end(master: &OwnedFd, name: Option<&std::path::Path>) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    match (ioctl_tiocgptpeer(master, flags), name) {
        (Ok(child), _) => Ok(child),
        (Err(_), Some(name)) => {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(name, flags, Mode::empty())?)
        }
        (Err(error), None) => Err(error.into()),
    }
}

/// A device that the runtime watches.
#[derive(Debug)]
pub(crate) struct Watched(AsyncFd<Handle>);

/// Keeps the device open for as long as it is watched.
#[derive(Debug)]
struct Handle(Arc<Device>);

impl AsRawFd for Handle {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

/// What a device is ready for. Once nobody has had the other end open, that is said for good, even if somebody opens it
/// again: then it has to be watched anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// It may only be that it was hung up once.
    HungUpOnce,
}

impl Watched {
    /// Must be called within a runtime.
    pub(crate) fn new(device: Arc<Device>) -> io::Result<Self> {
        Self::register(Handle(device))
    }

    #[allow(unsafe_code)]
    fn register(handle: Handle) -> io::Result<Self> {
        // SAFETY: the handle owns a share of the device, whose descriptor never changes and stays open until the last
        // share is gone, which this one outlives.
        let watched = unsafe { AsyncFd::register(handle) };
        Ok(Self(watched?))
    }

    /// Forgets what was seen of it.
    pub(crate) fn anew(self) -> io::Result<Self> {
        Self::register(self.0.into_inner())
    }

    /// Done when there may be something to read. Cancel safe.
    pub(crate) async fn readable(&self) -> Readiness {
        // It fails only with the runtime.
        let seen = self.0.readable().await.is_ok_and(|guard| guard.ready().is_read_closed());
        if seen { Readiness::HungUpOnce } else { Readiness::Ready }
    }

    /// Done when something may be written. Cancel safe.
    pub(crate) async fn writable(&self) -> Readiness {
        let seen = self.0.writable().await.is_ok_and(|guard| guard.ready().is_write_closed());
        if seen { Readiness::HungUpOnce } else { Readiness::Ready }
    }

    /// Reads as [`Device::read`], and remembers that there is nothing.
    pub(crate) fn read(&self, place: &mut [u8]) -> Read {
        let read = self.0.try_io(Interest::READABLE, |handle| match handle.0.read(place) {
            Read::Nothing => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        });
        read.unwrap_or(Read::Nothing)
    }

    /// Whether there is more within so long, without going to sleep: to read would be to sleep until the system has looked.
    pub(crate) fn has_more(&self, within: Duration) -> bool {
        let asked = Instant::now();
        loop {
            if rustix::io::ioctl_fionread(&self.0.get_ref().0.0).is_ok_and(|count| count > 0) {
                return true;
            }
            if asked.elapsed() >= within {
                return false;
            }
        }
    }

    /// Reads whatever is remembered.
    pub(crate) fn look(&self, place: &mut [u8]) -> Read {
        self.0.get_ref().0.read(place)
    }

    /// Writes as [`Device::write`], and remembers that there is no room. What the system says meanwhile isn't forgotten,
    /// which is why it has to be this write that remembers.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let written = self.0.try_io(Interest::WRITABLE, |handle| match handle.0.write(bytes)? {
            Some(count) => Ok(count),
            None => Err(io::ErrorKind::WouldBlock.into()),
        });
        match written {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
