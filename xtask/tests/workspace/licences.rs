//! Everything we depend on is under a permissive licence; nothing is copyleft.

use super::spdx::fulfils;
use super::{assert_none, graph};

/// A new entry is a decision: read the licence first.
const PERMISSIVE: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

fn broken(package: &str, licence: Option<&str>) -> Option<String> {
    let Some(licence) = licence else { return Some(format!("{package} names no licence")) };
    match fulfils(licence, &|one| PERMISSIVE.contains(&one)) {
        Ok(true) => None,
        Ok(false) => Some(format!("{package} is under `{licence}`, which is not on the permissive list")),
        Err(why) => Some(format!("{package}: `{licence}` is no licence expression: {why}")),
    }
}

#[test]
fn every_package_is_under_a_permissive_licence() -> anyhow::Result<()> {
    let packages = graph::resolved()?.packages;
    let sentences = packages.iter().filter_map(|package| broken(&package.name, package.license.as_deref()));
    assert_none(&sentences.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_copyleft_missing_or_malformed_licence_is_named() {
    assert_eq!(broken("good", Some("MIT OR Apache-2.0")), None);
    for bad in [Some("GPL-3.0-or-later"), Some("MIT AND MPL-2.0"), Some("MIT OR"), None] {
        assert!(broken("bad", bad).is_some_and(|sentence| sentence.starts_with("bad")), "{bad:?}");
    }
}
