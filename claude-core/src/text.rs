//! Text and JSON that are slices of the bytes they were read from.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// UTF-8 text as a slice of a shared buffer: cloning counts a reference, no byte is copied.
///
/// It keeps the whole buffer alive that it is a slice of; [`Text::detached`] makes an own copy.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

/// The least room of a text that grows, in bytes.
const GROWTH_BYTES: usize = 256;

impl Text {
    /// A constant; nothing is allocated.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The bytes, without the check that reading them as `str` repeats.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// `part` as a slice of `source`; a copy where it does not lie in there.
    pub(crate) fn slice_of(source: &Bytes, part: &str) -> Self {
        slice_within(source, part).map_or_else(|| Self::from(part), Self)
    }

    /// Appends a copy of `more`. A text that nobody else holds grows in place, with room to spare, so that
    /// many small pieces cost few allocations and linear time.
    pub(crate) fn push(&mut self, more: &Self) {
        let mut buffer = match std::mem::take(&mut self.0).try_into_mut() {
            Ok(own) => own,
            Err(shared) => {
                let mut own = BytesMut::with_capacity(GROWTH_BYTES.max(2 * (shared.len() + more.len())));
                // Makes the buffer a counted one, which goes to `Bytes` and back without an allocation.
                drop(own.split());
                own.extend_from_slice(&shared);
                own
            }
        };
        buffer.extend_from_slice(&more.0);
        self.0 = buffer.freeze();
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
        Ok(Text::from(lossy(bytes)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text::from(text))
    }
}

/// As the standard library's `from_utf8_lossy`, but a surrogate, which `serde_json` writes as three bytes that
/// each are invalid, counts as one character.
fn lossy(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned(); // by far the most, and by far faster
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let Some(first) = chunk.invalid().first() else { continue };
        let goes_on = chunk.valid().is_empty() && text.ends_with(char::REPLACEMENT_CHARACTER);
        if !(goes_on && matches!(first, 0x80..=0xbf)) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// Gathers short texts in one buffer: what straddled reads, or stood there with escapes. The buffer is used
/// again once all of its texts are gone.
#[derive(Debug, Default)]
pub(crate) struct Arena(Option<BytesMut>);

/// The room of an arena in bytes. Texts of more than a quarter of it have a buffer of their own.
const ARENA_BYTES: usize = 16 << 10;

impl Arena {
    /// A copy of `text`.
    pub(crate) fn keep(&mut self, text: &str) -> Text {
        if text.len() > ARENA_BYTES / 4 {
            return Text::from(text);
        }
        let buffer = self.0.get_or_insert_with(|| BytesMut::with_capacity(ARENA_BYTES));
        buffer.extend_from_slice(text.as_bytes());
        Text(buffer.split().freeze())
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
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(Text::from(text)))
    }

    /// The text of the value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text of the value, without copying.
    #[must_use]
    pub fn into_text(self) -> Text {
        self.0
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0.as_bytes() == b"null"
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
    SOURCE.with_borrow(|source| slice_within(source.as_ref()?, part))
}

fn slice_within(source: &Bytes, part: &str) -> Option<Bytes> {
    let at = (part.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    (at + part.len() <= source.len()).then(|| source.slice(at..at + part.len()))
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
        assert_eq!(half, "hi \u{fffd}!");
        assert_eq!(whole, "\u{1f600}");
    }

    #[test]
    fn a_text_grows_in_place_unless_it_is_shared() {
        let mut text = Text::from_static("he");
        text.push(&"llo".into());
        let (held, place) = (text.clone(), text.as_ptr());
        text.push(&" world".into());
        assert_eq!((&*held, &*text), ("hello", "hello world"));
        assert_ne!(text.as_ptr(), place);
        let place = text.as_ptr();
        text.push(&"!".into());
        assert_eq!((&*text, text.as_ptr()), ("hello world!", place));
    }

    #[test]
    fn a_text_that_grows_leaves_what_stands_behind_it_alone() {
        let source = Bytes::from(b"[\"one\",\"two\"]".to_vec());
        let [mut one, two]: [Text; 2] = read_slices(&source).unwrap();
        drop(source);
        one.push(&"-and-more".into());
        assert_eq!((&*one, &*two), ("one-and-more", "two"));
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
