//! Starting a tree: by the strongest reach there is, and where that one fails here, by the next.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use super::link::{Link, Start};
use super::prepare::Prepared;
use super::{Hold, Tree, make_stream};
use crate::cgroup::base;
use crate::channel::Channel;
use crate::command::{Command, Reach};
use crate::error::Error;
use crate::mark::Mark;
use crate::wire::{Failure, Request, Stage, UNENFORCEABLE};
use crate::{resident, spawner};

/// How long a keeper may take to have the program running: a file system may be slow, a machine loaded.
const START_WITHIN: Duration = Duration::from_secs(30);

/// How long before a keeper that says nothing is told to go on, in case someone stopped it.
const WAKE_EVERY: Duration = Duration::from_secs(1);

/// Why a limit on processes can't be enforced.
const NOT_ON_ROOT: &str =
    "the child is root's, whom RLIMIT_NPROC doesn't bind, and its tree has no cgroup with a pids.max";

/// Why one attempt came to nothing.
enum Refusal {
    /// This reach doesn't work here after all; a weaker one may.
    Reach(Error),
    /// It would fail the same under any other.
    Start(Error),
}

/// Starts the command on `files`, the child's ends.
pub(super) async fn start(
    command: &Command,
    files: &[OwnedFd],
    request: impl Fn(Reach) -> Request,
) -> Result<Tree, Error> {
    let prepared = Prepared::new(command)?;
    let wanted = wanted(command.reach);
    let mut error = Error::ReachUnavailable(wanted);
    for reach in [Reach::Cgroup, Reach::Supervisor, Reach::Marker] {
        if wanted != Reach::Auto && wanted != reach {
            continue;
        }
        let Some(channel) = channel(reach) else { continue };
        match attempt(&prepared, reach, files, (channel, request(reach))).await {
            Ok(tree) => return Ok(tree),
            Err(Refusal::Start(error)) => return Err(error),
            Err(Refusal::Reach(refused)) => error = refused,
        }
    }
    Err(error)
}

/// What the command forces, else what the operator does.
fn wanted(reach: Reach) -> Reach {
    static FORCED: OnceLock<Reach> = OnceLock::new();
    let forced = || std::env::var("PROCESS_TREE_REACH").map_or(Reach::Auto, |text| Reach::parse(&text));
    if reach == Reach::Auto { *FORCED.get_or_init(forced) } else { reach }
}

/// Who would hold it; `None` where the reach isn't available.
fn channel(reach: Reach) -> Option<&'static Channel> {
    match reach {
        Reach::Cgroup => base::base().and_then(|_| spawner::channel().or_else(resident::channel)),
        Reach::Supervisor => spawner::channel(),
        Reach::Marker | Reach::Auto => resident::channel(),
    }
}

async fn attempt(
    prepared: &Prepared<'_>,
    reach: Reach,
    files: &[OwnedFd],
    (channel, request): (&Channel, Request),
) -> Result<Tree, Refusal> {
    let mark = Mark::next().ok_or_else(|| failed("identity", io::ErrorKind::Unsupported.into()))?;
    let cgroup = if reach == Reach::Cgroup { base::directory_of(&mark) } else { None };
    if cgroup.is_some() && prepared.limits_processes() {
        base::hand_on_pids();
    }
    let body = prepared.body(&mark, cgroup.as_deref()).map_err(Refusal::Start)?;
    let (own, keepers) = make_stream().map_err(|error| failed("stream", error))?;
    let link = Link::new(own).map_err(|error| failed("stream", error))?;
    // As much as fits goes ahead, so that the keeper finds it when it is woken.
    let ahead = link.push(&body);
    let descriptors: Vec<BorrowedFd<'_>> = std::iter::once(&keepers).chain(files).map(AsFd::as_fd).collect();
    let asked = channel.request(request, &descriptors).await;
    asked.map_err(|source| Refusal::Reach(Error::Spawn { step: "keeper", source }))?;
    // The keeper has its own now, and its end must show as one.
    drop(keepers);
    // A keeper that refuses closes the stream, having said why.
    drop(link.write(&body[ahead..]).await);
    match until_start(&link, channel).await {
        Some(Start::Started { child, supervisor }) => {
            Ok(Tree { link: Some(link), hold: Hold { pid: child, supervisor, reach, mark } })
        }
        Some(Start::Failed(failure)) => Err(refusal(prepared, failure)),
        None => Err(failed("keeper", io::ErrorKind::TimedOut.into())),
    }
}

async fn until_start(link: &Link, channel: &Channel) -> Option<Start> {
    let give_up = tokio::time::Instant::now() + START_WITHIN;
    while tokio::time::Instant::now() < give_up {
        match tokio::time::timeout(WAKE_EVERY, link.until_start()).await {
            Ok(start) => return start,
            Err(_) => channel.wake(),
        }
    }
    None
}

fn failed(step: &'static str, source: io::Error) -> Refusal {
    Refusal::Start(Error::Spawn { step, source })
}

fn refusal(prepared: &Prepared<'_>, failure: Failure) -> Refusal {
    let source = match (failure.stage, failure.errno) {
        (Stage::Limit(_), UNENFORCEABLE) => io::Error::new(io::ErrorKind::Unsupported, NOT_ON_ROOT),
        (_, errno) => io::Error::from_raw_os_error(errno),
    };
    Refusal::Start(match failure.stage {
        Stage::Cgroup => return Refusal::Reach(Error::Spawn { step: "cgroup", source }),
        Stage::Request => Error::Spawn { step: "request", source },
        Stage::Fork => Error::Spawn { step: "fork", source },
        Stage::Session => Error::Spawn { step: "session", source },
        Stage::Descriptors => Error::Spawn { step: "descriptors", source },
        Stage::Limit(resource) => Error::Limit { resource, source },
        Stage::Terminal => Error::Terminal(source),
        Stage::User => prepared.not_that_user(source),
        Stage::Directory => Error::BadDirectory { path: prepared.cwd.clone(), source },
        Stage::Exec => not_executed(prepared, source),
    })
}

fn not_executed(prepared: &Prepared<'_>, source: io::Error) -> Error {
    match source.raw_os_error() {
        // The program was there a moment ago; if it still is, its interpreter isn't.
        Some(libc::ENOENT) if !prepared.program.exists() => prepared.missing(),
        Some(libc::E2BIG | libc::ENOMEM | libc::EAGAIN | libc::ETXTBSY) => {
            Error::Spawn { step: "exec", source }
        }
        _ => prepared.not_executable(source),
    }
}
