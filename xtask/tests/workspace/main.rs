//! The house rules that a program can hold, over `cargo metadata`, the manifests and the source tree.
//!
//! Each rule is a pure function from what was read to the sentences that say what breaks it; beside the
//! test of this workspace it has one with a bad example, so that it is known to be able to fail.

mod dependency_rules;
mod graph;
mod licences;
mod lock_files;
mod manifests;
mod one_of_each;
mod source_files;
mod spdx;
mod toolchain;
mod tree;

/// Fails the test with all sentences at once.
fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n  {}\n", broken.join("\n  "));
}
