//! Why a run failed, as it is told.

use claude_core::Error;
use claude_core::turn::Failed;

use crate::exit::Code;
use crate::terminal::visible;

/// A failure, whoever answered.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The stable name.
    pub(crate) code: String,
    /// One sentence.
    pub(crate) message: String,
    /// The sentence with its causes on one line, safe to print.
    pub(crate) told: String,
}

impl Failure {
    pub(crate) fn exit(&self) -> Code {
        Code::of(&self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let mut told = message.clone();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            told = format!("{told}: {cause}");
            source = cause.source();
        }
        Self { code: error.code().into(), message, told: visible(&told) }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        let told = visible(&failed.message);
        Self { code: failed.code.to_string(), message: failed.message.to_string(), told }
    }
}
