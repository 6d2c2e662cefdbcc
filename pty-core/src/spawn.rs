//! What is started on a terminal, and how.

pub(crate) mod child;
mod resources;
mod spec;

pub use resources::Resources;
pub use spec::{Spec, User};
