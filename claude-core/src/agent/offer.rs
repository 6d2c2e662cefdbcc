//! The tools on offer in one turn.

use std::sync::Arc;

use serde_json::Value;

use super::history::Call;
use super::registry::{ToolRegistry, invalid};
use super::schema;
use super::tool::Tool;
use crate::error::Result;
use crate::object::Object;
use crate::text::{Json, Text};
use crate::turn::{Effect, ToolSet};

/// Tools by name, as they stood when the turn began.
pub(super) struct Offer(Vec<Offered>);

pub(super) struct Offered {
    pub(super) tool: Arc<dyn Tool>,
    pub(super) effect: Effect,
    name: Text,
    schema: Value,
}

impl Offer {
    /// The tools of a set.
    ///
    /// # Errors
    /// A tool that the API would refuse, or a name that no tool has.
    pub(super) fn new(registry: &ToolRegistry, set: &ToolSet) -> Result<Self> {
        registry.check()?;
        let all = || Self(registry.iter().map(Offered::new).collect());
        let ToolSet::Only(names) = set else { return Ok(all()) };
        if let Some(unknown) = names.iter().find(|name| registry.get(name).is_none()) {
            return Err(invalid(format!("there is no tool `{unknown}`; {}", all().known())));
        }
        let chosen = registry.iter().filter(|tool| names.contains(&tool.spec().name));
        Ok(Self(chosen.map(Offered::new).collect()))
    }

    /// As requests tell them.
    ///
    /// # Errors
    /// Never for tools that were checked.
    pub(super) fn wire(&self) -> Result<Vec<Json>> {
        self.0.iter().map(|it| it.wire().map_err(|error| invalid(error.to_string()))).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Offered> {
        self.0.iter().find(|it| it.name == *name)
    }

    /// What a tool does to the world; one that nobody knows counts as a write.
    pub(super) fn effect(&self, name: &str) -> Effect {
        self.get(name).map_or(Effect::Write, |it| it.effect)
    }

    /// The tool that a call names, if its input fits.
    ///
    /// # Errors
    /// What the model is told.
    pub(super) fn find(&self, call: &Call) -> Result<&Offered, String> {
        let unknown = || format!("there is no tool `{}`; {}", call.name, self.known());
        let found = self.get(&call.name).ok_or_else(unknown)?;
        found.check(&call.input)?;
        Ok(found)
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|it| &*it.name).collect();
        if names.is_empty() { "there are none".into() } else { format!("there are: {}", names.join(", ")) }
    }
}

impl Offered {
    fn new(tool: &Arc<dyn Tool>) -> Self {
        let spec = tool.spec();
        let schema = spec.input_schema.read().unwrap_or_default();
        Self { tool: Arc::clone(tool), effect: tool.effect(), name: spec.name.clone(), schema }
    }

    /// Whether an input may be given to it.
    ///
    /// # Errors
    /// What the model is told.
    pub(super) fn check(&self, input: &Json) -> Result<(), String> {
        schema::check(&self.schema, input)
    }

    fn wire(&self) -> Result<Json, serde_json::Error> {
        let spec = self.tool.spec();
        let mut wire = Object::default();
        wire.set("name", Json::of(&spec.name)?);
        wire.set("description", Json::of(&spec.description)?);
        wire.set("input_schema", spec.input_schema.clone());
        Json::of(&wire)
    }
}
