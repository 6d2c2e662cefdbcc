//! A zone as the documentation describes it: record sets, unique by name and type, and actions.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::ZONE;
use super::server::{Answer, Seen};

pub(crate) const ZONE_ID: u64 = 343_733;

#[derive(Debug)]
pub(crate) struct Zone {
    /// Whether it is there.
    pub(crate) exists: bool,
    /// Sets that a page has at most.
    pub(crate) page_sets: usize,
    /// How an address is refused beside a `CNAME`: the documentation does not say.
    pub(crate) beside_alias: (u16, &'static str),
    /// What is said of an action when it is asked for; then it is a success.
    pub(crate) actions: VecDeque<&'static str>,
    sets: BTreeMap<(String, String), Value>,
    last_action: u64,
}

impl Zone {
    pub(crate) fn new() -> Self {
        let (actions, sets) = (VecDeque::new(), BTreeMap::new());
        let beside_alias = (422, "invalid_input");
        Self { exists: true, page_sets: 100, beside_alias, actions, sets, last_action: 100 }
    }

    /// Puts a set where it belongs, whatever is there.
    pub(crate) fn put(&mut self, set: Value) {
        let text = |name: &str| set[name].as_str().unwrap().to_owned();
        self.sets.insert((text("name"), text("type")), set);
    }

    pub(crate) fn set(&self, name: &str, kind: &str) -> Option<&Value> {
        self.sets.get(&(name.to_owned(), kind.to_owned()))
    }

    /// Such as `alpha/A 192.0.2.1`, in order.
    pub(crate) fn words(&self) -> Vec<String> {
        let values = |set: &Value| {
            let records = set["records"].as_array().unwrap().iter();
            records.map(|record| record["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        self.sets.iter().map(|((name, kind), set)| format!("{name}/{kind} {}", values(set))).collect()
    }

    pub(crate) fn answer(&mut self, seen: &Seen) -> Answer {
        let path = seen.path.strip_prefix("/v1/").unwrap_or_default();
        let parts: Vec<_> = path.split('/').collect();
        let answer = match (&*seen.method, &*parts) {
            ("GET", ["actions", id]) => self.action(id.parse().unwrap()),
            (_, ["zones", zone, ..]) if !self.exists || !is_zone(zone) => refusal(404, "not_found"),
            ("GET", ["zones", _]) => {
                let zone =
                    json!({"id": ZONE_ID, "name": ZONE, "mode": "primary", "ttl": 3600, "status": "ok"});
                Answer::json(200, &json!({"zone": zone}))
            }
            ("GET", ["zones", _, "rrsets"]) => self.list(seen),
            ("POST", ["zones", _, "rrsets"]) => self.create(&seen.json()),
            ("GET", ["zones", _, "rrsets", name, kind]) => match self.set(name, kind) {
                Some(set) => Answer::json(200, &json!({"rrset": set})),
                None => refusal(404, "not_found"),
            },
            ("DELETE", ["zones", _, "rrsets", name, kind]) => {
                match self.sets.remove(&((*name).to_owned(), (*kind).to_owned())) {
                    Some(_) => self.begun("delete_rrset", json!({})),
                    None => refusal(404, "not_found"),
                }
            }
            ("POST", ["zones", _, "rrsets", name, kind, "actions", "remove_records"]) => {
                self.remove_records(name, kind, &seen.json())
            }
            _ => Answer::text(404, "404 page not found"),
        };
        answer.with("RateLimit-Limit", "3600").with("RateLimit-Remaining", "3599")
    }

    fn create(&mut self, new: &Value) -> Answer {
        let text = |name: &str| new[name].as_str().unwrap().to_owned();
        let key = (text("name"), text("type"));
        if self.sets.contains_key(&key) {
            return refusal(409, "uniqueness_error");
        }
        if self.set(&key.0, "CNAME").is_some() {
            return refusal(self.beside_alias.0, self.beside_alias.1);
        }
        let is_of_type = |record: &Value| {
            let value: Result<IpAddr, _> = record["value"].as_str().unwrap().parse();
            value.is_ok_and(|it| if it.is_ipv4() { key.1 == "A" } else { key.1 == "AAAA" })
        };
        if key.0.to_ascii_lowercase() != key.0 || !new["records"].as_array().unwrap().iter().all(is_of_type) {
            return refusal(422, "invalid_input");
        }
        let mut set = new.clone();
        set["id"] = format!("{}/{}", key.0, key.1).into();
        set["zone"] = ZONE_ID.into();
        set["protection"] = json!({"change": false});
        self.put(set.clone());
        self.begun("create_rrset", json!({"rrset": set}))
    }

    fn remove_records(&mut self, name: &str, kind: &str, body: &Value) -> Answer {
        let key = (name.to_owned(), kind.to_owned());
        let Some(set) = self.sets.get_mut(&key) else { return refusal(404, "not_found") };
        let removed: Vec<_> =
            body["records"].as_array().unwrap().iter().map(|it| it["value"].clone()).collect();
        set["records"].as_array_mut().unwrap().retain(|it| !removed.contains(&it["value"]));
        if set["records"].as_array().unwrap().is_empty() {
            self.sets.remove(&key);
        }
        self.begun("remove_rrset_records", json!({}))
    }

    fn list(&self, seen: &Seen) -> Answer {
        let labels = seen.parameter("label_selector").map(|it| it.split(',').collect::<Vec<_>>());
        let has = |set: &Value, label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            set["labels"][name] == value
        };
        let sets: Vec<_> = self
            .sets
            .values()
            .filter(|set| seen.parameter("name").is_none_or(|name| set["name"] == name))
            .filter(|set| labels.iter().flatten().all(|label| has(set, label)))
            .collect();
        let page: usize = seen.parameter("page").unwrap().parse().unwrap();
        let pages = sets.chunks(self.page_sets).collect::<Vec<_>>();
        let of_page = pages.get(page - 1).copied().unwrap_or_default();
        let next = (page < pages.len()).then_some(page + 1);
        let pagination = json!({
            "page": page, "per_page": self.page_sets, "previous_page": null, "next_page": next,
            "last_page": pages.len().max(1), "total_entries": sets.len(),
        });
        Answer::json(200, &json!({"rrsets": of_page, "meta": {"pagination": pagination}}))
    }

    fn action(&mut self, id: u64) -> Answer {
        let status = self.actions.pop_front().unwrap_or("success");
        Answer::json(200, &json!({"action": action(id, "of_a_test", status)}))
    }

    fn begun(&mut self, command: &str, mut body: Value) -> Answer {
        self.last_action += 1;
        body["action"] = action(self.last_action, command, "running");
        Answer::json(201, &body)
    }
}

fn is_zone(text: &str) -> bool {
    text == ZONE || text == ZONE_ID.to_string()
}

pub(crate) fn action(id: u64, command: &str, status: &str) -> Value {
    let error = json!({"code": "action_failed", "message": "planted words of the server"});
    json!({
        "id": id, "command": command, "status": status, "progress": 0, "started": "2026-01-09T12:00:00+00:00",
        "finished": null, "resources": [{"id": ZONE_ID, "type": "zone"}],
        "error": if status == "error" { error } else { Value::Null },
    })
}

/// An error as the documentation has it.
pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    let error = json!({"code": code, "message": "planted words of the server", "details": null});
    Answer::json(status, &json!({"error": error}))
}
