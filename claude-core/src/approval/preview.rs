//! What a tool call would do, for a person who decides.

use serde::{Deserialize, Serialize};

use crate::text::{Json, Text};

/// What a call would do. On the wire an object whose `kind` is the variant in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Preview {
    /// A file changes.
    Diff {
        /// Which.
        path: Text,
        /// What stands there now, or the part of it that is replaced; `None`: nothing that is shown.
        before: Option<Text>,
        /// What will stand there, or the part that comes in its place.
        after: Text,
        /// A file stands there that is not shown as a whole: elsewhere, too large, no text.
        #[serde(default)]
        is_hidden: bool,
        /// What else the input holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<Json>,
    },
    /// A command runs.
    Command {
        /// The command line.
        command: Text,
        /// What it is for, in the model's words.
        description: Option<Text>,
        /// What else the input holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<Json>,
    },
    /// The input speaks for itself.
    Input {
        /// The input.
        input: Json,
    },
}
