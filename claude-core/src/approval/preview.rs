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
        /// What stands there now; `None`: nothing, or it could not be read.
        before: Option<Text>,
        /// What will stand there.
        after: Text,
    },
    /// A command runs.
    Command {
        /// The command line.
        command: Text,
        /// What it is for, in the model's words.
        description: Option<Text>,
    },
    /// The input speaks for itself.
    Input {
        /// The input.
        input: Json,
    },
}
