//! All questions of the server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use claude_core::approval::{ApprovalId, Denial, Question, Verdict};
use server_kit::auth::{Identity, Scope, UserId};
use server_kit::problem::Problem;
use server_kit::request_id::RequestId;
use server_kit::runs::RunId;
use store_core::Store;
use store_core::audit::NewAuditEntry;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::approver::RunApprover;
use super::audit;
use super::entry::{ApprovalInfo, ApprovalState, Asker, Decided, Entry, Standing};
use super::verdict::{self, Decide, Made};

/// Questions of one user that may wait at once; further ones are denied.
const PENDING_PER_USER: usize = 32;

/// Decided questions that are held, and about how many bytes of them; beyond it the oldest are forgotten.
const DECIDED: usize = 1024;
const DECIDED_BYTES: usize = 16 << 20;

/// Questions that wait, and those that were decided a while ago. Clones share them.
#[derive(Clone)]
pub struct Approvals {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    ttl: Duration,
    /// Ids rise with time.
    entries: Mutex<BTreeMap<ApprovalId, Entry>>,
}

/// The user has so many questions open that one more would not be looked at.
#[derive(Debug)]
pub(super) struct TooMany;

impl Approvals {
    /// Questions that wait this long at most. Decisions go to the store's audit.
    #[must_use]
    pub fn new(store: Store, ttl: Duration) -> Self {
        Self { shared: Arc::new(Shared { store, ttl, entries: Mutex::default() }) }
    }

    /// Asks for one run of this user, whose tools work in `cwd`. Whose key decides must have this scope.
    #[must_use]
    pub fn for_run(&self, who: &Identity, run: RunId, (cwd, scope): (PathBuf, Scope)) -> RunApprover {
        let asker = Asker { owner: who.user, run, scope, cwd: cwd.into() };
        RunApprover::new(self.clone(), asker, who.role)
    }

    /// The user's questions that are still held, newest first.
    #[must_use]
    pub fn list(&self, who: &Identity, state: Option<ApprovalState>) -> Vec<ApprovalInfo> {
        let entries = self.entries();
        let own = entries.values().rev().filter(|entry| entry.asker.owner == who.user);
        own.filter(|entry| state.is_none_or(|state| entry.state() == state)).map(Entry::info).collect()
    }

    /// One question.
    ///
    /// # Errors
    /// 404, also for somebody else's.
    pub fn get(&self, who: &Identity, id: ApprovalId) -> Result<ApprovalInfo, Problem> {
        Ok(own(&mut self.entries(), who, id)?.info())
    }

    /// Decides a question: once, whoever comes first.
    ///
    /// # Errors
    /// 400 for a decision that this question does not offer, 403 for whoever may not decide it, 404, 409
    /// `already_decided`, 503 when the decision can't be written down: then the question still waits.
    pub async fn decide(
        &self,
        who: &Identity,
        id: ApprovalId,
        decide: Decide,
    ) -> Result<ApprovalInfo, Problem> {
        let (this, who) = (self.clone(), who.clone());
        let work = async move { this.decide_to_the_end(&who, id, decide).await };
        // In a task of its own: what was begun is finished though the one who asked leaves.
        let work = tokio::spawn(RequestId::current().scope(work));
        work.await.map_err(Problem::internal)?
    }

    async fn decide_to_the_end(
        &self,
        who: &Identity,
        id: ApprovalId,
        decide: Decide,
    ) -> Result<ApprovalInfo, Problem> {
        let (asker, question) = {
            let mut entries = self.entries();
            let entry = own(&mut entries, who, id)?;
            entry.check_open()?;
            verdict::check_rights(who, &entry.asker, &entry.question)?;
            (entry.asker.clone(), entry.question.clone())
        };
        let (shown, by, cwd) = (question.clone(), who.name.clone(), asker.cwd.clone());
        let made = tokio::task::spawn_blocking(move || decide.check(&shown, &by, &cwd)).await;
        let made = made.map_err(Problem::internal)??;
        let answer = own(&mut self.entries(), who, id)?.take_answer()?;
        let entry = audit::decided(&asker, &question, &made.verdict, made.reason.as_ref());
        if let Err(error) = self.shared.store.system().audit().append(entry).await {
            self.reopen(id, answer);
            return Err(error.into());
        }
        self.settle(id, made, answer)
    }

    /// The decision is on record: whoever waits gets it.
    fn settle(
        &self,
        id: ApprovalId,
        made: Made,
        answer: oneshot::Sender<Verdict>,
    ) -> Result<ApprovalInfo, Problem> {
        let mut entries = self.entries();
        let entry = entries.get_mut(&id).ok_or_else(Problem::not_found)?;
        let decided = Decided::now(&made.verdict, made.reason);
        if answer.send(made.verdict).is_err() {
            // Its run ended meanwhile: nothing runs, whatever was decided.
            entry.standing = Standing::Decided(Decided::now(&Verdict::Deny(Denial::withdrawn()), None));
            return Err(already_decided(entry.state()));
        }
        entry.standing = Standing::Decided(decided);
        if let Some(edited) = made.edited {
            entry.question = edited;
        }
        let info = entry.info();
        forget_old(&mut entries);
        Ok(info)
    }

