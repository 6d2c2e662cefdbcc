//! A JSON object whose members are kept as they came: in order, and each value as it was written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::text::{Json, Text};

/// The members of a JSON object. Where a name stands twice, the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object(Vec<(Text, Json)>);

impl Object {
    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of a member read into `T`; `None` where it is missing, null, or of another shape.
    #[must_use]
    pub fn read<'a, T: serde::Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        self.get(name).and_then(|value| value.read::<Option<T>>().ok().flatten())
    }

    /// As [`Object::read`], but texts in it become slices of the member instead of copies.
    pub(crate) fn read_slices<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.get(name).and_then(|value| value.read_slices::<Option<T>>().ok().flatten())
    }

    /// Reads a member and takes it out. One that is missing, null, or of another shape stays where it is.
    pub(crate) fn take_as<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.read_slices(name)?;
        self.take(name);
        Some(value)
    }

    /// Takes a member out.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().rposition(|(known, _)| *known == name)?;
        let value = self.0.remove(at).1;
        self.0.retain(|(known, _)| *known != name);
        Some(value)
    }

    /// Sets a member: at its place where there is one, else behind all others.
    pub fn set(&mut self, name: impl Into<Text>, value: Json) {
        let name = name.into();
        match self.0.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// All members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Json)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.iter().map(|(name, value)| (name.detached(), value.detached())).collect())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_as_they_were_written() {
        let written = r#"{"b":9007199254740993123,"a":{"z":1,"y":[1.0e2]},"a2":null}"#;
        let object: Object = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), written);
        assert_eq!(object.read::<u128>("b"), Some(9_007_199_254_740_993_123));
        assert_eq!(object.read::<u64>("a2"), None);
    }

    #[test]
    fn a_member_is_set_at_its_place_and_taken_once() {
        let mut object: Object = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(object.read::<u8>("a"), Some(3));
        object.set("b", Json::parse("5").unwrap());
        assert_eq!(object.take("a").unwrap().as_str(), "3");
        assert!(object.take("a").is_none());
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"b":5}"#);
    }
}
