//! A turn: one user message answered to its end, whoever answers.

pub mod event;

pub use event::{Decision, Effect, TurnEvent, Usage};
