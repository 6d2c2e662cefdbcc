//! The calls that came.

use std::collections::VecDeque;

use super::request::Call;

/// How many calls are kept; beyond it the oldest are forgotten.
pub const CALLS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Calls(VecDeque<Call>);

impl Calls {
    pub(super) fn add(&mut self, call: Call) {
        if self.0.len() == CALLS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    /// Oldest first.
    pub(super) fn all(&self) -> Vec<Call> {
        self.0.iter().cloned().collect()
    }
}
