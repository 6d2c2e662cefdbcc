//! Installing what is missing: Debian packages by apt-get, npm packages by `npm ci`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::bail;

use super::{Missing, Remedy, Want, missing};
use crate::invocation::Invocation;
use crate::step::Step;
use crate::test::run_all;

/// Installs what can be installed and says what is missing still. npm comes last: it may just have been
/// installed itself, and is not called while something under it is missing.
pub(crate) fn missing_after_install(steps: &[Step], root: &Path) -> anyhow::Result<Vec<Missing>> {
    let lacking = missing(steps, root)?;
    let packages = debian_packages(&lacking);
    if !packages.is_empty() {
        if !is_root()? {
            bail!("installing Debian packages needs root: apt-get install {}", packages.join(" "));
        }
        run_all(&apt(&packages), root)?;
    }
    let lacking = missing(steps, root)?;
    let folders = npm_folders(&lacking);
    if folders.len() < lacking.len() || folders.is_empty() {
        return Ok(lacking);
    }
    run_all(&folders.iter().map(|folder| npm_ci(folder)).collect::<Vec<_>>(), root)?;
    missing(steps, root)
}

fn debian_packages(lacking: &[Missing]) -> Vec<&'static str> {
    let packages = lacking.iter().filter_map(|one| match one.prerequisite.remedy {
        Remedy::Debian(packages) => Some(packages),
        Remedy::Npm | Remedy::Rustup => None,
    });
    packages.flatten().copied().collect()
}

fn npm_folders(lacking: &[Missing]) -> Vec<&'static str> {
    let folders = lacking.iter().filter_map(|one| match (&one.prerequisite.remedy, &one.prerequisite.want) {
        (Remedy::Npm, Want::NpmFolder(folder)) => Some(folder.folder),
        _ => None,
    });
    folders.collect()
}

fn apt(packages: &[&str]) -> [Invocation; 2] {
    let install: Vec<&str> =
        ["install", "--yes", "--no-install-recommends"].iter().chain(packages).copied().collect();
    let quietly = |arguments: &[&str]| {
        Invocation::new("apt-get", arguments).variable("DEBIAN_FRONTEND", "noninteractive")
    };
    [quietly(&["update"]), quietly(&install)]
}

fn npm_ci(folder: &str) -> Invocation {
    Invocation::new("npm", &["ci", "--prefix", folder])
}

/// The owner of `/proc/self` is our effective user.
fn is_root() -> anyhow::Result<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::super::TABLE;
    use super::*;

    fn lacking(names: &[&str]) -> Vec<Missing> {
        let rows = TABLE.iter().filter(|one| names.contains(&one.name));
        rows.map(|prerequisite| Missing { prerequisite, why: String::new() }).collect()
    }

    #[test]
    fn all_debian_packages_are_installed_by_one_call_after_one_update() {
        let packages = debian_packages(&lacking(&["Rust", "a C compiler", "npm", "the tests' packages"]));
        assert_eq!(packages, ["build-essential", "npm"]);
        let shown = apt(&packages).map(|invocation| invocation.to_string());
        assert_eq!(shown[0], "DEBIAN_FRONTEND=noninteractive apt-get update");
        assert!(shown[1].ends_with("install --yes --no-install-recommends build-essential npm"));
    }

    #[test]
    fn npm_installs_exactly_what_the_lock_file_says() {
        let folders = npm_folders(&lacking(&["npm", "the tests' packages"]));
        assert_eq!(folders, ["xtask/npm"]);
        assert_eq!(npm_ci(folders[0]).to_string(), "npm ci --prefix xtask/npm");
    }
}
