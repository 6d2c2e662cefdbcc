//! The files of the source tree that are ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What is built, installed or hidden is not ours.
const FOREIGN: [&str; 3] = ["target", "node_modules", "dist"];

/// All files below `root`, relative to it, sorted.
pub(crate) fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && is_ours(&entry.file_name().to_string_lossy()) {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path().strip_prefix(root)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_ours(directory: &str) -> bool {
    !directory.starts_with('.') && !FOREIGN.contains(&directory)
}

#[test]
fn built_installed_and_hidden_directories_are_left_out() {
    assert!(is_ours("src"));
    assert!(!is_ours("target"));
    assert!(!is_ours("node_modules"));
    assert!(!is_ours(".git"));
}

#[test]
fn this_very_file_is_found() -> anyhow::Result<()> {
    let found = files(&super::graph::root()?)?;
    assert!(found.iter().any(|file| file == Path::new("xtask/tests/workspace/tree.rs")));
    Ok(())
}
