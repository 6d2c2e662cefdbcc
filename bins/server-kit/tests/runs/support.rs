//! Runs on a store in memory, and what their readers get.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use server_kit::auth::{Identity, Proof, Role, UserId};
use server_kit::runs::{Event, Limits, NewRun, Outcome, Reader, RunId, RunInfo, RunWriter, Runs};
use server_kit::store::StoreArchive;
use store_core::Store;
use store_core::user::{NewUser, PasswordHash};

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) runs: Runs,
    pub(crate) ada: Identity,
    pub(crate) bob: Identity,
}

pub(crate) async fn house(change: impl FnOnce(&mut Limits)) -> House {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
    let runs = open(&store, change);
    House { store, runs, ada, bob }
}

pub(crate) fn open(store: &Store, change: impl FnOnce(&mut Limits)) -> Runs {
    let mut limits = Limits::default();
    change(&mut limits);
    Runs::new(Arc::new(StoreArchive::new(store.clone())), limits)
}

async fn user(store: &Store, name: &str) -> Identity {
    let password_hash = PasswordHash::new("none");
    let new = NewUser { name: name.into(), password_hash, role: store_core::user::Role::User };
    let user = store.system().users().create(new).await.unwrap();
    let proof = Proof::Token { jti: "none".into(), exp: 0 };
    Identity { user: UserId::new(user.id.as_uuid()), name: name.into(), role: Role::User, proof }
}

impl House {
    pub(crate) fn new_run(&self) -> NewRun {
        NewRun::new(self.ada.user, "claude")
    }

    /// Starts a run of so many lines of 1,000 bytes.
    pub(crate) async fn run_of_lines(&self, new: NewRun, count: u64) -> (RunId, Reader) {
        let work = move |mut log: RunWriter| async move {
            for number in 1..=count {
                log.append(line(number, 1000)).await;
            }
            log.end(Outcome::Completed, None).await
        };
        self.runs.spawn(new, work).await.unwrap()
    }

    pub(crate) async fn info(&self, id: RunId) -> RunInfo {
        self.runs.get(id, &self.ada).await.unwrap()
    }

    pub(crate) async fn ended(&self, id: RunId) -> RunInfo {
        for _ in 0..1000 {
            let info = self.info(id).await;
            if info.ended_at.is_some() {
                return info;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the run never ended: {:?}", self.info(id).await);
    }
}

/// A line of this size that tells its number.
pub(crate) fn line(number: u64, size: usize) -> Event {
    Event::raw(Bytes::from(line_text(number, size)))
}

pub(crate) fn line_text(number: u64, size: usize) -> String {
    format!("{number:0size$}")
}

/// The frames of these lines.
pub(crate) fn frames(numbers: impl IntoIterator<Item = u64>, size: usize) -> String {
    numbers.into_iter().map(|number| format!("id: {number}\ndata: {}\n\n", line_text(number, size))).collect()
}

/// Everything to the end.
pub(crate) async fn text(mut reader: Reader) -> String {
    let mut all = Vec::new();
    while let Some(bytes) = reader.next().await {
        all.extend_from_slice(&bytes.expect("the reader fails"));
    }
    String::from_utf8(all).unwrap()
}

/// The ids of the events in an event stream.
pub(crate) fn ids(stream: &str) -> Vec<u64> {
    stream.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}
