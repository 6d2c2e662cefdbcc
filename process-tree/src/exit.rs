//! How a child ended, and what it used.

use std::time::Duration;

use crate::wire::Ended;

/// The end of a tree's direct child, and whether anybody outlived the ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// How the direct child ended.
    pub status: Status,
    /// What the direct child used, its waited-for descendants included.
    pub usage: Usage,
    /// Processes of the tree still there when the last deadline of [`Tree::end`](crate::Tree::end) passed;
    /// 0 is the rule, more means processes that the kernel itself can't end yet. Always 0 from
    /// [`Tree::wait`](crate::Tree::wait), which doesn't look.
    pub left: u32,
}

/// How the direct child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Nobody can tell: the keeper died with the answer, or someone else reaped the child.
    Lost,
}

impl Status {
    /// Whether it exited with code 0.
    pub fn is_success(self) -> bool {
        self == Status::Code(0)
    }
}

/// What the direct child used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// Peak resident memory, bytes. The kernel counts the moment before `exec` too, so a tiny child shows the
    /// few MiB of its launcher.
    pub max_rss_bytes: u64,
}

impl Exit {
    pub(crate) fn lost() -> Self {
        Exit { status: Status::Lost, usage: Usage::default(), left: 0 }
    }

    pub(crate) fn of(ended: Ended) -> Self {
        let status = match ended.wait_status {
            None => Status::Lost,
            Some(raw) if libc::WIFSIGNALED(raw) => Status::Signal(libc::WTERMSIG(raw)),
            Some(raw) => Status::Code(libc::WEXITSTATUS(raw)),
        };
        let usage = Usage {
            user: Duration::from_micros(ended.user_micros),
            system: Duration::from_micros(ended.system_micros),
            max_rss_bytes: ended.max_rss_bytes,
        };
        Exit { status, usage, left: 0 }
    }
}
