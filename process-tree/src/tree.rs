//! A tree in its owner's hands.

mod link;
mod mop_up;
mod prepare;
mod start;

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::PipeFlags;
use tokio::net::unix::pipe;

use crate::command::{Command, Reach};
use crate::error::Error;
use crate::exit::Exit;
use crate::grace::{Grace, Signal};
use crate::mark::Mark;
use crate::wire::{Control, Plan, Request};
use link::Link;

/// A child and everything that descends from it.
///
/// Dropping it ends it as `end(Grace::default())` would, without waiting; that goes on even when the owner
/// exits right away (but not under [`Reach::Marker`], where only the direct child is sure to go with the owner).
///
/// It belongs to the tokio runtime it was started in, which needs I/O and time enabled.
#[derive(Debug)]
pub struct Tree {
    /// `None` only in a tree that was ended.
    link: Option<Link>,
    hold: Hold,
}

/// What is known of a tree from its start.
#[derive(Clone, Debug)]
struct Hold {
    pid: u32,
    supervisor: Option<u32>,
    reach: Reach,
    mark: Mark,
}

/// The owner's ends of a child's standard streams. They outlive the child: what it wrote stays readable.
#[derive(Debug)]
pub struct Pipes {
    /// What is written here the child reads; dropping it is the child's end of file.
    pub stdin: pipe::Sender,
    /// What the child writes to its standard output.
    pub stdout: pipe::Receiver,
    /// What the child writes to its standard error.
    pub stderr: pipe::Receiver,
}

impl Tree {
    /// Starts a child on three pipes. Returns once its program runs.
    ///
    /// # Errors
    ///
    /// Each way a start can fail is a variant of [`Error`] of its own; nothing is left behind.
    ///
    /// Cancelled, whatever was started is killed.
    pub async fn piped(command: Command) -> Result<(Tree, Pipes), Error> {
        let (childs, pipes) = make_pipes().map_err(Error::at("pipes"))?;
        let tree = start::start(&command, &childs, Request::Piped).await?;
        Ok((tree, pipes))
    }

    /// Starts a child on a terminal, given by its slave side: it becomes the controlling terminal of the child's
    /// new session, and its standard input, output and error. Returns once the program runs.
    ///
    /// # Errors
    ///
    /// As for [`piped`](Self::piped), and [`Error::Terminal`] when `slave` can't be that.
    pub async fn on_terminal(command: Command, slave: OwnedFd) -> Result<Tree, Error> {
        start::start(&command, &[slave], Request::OnTerminal).await
    }

    /// The direct child's process id. After [`wait`](Self::wait) returned, it may be somebody else's.
    pub fn pid(&self) -> u32 {
        self.hold.pid
    }

    /// What holds this tree; never [`Reach::Auto`].
    pub fn reach(&self) -> Reach {
        self.hold.reach
    }

    /// The process id of the supervisor, under [`Reach::Supervisor`].
    pub fn supervisor_pid(&self) -> Option<u32> {
        self.hold.supervisor
    }

    /// Signals the direct child only.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] once it is gone. It may also go while the signal is on its way, which is no error.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let link = self.link.as_ref().ok_or(Error::Ended)?;
        if link.exit().is_some() {
            return Err(Error::Ended);
        }
        link.say(Control::Signal(signal.number()))
    }

    /// Waits until the direct child is gone. What descends from it may go on. May be called again, with the
    /// same answer; cancelling it loses nothing.
    pub async fn wait(&mut self) -> Exit {
        match &self.link {
            Some(link) => link.until_exit().await,
            None => Exit::lost(),
        }
    }

    /// Ends the tree step by step (see [`Grace`]) and returns when nobody of it is left, or when the last
    /// deadline passed; then [`Exit::left`] is above 0. It takes [`Grace::total`] at most, and up to 6 s more
    /// where a member got at the keeper itself.
    ///
    /// Cancelled, the ending goes on in the background.
    pub async fn end(mut self, grace: Grace) -> Exit {
        let Some(link) = &self.link else { return Exit::lost() };
        let exit = finish(link, &self.hold, grace).await;
        // Nothing is left for the destructor.
        self.link = None;
        exit
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        let grace = Grace::default();
        // The keeper knows what to do from here, whatever becomes of this process.
        drop(link.say(Control::End(plan(grace))));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let hold = self.hold.clone();
            // Watches over the keeper, in case a member gets at it.
            runtime.spawn(async move { finish(&link, &hold, grace).await });
        }
    }
}

async fn finish(link: &Link, hold: &Hold, grace: Grace) -> Exit {
    drop(link.say(Control::End(plan(grace))));
    let left = match link.until_empty(grace.total() + mop_up::KEEPER_LATE).await {
        Some(left) => left,
        None => mop_up::mop_up(link, hold).await,
    };
    Exit { left, ..link.exit().unwrap_or(Exit::lost()) }
}

fn plan(grace: Grace) -> Plan {
    Plan {
        first: grace.first.number(),
        first_for: grace.first_for,
        terminate_for: grace.terminate_for,
        kill_for: grace.kill_for,
    }
}

/// What the system holds of a child's output before the child waits: a quarter of what any user may ask for.
const STDOUT_BYTES: usize = 256 << 10;

fn make_pipes() -> std::io::Result<([OwnedFd; 3], Pipes)> {
    let (childs_stdin, stdin) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (stdout, childs_stdout) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // A child that writes much and its reader take turns in longer strides. Refused where its user holds many pipes,
    // which does no harm.
    let _ = rustix::pipe::fcntl_setpipe_size(&stdout, STDOUT_BYTES);
    let (stderr, childs_stderr) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    for own in [&stdin, &stdout, &stderr] {
        rustix::io::ioctl_fionbio(own, true)?;
    }
    let pipes = Pipes {
        stdin: pipe::Sender::from_owned_fd(stdin)?,
        stdout: pipe::Receiver::from_owned_fd(stdout)?,
        stderr: pipe::Receiver::from_owned_fd(stderr)?,
    };
    Ok(([childs_stdin, childs_stdout, childs_stderr], pipes))
}

/// Both ends of a tree's stream: the owner's, and the keeper's.
fn make_stream() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}
