//! The steps of `cargo xtask test`, in the order in which they run.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;

use crate::features;
use crate::invocation::Invocation;

/// One step. The cheap ones come first, so that a run fails early.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Step {
    /// The formatter agrees
    Fmt,
    /// The linter has nothing to say
    Clippy,
    /// All tests
    Test,
    /// The documentation builds, without a broken link
    Doc,
    /// Each feature alone, of the crates whose manifest changed
    Features,
}

impl Step {
    pub(crate) const ALL: &[Self] = &[Self::Fmt, Self::Clippy, Self::Test, Self::Doc, Self::Features];
    /// Those which compile or link.
    pub(crate) const BUILDING: &[Self] = &[Self::Clippy, Self::Test, Self::Doc, Self::Features];

    /// The steps to run: all of them, or the one that was asked for.
    pub(crate) fn chosen(only: Option<Self>) -> Vec<Self> {
        only.map_or_else(|| Self::ALL.to_vec(), |step| vec![step])
    }

    /// What the step runs. Always the whole workspace with one set of features: `-p` would build the
    /// dependencies once more, since features unify per selection.
    pub(crate) fn plan(self, root: &Path, ci: bool) -> anyhow::Result<Vec<Invocation>> {
        let plan = match self {
            Self::Fmt => vec![Invocation::cargo(&["fmt", "--all", "--check"])],
            Self::Clippy => vec![Invocation::cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])],
            Self::Test => vec![Invocation::cargo(&["test", "--workspace", "--locked"])],
            Self::Doc => vec![doc()],
            Self::Features => features::plan(root, features::Scope::Changed)?,
        };
        Ok(if ci { plan.into_iter().map(from_scratch).collect() } else { plan })
    }
}

/// Quiet, so that the summary of the tests stays near the end of the output.
fn doc() -> Invocation {
    Invocation::cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
        .variable("RUSTDOCFLAGS", "-D warnings")
}

/// A build server compiles once: what incremental builds would store is written for nobody.
fn from_scratch(invocation: Invocation) -> Invocation {
    invocation.variable("CARGO_INCREMENTAL", "0")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Doc => "doc",
            Self::Features => "features",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(step: Step, ci: bool) -> Vec<String> {
        let plan = step.plan(Path::new("."), ci).unwrap();
        plan.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_step_is_one_command_line_for_the_whole_workspace() {
        assert_eq!(shown(Step::Fmt, false), ["cargo fmt --all --check"]);
        assert_eq!(
            shown(Step::Clippy, false),
            ["cargo clippy --workspace --all-targets --locked -- -D warnings"]
        );
        assert_eq!(shown(Step::Test, false), ["cargo test --workspace --locked"]);
    }

    #[test]
    fn a_build_server_compiles_without_incremental_state() {
        assert_eq!(shown(Step::Test, true), ["CARGO_INCREMENTAL=0 cargo test --workspace --locked"]);
    }

    #[test]
    fn one_step_can_be_chosen() {
        assert_eq!(Step::chosen(Some(Step::Doc)), [Step::Doc]);
        assert_eq!(Step::chosen(None), Step::ALL);
    }

    #[test]
    fn a_step_is_shown_as_it_is_typed() {
        for step in Step::ALL {
            let typed = step.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), step.to_string());
        }
    }
}
