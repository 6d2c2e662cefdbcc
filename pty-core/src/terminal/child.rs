//! A terminal's child and all that descends from it, from its start to the last one's end.

use std::pin::Pin;

use process_tree::{Grace, Tree};
use tokio::time::Instant;

use crate::exit::Ended;

/// Where the child and its descendants stand.
pub(crate) enum Child {
    /// The child lives.
    Alive(Source),
    /// The rest is being ended; the child's own end is known if it came first.
    Ending { rest: Ending, exit: Option<Ended> },
    /// Nobody is left.
    Gone { exit: Ended, at: Instant },
}

type Ending = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Who is ended.
pub(crate) enum Source {
    Tree(Box<Tree>),
    #[cfg(feature = "testing")]
    Script(crate::testing::ScriptedChild),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// The child has ended; its descendants may live.
    Exited,
    /// Nobody is left.
    AllGone,
}

impl Child {
    /// Waits for what is next. Cancel safe. Once nobody is left it never returns.
    pub(crate) async fn next(&mut self) -> Happened {
        match self {
            Child::Alive(source) => {
                let exit = source.wait().await;
                self.begin_end(Some(exit));
                Happened::Exited
            }
            Child::Ending { rest, exit } => {
                let last = rest.await;
                if last.left > 0 {
                    tracing::error!(left = last.left, "processes of a terminal can't be ended");
                }
                *self = Child::Gone { exit: exit.unwrap_or(last), at: Instant::now() };
                Happened::AllGone
            }
            Child::Gone { .. } => std::future::pending().await,
        }
    }

    /// Ends it and all that descends from it: `SIGHUP`, after 1 s `SIGTERM`, after 3 s `SIGKILL`.
    pub(crate) fn end(&mut self) {
        if let Child::Alive(_) = self {
            self.begin_end(None);
        }
    }

    fn begin_end(&mut self, exit: Option<Ended>) {
        let nobody: Ending = Box::pin(std::future::pending());
        if let Child::Alive(source) = std::mem::replace(self, Child::Ending { rest: nobody, exit }) {
            *self = Child::Ending { rest: source.end(), exit };
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        matches!(self, Child::Alive(_))
    }

    /// How the child ended, once that is known.
    pub(crate) fn exit(&self) -> Option<Ended> {
        match self {
            Child::Alive(_) => None,
            Child::Ending { exit, .. } => *exit,
            Child::Gone { exit, .. } => Some(*exit),
        }
    }

    /// Since when nobody is left.
    pub(crate) fn gone_at(&self) -> Option<Instant> {
        match self {
            Child::Gone { at, .. } => Some(*at),
            Child::Alive(_) | Child::Ending { .. } => None,
        }
    }
}

impl Source {
    async fn wait(&mut self) -> Ended {
        match self {
            Source::Tree(tree) => tree.wait().await.into(),
            #[cfg(feature = "testing")]
            Source::Script(child) => child.wait().await,
        }
    }

    fn end(self) -> Ending {
        match self {
            Source::Tree(tree) => Box::pin(async { tree.end(Grace::hangup()).await.into() }),
            #[cfg(feature = "testing")]
            Source::Script(child) => Box::pin(child.end()),
        }
    }
}
