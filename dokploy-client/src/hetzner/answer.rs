//! What Hetzner answers.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::request::{DEPLOYMENT, MANAGED_BY, MANAGER, comment};
use crate::dns::{Owner, RecordSet, RecordType};
use crate::host::Host;
use crate::http::{is_code, shortened};

#[derive(Debug, Deserialize)]
pub(super) struct ZoneAnswer {
    pub(super) zone: ZoneRow,
}

#[derive(Debug, Deserialize)]
pub(super) struct ZoneRow {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetAnswer {
    pub(super) rrset: Set,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetsAnswer {
    pub(super) rrsets: Vec<Set>,
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
struct Pagination {
    next_page: Option<u64>,
}

/// The records of a name and type.
#[derive(Debug, Deserialize)]
pub(super) struct Set {
    /// Within the zone.
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: String,
    labels: Option<HashMap<String, String>>,
    records: Vec<Record>,
}

/// A value, and what a person or program noted.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Record {
    pub(super) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

/// How much of a set is an owner's.
#[derive(Debug)]
pub(super) enum Share {
    None,
    /// These records; others were added to them.
    Some(Vec<Record>),
    All,
}

#[derive(Debug, Deserialize)]
pub(super) struct ActionAnswer {
    pub(super) action: Action,
}

/// A change that goes on after its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) status: String,
    pub(super) error: Option<Said>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorAnswer {
    pub(super) error: Said,
}

/// An error in Hetzner's words.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    #[serde(default)]
    messages: Vec<String>,
}

impl SetsAnswer {
    pub(super) fn next_page(&self) -> Option<u64> {
        self.meta.as_ref()?.pagination.next_page
    }
}

impl Set {
    /// The type, if it leads to an address.
    pub(super) fn kind(&self) -> Option<RecordType> {
        [RecordType::A, RecordType::Aaaa].into_iter().find(|kind| kind.as_str() == self.kind)
    }

    /// Whether it leads to another name.
    pub(super) fn is_alias(&self) -> bool {
        self.kind == RecordType::Cname.as_str()
    }

    pub(super) fn is_of(&self, owner: &Owner) -> bool {
        self.owner().as_ref() == Some(owner)
    }

    /// Whether it holds this address and nothing else.
    pub(super) fn has_only(&self, address: IpAddr) -> bool {
        matches!(&*self.records, [record] if record.value.parse() == Ok(address))
    }

    /// A set is an owner's by its labels, and a record in it by its comment.
    pub(super) fn share(&self, owner: &Owner) -> Share {
        if !self.is_of(owner) {
            return Share::None;
        }
        let ours: Vec<_> = self.records_of(owner).cloned().collect();
        if ours.len() == self.records.len() { Share::All } else { Share::Some(ours) }
    }

    /// As it is told.
    pub(super) fn told(&self, host: Host, kind: RecordType) -> RecordSet {
        let addresses = self.records.iter().filter_map(|record| record.value.parse().ok()).collect();
        RecordSet { host, kind, addresses, owner: self.owner() }
    }

    /// Whose it is, as long as a record in it is: of what is left when ours is gone, only the labels are ours.
    fn owner(&self) -> Option<Owner> {
        let labels = self.labels.as_ref()?;
        labels.get(MANAGED_BY).filter(|manager| *manager == MANAGER)?;
        let owner = Owner::parse(labels.get(DEPLOYMENT)?).ok()?;
        self.records_of(&owner).next()?;
        Some(owner)
    }

    fn records_of(&self, owner: &Owner) -> impl Iterator<Item = &Record> {
        let comment = comment(owner);
        self.records.iter().filter(move |record| record.comment.as_deref() == Some(&*comment))
    }
}

impl Said {
    pub(super) fn code(&self) -> Option<&str> {
        Some(&*self.code).filter(|code| is_code(code, u8::is_ascii_lowercase))
    }

    /// For a log: the message, and what was said of each field.
    pub(super) fn text(&self) -> Box<str> {
        let mut text = self.message.clone();
        for field in self.details.iter().flat_map(|details| &details.fields) {
            text.push_str("; ");
            text.push_str(&field.name);
            for message in &field.messages {
                text.push_str(": ");
                text.push_str(message);
            }
        }
        shortened(&text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(labels: &serde_json::Value, comments: &[&str]) -> Set {
        let records: Vec<_> =
            comments.iter().map(|it| json!({"value": "192.0.2.1", "comment": it})).collect();
        let set = json!({"name": "a", "type": "A", "ttl": null, "labels": labels, "records": records});
        serde_json::from_value(set).unwrap()
    }

    #[test]
    fn a_set_is_an_owners_by_its_labels_and_a_record_by_its_comment() {
        let owner = Owner::parse("7").unwrap();
        let ours = &*comment(&owner);
        let labels = json!({"managed-by": "claude-opskit", "deployment": "7"});
        let share = |labels: &serde_json::Value, comments: &[&str]| match set(labels, comments).share(&owner)
        {
            Share::None => "none".to_owned(),
            Share::Some(records) => format!("{}", records.len()),
            Share::All => "all".to_owned(),
        };
        assert_eq!(share(&labels, &[ours]), "all");
        assert_eq!(share(&labels, &[ours, "by hand", ours]), "2");
        assert_eq!(share(&labels, &["by hand"]), "none");
        for others in [
            json!({}),
            json!(null),
            json!({"managed-by": "terraform", "deployment": "7"}),
            json!({"managed-by": "claude-opskit"}),
            json!({"managed-by": "claude-opskit", "deployment": "-"}),
            json!({"managed-by": "claude-opskit", "deployment": "8"}),
            json!({"deployment": "7"}),
        ] {
            assert_eq!(share(&others, &[ours]), "none", "{others}");
        }
    }
}
