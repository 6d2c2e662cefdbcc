//! Terminals without a process, for tests of who shows them: what the child writes and when it ends is said by the test.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::exit::Ended;
use crate::spawn::Spec;
use crate::spawn::child::{Started, own};
use crate::terminal::Terminal;
use crate::terminal::child::{Child, Source};
use crate::terminal::device::Device;
use crate::terminals::Terminals;

/// The child of a terminal without a process. Dropping it ends the child with code 0.
#[derive(Debug)]
pub struct Script {
    stream: UnixStream,
    exit: Arc<watch::Sender<Option<i32>>>,
}

/// What the terminal sees of it.
#[derive(Debug)]
pub(crate) struct ScriptedChild {
    exit: watch::Receiver<Option<i32>>,
    end: Arc<watch::Sender<Option<i32>>>,
}

impl Script {
    /// A terminal whose child is a script. Everything of the specification that concerns a process is ignored.
    ///
    /// # Errors
    /// As [`Terminals::spawn`], as far as there is something to fail.
    pub fn spawn(terminals: &Terminals, spec: &Spec) -> Result<(Terminal, Script)> {
        let place = terminals.enter(spec)?;
        let (ours, childs) = StdStream::pair().map_err(Error::NoPty)?;
        let device = Device::new(OwnedFd::from(ours)).map_err(Error::NoPty)?;
        childs.set_nonblocking(true).map_err(Error::NoPty)?;
        let stream = UnixStream::from_std(childs).map_err(Error::NoPty)?;
        let (exit, exited) = watch::channel(None);
        let exit = Arc::new(exit);
        let child = ScriptedChild { exit: exited, end: Arc::clone(&exit) };
        let started = Started { device, pid: 0, child: Child::Alive(Source::Script(child)) };
        Ok((own(spec, started, place)?, Script { stream, exit }))
    }

    /// Writes output; waits while the terminal takes none.
    ///
    /// # Errors
    /// When the terminal doesn't listen any more.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads some of the input, at least one byte.
    ///
    /// # Errors
    /// When there will be no more.
    pub async fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; 64 << 10];
        let count = self.stream.read(&mut bytes).await?;
        bytes.truncate(count);
        if count == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }

    /// Ends the child with this code.
    pub fn exit(self, code: i32) {
        self.exit.send_replace(Some(code));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.exit.send_if_modified(|exit| exit.is_none() && exit.replace(0).is_none());
    }
}

impl ScriptedChild {
    pub(crate) async fn wait(&mut self) -> Ended {
        let code = match self.exit.wait_for(Option::is_some).await {
            Ok(code) => *code,
            Err(_) => None,
        };
        Ended { code, ..Ended::default() }
    }

    /// It goes at once, as by a signal.
    pub(crate) async fn end(mut self) -> Ended {
        self.end.send_if_modified(|exit| exit.is_none() && exit.replace(129).is_none());
        self.wait().await
    }
}
