//! What every manifest of ours says: the workspace's lints, a description, the edition, no version of its
//! own for a dependency, and whether it may be published.

use std::fs;
use std::path::Path;

use anyhow::Context;
use toml::{Table, Value};

use super::{assert_none, graph};

const EDITION: &str = "2024";

/// Tables of a manifest, or of one of its targets, that name dependencies.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn broken(manifest: &Table, workspace: &Table) -> Vec<String> {
    let package = |key: &str| stated(manifest, workspace, key);
    let unpublished = package("publish") == Some(&Value::Boolean(false));
    let rules = [
        (at(manifest, &["lints", "workspace"]) == Some(&Value::Boolean(true)), "inherits no lints"),
        (
            package("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
            "has no description",
        ),
        (package("edition").and_then(Value::as_str) == Some(EDITION), "is not of edition 2024"),
        (unpublished || package("license").is_some(), "is published and names no licence"),
    ];
    let rules = rules.iter().filter(|(holds, _)| !holds).map(|(_, sentence)| (*sentence).to_owned());
    rules.chain(own_versions(manifest)).collect()
}

/// A field of `[package]`, its own or the workspace's.
fn stated<'t>(manifest: &'t Table, workspace: &'t Table, key: &str) -> Option<&'t Value> {
    let own = at(manifest, &["package", key])?;
    let inherits = own.get("workspace") == Some(&Value::Boolean(true));
    if inherits { at(workspace, &["workspace", "package", key]) } else { Some(own) }
}

fn at<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// Versions live in `[workspace.dependencies]`. A package names its own path to switch on its own features.
fn own_versions(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let holders = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let tables =
        holders.flat_map(|holder| DEPENDENCIES.iter().filter_map(|key| holder.get(*key)?.as_table()));
    let wrong = tables.flatten().filter(|(_, dependency)| !comes_from_the_workspace(dependency));
    wrong.map(|(name, _)| format!("takes {name} from elsewhere than [workspace.dependencies]")).collect()
}

fn comes_from_the_workspace(dependency: &Value) -> bool {
    dependency.get("workspace") == Some(&Value::Boolean(true))
        || dependency.get("path").and_then(Value::as_str) == Some(".") && dependency.get("version").is_none()
}

fn read(file: &Path) -> anyhow::Result<Table> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.parse().with_context(|| file.display().to_string())
}

#[test]
fn every_manifest_of_ours_follows_the_rules() -> anyhow::Result<()> {
    let metadata = graph::resolved()?;
    let workspace = read(metadata.workspace_root.join("Cargo.toml").as_std_path())?;
    let mut sentences = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = read(package.manifest_path.as_std_path())?;
        let own = broken(&manifest, &workspace).into_iter();
        sentences.extend(own.map(|sentence| format!("{} {sentence}", package.name)));
    }
    assert_none(&sentences);
    Ok(())
}

#[cfg(test)]
mod rules_can_fail {
    use super::*;

    const GOOD: &str = "
        lints.workspace = true
        [package]
        description = 'x'
        edition.workspace = true
        publish.workspace = true
        [dependencies]
        serde.workspace = true
        tokio = { workspace = true, features = ['net'] }
        [dev-dependencies]
        self = { path = '.', features = ['testing'] }
    ";

    fn judge(manifest: &str) -> Vec<String> {
        let workspace = "[workspace.package]\nedition = '2024'\npublish = false".parse().unwrap();
        broken(&manifest.parse().unwrap(), &workspace)
    }

    #[test]
    fn a_manifest_that_follows_the_rules_passes() {
        assert_none(&judge(GOOD));
        assert_none(&judge(&GOOD.replace("publish.workspace = true", "license = 'MIT'")));
    }

    #[test]
    fn each_broken_rule_is_named() {
        let cases = [
            ("lints.workspace = true", "", "inherits no lints"),
            ("lints.workspace = true", "lints.workspace = false", "inherits no lints"),
            ("description = 'x'", "description = ''", "has no description"),
            ("edition.workspace = true", "edition = '2021'", "is not of edition 2024"),
            ("edition.workspace = true", "", "is not of edition 2024"),
            ("publish.workspace = true", "", "is published and names no licence"),
        ];
        for (good, bad, sentence) in cases {
            assert_eq!(judge(&GOOD.replace(good, bad)), [sentence], "{bad}");
        }
    }

    #[test]
    fn a_version_of_its_own_is_named_wherever_it_stands() {
        let cases = [
            "serde = '1'",
            "serde = { version = '1' }",
            "serde = { git = 'https://example.invalid' }",
            "serde = { path = '../serde' }",
        ];
        for bad in cases {
            let sentences = judge(&GOOD.replace("serde.workspace = true", bad));
            assert_eq!(sentences, ["takes serde from elsewhere than [workspace.dependencies]"], "{bad}");
        }
        for table in ["build-dependencies", "target.'cfg(unix)'.dependencies"] {
            assert_eq!(judge(&format!("{GOOD}\n[{table}]\nlibc = '1'")).len(), 1, "{table}");
        }
    }
}
