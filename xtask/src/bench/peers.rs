//! Installs what the peers need, each into a directory of its own. A peer that lacks something is left out of the
//! comparison, which says so: nothing here fails a run.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::invocation::Invocation;
use crate::prerequisite;

/// The row of the prerequisites that is installed here.
const NPM_PACKAGES: &str = "the peers' packages";

const NPM_FOLDER: &str = "benches/peers";

const REQUIREMENTS: &str = "benches/peers/requirements.txt";

/// In the target directory; the benches look for it there.
const VENV: &str = "bench-venv";

/// In the venv: the requirements that it was made for. It is written last.
const INSTALLED: &str = "installed.txt";

/// The measurements that no package is needed for.
const WITHOUT: [&str; 9] = [
    "runs",
    "throughput",
    "memory",
    "stopped",
    "aborted",
    "first-line",
    "pass-through",
    "allocations",
    "fan-out",
];

/// What these measurements need and isn't there yet; everything is measured where none is named.
pub(super) fn install(names: &[String], (root, target): (&Path, &Path)) {
    if !are_needed(names) {
        return;
    }
    for (peers, done) in [("Node", node(root)), ("Python", python(root, target))] {
        if let Err(error) = done {
            println!("The peers on {peers} are left out: {error:#}");
        }
    }
}

fn are_needed(names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| !WITHOUT.contains(&name.as_str()))
}

fn node(root: &Path) -> anyhow::Result<()> {
    if prerequisite::missing_of(&[NPM_PACKAGES], root)?.is_empty() {
        return Ok(());
    }
    run(&npm_ci(), root)
}

fn python(root: &Path, target: &Path) -> anyhow::Result<()> {
    let venv = target.join(VENV);
    let wanted = fs::read(root.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    if fs::read(venv.join(INSTALLED)).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    for step in venv_steps(venv.to_str().context("the target directory is not UTF-8")?) {
        run(&step, root)?;
    }
    Ok(fs::write(venv.join(INSTALLED), wanted)?)
}

fn npm_ci() -> Invocation {
    Invocation::new("npm", &["ci", "--silent", "--prefix", NPM_FOLDER])
}

fn venv_steps(venv: &str) -> [Invocation; 2] {
    let python = format!("{venv}/bin/python");
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    [Invocation::new("python3", &["-m", "venv", "--clear", venv]), Invocation::new(&python, &install)]
}

fn run(step: &Invocation, root: &Path) -> anyhow::Result<()> {
    println!("$ {step}");
    step.run(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_as_they_are_pinned() {
        assert_eq!(npm_ci().to_string(), "npm ci --silent --prefix benches/peers");
        let [venv, install] = venv_steps("target/bench-venv").map(|step| step.to_string());
        assert_eq!(venv, "python3 -m venv --clear target/bench-venv");
        assert!(install.starts_with("target/bench-venv/bin/python -m pip install"));
        assert!(install.ends_with("--requirement benches/peers/requirements.txt"));
    }

    #[test]
    fn every_python_package_is_pinned() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join(REQUIREMENTS)).unwrap();
        let packages: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(packages.iter().any(|line| line.starts_with("anthropic==")));
        assert!(packages.iter().all(|line| line.contains("==") && !line.contains("://")), "{packages:?}");
    }

    #[test]
    fn packages_are_needed_by_what_has_peers_with_packages() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(!are_needed(&names(&["runs", "fan-out"])));
        assert!(are_needed(&names(&["runs", "decode"])));
        assert!(are_needed(&[]));
    }
}
