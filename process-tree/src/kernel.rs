//! The only unsafe code of this crate: what has no safe interface elsewhere. Forking, launching, reaping with
//! usage, signal masks, wiping the environment.

#![allow(
    unsafe_code,
    reason = "fork, exec, wait4 and signalfd have no safe form; each block says why it holds"
)]

pub(crate) mod fork;
pub(crate) mod identity;
pub(crate) mod launch;
pub(crate) mod reap;
pub(crate) mod scrub;
pub(crate) mod signals;
