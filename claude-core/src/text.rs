//! Text and JSON that are slices of the bytes they were read from.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// UTF-8 text as a slice of a shared buffer: cloning counts a reference, no byte is copied.
///
/// It keeps the whole buffer alive that it is a slice of; [`Text::detached`] makes an own copy.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

impl Text {
    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The bytes, without copying.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // Only checked text gets in; the check is repeated because the alternative is unsafe code, and it
        // runs at some 20 GB/s. Every constructor goes through `str`, so the default is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<Bytes> for Text {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes: JSON may escape half of a surrogate pair, as streams that were cut in two do. It is shown as
        // U+FFFD instead of costing the whole line.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text, E> {
        Ok(slice_of_source(text).map_or_else(|| Text::from(text), Text))
    }

    fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<Text, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.visit_borrowed_str(text),
            Err(_) => self.visit_bytes(bytes),
        }
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text::from(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text::from(text))
    }
}

/// One JSON value as it was written: key order, spacing and digits of large integers are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Text);

impl Json {
    /// Checks that `text` is exactly one JSON value.
    ///
    /// # Errors
    /// When it is not; the error tells where.
    pub fn parse(text: impl Into<Text>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        serde_json::from_str::<&RawValue>(&text)?;
        Ok(Self(text))
    }

    /// The value of anything that serialises.
    ///
    /// # Errors
    /// When the type refuses to be serialised, such as a map whose keys are no strings.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(Text::from(text)))
    }

    /// The text of the value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value read into `T`, which may borrow from it.
    ///
    /// # Errors
    /// When the value has another shape.
    pub fn read<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }

    /// As [`Json::read`], but [`Text`] and [`Json`] members become slices of this value instead of copies.
    pub(crate) fn read_slices<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        read_slices(&self.0.0)
    }

    pub(crate) fn null() -> Self {
        Self(Text(Bytes::from_static(b"null")))
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(Text::from(value.to_string()))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0)
            .map_err(<S::Error as serde::ser::Error>::custom)?
            .serialize(serializer)
    }
}

/// How `serde_json` is asked for the text of a value instead of the value.
const RAW: &str = "$serde_json::private::RawValue";

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    /// From JSON text: one member, whose value is the text.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        map.next_key::<IgnoredAny>()?;
        map.next_value().map(Json)
    }

    /// From something that was read before, as serde does inside of tagged enums: the text is gone. Integers
    /// beyond 64 bits lose digits here and members are sorted; what is decided upon never goes this way.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, read: D) -> Result<Json, D::Error> {
        serde_json::Value::deserialize(read).map(Json::from)
    }
}

thread_local! {
    /// The buffer that [`read_slices`] reads from. Deserialisers carry no context of their own.
    static SOURCE: RefCell<Option<Bytes>> = const { RefCell::new(None) };
}

/// Reads one JSON value whose [`Text`] and [`Json`] members become slices of `source` instead of copies.
///
/// # Errors
/// When `source` has another shape or is no JSON.
pub(crate) fn read_slices<T: DeserializeOwned>(source: &Bytes) -> Result<T, serde_json::Error> {
    struct Reset(Option<Bytes>);
    impl Drop for Reset {
        fn drop(&mut self) {
            SOURCE.set(self.0.take());
        }
    }
    let _reset = Reset(SOURCE.replace(Some(source.clone())));
    // Validated once as a whole: reading from `str` is faster than checking each string by itself.
    let text = std::str::from_utf8(source)
        .map_err(|_| <serde_json::Error as serde::de::Error>::custom("invalid UTF-8"))?;
    serde_json::from_str(text)
}

fn slice_of_source(part: &str) -> Option<Bytes> {
    SOURCE.with_borrow(|source| {
        let source = source.as_ref()?;
        let at = (part.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
        (at + part.len() <= source.len()).then(|| source.slice(at..at + part.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_slice_of_the_buffer_it_came_from() {
        let source = Bytes::from_static(b"[\"hello\",\"a\\nb\"]");
        let [plain, escaped]: [Text; 2] = read_slices(&source).unwrap();
        assert_eq!((&*plain, &*escaped), ("hello", "a\nb"));
        assert_eq!(plain.as_ptr(), source[2..].as_ptr());
        assert_ne!(plain.detached().as_ptr(), source[2..].as_ptr());
        let json: Json = read_slices(&source).unwrap();
        assert_eq!(json.as_str().as_ptr(), source.as_ptr());
    }

    #[test]
    fn half_a_surrogate_pair_costs_a_character_and_not_the_text() {
        let source = Bytes::from_static(br#"["hi \ud83d!","\ud83d\ude00"]"#);
        let [half, whole]: [Text; 2] = read_slices(&source).unwrap();
        assert!(half.starts_with("hi ") && half.ends_with('!') && half.contains('\u{fffd}'), "{half}");
        assert_eq!(whole, "\u{1f600}");
    }

    #[test]
    fn outside_of_a_buffer_text_is_copied() {
        let text = String::from("\"hello\"");
        assert_eq!(serde_json::from_str::<Text>(&text).unwrap(), "hello");
    }

    #[test]
    fn invalid_utf8_is_no_text() {
        assert!(Text::try_from(Bytes::from_static(b"\xff\xfe")).is_err());
    }

    #[test]
    fn json_keeps_key_order_spacing_and_digits() {
        let written = r#"{"b": 9007199254740993123, "a":[1.0e2 , null]}"#;
        let json = Json::parse(written).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), written);
        let again: Json = serde_json::from_str(written).unwrap();
        assert_eq!(again, json);
    }

    #[test]
    fn json_is_read_inside_of_tagged_enums_too() {
        #[derive(serde::Deserialize)]
        #[serde(tag = "type")]
        enum Tagged {
            A { input: Json },
        }
        let Tagged::A { input } = serde_json::from_str(r#"{"input":{"b":[1,"x"]},"type":"A"}"#).unwrap();
        assert_eq!(input.as_str(), r#"{"b":[1,"x"]}"#);
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        for bad in ["", "{", "1 2", "{\"a\":1}x", "\u{0}"] {
            assert!(Json::parse(bad).is_err(), "{bad:?}");
        }
    }
}
