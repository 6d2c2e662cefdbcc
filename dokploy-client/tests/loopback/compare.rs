//! Compares an answer with the recorded one: equal but for ids, dates and random suffixes, which are told apart as they come.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

/// What the recording says and what the loopback says for the same thing.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ids {
    texts: HashMap<String, String>,
    numbers: HashMap<u64, u64>,
    /// Of the comparison that is under way.
    reasons: Reasons,
}

/// Why an answer is only equal as far as can be known.
pub(crate) type Reasons = BTreeSet<&'static str>;

pub(crate) const CUT: &str = "a long text is cut in the recording: its beginning and its length are compared";
pub(crate) const SHORTENED: &str = "a list is shortened in the recording: its beginning is compared";
pub(crate) const UNORDERED: &str = "rows that the server gives in no certain order";

impl Ids {
    /// A recorded text with the loopback's ids in it.
    pub(crate) fn translate(&self, text: &str) -> String {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let mut text = text.to_owned();
        for (recorded, ours) in &self.texts {
            if text.contains(recorded) {
                text = text.replace(recorded, ours);
            }
        }
        text
    }

    pub(crate) fn translate_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.translate(text).into(),
            Value::Array(values) => values.iter().map(|value| self.translate_value(value)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), self.translate_value(value)));
                Value::Object(fields.collect())
            }
            other => other.clone(),
        }
    }

    /// Compares answers. The error says where they differ.
    pub(crate) fn compare(&mut self, recorded: &Value, ours: &Value) -> Result<Reasons, String> {
        // What a comparison that fails has learned is no knowledge.
        let mut learned = self.clone();
        learned.value("", recorded, ours)?;
        *self = learned;
        Ok(std::mem::take(&mut self.reasons))
    }

    fn value(&mut self, name: &str, recorded: &Value, ours: &Value) -> Result<(), String> {
        let differ = || Err(format!("{name}: {recorded} was answered by {ours}"));
        match (recorded, ours) {
            (Value::Object(recorded), Value::Object(ours)) => self.fields(name, recorded, ours),
            (Value::Array(recorded), Value::Array(ours)) => self.list(name, recorded, ours),
            (Value::String(recorded), Value::String(ours)) => self.text(name, recorded, ours),
            (Value::Number(recorded), Value::Number(ours)) => match name {
                "timestamp" | "processedOn" => Ok(()),
                "uniqueConfigKey" => {
                    let known =
                        self.numbers.entry(recorded.as_u64().unwrap()).or_insert(ours.as_u64().unwrap());
                    if Some(*known) == ours.as_u64() { Ok(()) } else { differ() }
                }
                _ if recorded == ours => Ok(()),
                _ => differ(),
            },
            _ if recorded == ours => Ok(()),
            _ => differ(),
        }
    }

    fn fields(
        &mut self,
        name: &str,
        recorded: &Map<String, Value>,
        ours: &Map<String, Value>,
    ) -> Result<(), String> {
        let missing: Vec<_> = recorded.keys().filter(|key| !ours.contains_key(*key)).collect();
        let surplus: Vec<_> = ours.keys().filter(|key| !recorded.contains_key(*key)).collect();
        if !missing.is_empty() || !surplus.is_empty() {
            return Err(format!("{name}: without {missing:?}, but with {surplus:?}"));
        }
        recorded.iter().try_for_each(|(key, value)| self.value(key, value, &ours[key]))
    }

    fn list(&mut self, name: &str, recorded: &[Value], ours: &[Value]) -> Result<(), String> {
        if recorded.len() != ours.len() {
            return Err(format!("{name}: {} entries were answered by {}", recorded.len(), ours.len()));
        }
        let in_order = self.in_order(name, recorded.iter(), ours.iter());
        if !matches!(name, "applications" | "deployments") || in_order.is_ok() {
            return in_order;
        }
        self.reasons.insert(UNORDERED);
        let created = |row: &&Value| row["createdAt"].as_str().unwrap().to_owned();
        let mut recorded: Vec<_> = recorded.iter().collect();
        let mut ours: Vec<_> = ours.iter().collect();
        recorded.sort_by_key(created);
        ours.sort_by_key(created);
        self.in_order(name, recorded.into_iter(), ours.into_iter())
    }

    fn in_order<'a>(
        &mut self,
        name: &str,
        recorded: impl Iterator<Item = &'a Value>,
        ours: impl Iterator<Item = &'a Value>,
    ) -> Result<(), String> {
        let mut learned = self.clone();
        for (recorded, ours) in recorded.zip(ours) {
            learned.value(name, recorded, ours)?;
        }
        *self = learned;
        Ok(())
    }

    fn text(&mut self, name: &str, recorded: &str, ours: &str) -> Result<(), String> {
        let differ = || Err(format!("{name}: {recorded:?} was answered by {ours:?}"));
        if name == "refreshToken" || (name.ends_with("At") && is_date(recorded) && is_date(ours)) {
            return Ok(());
        }
        let is_id = name == "id" || name.ends_with("Id") || name == "appName";
        if is_id && !self.texts.contains_key(recorded) && !self.texts.values().any(|known| known == ours) {
            if recorded == ours {
                return Ok(());
            }
            let is_like = alike(name, recorded, ours);
            self.texts.insert(recorded.to_owned(), ours.to_owned());
            return if is_like { Ok(()) } else { differ() };
        }
        if let Some((begun, length)) = cut(recorded) {
            return self.cut_text(begun, length, ours).or_else(|()| differ());
        }
        let same = without_chance(&self.translate(recorded)) == without_chance(ours);
        if same { Ok(()) } else { differ() }
    }

    fn cut_text(&mut self, begun: &str, length: usize, ours: &str) -> Result<(), ()> {
        self.reasons.insert(CUT);
        let ours = self.recall(ours);
        if ours.starts_with(begun) && ours.chars().count() == length { Ok(()) } else { Err(()) }
    }

    /// A text of the loopback with the recorded ids in it, and the recorded numbers of a Traefik file's routers and services.
    fn recall(&self, ours: &str) -> String {
        let mut text = ours.to_owned();
        for (recorded, known) in &self.texts {
            text = text.replace(known, recorded);
        }
        let numbers: HashMap<_, _> = self.numbers.iter().map(|(recorded, ours)| (*ours, *recorded)).collect();
        let line = |line: &str| {
            let (whole, colon) = line.strip_suffix(':').map_or((line, ""), |line| (line, ":"));
            let known =
                whole.rsplit_once('-').and_then(|(stem, it)| Some((stem, numbers.get(&it.parse().ok()?)?)));
            known.map_or(line.to_owned(), |(stem, number)| format!("{stem}-{number}{colon}"))
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Whether two made-up things are of one kind.
fn alike(name: &str, recorded: &str, ours: &str) -> bool {
    match name {
        "id" => recorded.starts_with("job-") && ours.starts_with("job-"),
        "appName" => {
            let parts = |text: &str| text.rsplit_once('-').map(|(stem, it)| (stem.to_owned(), it.len()));
            let (Some(recorded), Some(ours)) = (parts(recorded), parts(ours)) else { return false };
            let is_made_up = recorded.0.starts_with("app-") && ours.0.starts_with("app-");
            recorded.1 == ours.1 && (is_made_up || recorded.0 == ours.0)
        }
        _ => recorded.len() == ours.len(),
    }
}

/// The beginning of a text that is cut in the recording, and how long it was.
fn cut(text: &str) -> Option<(&str, usize)> {
    let (begun, rest) = text.strip_suffix(" characters in all]")?.rsplit_once("...[")?;
    Some((begun, rest.parse().ok()?))
}

const DATES: [&str; 2] = ["0000-00-00T00:00:00.000Z", "0000-00-00:00:00:00"];

fn is_date(text: &str) -> bool {
    without_dates(text) == "<date>"
}

/// A text without dates, and without the fresh id of a statement's parameters.
fn without_chance(text: &str) -> String {
    let text = without_dates(text);
    let Some((statement, parameters)) = text.split_once("\nparams: ") else { return text };
    let (id, rest) = parameters.split_once(',').unwrap();
    assert_eq!(id.len(), 21, "{parameters}");
    format!("{statement}\nparams: <id>,{rest}")
}

fn without_dates(text: &str) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let date = DATES.iter().find(|date| has_form(rest, date));
        found.push_str(if date.is_some() { "<date>" } else { &rest[..next.len_utf8()] });
        rest = &rest[date.map_or(next.len_utf8(), |date| date.len())..];
    }
    found
}

fn has_form(text: &str, form: &str) -> bool {
    let is_of = |byte: u8, form: u8| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() >= form.len() && text.bytes().zip(form.bytes()).all(|(byte, form)| is_of(byte, form))
}
