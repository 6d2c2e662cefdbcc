//! Which manifests changed, as git sees it.

use std::path::Path;
use std::process::Command;

/// Files that concern each crate of the workspace.
const CONCERN_ALL: [&str; 2] = ["Cargo.toml", "Cargo.lock"];

/// The files that differ from the base, uncommitted and new ones included. `None` when git can't tell (no
/// repository, a first commit, a shallow copy): then everything counts as changed.
pub(super) fn files(root: &Path) -> Option<Vec<String>> {
    let head = git(root, &["rev-parse", "HEAD"])?;
    let fork = git(root, &["merge-base", "HEAD", "origin/main"]);
    let parent = git(root, &["rev-parse", "--verify", "--quiet", "HEAD~1"]);
    let base = base(head.trim(), fork.as_deref().map(str::trim), parent.as_deref().map(str::trim))?;
    let changed = git(root, &["diff", "--name-only", "-z", base])?;
    let new = git(root, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = changed.split('\0').chain(new.split('\0')).filter(|name| !name.is_empty());
    Some(names.map(str::to_owned).collect())
}

pub(super) fn concerns(changed: &[String], manifest: &str) -> bool {
    changed.iter().any(|file| file == manifest || CONCERN_ALL.contains(&file.as_str()))
}

/// Where we left `origin/main`, or the parent commit when we stand on it.
fn base<'c>(head: &str, fork: Option<&'c str>, parent: Option<&'c str>) -> Option<&'c str> {
    fork.filter(|fork| *fork != head).or(parent)
}

/// Asks the repository at `root`, whatever repository a git hook that called us has in mind.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    let output = command.args(arguments).current_dir(root).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_base_is_the_fork_then_the_parent() {
        assert_eq!(base("c", Some("a"), Some("b")), Some("a"));
        assert_eq!(base("c", Some("c"), Some("b")), Some("b"));
        assert_eq!(base("c", None, Some("b")), Some("b"));
        assert_eq!(base("c", None, None), None);
    }

    #[test]
    fn a_crate_is_concerned_by_its_manifest_and_by_the_roots() {
        let changed = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(concerns(&changed(&["a/Cargo.toml"]), "a/Cargo.toml"));
        assert!(concerns(&changed(&["Cargo.lock"]), "a/Cargo.toml"));
        assert!(concerns(&changed(&["Cargo.toml"]), "a/Cargo.toml"));
        assert!(!concerns(&changed(&["b/Cargo.toml", "a/src/lib.rs"]), "a/Cargo.toml"));
    }

    #[test]
    fn git_is_asked_for_committed_uncommitted_and_new_files() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        assert_eq!(files(root), None, "no repository");
        let commit = |name: &str| {
            fs::write(root.join(name), "").unwrap();
            git(root, &["add", name]).unwrap();
            let author = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"];
            git(root, &[&author[..], &["commit", "--quiet", "--no-verify", "-m", name]].concat()).unwrap();
        };
        git(root, &["init", "--quiet"]).unwrap();
        commit("first");
        assert_eq!(files(root), None, "no parent");
        commit("second");
        fs::write(root.join("first"), "changed").unwrap();
        fs::write(root.join("third"), "new").unwrap();
        let mut seen = files(root).unwrap();
        seen.sort();
        assert_eq!(seen, ["first", "second", "third"]);
    }
}
