//! `rust-toolchain.toml` builds with the release that the manifests promise.

use std::fs;

use anyhow::Context;
use toml::{Table, Value};

use super::graph;

/// Equal but for the patch release, which `rust-version` may leave out.
fn same_release(channel: &str, rust_version: &str) -> bool {
    let release = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    };
    release(channel).is_some() && release(channel) == release(rust_version)
}

fn value(file: &str, path: &[&str]) -> anyhow::Result<String> {
    let table: Table = fs::read_to_string(graph::root()?.join(file))?.parse()?;
    let found = path.iter().try_fold(Value::Table(table), |value, key| value.get(key).cloned());
    let text = found.as_ref().and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("{file} has no text at {}", path.join(".")))
}

#[test]
fn the_toolchain_is_the_release_that_the_manifests_promise() -> anyhow::Result<()> {
    let channel = value("rust-toolchain.toml", &["toolchain", "channel"])?;
    let promised = value("Cargo.toml", &["workspace", "package", "rust-version"])?;
    assert!(same_release(&channel, &promised), "channel {channel}, rust-version {promised}");
    Ok(())
}

#[test]
fn another_release_or_a_moving_channel_is_not_the_same() {
    assert!(same_release("1.95.0", "1.95"));
    assert!(same_release("1.95.1", "1.95.0"));
    assert!(!same_release("1.96.0", "1.95"));
    assert!(!same_release("stable", "1.95"));
    assert!(!same_release("stable", "stable"));
    assert!(!same_release("1", "1"));
}
