//! What a call of one of the CLI's own tools would change.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

use crate::approval::Preview;
use crate::text::{Json, Text};

/// The most bytes of a file that are read to show what a call would change.
const PREVIEW_BYTES: u64 = 256 << 10;

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
#[must_use]
pub fn preview(tool: &str, input: &Json, cwd: &Path) -> Preview {
    let Ok(known) = input.read::<Known>() else { return Preview::Input { input: input.clone() } };
    match (tool, known) {
        ("Bash", Known { command: Some(command), description, .. }) => {
            Preview::Command { command, description }
        }
        ("Write", Known { file_path: Some(path), content: Some(after), .. }) => {
            let before = current(&path, cwd);
            Preview::Diff { path, before, after }
        }
        (
            "Edit",
            Known {
                file_path: Some(path), old_string: Some(old), new_string: Some(new), replace_all, ..
            },
        ) => match current(&path, cwd).filter(|text| !old.is_empty() && text.contains(&*old)) {
            Some(before) => {
                let after = before.replacen(&*old, &new, if replace_all { usize::MAX } else { 1 }).into();
                Preview::Diff { path, before: Some(before), after }
            }
            None => Preview::Diff { path, before: Some(old), after: new },
        },
        _ => Preview::Input { input: input.clone() },
    }
}

/// The file's text, if it is one that may be shown: below `cwd` once links are followed, regular, small, UTF-8.
fn current(path: &str, cwd: &Path) -> Option<Text> {
    let real: PathBuf = cwd.join(path).canonicalize().ok()?;
    if !real.starts_with(cwd.canonicalize().ok()?) {
        return None;
    }
    // Not blocking: it may be a FIFO.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(real, flags, Mode::empty()).ok()?);
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
            let Preview::Diff { before, .. } = shown("Write", write, dir.path()) else { panic!("no diff") };
            assert_eq!(before, None, "{path}");
        }
    }

    #[test]
    fn what_is_not_known_shows_its_input() {
        let input = serde_json::json!({"command": 7});
        assert!(matches!(shown("Bash", input, Path::new("/")), Preview::Input { .. }));
    }
}
