//! The server's process: it listens, it is down, it comes back.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::jobs;
use super::server::{Shared, accept};

/// Whether it runs. A process is known by its number.
#[derive(Debug)]
pub(super) enum Life {
    Up {
        tasks: [JoinHandle<()>; 2],
        epoch: u64,
    },
    Down {
        epochs: u64,
    },
    /// For good.
    Over,
}

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
}

/// Goes down, comes back after the time that a restart takes. What was down or over stays so.
pub(super) async fn restart(shared: &Arc<Shared>) -> io::Result<()> {
    if !go_down(shared).await {
        return Ok(());
    }
    tokio::time::sleep(shared.settings.restart_takes).await;
    come_up(shared)
}

/// Ends the process: connections break, and the port is closed when this returns. Says whether there was one.
pub(super) async fn go_down(shared: &Arc<Shared>) -> bool {
    let tasks = {
        let mut life = shared.life();
        match std::mem::replace(&mut *life, Life::Over) {
            Life::Up { tasks, epoch } => {
                *life = Life::Down { epochs: epoch };
                tasks
            }
            other => {
                *life = other;
                return false;
            }
        }
    };
    for task in tasks {
        task.abort();
        // It was told to end.
        _ = task.await;
    }
    shared.state().restart();
    true
}

/// Starts a process, unless one runs or all is over.
pub(super) fn come_up(shared: &Arc<Shared>) -> io::Result<()> {
    let mut life = shared.life();
    let Life::Down { epochs } = &*life else { return Ok(()) };
    let listener = bind(shared.address)?;
    *life = up(listener, shared, epochs + 1);
    Ok(())
}

/// A process on a socket that listens already.
pub(super) fn up(listener: TcpListener, shared: &Arc<Shared>, epoch: u64) -> Life {
    let accepting = tokio::spawn(accept(listener, Arc::clone(shared), epoch));
    let jobs = if shared.settings.holds_jobs {
        tokio::spawn(std::future::ready(()))
    } else {
        tokio::spawn(jobs::run(Arc::clone(shared)))
    };
    Life::Up { tasks: [accepting, jobs], epoch }
}

/// Ends it for good.
pub(super) fn end(shared: &Shared) {
    if let Life::Up { tasks, .. } = std::mem::replace(&mut *shared.life(), Life::Over) {
        tasks.iter().for_each(JoinHandle::abort);
    }
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
