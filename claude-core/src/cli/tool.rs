//! What the CLI's own tools do to the world.

use crate::turn::Effect;

/// What a tool of the CLI does to the world. What is not known counts as a write.
#[must_use]
pub fn effect(tool: &str) -> Effect {
    match tool {
        "Read" | "Glob" | "Grep" | "LS" | "NotebookRead" => Effect::ReadOnly,
        _ => Effect::Write,
    }
}
