//! One client: it finds a terminal, has it, and parts from it.

use std::sync::Arc;
use std::time::Duration;

use pty_core::{Attach, Phase, Viewer};
use server_kit::auth::Identity;
use server_kit::problem::Problem;
use server_kit::socket_io::{Emitter, Event, Events};

use super::super::request::NewTerminal;
use super::super::{ViewMode, figures, problem};
use super::Shared;
use super::asked::{Asked, Introduction};
use super::live::{self, End, Live, tell_status};
use super::places::Hold;
use super::status;
use figures::Said;

/// What a socket runs that doesn't ask for anything else.
const COMMAND: &str = "claude";
/// Output that is kept of a terminal that was started here: what a client may not have consumed, a window, and some more.
const RING_BYTES: usize = 448 << 10;
/// How long a client may take for its last event, where it is not waited for.
const LAST_EVENT: Duration = Duration::from_secs(2);

/// A client that was let in.
pub(super) struct Socket {
    pub(super) shared: Arc<Shared>,
    pub(super) who: Identity,
    pub(super) emitter: Emitter,
}

/// A terminal, and a place at it.
type Held = (Viewer, Hold);

impl Socket {
    /// Serves it to its end.
    pub(super) async fn run(self, mut events: Events, wish: Introduction) {
        let mut signed_out = Box::pin(self.shared.app.until_signed_out(&self.who, ()));
        let end = tokio::select! {
            held = self.choose(&mut events, wish) => match held {
                Ok(held) => {
                    let live = Live::new(&self.emitter, held, self.shared.clipboard);
                    live.run(&mut events, &mut signed_out).await
                }
                Err(end) => end,
            },
            () = &mut signed_out => {
                tell_status(&self.emitter, &status::unauthorized());
                End::SignedOut
            }
        };
        self.part(end).await;
    }

    /// Finds the socket a terminal: the one it named, a new one, or whichever it asks for later.
    async fn choose(&self, events: &mut Events, wish: Introduction) -> Result<Held, End> {
        let first = match (wish.terminal, wish.start) {
            (Some(id), _) => Some(self.take_up(&id, wish.from)),
            (None, true) => Some(self.start(NewTerminal::of(COMMAND)).await),
            (None, false) => None,
        };
        if let Some(held) = first.and_then(|held| self.or_tell(held)) {
            return Ok(held);
        }
        loop {
            let event = live::hear(events, &self.emitter).await.ok_or(End::Gone)?;
            if let Some(held) = self.hear(event).await {
                return Ok(held);
            }
        }
    }

    /// What a socket without a terminal asks for.
    async fn hear(&self, event: Event) -> Option<Held> {
        self.emitter.acknowledge(&event);
        let held = match Asked::of(event)? {
            Ok(Asked::Start(new)) => {
                figures::event_in(Said::Start, 0);
                self.start(*new).await
            }
            Ok(Asked::Attach { id, from }) => {
                figures::event_in(Said::Attach, 0);
                self.take_up(&id, from)
            }
            Ok(Asked::Input(_) | Asked::Resize(_) | Asked::Ack(_)) => {
                tell_status(&self.emitter, &status::error("no_terminal", "this socket has no terminal yet"));
                return None;
            }
            Err(problem) => Err(problem),
        };
        self.or_tell(held)
    }

    fn or_tell<T>(&self, done: Result<T, Problem>) -> Option<T> {
        done.inspect_err(|problem| {
            problem.log();
            tell_status(&self.emitter, &status::refused(problem));
        })
        .ok()
    }

    async fn start(&self, new: NewTerminal) -> Result<Held, Problem> {
        let terminal = self.shared.app.terminals.start(&self.who, new.keeping(RING_BYTES)).await?;
        let hold = self.shared.places.begin(terminal);
        let viewer = hold.terminal().attach(Attach::writer().patient().from(0)).map_err(problem::of)?;
        Ok((viewer, hold))
    }

    /// Takes up a terminal that lives, or whose end its last socket was not told.
    fn take_up(&self, id: &str, from: Option<u64>) -> Result<Held, Problem> {
        let terminal = self.shared.app.terminals.get(&self.who, id)?;
        if terminal.info().phase != Phase::Running && !self.shared.places.holds(terminal.id()) {
            return Err(Problem::not_found());
        }
        let attach = Attach::writer().patient();
        let viewer = terminal.attach(from.map_or(attach, |from| attach.from(from))).map_err(problem::of)?;
        self.shared.app.terminals.note_attach(&self.who, terminal.id(), ViewMode::Write);
        // Whoever has it hears of that once this one is attached, so that nothing is lost between.
        Ok((viewer, self.shared.places.take_up(terminal)))
    }

    /// Ends the connection, in good order where there is somebody.
    async fn part(self, end: End) {
        match end {
            End::Gone => {}
            // Its last output goes first, however slowly it is taken.
            End::Exited => self.emitter.disconnect().await,
            End::SignedOut | End::TakenOver | End::Closed(_) | End::Overflow => {
                // Cut off where it takes longer.
                let _ = tokio::time::timeout(LAST_EVENT, self.emitter.disconnect()).await;
            }
        }
    }
}
