//! A folder whose npm packages must be installed, each at the version that its `package.json` pins.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

/// The package whose program is a native binary in a package of its own, one per platform.
const CLAUDE_CODE: &str = "@anthropic-ai/claude-code";

/// Relative to the root of the workspace.
#[derive(Debug)]
pub(super) struct NpmFolder {
    pub(super) folder: &'static str,
}

impl NpmFolder {
    pub(super) fn lack(&self, root: &Path) -> anyhow::Result<Option<String>> {
        let folder = root.join(self.folder);
        let manifest = read_json(&folder.join("package.json"))
            .with_context(|| format!("cannot read {}/package.json", self.folder))?;
        let modules = folder.join("node_modules");
        let pinned = pinned(&manifest);
        let lack = pinned.iter().find_map(|(name, pinned)| {
            let installed = read_json(&modules.join(name).join("package.json"));
            other_version(name, pinned, installed.as_ref())
        });
        Ok(lack.or_else(|| pinned.contains_key(CLAUDE_CODE).then(|| no_program(&modules)).flatten()))
    }
}

/// The packages that the manifest depends on, with their exact versions.
fn pinned(manifest: &Value) -> BTreeMap<String, String> {
    let dependencies =
        ["dependencies", "devDependencies"].into_iter().filter_map(|key| manifest.get(key)?.as_object());
    let named = dependencies
        .flatten()
        .filter_map(|(name, wanted)| Some((name.clone(), version(wanted.as_str()?).to_owned())));
    named.collect()
}

/// A package under another name is wanted as `npm:name@version`.
fn version(wanted: &str) -> &str {
    let aliased = wanted.strip_prefix("npm:").and_then(|package| package.rsplit_once('@'));
    aliased.map_or(wanted, |(_, version)| version)
}

fn other_version(name: &str, pinned: &str, installed: Option<&Value>) -> Option<String> {
    match installed.and_then(|manifest| manifest.get("version")?.as_str()) {
        None => Some(format!("{name} {pinned} is not installed")),
        Some(found) if found != pinned => Some(format!("{name} {found} is installed, {pinned} is pinned")),
        Some(_) => None,
    }
}

/// npm may skip install scripts and optional packages: then the wrapper is there and its program isn't.
fn no_program(modules: &Path) -> Option<String> {
    let places = claude_code_programs(modules);
    let there = places.iter().any(|place| is_executable(place));
    (!there).then(|| format!("no program in {}", places.first().map_or(modules, PathBuf::as_path).display()))
}

/// Where the package of this platform has its program: for glibc, then for musl.
fn claude_code_programs(modules: &Path) -> Vec<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = |libc: &str| format!("{CLAUDE_CODE}-{}-{architecture}{libc}", std::env::consts::OS);
    ["", "-musl"].iter().map(|libc| modules.join(package(libc)).join("claude")).collect()
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// `None` when it is absent or no JSON: both mean "not installed" for a file that npm wrote.
fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    const FOLDER: NpmFolder = NpmFolder { folder: "tools" };

    fn root_with(dependency: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tools")).unwrap();
        let manifest = json!({ "dependencies": { dependency: "1.2.3" } });
        fs::write(root.path().join("tools/package.json"), manifest.to_string()).unwrap();
        root
    }

    fn install(root: &Path, name: &str, version: &str) {
        let package = root.join("tools/node_modules").join(name);
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), json!({ "version": version }).to_string()).unwrap();
    }

    #[test]
    fn packages_must_be_installed_at_their_pinned_version() {
        let root = root_with("left");
        assert_eq!(FOLDER.lack(root.path()).unwrap().unwrap(), "left 1.2.3 is not installed");
        install(root.path(), "left", "1.2.4");
        assert_eq!(FOLDER.lack(root.path()).unwrap().unwrap(), "left 1.2.4 is installed, 1.2.3 is pinned");
        install(root.path(), "left", "1.2.3");
        assert_eq!(FOLDER.lack(root.path()).unwrap(), None);
    }

    #[test]
    fn a_package_under_another_name_has_the_version_behind_it() {
        assert_eq!(version("1.2.3"), "1.2.3");
        assert_eq!(version("npm:left@1.2.3"), "1.2.3");
        assert_eq!(version("npm:@scope/left@1.2.3"), "1.2.3");
    }

    #[test]
    fn claude_code_needs_the_program_of_this_platform() {
        let root = root_with(CLAUDE_CODE);
        install(root.path(), CLAUDE_CODE, "1.2.3");
        assert!(FOLDER.lack(root.path()).unwrap().unwrap().starts_with("no program in "));
        let program = claude_code_programs(&root.path().join("tools/node_modules")).remove(0);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        assert!(FOLDER.lack(root.path()).unwrap().is_some(), "not executable yet");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(FOLDER.lack(root.path()).unwrap(), None);
    }

    #[test]
    fn a_missing_manifest_is_an_error_of_the_workspace() {
        let root = tempfile::tempdir().unwrap();
        assert!(FOLDER.lack(root.path()).is_err());
    }
}