    fn reopen(&self, id: ApprovalId, answer: oneshot::Sender<Verdict>) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&id) else { return };
        if entry.deadline > Instant::now() && !answer.is_closed() {
            entry.standing = Standing::Pending(answer);
            return;
        }
        let expired = Verdict::Deny(Denial::expired());
        entry.standing = Standing::Decided(Decided::now(&expired, None));
        // Nobody waits where the run has ended.
        let _ = answer.send(expired);
    }

    // ── for the runs

    /// Takes a question in. Says when it expires.
    pub(super) fn open(&self, asker: &Asker, question: &Question) -> Result<SystemTime, TooMany> {
        let (expires_at, deadline) = (SystemTime::now() + self.shared.ttl, Instant::now() + self.shared.ttl);
        let mut entries = self.entries();
        let waits = |entry: &&Entry| entry.asker.owner == asker.owner && !entry.is_decided();
        if entries.values().filter(waits).count() >= PENDING_PER_USER {
            return Err(TooMany);
        }
        let (sender, receiver) = oneshot::channel();
        let entry = Entry {
            asker: asker.clone(),
            question: verdict::once_only(question.clone()),
            expires_at,
            deadline,
            standing: Standing::Pending(sender),
            answer: Some(receiver),
        };
        entries.insert(question.id(), entry);
        forget_old(&mut entries);
        Ok(expires_at)
    }

    /// Waits for the answer, or until it expires.
    pub(super) async fn wait(&self, id: ApprovalId) -> Verdict {
        let found =
            self.entries().get_mut(&id).and_then(|entry| Some((entry.answer.take()?, entry.deadline)));
        let Some((mut answer, deadline)) = found else { return Verdict::Deny(Denial::withdrawn()) };
        let expired = Verdict::Deny(Denial::expired());
        tokio::select! {
            biased;
            verdict = &mut answer => return verdict.unwrap_or_else(|_| Verdict::Deny(Denial::withdrawn())),
            () = tokio::time::sleep_until(deadline) => {}
        }
        if self.end(id, &expired).await {
            return expired;
        }
        // Somebody decides at this very moment.
        answer.await.unwrap_or(expired)
    }

    /// Takes a question back.
    pub(super) async fn withdraw(&self, id: ApprovalId) {
        self.end(id, &Verdict::Deny(Denial::withdrawn())).await;
    }

    /// The questions of a run that still wait.
    pub(super) fn open_of(&self, run: RunId) -> Vec<ApprovalId> {
        let entries = self.entries();
        let open = entries.iter().filter(|(_, entry)| entry.asker.run == run && !entry.is_decided());
        open.map(|(id, _)| *id).collect()
    }

    /// Whether a person was asked this.
    pub(super) fn knows(&self, id: ApprovalId) -> bool {
        self.entries().contains_key(&id)
    }

    pub(super) async fn append(&self, entry: NewAuditEntry) -> Result<(), store_core::Error> {
        self.shared.store.system().audit().append(entry).await.map(drop)
    }

    pub(super) async fn note(&self, entry: NewAuditEntry) {
        crate::audit::note(&self.shared.store, entry).await;
    }

    /// Ends a question that nobody decided. Says whether it was so.
    async fn end(&self, id: ApprovalId, verdict: &Verdict) -> bool {
        let entry = {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(&id) else { return false };
            // Whoever decides now finds nobody who waits.
            entry.answer = None;
            if !matches!(entry.standing, Standing::Pending(_)) {
                return false;
            }
            entry.standing = Standing::Decided(Decided::now(verdict, None));
            audit::decided(&entry.asker, &entry.question, verdict, None)
        };
        self.note(entry).await;
        true
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ApprovalId, Entry>> {
        // A panic elsewhere leaves a plain map behind.
        self.shared.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn check_open(&self) -> Result<(), Problem> {
        let is_late = self.deadline <= Instant::now();
        match &self.standing {
            Standing::Pending(_) if is_late => Err(already_decided(ApprovalState::Expired)),
            Standing::Pending(_) => Ok(()),
            Standing::Deciding | Standing::Decided(_) => Err(already_decided(self.state())),
        }
    }

    /// From now on nobody else decides.
    fn take_answer(&mut self) -> Result<oneshot::Sender<Verdict>, Problem> {
        self.check_open()?;
        match std::mem::replace(&mut self.standing, Standing::Deciding) {
            Standing::Pending(answer) => Ok(answer),
            other => {
                self.standing = other;
                Err(already_decided(self.state()))
            }
        }
    }
}

fn own<'a>(
    entries: &'a mut BTreeMap<ApprovalId, Entry>,
    who: &Identity,
    id: ApprovalId,
) -> Result<&'a mut Entry, Problem> {
    let mine = |owner: UserId| owner == who.user;
    entries.get_mut(&id).filter(|entry| mine(entry.asker.owner)).ok_or_else(Problem::not_found)
}

/// Forgets the oldest decided ones beyond what is held.
fn forget_old(entries: &mut BTreeMap<ApprovalId, Entry>) {
    let (mut count, mut bytes) = (0, 0);
    for entry in entries.values().filter(|entry| entry.is_decided()) {
        count += 1;
        bytes += entry.bytes();
    }
    while count > DECIDED || bytes > DECIDED_BYTES {
        let Some((id, size)) =
            entries.iter().find(|(_, entry)| entry.is_decided()).map(|(id, it)| (*id, it.bytes()))
        else {
            return;
        };
        entries.remove(&id);
        count -= 1;
        bytes -= size;
    }
}

fn already_decided(state: ApprovalState) -> Problem {
    let message = match state {
        ApprovalState::Pending => "somebody else is deciding this",
        ApprovalState::Allowed => "this was allowed already",
        ApprovalState::Denied => "this was denied already",
        ApprovalState::Expired => "nobody answered in time",
        ApprovalState::Withdrawn => "the run needs no answer any more",
    };
    Problem::new(StatusCode::CONFLICT, "already_decided", message)
}
