//! What a call of one of the CLI's own tools would change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use serde::Deserialize;

use crate::approval::Preview;
use crate::text::{Json, Text};

/// The most bytes of a file that are read to show what a call would change.
const PREVIEW_BYTES: u64 = 256 << 10;

/// The most bytes of a changed file that are shown. Replacing every letter by a page would fill the memory.
const CHANGED_BYTES: usize = 1 << 20;

/// The inputs that can be shown better than as JSON.
#[derive(Deserialize)]
struct Known {
    command: Option<Text>,
    description: Option<Text>,
    file_path: Option<Text>,
    content: Option<Text>,
    old_string: Option<Text>,
    new_string: Option<Text>,
    #[serde(default)]
    replace_all: bool,
}

/// What a call of a tool of the CLI would do. Reads the file concerned if it is a small regular file below `cwd`.
/// Members of the input that it does not show otherwise stand in `others`: nothing that is approved is hidden.
#[must_use]
pub fn preview(tool: &str, input: &Json, cwd: &Path) -> Preview {
    let Ok(known) = input.read::<Known>() else { return Preview::Input { input: input.clone() } };
    match (tool, known) {
        ("Bash", Known { command: Some(command), description, .. }) => {
            Preview::Command { command, description, others: others(input, &["command", "description"]) }
        }
        ("Write", Known { file_path: Some(path), content: Some(after), .. }) => {
            let (before, is_hidden) = match current(&path, cwd) {
                Current::Shown(text) => (Some(text), false),
                Current::Absent => (None, false),
                Current::Hidden => (None, true),
            };
            Preview::Diff { path, before, after, is_hidden, others: others(input, &["file_path", "content"]) }
        }
        (
            "Edit",
            Known {
                file_path: Some(path), old_string: Some(old), new_string: Some(new), replace_all, ..
            },
        ) => {
            let most = if replace_all { usize::MAX } else { 1 };
            let others = others(input, &["file_path", "old_string", "new_string"]);
            match current(&path, cwd) {
                Current::Shown(before) if is_small(&before, &old, &new, most) => {
                    let after = before.replacen(&*old, &new, most).into();
                    Preview::Diff { path, before: Some(before), after, is_hidden: false, others }
                }
                _ => Preview::Diff { path, before: Some(old), after: new, is_hidden: true, others },
            }
        }
        _ => Preview::Input { input: input.clone() },
    }
}

/// The members of an input that are not `shown`; `None` where there are none.
fn others(input: &Json, shown: &[&str]) -> Option<Json> {
    let mut members: BTreeMap<String, Json> = input.read().ok()?;
    members.retain(|name, _| !shown.contains(&name.as_str()));
    if members.is_empty() { None } else { Json::of(&members).ok() }
}

/// Whether the file has what is replaced, and stays small enough to be shown.
fn is_small(before: &str, old: &str, new: &str, most: usize) -> bool {
    let count = if old.is_empty() { 0 } else { before.matches(old).take(most).count() };
    count > 0 && before.len().saturating_add(count.saturating_mul(new.len())) <= CHANGED_BYTES
}

/// What stands in a file now.
enum Current {
    Shown(Text),
    Absent,
    /// It is not one that may be shown.
    Hidden,
}

/// Shown is a file below `cwd` once links are followed, regular, small, UTF-8.
fn current(path: &str, cwd: &Path) -> Current {
    match cwd.join(path).canonicalize() {
        Ok(real) => read(&real, cwd).map_or(Current::Hidden, Current::Shown),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Current::Absent,
        Err(_) => Current::Hidden,
    }
}

