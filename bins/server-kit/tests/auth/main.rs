//! Sign-in on a real store, through the real routes.

#![expect(clippy::unwrap_used, reason = "a test")]

mod accounts;
mod commands;
mod counted;
mod forged;
mod keys;
mod login;
mod refresh;
mod rotation;
mod secrets;
mod support;
mod throttle;
