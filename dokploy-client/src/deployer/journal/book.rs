//! What a journal's lines mean: kept in memory, the same for each way of writing them down.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Holder, JournalError, NewDeployment, Record};
use crate::deployer::Timestamp;
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;
use crate::deployer::machine::{Machine, Next};
use crate::deployer::plan::Plan;

/// How many deployments are remembered of which nothing is left. Beyond that the oldest are forgotten.
pub(super) const MAX_GONE: usize = 1000;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one, if any.
    Server(String),
    Created(Box<NewDeployment>),
    Appended {
        id: DeploymentId,
        at: usize,
        record: Record,
    },
    Finished {
        id: DeploymentId,
        end: End,
    },
    /// In place of all lines before it of this deployment.
    Kept {
        id: DeploymentId,
        entry: Box<Entry>,
    },
}

/// All deployments.
#[derive(Debug, Default)]
pub(super) struct Book {
    server: Option<String>,
    entries: BTreeMap<DeploymentId, Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    key: Option<String>,
    name: String,
    /// Of the plan as it was asked for, by which a key that is used again is compared.
    fingerprint: String,
    records: Vec<Record>,
    end: Option<End>,
    is_name_free: bool,
    /// Not written down: a lease dies with the process that has the file.
    #[serde(skip)]
    held: Option<(Holder, Timestamp)>,
}

impl Book {
    /// Looks whether a line may be written.
    pub(super) fn check(&self, line: &Line) -> Result<(), JournalError> {
        match line {
            Line::Server(server) => self.check_server(server),
            Line::Created(new) => self.check_new(new),
            Line::Appended { id, at, record } => {
                let entry = self.entry(id)?;
                let is_taken = entry.end.is_none() || matches!(record, Record::Asked { .. });
                if *at == entry.position() && is_taken { Ok(()) } else { Err(JournalError::Lost) }
            }
            Line::Finished { id, end } => self.entry(id)?.check_end(end),
            Line::Kept { id, .. } if self.entries.contains_key(id) => Err(JournalError::NameTaken),
            Line::Kept { .. } => Ok(()),
        }
    }

    fn check_server(&self, server: &str) -> Result<(), JournalError> {
        match &self.server {
            Some(known) if known != server => Err(JournalError::OtherServer { server: known.clone() }),
            _ => Ok(()),
        }
    }

    fn check_new(&self, new: &NewDeployment) -> Result<(), JournalError> {
        let same_key = |entry: &Entry| new.key.is_some() && entry.key == new.key;
        if let Some((id, entry)) = self.entries.iter().find(|(_, entry)| same_key(entry)) {
            let is_same = entry.fingerprint == fingerprint(id, &new.plan)?;
            return Err(if is_same { JournalError::SameKey(id.clone()) } else { JournalError::KeyReused });
        }
        let has_name = |entry: &Entry| !entry.is_name_free && entry.name == new.plan.name().as_str();
        if self.entries.contains_key(&new.id) || self.entries.values().any(has_name) {
            return Err(JournalError::NameTaken);
        }
        Ok(())
    }

    /// Takes a line that was written.
    pub(super) fn take(&mut self, line: Line) -> Result<(), JournalError> {
        match line {
            Line::Server(server) => self.server = Some(server),
            Line::Created(new) => {
                let entry = Entry::new(&new)?;
                self.entries.insert(new.id, entry);
            }
            Line::Appended { id, record, .. } => {
                let entry = self.entry_mut(&id)?;
                if matches!(record, Record::Asked { .. }) {
                    entry.end = None;
                }
                entry.records.push(record);
            }
            Line::Finished { id, end } => {
                self.entry_mut(&id)?.finish(end);
                self.forget_oldest();
            }
            Line::Kept { id, entry } => {
                self.entries.insert(id, *entry);
            }
        }
        Ok(())
    }

