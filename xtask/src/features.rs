//! `cargo xtask features`: each of our library crates with each feature alone, with none, and with its
//! defaults. In the whole workspace features unify, so only this finds a feature that needs another one.

mod changed;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use cargo_metadata::{MetadataCommand, Package, TargetKind};
use clap::Args;

use crate::invocation::Invocation;
use crate::test::run_all;

#[derive(Args)]
pub(crate) struct Options {
    /// Only crates whose manifest changed against the parent commit, or against where we left origin/main
    #[arg(long)]
    changed: bool,
}

/// Which crates are checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    All,
    Changed,
}

pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let scope = if options.changed { Scope::Changed } else { Scope::All };
    run_all(&plan(root, scope)?, root)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn plan(root: &Path, scope: Scope) -> anyhow::Result<Vec<Invocation>> {
    let changed = match scope {
        Scope::All => None,
        Scope::Changed => changed::files(root),
    };
    let crates = library_crates(root)?;
    let concerned = crates
        .iter()
        .filter(|one| changed.as_ref().is_none_or(|files| changed::concerns(files, &one.manifest)));
    Ok(concerned.flat_map(checks).collect())
}

/// One of our library crates.
#[derive(Debug)]
struct LibraryCrate {
    name: String,
    /// Relative to the root of the workspace.
    manifest: String,
    features: Vec<String>,
}

fn library_crates(root: &Path) -> anyhow::Result<Vec<LibraryCrate>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo metadata")?;
    let is_library =
        |package: &&Package| package.targets.iter().any(|target| target.kind.contains(&TargetKind::Lib));
    let describe = |package: &Package| LibraryCrate {
        name: package.name.to_string(),
        manifest: package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path).to_string(),
        features: package.features.keys().cloned().collect(),
    };
    Ok(metadata.packages.iter().filter(is_library).map(describe).collect())
}

fn checks(library: &LibraryCrate) -> Vec<Invocation> {
    let check = |selection: &[&str]| {
        let fixed = ["check", "--locked", "--quiet", "-p", &library.name];
        Invocation::cargo(&[&fixed, selection].concat())
    };
    let has_default = library.features.iter().any(|feature| feature == "default");
    let alone = library.features.iter().filter(|feature| *feature != "default");
    let mut checks = vec![check(&["--no-default-features"])];
    checks.extend(alone.map(|feature| check(&["--no-default-features", "--features", feature])));
    checks.extend(has_default.then(|| check(&[])));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(features: &[&str]) -> Vec<String> {
        let features = features.iter().map(ToString::to_string).collect();
        let library = LibraryCrate { name: "x".to_owned(), manifest: "x/Cargo.toml".to_owned(), features };
        checks(&library).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_feature_is_checked_alone_then_the_defaults() {
        assert_eq!(
            shown(&["cli", "default", "testing"]),
            [
                "cargo check --locked --quiet -p x --no-default-features",
                "cargo check --locked --quiet -p x --no-default-features --features cli",
                "cargo check --locked --quiet -p x --no-default-features --features testing",
                "cargo check --locked --quiet -p x",
            ]
        );
    }

    #[test]
    fn a_crate_without_features_is_checked_once() {
        assert_eq!(shown(&[]), ["cargo check --locked --quiet -p x --no-default-features"]);
    }

    #[test]
    fn our_library_crates_are_found_with_their_features() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let crates = library_crates(root).unwrap();
        let core = crates.iter().find(|one| one.name == "claude-core").unwrap();
        assert_eq!(core.manifest, "claude-core/Cargo.toml");
        assert!(core.features.iter().any(|feature| feature == "testing"));
        assert!(crates.iter().all(|one| one.name != "xtask"));
    }
}
