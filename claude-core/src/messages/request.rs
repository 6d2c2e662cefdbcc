//! What is asked.

#[cfg(feature = "api")]
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::content::{Content, MessageParam};
use super::input::{Ttl, cached};
use crate::object::Object;
use crate::text::{Json, Text};

/// One `POST /v1/messages`. Plain data; what has no member here goes into `extra`.
///
/// ```
/// use claude_core::messages::{Ttl, ContentBlock, MessageParam, Request, ToolChoice};
///
/// let picture = ContentBlock::image("image/png", b"...");
/// let question = MessageParam::user(vec![picture, ContentBlock::text("What is this?")]);
/// let request = Request::new("claude-sonnet-5-5", 1024, vec![question])
///     .system("Be brief.")
///     .cached(Ttl::FiveMinutes)
///     .tool_choice(ToolChoice::None);
/// assert_eq!(request.extra.get("tool_choice").unwrap().as_str(), r#"{"type":"none"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The model.
    pub model: Text,
    /// The most tokens the model may write.
    pub max_tokens: u32,
    /// The conversation, oldest first.
    pub messages: Vec<MessageParam>,
    /// The system prompt.
    pub system: Option<Content>,
    /// The tools on offer, each as the API has it: `{name, description, input_schema}` or a server tool.
    pub tools: Vec<Json>,
    /// Names of betas for the header `anthropic-beta`. They are no part of the JSON.
    pub betas: Vec<Text>,
    /// Any other member: `thinking`, `tool_choice`, `metadata`, `stop_sequences`, … A member `stream` here counts
    /// for nothing: the call decides.
    pub extra: Object,
}

/// Which tool the model is to call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Any one, but one.
    Any,
    /// None.
    None,
    /// The one of this name.
    Tool(Text),
}

impl Request {
    /// Asks this model for an answer of at most so many tokens.
    #[must_use]
    pub fn new(model: impl Into<Text>, max_tokens: u32, messages: Vec<MessageParam>) -> Self {
        Self {
            model: model.into(),
            max_tokens,
            messages,
            system: None,
            tools: Vec::new(),
            betas: Vec::new(),
            extra: Object::default(),
        }
    }

    /// With this system prompt.
    #[must_use]
    pub fn system(mut self, prompt: impl Into<Content>) -> Self {
        self.system = Some(prompt.into());
        self
    }

    /// With these tools, besides those it has.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Json>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Lets the model think first, with at most so many tokens (at least 1024, below `max_tokens`). Other ways of
    /// thinking go through [`Request::extra`].
    #[must_use]
    pub fn thinking(self, budget_tokens: u32) -> Self {
        self.extra("thinking", serde_json::json!({"type": "enabled", "budget_tokens": budget_tokens}))
    }

    /// Which tool the model is to call.
    #[must_use]
    pub fn tool_choice(self, choice: ToolChoice) -> Self {
        let choice = match choice {
            ToolChoice::Auto => serde_json::json!({"type": "auto"}),
            ToolChoice::Any => serde_json::json!({"type": "any"}),
            ToolChoice::None => serde_json::json!({"type": "none"}),
            ToolChoice::Tool(name) => serde_json::json!({"type": "tool", "name": &*name}),
        };
        self.extra("tool_choice", choice)
    }

    /// Texts at which the model stops.
    #[must_use]
    pub fn stop_sequences<T: AsRef<str>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Vec<_> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        self.extra("stop_sequences", serde_json::Value::from(texts))
    }

    /// Who asks, under a name that tells nobody who that is: `metadata.user_id`.
    #[must_use]
    pub fn user_id(self, id: &str) -> Self {
        self.extra("metadata", serde_json::json!({"user_id": id}))
    }

    /// How much is left to chance, 0 to 1. Version `2026-10-21` refuses it.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.extra("temperature", serde_json::Value::from(temperature))
    }

    /// With the beta of this name.
    #[must_use]
    pub fn beta(mut self, name: impl Into<Text>) -> Self {
        self.betas.push(name.into());
        self
    }

    /// With this member, instead of one of the same name in [`Request::extra`](field@Request::extra).
    #[must_use]
    pub fn extra(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.extra.set(name, value.into());
        self
    }

    /// Keeps tools and system prompt in the cache: the last block of the prompt is marked, else the last tool.
    #[must_use]
    pub fn cached(mut self, time: Ttl) -> Self {
        match (self.system.take(), self.tools.last_mut()) {
            (Some(system), _) => self.system = Some(system.cached(time)),
            (None, Some(tool)) => *tool = cached(tool, time),
            (None, None) => {}
        }
        self
    }
}

