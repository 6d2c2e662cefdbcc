//! From a launch body to a forked child, and what is to hold its tree.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Host;
use super::holder::{Holder, own_pid};
use crate::cgroup::{Entrance, Group};
use crate::command::{Reach, Resource};
use crate::kernel::identity::Identity;
use crate::kernel::launch::{self, Files, Launch, WithoutParent};
use crate::mark::Mark;
use crate::wire::body::Body;
use crate::wire::{Failure, MARK_VARIABLE, Stage, UNENFORCEABLE};

/// A child that was forked. Whether its program runs, `failure` will tell.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) holder: Holder,
    pub(super) failure: OwnedFd,
    pub(super) supervisor: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) pid: i32,
    /// Where its end can't be heard of otherwise.
    pub(super) exact: Option<OwnedFd>,
}

/// Launches what the body says, held as asked.
pub(super) fn launch(bytes: &[u8], files: &Files, reach: Reach, host: &Host) -> Result<Begun, Failure> {
    let mut body = Body::decode(bytes).ok_or(Failure { stage: Stage::Request, errno: libc::EINVAL })?;
    let (holder, entrance) = hold(&body, reach, host)?;
    limit_processes(&mut body, entrance.as_ref()).inspect_err(|_| give_up(&holder))?;
    let without_parent = match host {
        Host::Thread => WithoutParent::Dies,
        Host::Spawner { .. } | Host::Supervisor { .. } => WithoutParent::Stays,
    };
    let launched = launch::launch(&Launch { body: &body, files, cgroup: entrance.as_ref(), without_parent });
    let launched = launched.inspect_err(|_| give_up(&holder))?;
    let exact = match host {
        Host::Thread => Pid::from_raw(launched.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
        Host::Spawner { .. } | Host::Supervisor { .. } => None,
    };
    let supervisor = matches!(host, Host::Supervisor { .. }).then(|| own_pid().cast_unsigned());
    let child = Child { pid: launched.pid, exact };
    Ok(Begun { child, holder, failure: launched.failure, supervisor })
}

fn hold(body: &Body<'_>, reach: Reach, host: &Host) -> Result<(Holder, Option<Entrance>), Failure> {
    match (reach, host) {
        (_, Host::Supervisor { .. }) => Ok((Holder::Descendants, None)),
        (Reach::Cgroup, _) => {
            let path = Path::new(OsStr::from_bytes(body.cgroup.to_bytes()));
            let made = Group::make(path.to_owned());
            let refused = |error: std::io::Error| Failure {
                stage: Stage::Cgroup,
                errno: error.raw_os_error().unwrap_or(libc::EIO),
            };
            made.map(|(group, entrance)| (Holder::Cgroup(group), Some(entrance))).map_err(refused)
        }
        _ => {
            let variable = body.env.first().and_then(|variable| variable.to_str().ok());
            let text = variable.and_then(|text| text.strip_prefix(MARK_VARIABLE)?.strip_prefix('='));
            let mark = text.and_then(Mark::parse);
            let mark = mark.ok_or(Failure { stage: Stage::Request, errno: libc::EINVAL })?;
            Ok((Holder::Marked(mark), None))
        }
    }
}

/// Has a limit on processes enforced by the cgroup, where it can; what is left in the body the child sets.
fn limit_processes(body: &mut Body<'_>, cgroup: Option<&Entrance>) -> Result<(), Failure> {
    let code = Resource::Processes.code();
    let Some(&(_, most)) = body.limits.iter().find(|(limited, _)| *limited == code) else { return Ok(()) };
    if cgroup.is_some_and(|entrance| entrance.limit_processes(most).is_ok()) {
        body.limits.retain(|(limited, _)| *limited != code);
        return Ok(());
    }
    if is_roots(body) {
        return Err(Failure { stage: Stage::Limit(Resource::Processes), errno: UNENFORCEABLE });
    }
    Ok(())
}

/// Whether the kernel would exempt the child from `RLIMIT_NPROC`. Without a user of its own it is this process'.
fn is_roots(body: &Body<'_>) -> bool {
    let own = || rustix::process::getuid().is_root() || rustix::process::geteuid().is_root();
    body.identity.as_ref().map_or_else(own, Identity::is_root)
}

fn give_up(holder: &Holder) {
    if let Holder::Cgroup(group) = holder {
        // Nobody ever was in it.
        drop(group.remove());
    }
}
