//! Source files stay small and are named for the one thing they hold.

use std::fs;
use std::path::Path;

use super::{assert_none, graph, tree};

/// A file is split before it gets longer.
const MOST_LINES: usize = 500;

const SOURCES: [&str; 7] = ["cjs", "js", "jsx", "mjs", "rs", "ts", "tsx"];

/// Names that say nothing about what is inside; for files and for directories.
const EMPTY_NAMES: [&str; 8] = ["common", "helper", "helpers", "misc", "mod", "types", "util", "utils"];

fn is_source(file: &Path) -> bool {
    file.extension().is_some_and(|extension| SOURCES.iter().any(|source| extension == *source))
}

fn broken(file: &Path, lines: usize) -> Vec<String> {
    let long = (lines > MOST_LINES).then(|| format!("{} has {lines} lines", file.display()));
    let stem = file.with_extension("");
    let names = stem.components().filter_map(|part| part.as_os_str().to_str());
    let empty = names.filter(|name| EMPTY_NAMES.contains(name));
    let empty = empty.map(|name| format!("{}: `{name}` says nothing about what is inside", file.display()));
    long.into_iter().chain(empty).collect()
}

#[test]
fn source_files_are_short_and_named_for_what_they_hold() -> anyhow::Result<()> {
    let root = graph::root()?;
    let mut sentences = Vec::new();
    for file in tree::files(&root)?.iter().filter(|file| is_source(file)) {
        let lines = fs::read_to_string(root.join(file))?.lines().count();
        sentences.extend(broken(file, lines));
    }
    assert_none(&sentences);
    Ok(())
}

#[test]
fn a_long_or_emptily_named_file_is_named() {
    let judge = |file: &str, lines| broken(Path::new(file), lines).len();
    assert_eq!(judge("a/src/ndjson.rs", 500), 0);
    assert_eq!(judge("a/src/ndjson.rs", 501), 1);
    assert_eq!(judge("a/src/turn/mod.rs", 3), 1);
    assert_eq!(judge("a/tests/common/server.rs", 3), 1);
    assert_eq!(judge("a/src/utils.ts", 501), 2);
    assert_eq!(judge("a/src/modes.rs", 3), 0);
}

#[test]
fn rust_and_scripts_are_sources() {
    let sources = ["a.rs", "a.ts", "a.tsx", "a.js", "a.mjs"];
    assert!(sources.iter().all(|name| is_source(Path::new(name))));
    assert!(!["a.md", "a.json", "rs"].iter().any(|name| is_source(Path::new(name))));
}
