//! The keeper as a thread of the owner: for programs that never called `init`, and for trees forced to be held
//! by marker. It ends with the owner, so what it held is left to [`sweep`](crate::sweep).

use std::sync::OnceLock;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::channel::Channel;
use crate::keeper::{Host, Keeper};
use crate::kernel::signals;

/// The way to the thread, which is started at the first use. `None` when it can't be.
pub(crate) fn channel() -> Option<&'static Channel> {
    static RESIDENT: OnceLock<Option<Channel>> = OnceLock::new();
    RESIDENT.get_or_init(start).as_ref()
}

fn start() -> Option<Channel> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (own, keepers) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).ok()?;
    let keeper = move || {
        signals::block_all();
        Keeper::new(Host::Thread, keepers).run();
    };
    std::thread::Builder::new().name("process-tree".to_owned()).spawn(keeper).ok()?;
    Some(Channel::new(own, None))
}
