//! The tools of a program.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::tool::{Tool, ToolSpec};
use crate::error::{Error, Result};

/// The longest name of a tool, in bytes.
const NAME_MAX: usize = 128;

/// Tools by name, in the order they were added. Cheap to clone.
#[derive(Clone, Default)]
pub struct ToolRegistry(Arc<Vec<Arc<dyn Tool>>>);

impl ToolRegistry {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more tool.
    #[must_use]
    pub fn with(self, tool: impl Tool + 'static) -> Self {
        self.with_all(vec![Arc::new(tool)])
    }

    /// More tools.
    #[must_use]
    pub fn with_all(mut self, tools: Vec<Arc<dyn Tool>>) -> Self {
        Arc::make_mut(&mut self.0).extend(tools);
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.0.iter()
    }

    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.iter().find(|tool| tool.spec().name == *name)
    }

    /// Whether the API takes these tools. A turn checks it too, and fails; a program may want to know at its start.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad name, one that stands twice, or a schema that is not of type `object`.
    pub fn check(&self) -> Result<()> {
        for (at, tool) in self.iter().enumerate() {
            let spec = tool.spec();
            check(spec).map_err(invalid)?;
            if self.iter().take(at).any(|other| other.spec().name == spec.name) {
                return Err(invalid(format!("there are two tools named `{}`", spec.name)));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ToolRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|tool| &tool.spec().name)).finish()
    }
}

pub(super) fn invalid(reason: impl Into<Box<str>>) -> Error {
    Error::Invalid { field: "tools", reason: reason.into() }
}

/// Whether the API takes such a tool.
pub(super) fn check(spec: &ToolSpec) -> Result<(), String> {
    let name = &spec.name;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_known) {
        return Err(format!("a tool's name has 1 to 128 letters, digits, `_` and `-`, unlike {name:?}"));
    }
    match spec.input_schema.read::<Value>() {
        Ok(schema) if schema["type"] == "object" => Ok(()),
        _ => Err(format!("the input schema of `{name}` must be of type `object`")),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::agent::{ToolContext, ToolError, ToolOutput};
    use crate::text::Json;
    use crate::turn::Effect;

    struct Named(ToolSpec);

    #[async_trait]
    impl Tool for Named {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        fn effect(&self) -> Effect {
            Effect::ReadOnly
        }

        async fn call(&self, _input: Json, _cx: ToolContext) -> Result<ToolOutput, ToolError> {
            Ok(ToolOutput::text(""))
        }
    }

    fn named(name: &str) -> Named {
        Named(ToolSpec::new(name, "", json!({"type": "object"})))
    }

    #[test]
    fn names_are_checked() {
        assert!(ToolRegistry::new().with(named("read_logs-2")).with(named(&"x".repeat(128))).check().is_ok());
        for bad in ["", "a b", "a.b", "é", "a\n", &"x".repeat(129)] {
            let error = ToolRegistry::new().with(named(bad)).check().unwrap_err();
            assert_eq!(error.code(), "invalid_request", "{bad:?}");
        }
    }

    #[test]
    fn a_name_stands_once() {
        let twice = ToolRegistry::new().with(named("a")).with(named("b")).with(named("a"));
        let error = twice.check().unwrap_err().to_string();
        assert_eq!(error, "tools: there are two tools named `a`");
    }

    #[test]
    fn a_schema_is_that_of_an_object() {
        for bad in [json!({}), json!({"type": "string"}), json!(true)] {
            let tool = Named(ToolSpec::new("a", "", bad.clone()));
            assert!(ToolRegistry::new().with(tool).check().is_err(), "{bad}");
        }
    }
}