fn read(real: &Path, cwd: &Path) -> Option<Text> {
    if !real.starts_with(cwd.canonicalize().ok()?) {
        return None;
    }
    // Not blocking: it may be a FIFO. No link any more, in no part of the path: the child may have put one there
    // since, and as another user it may not read all that we may. Linux 5.6; before it, nothing is shown.
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(rustix::fs::openat2(CWD, real, flags, Mode::empty(), resolve).ok()?);
    let facts = file.metadata().ok()?;
    if !facts.is_file() || facts.len() > PREVIEW_BYTES {
        return None;
    }
    let mut text = String::new();
    file.take(PREVIEW_BYTES).read_to_string(&mut text).ok()?;
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tool: &str, input: serde_json::Value, cwd: &Path) -> Preview {
        preview(tool, &input.into(), cwd)
    }

    #[test]
    fn a_write_shows_what_stands_there_and_what_will() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "one\n").unwrap();
        let path = dir.path().join("a.txt").display().to_string();
        let write = serde_json::json!({"file_path": path, "content": "two\n"});
        let Preview::Diff { before, after, .. } = shown("Write", write, dir.path()) else {
            panic!("no diff")
        };
        assert_eq!((before.as_deref(), &*after), (Some("one\n"), "two\n"));

        let edit = serde_json::json!({"file_path": "a.txt", "old_string": "one", "new_string": "three"});
        let Preview::Diff { before, after, .. } = shown("Edit", edit, dir.path()) else { panic!("no diff") };
        assert_eq!((before.as_deref(), &*after), (Some("one\n"), "three\n"));
    }

    #[test]
    fn files_elsewhere_are_not_read() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(other.path().join("secret"), dir.path().join("link")).unwrap();
        for path in [
            other.path().join("secret").display().to_string(),
            "link".into(),
            "../secret".into(),
            "/dev/zero".into(),
        ] {
            let write = serde_json::json!({"file_path": path, "content": ""});
            let Preview::Diff { before, is_hidden, .. } = shown("Write", write, dir.path()) else {
                panic!("no diff")
            };
            assert_eq!((before, is_hidden), (None, path != "../secret"), "{path}");
        }
    }

    #[test]
    fn a_link_that_comes_in_between_is_not_followed() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("secret"), "secret").unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/secret"), "shown").unwrap();
        let found = dir.path().canonicalize().unwrap().join("sub/secret");
        assert_eq!(read(&found, dir.path()).as_deref(), Some("shown"));
        std::fs::rename(dir.path().join("sub"), dir.path().join("away")).unwrap();
        std::os::unix::fs::symlink(other.path(), dir.path().join("sub")).unwrap();
        assert_eq!(read(&found, dir.path()), None);
    }

    #[test]
    fn a_change_that_would_fill_the_memory_is_shown_by_its_parts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "a".repeat(60_000)).unwrap();
        let edit = serde_json::json!({
            "file_path": "a.txt", "old_string": "a", "new_string": "b".repeat(60_000), "replace_all": true,
        });
        let Preview::Diff { before, after, .. } = shown("Edit", edit, dir.path()) else { panic!("no diff") };
        assert_eq!((before.as_deref(), after.len()), (Some("a"), 60_000));
    }

    #[test]
    fn members_that_are_not_shown_otherwise_are_shown_beside() {
        let bash =
            serde_json::json!({"command": "ls", "description": "List", "dangerouslyDisableSandbox": true});
        let Preview::Command { others, .. } = shown("Bash", bash, Path::new("/")) else {
            panic!("no command")
        };
        assert_eq!(others.unwrap().as_str(), r#"{"dangerouslyDisableSandbox":true}"#);
        let edit =
            serde_json::json!({"file_path": "/x", "old_string": "a", "new_string": "b", "replace_all": true});
        let Preview::Diff { others, .. } = shown("Edit", edit, Path::new("/")) else { panic!("no diff") };
        assert_eq!(others.unwrap().as_str(), r#"{"replace_all":true}"#);
    }

    #[test]
    fn what_is_not_known_shows_its_input() {
        let input = serde_json::json!({"command": 7});
        assert!(matches!(shown("Bash", input, Path::new("/")), Preview::Input { .. }));
    }
}