/// What a request is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(feature = "api")]
pub(super) enum Delivery {
    Stream,
    Whole,
    /// Only its tokens are counted.
    Count,
}

#[cfg(feature = "api")]
impl Request {
    /// The body to send.
    pub(super) fn body(&self, delivery: Delivery) -> Bytes {
        // Strings and checked JSON always serialise.
        serde_json::to_vec(&Body { request: self, delivery }).unwrap_or_default().into()
    }
}

#[cfg(feature = "api")]
struct Body<'a> {
    request: &'a Request,
    delivery: Delivery,
}

/// Members that the counting of tokens refuses.
#[cfg(feature = "api")]
const NOT_COUNTED: [&str; 6] =
    ["metadata", "service_tier", "stop_sequences", "temperature", "top_k", "top_p"];

#[cfg(feature = "api")]
impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let is_counted = self.delivery == Delivery::Count;
        self.request.members(&mut map, !is_counted, |name| {
            name != "stream" && !(is_counted && NOT_COUNTED.contains(&name))
        })?;
        if self.delivery == Delivery::Stream {
            map.serialize_entry("stream", &true)?;
        }
        map.end()
    }
}

impl Request {
    fn members<M: SerializeMap>(
        &self,
        map: &mut M,
        with_max_tokens: bool,
        is_kept: impl Fn(&str) -> bool,
    ) -> Result<(), M::Error> {
        map.serialize_entry("model", &self.model)?;
        if with_max_tokens {
            map.serialize_entry("max_tokens", &self.max_tokens)?;
        }
        if let Some(system) = &self.system {
            map.serialize_entry("system", system)?;
        }
        if !self.tools.is_empty() {
            map.serialize_entry("tools", &self.tools)?;
        }
        map.serialize_entry("messages", &self.messages)?;
        let mut extra = self.extra.iter().filter(|(name, _)| is_kept(name));
        extra.try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.members(&mut map, true, |_| true)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Object::deserialize(deserializer)?;
        Ok(Self {
            model: required(&mut members, "model")?,
            max_tokens: required(&mut members, "max_tokens")?,
            messages: required(&mut members, "messages")?,
            system: optional(&mut members, "system")?.flatten(),
            tools: optional(&mut members, "tools")?.unwrap_or_default(),
            betas: Vec::new(),
            extra: members,
        })
    }
}

fn required<T: serde::de::DeserializeOwned, E: serde::de::Error>(
    members: &mut Object,
    name: &'static str,
) -> Result<T, E> {
    optional(members, name)?.ok_or_else(|| E::missing_field(name))
}

