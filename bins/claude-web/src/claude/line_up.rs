//! Who runs when: one run at a time in a session, and no more of them at once than the server takes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use claude_core::cli::CliSessionId;
use server_kit::problem::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::Busy;

/// Runs that may wait for one session; beyond it 429.
const WAIT_PER_SESSION: usize = 8;

/// Runs that may wait for a free place; beyond it 429.
const WAIT_FOR_PLACE: usize = 1024;

/// How long a run waits; beyond it, it is refused.
const PATIENCE: Duration = Duration::from_secs(600);

/// The line of runs. First come, first served, in each session and for the places.
#[derive(Debug)]
pub(super) struct LineUp {
    places: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    busy: Busy,
    sessions: Sessions,
}

/// The sessions that somebody works in, or waits for.
#[derive(Debug, Clone, Default)]
struct Sessions(Arc<Mutex<HashMap<CliSessionId, Arc<Session>>>>);

#[derive(Debug)]
struct Session {
    turn: Arc<Semaphore>,
    /// Runs that hold or await the turn.
    runs: AtomicUsize,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<CliSessionId, Arc<Session>>> {
        // A panic elsewhere leaves a plain map behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineUp {
    /// With so many places.
    pub(super) fn new(places: usize, busy: Busy) -> Self {
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { places, waiting: Arc::default(), busy, sessions: Sessions::default() }
    }

    /// Whether a run works in this session, or is about to.
    pub(super) fn is_busy(&self, id: &CliSessionId) -> bool {
        self.sessions.lock().contains_key(id)
    }

    /// Takes a session's turn now, so that no run works in it meanwhile.
    ///
    /// # Errors
    /// 409 `session_busy` where one works in it, or waits to.
    pub(super) fn reserve(&self, id: &CliSessionId) -> Result<Ticket, Problem> {
        let member = Member::join(&self.sessions, id, Busy::Refuse)?;
        let turns = member.session.turn.clone().try_acquire_owned().into_iter().collect();
        let (places, sessions) = (self.places.clone(), self.sessions.clone());
        Ok(Ticket { turns, place: None, waits: None, places, sessions, members: vec![member] })
    }

    /// Takes a place at the end of the line.
    pub(super) fn enter(&self, session: Option<&CliSessionId>) -> Result<Ticket, Problem> {
        let member = session.map(|id| Member::join(&self.sessions, id, self.busy)).transpose()?;
        let mut ticket = Ticket {
            turns: Vec::new(),
            place: None,
            waits: None,
            places: self.places.clone(),
            sessions: self.sessions.clone(),
            members: member.into_iter().collect(),
        };
        if !ticket.try_now() {
            ticket.waits = Some(Waiting::count(&self.waiting)?);
        }
        Ok(ticket)
    }
}

/// One run's membership of a session: counts it in, and out when dropped.
#[derive(Debug)]
struct Member {
    sessions: Sessions,
    id: CliSessionId,
    session: Arc<Session>,
}

impl Member {
    fn join(sessions: &Sessions, id: &CliSessionId, busy: Busy) -> Result<Self, Problem> {
        let mut all = sessions.lock();
        let session = all.entry(id.clone()).or_insert_with(|| {
            Arc::new(Session { turn: Arc::new(Semaphore::new(1)), runs: AtomicUsize::new(0) })
        });
        let runs = session.runs.load(Ordering::Relaxed);
        if runs > 0 && busy == Busy::Refuse {
            return Err(session_busy());
        }
        if runs > WAIT_PER_SESSION {
            let message = "too many runs wait for this session; try again later";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "session_queue_full", message);
            return Err(problem.retry_after(Duration::from_secs(5)));
        }
        session.runs.fetch_add(1, Ordering::Relaxed);
        Ok(Self { sessions: sessions.clone(), id: id.clone(), session: session.clone() })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut all = self.sessions.lock();
        if self.session.runs.fetch_sub(1, Ordering::Relaxed) == 1 {
            all.remove(&self.id);
        }
    }
}

/// One more that waits for a place, until dropped.
#[derive(Debug)]
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn count(waiting: &Arc<AtomicUsize>) -> Result<Self, Problem> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAIT_FOR_PLACE {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::rate_limited(Duration::from_secs(5)));
        }
        Ok(Self(waiting.clone()))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A run's place in the line, and later its turn. Dropping it lets the next one go.
#[derive(Debug)]
pub(super) struct Ticket {
    // In this order: the turns are given back before the memberships.
    turns: Vec<OwnedSemaphorePermit>,
    place: Option<OwnedSemaphorePermit>,
    waits: Option<Waiting>,
    places: Arc<Semaphore>,
    sessions: Sessions,
    members: Vec<Member>,
}

impl Ticket {
    /// Whether it is not its turn yet.
    pub(super) fn waits(&self) -> bool {
        self.waits.is_some()
    }

