//! A program that must answer, and be new enough.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use super::release::Release;

/// A command that prints its release, and the oldest that will do.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) command: &'static [&'static str],
    pub(super) oldest: Oldest,
}

#[derive(Debug)]
pub(super) enum Oldest {
    Any,
    Major(u32),
    /// The channel that `rust-toolchain.toml` names.
    Toolchain,
}

impl Program {
    pub(super) fn lack(&self, root: &Path) -> anyhow::Result<Option<String>> {
        let oldest = match self.oldest {
            Oldest::Any => None,
            Oldest::Major(major) => Some(Release::major(major)),
            Oldest::Toolchain => Some(toolchain_release(root)?),
        };
        Ok(judge(self.ask(root).as_deref(), oldest))
    }

    /// What it prints; `None` when it can't be started or fails.
    fn ask(&self, root: &Path) -> Option<String> {
        let (program, arguments) = self.command.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root).stdin(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn judge(answer: Option<&str>, oldest: Option<Release>) -> Option<String> {
    let Some(answer) = answer else { return Some("not found, or it does not run".to_owned()) };
    let oldest = oldest?;
    match Release::find(answer) {
        Some(found) if found >= oldest => None,
        Some(found) => Some(format!("{found} is installed, {oldest} or newer is needed")),
        None => Some(format!("it does not say its release, {oldest} or newer is needed")),
    }
}

fn toolchain_release(root: &Path) -> anyhow::Result<Release> {
    let file = root.join("rust-toolchain.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("cannot read {}", file.display()))?;
    let channel = table.get("toolchain").and_then(|toolchain| toolchain.get("channel")?.as_str());
    let release = channel.and_then(|channel| channel.parse().ok());
    release.context("rust-toolchain.toml names no release as its channel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_must_answer_and_be_new_enough() {
        let twenty = Some(Release::major(20));
        assert_eq!(judge(Some("v20.20.2\n"), twenty), None);
        assert_eq!(judge(Some("cc (Debian) whatever"), None), None);
        let old = judge(Some("v18.19.0\n"), twenty).unwrap();
        assert_eq!(old, "18.19.0 is installed, 20.0.0 or newer is needed");
        assert!(judge(None, None).is_some());
        assert!(judge(Some("hello"), twenty).is_some());
    }

    #[test]
    fn asking_a_missing_or_failing_program_gives_no_answer() {
        let ask = |command| Program { command, oldest: Oldest::Any }.ask(Path::new("."));
        assert_eq!(ask(&["no-such-program-here"]), None);
        assert_eq!(ask(&["false"]), None);
        assert_eq!(ask(&["echo", "1.2.3"]).as_deref(), Some("1.2.3\n"));
    }

    #[test]
    fn the_toolchain_file_names_a_release() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(toolchain_release(root).unwrap() >= Release::major(1));
    }
}