fn optional<T: serde::de::DeserializeOwned, E: serde::de::Error>(
    members: &mut Object,
    name: &'static str,
) -> Result<Option<T>, E> {
    let read = members.take(name).map(|value| value.read_slices());
    read.transpose().map_err(|error| E::custom(format_args!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = concat!(
        r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"#,
        r#""tools":[{"name":"t","input_schema":{"z":1,"a":9007199254740993123}}],"messages":[{"role":"user","#,
        r#""content":"hi"}],"thinking":{"type":"enabled","budget_tokens":1024},"of_tomorrow":{"z":1.0e2,"a":null}}"#
    );

    #[test]
    fn what_was_read_is_written_again_digit_for_digit() {
        let request: Request = serde_json::from_str(WRITTEN).unwrap();
        assert_eq!(serde_json::to_string(&request).unwrap(), WRITTEN);
        let without = r#"{"model":"m","max_tokens":9,"messages":[]}"#;
        let request: Request = serde_json::from_str(without).unwrap();
        assert_eq!(serde_json::to_string(&request).unwrap(), without);
        let null = r#"{"model":"m","max_tokens":9,"messages":[],"system":null}"#;
        assert_eq!(serde_json::from_str::<Request>(null).unwrap(), request);
    }

    #[test]
    fn what_is_missing_or_bad_is_named() {
        for (written, name) in [
            (r#"{"max_tokens":9,"messages":[]}"#, "model"),
            (r#"{"model":"m","messages":[]}"#, "max_tokens"),
            (r#"{"model":"m","max_tokens":-1,"messages":[]}"#, "max_tokens"),
            (r#"{"model":"m","max_tokens":1}"#, "messages"),
            (r#"{"model":"m","max_tokens":1,"messages":[{"role":"nobody","content":""}]}"#, "messages"),
            (r#"{"model":"m","max_tokens":1,"messages":[],"tools":1}"#, "tools"),
        ] {
            let error = serde_json::from_str::<Request>(written).unwrap_err().to_string();
            assert!(error.contains(name), "{written}: {error}");
        }
    }

    #[test]
    #[cfg(feature = "api")]
    fn the_call_decides_about_streaming() {
        let ours = Request::new("m", 9, Vec::new()).extra("stream", Json::parse("false").unwrap());
        let ours = ours.temperature(0.5).extra("thinking", Json::parse("1").unwrap());
        let body = |delivery| String::from_utf8(ours.body(delivery).to_vec()).unwrap();
        let start = r#"{"model":"m","max_tokens":9,"messages":[],"temperature":0.5,"thinking":1"#;
        assert_eq!(body(Delivery::Stream), format!(r#"{start},"stream":true}}"#));
        assert_eq!(body(Delivery::Whole), format!("{start}}}"));
        assert_eq!(body(Delivery::Count), r#"{"model":"m","messages":[],"thinking":1}"#);
    }

    #[test]
    fn builders_write_what_the_api_reads() {
        let request = Request::new("m", 9, Vec::new())
            .system("s")
            .tools([Json::parse(r#"{"name":"t"}"#).unwrap()])
            .thinking(1024)
            .tool_choice(ToolChoice::Tool("t\"".into()))
            .stop_sequences(["a", "b"])
            .user_id("u")
            .beta("b");
        let written = concat!(
            r#"{"model":"m","max_tokens":9,"system":"s","tools":[{"name":"t"}],"messages":[],"#,
            r#""thinking":{"budget_tokens":1024,"type":"enabled"},"tool_choice":{"name":"t\"","type":"tool"},"#,
            r#""stop_sequences":["a","b"],"metadata":{"user_id":"u"}}"#
        );
        assert_eq!(serde_json::to_string(&request).unwrap(), written);
    }

    #[test]
    fn the_mark_of_the_cache_goes_behind_the_prompt_else_behind_the_tools() {
        let tools = || [Json::parse(r#"{"name":"a"}"#).unwrap(), Json::parse(r#"{"name":"b"}"#).unwrap()];
        let request = Request::new("m", 9, Vec::new()).tools(tools());
        let marked = request.clone().cached(Ttl::OneHour);
        assert_eq!(marked.tools[0], tools()[0]);
        assert_eq!(
            marked.tools[1].as_str(),
            r#"{"name":"b","cache_control":{"ttl":"1h","type":"ephemeral"}}"#
        );
        let marked = request.system("s").cached(Ttl::FiveMinutes);
        assert_eq!(marked.tools[1], tools()[1]);
        assert_eq!(
            serde_json::to_string(&marked.system).unwrap(),
            r#"[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]"#
        );
        assert_eq!(Request::new("m", 9, Vec::new()).cached(Ttl::OneHour).system, None);
    }
}
