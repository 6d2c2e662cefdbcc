//! What a journal's lines mean: kept in memory, the same for each way of writing them down.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Holder, JournalError, NewDeployment, Record};
use crate::deployer::Timestamp;
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Created(Box<NewDeployment>),
    Appended { id: DeploymentId, at: usize, record: Record },
    Finished { id: DeploymentId, end: End },
}

/// All deployments.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: BTreeMap<DeploymentId, Entry>,
}

#[derive(Debug)]
struct Entry {
    key: Option<String>,
    name: String,
    /// The plan, by which a key that is used again is compared.
    written: String,
    records: Vec<Record>,
    end: Option<End>,
    is_name_free: bool,
    /// Not written down: a lease dies with the process that has the file.
    held: Option<(Holder, Timestamp)>,
}

impl Book {
    /// Looks whether a line may be written.
    pub(super) fn check(&self, line: &Line) -> Result<(), JournalError> {
        match line {
            Line::Created(new) => self.check_new(new),
            Line::Appended { id, at, record } => {
                let entry = self.entry(id)?;
                let is_taken = entry.end.is_none() || matches!(record, Record::Asked { .. });
                if *at == entry.records.len() && is_taken { Ok(()) } else { Err(JournalError::Lost) }
            }
            Line::Finished { id, .. } => self.entry(id).map(drop),
        }
    }

    fn check_new(&self, new: &NewDeployment) -> Result<(), JournalError> {
        let same_key = |entry: &Entry| new.key.is_some() && entry.key == new.key;
        if let Some((id, entry)) = self.entries.iter().find(|(_, entry)| same_key(entry)) {
            let is_same = entry.written == written(new)?;
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
                let entry = self.entry_mut(&id)?;
                entry.is_name_free |= end.frees_name();
                (entry.end, entry.held) = (Some(end), None);
            }
        }
        Ok(())
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
            written: written(new)?,
            records: vec![planned],
            end: None,
            is_name_free: false,
            held: None,
        })
    }

    fn is_held(&self, now: Timestamp) -> Option<&Holder> {
        self.held.as_ref().filter(|(_, until)| now < *until).map(|(holder, _)| holder)
    }
}

fn written(new: &NewDeployment) -> Result<String, JournalError> {
    serde_json::to_string(&new.plan).map_err(unwritable)
}

pub(super) fn unwritable(error: serde_json::Error) -> JournalError {
    JournalError::Unavailable { what: "a record can't be written as JSON", source: Box::new(error) }
}