    fn try_now(&mut self) -> bool {
        if let Some(member) = self.members.first() {
            let Ok(turn) = member.session.turn.clone().try_acquire_owned() else { return false };
            self.turns.push(turn);
        }
        self.place = self.places.clone().try_acquire_owned().ok();
        self.place.is_some()
    }

    /// Waits for the turn, then for a free place. Cancel safe.
    ///
    /// # Errors
    /// After ten minutes: 409 `session_busy`, or 503 where only a place was lacking.
    pub(super) async fn wait(&mut self) -> Result<(), Problem> {
        let turn = async {
            if let (Some(member), true) = (self.members.first(), self.turns.is_empty()) {
                self.turns.extend(member.session.turn.clone().acquire_owned().await.ok());
            }
            if self.place.is_none() {
                self.place = self.places.clone().acquire_owned().await.ok();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, turn).await;
        if waited.is_err() {
            let has_turn = self.members.is_empty() || !self.turns.is_empty();
            return Err(if has_turn { no_place() } else { session_busy() });
        }
        self.waits = None;
        Ok(())
    }

    /// The CLI told the session's id: runs that go on with it wait from now on. A session that is held already stays
    /// held.
    pub(super) fn works_in(&mut self, id: &CliSessionId) {
        if self.members.iter().any(|member| member.id == *id) {
            return;
        }
        if let Ok(member) = Member::join(&self.sessions, id, Busy::Wait) {
            self.turns.extend(member.session.turn.clone().try_acquire_owned().ok());
            self.members.push(member);
        }
    }
}

fn session_busy() -> Problem {
    Problem::new(StatusCode::CONFLICT, "session_busy", "another run works in this session; try again later")
        .retry_after(Duration::from_secs(5))
}

fn no_place() -> Problem {
    Problem::unavailable("the server runs as much as it may; try again later")
        .retry_after(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_run_waits_for_the_first() {
        let line = LineUp::new(4, Busy::Wait);
        let id = CliSessionId::new();
        let first = line.enter(Some(&id)).unwrap();
        let mut second = line.enter(Some(&id)).unwrap();
        assert!(!first.waits() && second.waits());
        let wait = tokio::time::timeout(Duration::from_secs(60), second.wait());
        assert!(wait.await.is_err());
        drop(first);
        second.wait().await.unwrap();
        drop(second);
        assert!(!line.is_busy(&id));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_nor_in_an_endless_line() {
        let line = LineUp::new(4, Busy::Wait);
        let id = CliSessionId::new();
        let _first = line.enter(Some(&id)).unwrap();
        let mut others: Vec<Ticket> = (0..WAIT_PER_SESSION).map(|_| line.enter(Some(&id)).unwrap()).collect();
        assert_eq!(line.enter(Some(&id)).unwrap_err().code(), "session_queue_full");
        assert_eq!(others[0].wait().await.unwrap_err().code(), "session_busy");
        drop(others);
        assert!(line.enter(Some(&id)).is_ok());
    }

    #[tokio::test]
    async fn a_busy_session_refuses_where_it_shall() {
        let line = LineUp::new(4, Busy::Refuse);
        let id = CliSessionId::new();
        let first = line.enter(Some(&id)).unwrap();
        assert_eq!(line.enter(Some(&id)).unwrap_err().code(), "session_busy");
        drop(first);
        assert!(!line.enter(Some(&id)).unwrap().waits());
    }

    #[tokio::test]
    async fn a_new_session_is_busy_once_its_id_is_known() {
        let line = LineUp::new(4, Busy::Wait);
        let id = CliSessionId::new();
        let mut first = line.enter(None).unwrap();
        first.works_in(&id);
        let mut second = line.enter(Some(&id)).unwrap();
        assert!(second.waits());
        drop(first);
        second.wait().await.unwrap();
    }

    #[tokio::test]
    async fn a_fork_is_busy_too_once_its_id_is_known() {
        let line = LineUp::new(4, Busy::Wait);
        let (parent, fork) = (CliSessionId::new(), CliSessionId::new());
        let mut first = line.enter(Some(&parent)).unwrap();
        first.works_in(&fork);
        assert!(line.enter(Some(&fork)).unwrap().waits());
        assert!(line.enter(Some(&parent)).unwrap().waits());
        assert_eq!(line.reserve(&fork).unwrap_err().code(), "session_busy");
        drop(first);
        let held = line.reserve(&fork).unwrap();
        assert!(line.enter(Some(&fork)).unwrap().waits());
        drop(held);
        assert!(!line.enter(Some(&fork)).unwrap().waits());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lack_of_places_is_told_as_that() {
        let line = LineUp::new(1, Busy::Wait);
        let _first = line.enter(None).unwrap();
        assert_eq!(line.enter(None).unwrap().wait().await.unwrap_err().code(), "unavailable");
    }

    #[tokio::test]
    async fn places_are_few_and_given_back() {
        let line = LineUp::new(1, Busy::Wait);
        let first = line.enter(None).unwrap();
        let mut second = line.enter(None).unwrap();
        assert!(second.waits());
        drop(first);
        second.wait().await.unwrap();
    }
}