    /// The fewest lines that say the same.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        let kept = |(id, entry): (&DeploymentId, &Entry)| Line::Kept {
            id: id.clone(),
            entry: Box::new(entry.clone()),
        };
        self.server.iter().cloned().map(Line::Server).chain(self.entries.iter().map(kept))
    }

    /// The server that its deployments are on, if that was told.
    pub(super) fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    pub(super) fn load(&self, id: &DeploymentId) -> Result<Vec<Record>, JournalError> {
        Ok(self.entry(id)?.records.clone())
    }

    /// Holds one, unless another does.
    pub(super) fn hold(&mut self, id: &DeploymentId, by: &Lease) -> Result<(), JournalError> {
        let entry = self.entry_mut(id)?;
        if entry.is_held(by.now).is_some_and(|holder| *holder != by.holder) {
            return Err(JournalError::Lost);
        }
        entry.held = Some(by.held());
        Ok(())
    }

    /// Holds all that nobody holds and that has work left.
    pub(super) fn claim(&mut self, by: &Lease) -> Vec<DeploymentId> {
        let is_open = |entry: &Entry| {
            entry.is_held(by.now).is_none() && entry.end.as_ref().is_none_or(End::has_work_left)
        };
        let open = self.entries.iter_mut().filter(|(_, entry)| is_open(entry));
        let hold = |(id, entry): (&DeploymentId, &mut Entry)| {
            entry.held = Some(by.held());
            id.clone()
        };
        open.map(hold).collect()
    }

    /// As after a restart.
    pub(super) fn forget_holders(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.held = None);
    }

    /// An id begins with its time, so the first is the oldest.
    fn forget_oldest(&mut self) {
        let gone = || self.entries.iter().filter(|(_, entry)| entry.is_gone()).map(|(id, _)| id);
        if gone().count() > MAX_GONE
            && let Some(id) = gone().next().cloned()
        {
            self.entries.remove(&id);
        }
    }

    fn entry(&self, id: &DeploymentId) -> Result<&Entry, JournalError> {
        self.entries.get(id).ok_or(JournalError::NotFound)
    }

    fn entry_mut(&mut self, id: &DeploymentId) -> Result<&mut Entry, JournalError> {
        self.entries.get_mut(id).ok_or(JournalError::NotFound)
    }
}

/// Who takes hold, and for how long from now.
pub(super) struct Lease {
    pub(super) holder: Holder,
    pub(super) now: Timestamp,
    pub(super) length: Duration,
}

impl Lease {
    fn held(&self) -> (Holder, Timestamp) {
        (self.holder.clone(), self.now.after(self.length))
    }
}

impl Entry {
    fn new(new: &NewDeployment) -> Result<Self, JournalError> {
        let planned = Record::Planned { id: new.id.clone(), plan: Box::new(new.plan.clone()) };
        Ok(Self {
            key: new.key.clone(),
            name: new.plan.name().as_str().to_owned(),
            fingerprint: fingerprint(&new.id, &new.plan)?,
            records: vec![planned],
            end: None,
            is_name_free: false,
            held: None,
        })
    }

    fn finish(&mut self, end: End) {
        self.is_name_free |= end.frees_name();
        self.shorten(&end);
        (self.end, self.held) = (Some(end), None);
    }

    /// An end that its records don't tell is one of somebody who stood still while others went on.
    fn check_end(&self, end: &End) -> Result<(), JournalError> {
        match Machine::replay(&self.records) {
            Ok(replayed) if self.records.len() > 1 && replayed.next != Next::Ended(end.clone()) => {
                Err(JournalError::Lost)
            }
            _ => Ok(()),
        }
    }

    /// Keeps where it ended in place of how it came there. Records that don't tell that end stay.
    fn shorten(&mut self, end: &End) {
        let Ok(replayed) = Machine::replay(&self.records) else { return };
        let reached = replayed.machine.reached(replayed.position);
        if let Some(reached) = reached.filter(|reached| reached.end == *end) {
            self.records = vec![Record::Reached(Box::new(reached))];
        }
    }

    fn position(&self) -> usize {
        Record::next_position(&self.records)
    }

    fn is_gone(&self) -> bool {
        self.is_name_free && self.end.as_ref().is_some_and(|end| !end.has_work_left())
    }

    fn is_held(&self, now: Timestamp) -> Option<&Holder> {
        self.held.as_ref().filter(|(_, until)| now < *until).map(|(holder, _)| holder)
    }
}

/// Tells plans apart without their secrets; salted with the id, whose bits are random.
fn fingerprint(id: &DeploymentId, plan: &Plan) -> Result<String, JournalError> {
    let plan = serde_json::to_vec(plan).map_err(unwritable)?;
    let digest = Sha256::new().chain_update(id.as_str()).chain_update(plan).finalize();
    Ok(format!("{digest:x}"))
}

pub(super) fn unwritable(error: serde_json::Error) -> JournalError {
    JournalError::Unavailable { what: "a record can't be written as JSON", source: Box::new(error) }
}
