//! One request: what is sent, and how its answer is read.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Wanted;
use super::answer::Record;
use super::refusal::Failure;
use super::zone::Zone;
use crate::dns::{DnsError, Owner, RecordType};
use crate::error::Upstream;
use crate::http::{place, what_is_wrong};

/// The label of whoever made a set, and what it says of those that were made here.
pub(super) const MANAGED_BY: &str = "managed-by";
pub(super) const MANAGER: &str = "claude-opskit";

/// The label of a set's owner.
pub(super) const DEPLOYMENT: &str = "deployment";

/// Record sets of a page: the most that Hetzner gives.
const PER_PAGE: &str = "100";

/// What is sent.
#[derive(Debug)]
pub(super) struct Request {
    /// What it does, for messages: a verb and what it is done to.
    pub(super) name: &'static str,
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
}

/// Which sets are listed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filter<'a> {
    /// Those of a name within the zone.
    Name(&'a str),
    /// Those of an owner.
    Owner(&'a Owner),
}

#[derive(Serialize)]
struct NewSet<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Without it the zone's.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    records: [Record; 1],
    labels: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Records<'a> {
    records: &'a [Record],
}

/// What the records of an owner say to people.
pub(super) fn comment(owner: &Owner) -> String {
    format!("{MANAGED_BY}={MANAGER} {DEPLOYMENT}={owner}")
}

impl Request {
    pub(super) fn zone(zone: &Zone) -> Self {
        Self::get("read the zone", of_zone(zone, []))
    }

    pub(super) fn one(zone: &Zone, name: &str, kind: RecordType) -> Self {
        Self::get("read the record set", of_set(zone, name, kind))
    }

    pub(super) fn list(zone: &Zone, filter: Filter<'_>, page: u64) -> Self {
        let filter = match filter {
            Filter::Name(name) => ("name", name.to_owned()),
            Filter::Owner(owner) => {
                ("label_selector", format!("{MANAGED_BY}={MANAGER},{DEPLOYMENT}={owner}"))
            }
        };
        let query = vec![filter, ("page", page.to_string()), ("per_page", PER_PAGE.to_owned())];
        Self { query, ..Self::get("list the record sets", of_zone(zone, ["rrsets"])) }
    }

    pub(super) fn action(id: u64) -> Self {
        Self::get("read the action", vec!["actions".to_owned(), id.to_string()])
    }

    pub(super) fn create(
        zone: &Zone,
        name: &str,
        wanted: &Wanted<'_>,
        ttl: Option<u32>,
    ) -> Result<Self, DnsError> {
        let record = Record { value: wanted.address.to_string(), comment: Some(comment(wanted.owner)) };
        let labels = BTreeMap::from([(MANAGED_BY, MANAGER), (DEPLOYMENT, wanted.owner.as_str())]);
        let set = NewSet { name, kind: wanted.kind().as_str(), ttl, records: [record], labels };
        Self::post("create the record set", of_zone(zone, ["rrsets"]), &set)
    }

    pub(super) fn delete(zone: &Zone, name: &str, kind: RecordType) -> Self {
        Self { method: Method::DELETE, ..Self::get("delete the record set", of_set(zone, name, kind)) }
    }

    /// Takes records out of a set; with the last one goes the set.
    pub(super) fn remove_records(
        zone: &Zone,
        name: &str,
        kind: RecordType,
        records: &[Record],
    ) -> Result<Self, DnsError> {
        let mut path = of_set(zone, name, kind);
        path.extend(["actions", "remove_records"].map(str::to_owned));
        Self::post("remove the records", path, &Records { records })
    }

    fn get(name: &'static str, path: Vec<String>) -> Self {
        Self { name, method: Method::GET, path, query: Vec::new(), body: None }
    }

    fn post(name: &'static str, path: Vec<String>, body: &impl Serialize) -> Result<Self, DnsError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| DnsError::System { what: "a request can't be written", source: error.into() })?;
        Ok(Self { method: Method::POST, body: Some(body.into()), ..Self::get(name, path) })
    }

    /// Where it is sent.
    pub(super) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        // A base that can't have segments was refused when it was read.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    /// Reads an answer with a good status.
    pub(super) fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T, Failure> {
        serde_json::from_str(body).map_err(|error| {
            let (what, source) = (what_is_wrong(body.as_bytes()), Upstream(place(&error)));
            let source = Some(Box::new(source) as _);
            self.misread(DnsError::Protocol { call: self.name, what, source })
        })
    }

    /// An answer with a good status that is none. A look is not repeated for it; after a change the look says more.
    pub(super) fn misread(&self, error: DnsError) -> Failure {
        if self.method == Method::GET { Failure::Final(error) } else { Failure::Passing(error) }
    }

    pub(super) fn unreadable(&self, what: &'static str) -> DnsError {
        DnsError::Protocol { call: self.name, what, source: None }
    }
}

fn of_zone<const N: usize>(zone: &Zone, rest: [&str; N]) -> Vec<String> {
    ["zones", &zone.as_text()].into_iter().chain(rest).map(str::to_owned).collect()
}

fn of_set(zone: &Zone, name: &str, kind: RecordType) -> Vec<String> {
    of_zone(zone, ["rrsets", name, kind.as_str()])
}
