//! The server's process: it listens, it is down, it comes back.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::jobs;
use super::server::{Shared, accept};

/// Whether it runs. A process is known by its number.
#[derive(Debug)]
pub(super) enum Life {
    Up {
        /// Here rather than with the task that accepts: a task is dropped when its runtime comes to it, but the port closes
        /// with the process.
        listener: TcpListener,
        tasks: Tasks,
        epoch: u64,
    },
    Down {
        epochs: u64,
    },
    /// For good.
    Over,
}

/// What a process does: it accepts connections, and runs jobs.
type Tasks = [JoinHandle<()>; 2];

impl Default for Life {
    fn default() -> Self {
        Self::Down { epochs: 0 }
    }
}

impl Life {
    /// The number of the process that runs; 0 if none does.
    pub(super) fn epoch(&self) -> u64 {
        match self {
            Self::Up { epoch, .. } => *epoch,
            Self::Down { .. } | Self::Over => 0,
        }
    }

    /// The next connection of this process, by its number; `None` if it is no more.
    pub(super) fn poll_accept(
        &self,
        of: u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<TcpStream>>> {
        match self {
            Self::Up { listener, epoch, .. } if *epoch == of => {
                listener.poll_accept(context).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
            }
            _ => Poll::Ready(None),
        }
    }

    /// Closes the port and tells the tasks to end. What ran is what is given; `None` if nothing did.
    fn end(&mut self, next: impl FnOnce(u64) -> Self) -> Option<Tasks> {
        let Self::Up { epoch, .. } = *self else { return None };
        let Self::Up { tasks, .. } = std::mem::replace(self, next(epoch)) else { return None };
        tasks.iter().for_each(JoinHandle::abort);
        Some(tasks)
    }
}

/// Starts the first process of a server, on a socket that listens.
pub(super) fn begin(listener: TcpListener, shared: &Arc<Shared>) {
    up(&mut shared.life(), listener, shared, 1);
}

/// Goes down, comes back after the time that a restart takes. What was down or over stays so.
pub(super) async fn restart(shared: &Arc<Shared>) -> io::Result<()> {
    if !go_down(shared).await {
        return Ok(());
    }
    tokio::time::sleep(shared.settings.restart_takes).await;
    come_up(shared)
}

/// Ends the process, all at once; what is waited for is that its tasks have seen it. Says whether there was one.
pub(super) async fn go_down(shared: &Arc<Shared>) -> bool {
    let Some(tasks) = stop(shared) else { return false };
    for task in tasks {
        // It was told to end.
        _ = task.await;
    }
    true
}

/// In one piece, whoever stops waiting afterwards.
fn stop(shared: &Shared) -> Option<Tasks> {
    let mut life = shared.life();
    let tasks = life.end(|epochs| Life::Down { epochs })?;
    shared.state().restart();
    Some(tasks)
}

/// Starts a process, unless one runs or all is over.
pub(super) fn come_up(shared: &Arc<Shared>) -> io::Result<()> {
    let mut life = shared.life();
    let Life::Down { epochs } = &*life else { return Ok(()) };
    let epoch = epochs + 1;
    up(&mut life, bind(shared.address)?, shared, epoch);
    Ok(())
}

/// The tasks find their process as soon as `life` is free again.
fn up(life: &mut Life, listener: TcpListener, shared: &Arc<Shared>, epoch: u64) {
    let accepting = tokio::spawn(accept(Arc::clone(shared), epoch));
    let jobs = if shared.settings.holds_jobs {
        tokio::spawn(std::future::ready(()))
    } else {
        tokio::spawn(jobs::run(Arc::clone(shared), epoch))
    };
    *life = Life::Up { listener, tasks: [accepting, jobs], epoch };
}

/// Ends it for good.
pub(super) fn end(shared: &Shared) {
    _ = shared.life().end(|_| Life::Over);
}

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    // The port of the process before this one may still have connections that close.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
