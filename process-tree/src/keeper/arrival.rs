//! Taking in a request with its descriptors.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::kernel::launch::Files;
use crate::wire::Request;

/// Descriptors of one request at most: stream, stdin, stdout, stderr.
const DESCRIPTORS_MAX: usize = 4;

/// The first number above standard input, output and error.
const ABOVE_STDIO: i32 = 3;

/// What a non-blocking look at the request socket found.
#[derive(Debug)]
pub(crate) enum Arrival {
    One(Arrived),
    /// Nothing now, or nothing of use.
    None,
    /// The owner is gone.
    Gone,
}

#[derive(Debug)]
pub(crate) enum Arrived {
    Tree { request: Request, link: OwnedFd, files: Files },
    Clear { stream: OwnedFd },
}

pub(crate) fn receive(socket: &OwnedFd) -> Arrival {
    let mut bytes = [0; Request::BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags);
    let count = match received {
        Ok(message) => message.bytes,
        Err(Errno::AGAIN | Errno::INTR) => return Arrival::None,
        Err(_) => return Arrival::Gone,
    };
    let descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => rights.collect(),
        _ => Vec::new(),
    });
    let descriptors = descriptors.filter_map(above_stdio).collect();
    if count == 0 {
        // Packets are never empty, so this is the end.
        return Arrival::Gone;
    }
    sort(&bytes[..count], descriptors).map_or(Arrival::None, Arrival::One)
}

/// A packet with too few descriptors is dropped: this process has none left. The owner sees its stream closed.
fn sort(bytes: &[u8], descriptors: Vec<OwnedFd>) -> Option<Arrived> {
    let mut descriptors = descriptors.into_iter();
    let stream = descriptors.next()?;
    let request = Request::decode(bytes)?;
    let mut next = || descriptors.next();
    let files = match request {
        Request::Clear => return Some(Arrived::Clear { stream }),
        Request::Piped(_) => Files::Pipes([next()?, next()?, next()?]),
        Request::OnTerminal(_) => Files::Terminal(next()?),
    };
    Some(Arrived::Tree { request, link: stream, files })
}

/// An owner may run with its standard descriptors closed; what got their numbers would be overwritten by the
/// child's.
fn above_stdio(descriptor: OwnedFd) -> Option<OwnedFd> {
    if descriptor.as_raw_fd() >= ABOVE_STDIO {
        return Some(descriptor);
    }
    rustix::io::fcntl_dupfd_cloexec(&descriptor, ABOVE_STDIO).ok()
}
