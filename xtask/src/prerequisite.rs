//! What the steps need of the machine: a table, and the question what of it is missing.

pub(crate) mod install;
mod npm_folder;
mod program;
mod release;

use std::fmt;
use std::path::Path;

use crate::step::Step;
use npm_folder::NpmFolder;
use program::{Oldest, Program};

/// Everything the steps need. A program of a Debian package is one line.
const TABLE: &[Prerequisite] = &[
    rust("Rust", &["rustc", "--version"], Oldest::Toolchain, Step::ALL),
    rust("rustfmt", &["cargo", "fmt", "--version"], Oldest::Any, &[Step::Fmt]),
    rust("clippy", &["cargo", "clippy", "--version"], Oldest::Any, &[Step::Clippy]),
    debian("a C compiler", &["cc", "--version"], Oldest::Any, &["build-essential"], Step::BUILDING),
    debian("Node", &["node", "--version"], Oldest::Major(20), &["nodejs"], &[Step::Test]),
    debian("npm", &["npm", "--version"], Oldest::Any, &["npm"], &[Step::Test]),
    npm("the tests' packages", "xtask/npm", &[Step::Test]),
    npm("the peers' packages", "benches/peers", &[]),
];

/// One line of the table.
#[derive(Debug)]
struct Prerequisite {
    name: &'static str,
    needed_by: &'static [Step],
    want: Want,
    remedy: Remedy,
}

#[derive(Debug)]
enum Want {
    Program(Program),
    NpmFolder(NpmFolder),
}

#[derive(Debug)]
enum Remedy {
    Debian(&'static [&'static str]),
    Npm,
    /// Nothing that we install: the machine's owner decides how.
    Rustup,
}

const fn rust(
    name: &'static str,
    command: &'static [&'static str],
    oldest: Oldest,
    needed_by: &'static [Step],
) -> Prerequisite {
    let want = Want::Program(Program { command, oldest });
    Prerequisite { name, needed_by, want, remedy: Remedy::Rustup }
}

#[expect(clippy::too_many_arguments, reason = "a row of the table, read under its neighbours")]
const fn debian(
    name: &'static str,
    command: &'static [&'static str],
    oldest: Oldest,
    packages: &'static [&'static str],
    needed_by: &'static [Step],
) -> Prerequisite {
    let want = Want::Program(Program { command, oldest });
    Prerequisite { name, needed_by, want, remedy: Remedy::Debian(packages) }
}

const fn npm(name: &'static str, folder: &'static str, needed_by: &'static [Step]) -> Prerequisite {
    Prerequisite { name, needed_by, want: Want::NpmFolder(NpmFolder { folder }), remedy: Remedy::Npm }
}

/// Something the machine lacks, why we think so, and what helps.
#[derive(Debug)]
pub(crate) struct Missing {
    prerequisite: &'static Prerequisite,
    why: String,
}

/// What of the table these steps need and the machine lacks. All of it, so that one reading is enough.
pub(crate) fn missing(steps: &[Step], root: &Path) -> anyhow::Result<Vec<Missing>> {
    missing_among(needed(TABLE, steps), root)
}

/// What of these, as the table names them, the machine lacks.
pub(crate) fn missing_of(names: &[&str], root: &Path) -> anyhow::Result<Vec<Missing>> {
    missing_among(TABLE.iter().filter(|one| names.contains(&one.name)), root)
}

fn missing_among(
    prerequisites: impl Iterator<Item = &'static Prerequisite>,
    root: &Path,
) -> anyhow::Result<Vec<Missing>> {
    let mut missing = Vec::new();
    for prerequisite in prerequisites {
        if let Some(why) = prerequisite.lack(root)? {
            missing.push(Missing { prerequisite, why });
        }
    }
    Ok(missing)
}

fn needed<'t>(table: &'t [Prerequisite], steps: &[Step]) -> impl Iterator<Item = &'t Prerequisite> {
    table.iter().filter(|one| one.needed_by.iter().any(|step| steps.contains(step)))
}

impl Prerequisite {
    /// What is wrong with it on this machine. An error is a broken workspace, not a lacking machine.
    fn lack(&self, root: &Path) -> anyhow::Result<Option<String>> {
        match &self.want {
            Want::Program(program) => program.lack(root),
            Want::NpmFolder(folder) => folder.lack(root),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. ", self.prerequisite.name, self.why)?;
        match (&self.prerequisite.remedy, &self.prerequisite.want) {
            (Remedy::Debian(packages), _) => {
                write!(f, "On Debian: apt-get install {}", packages.join(" "))
            }
            (Remedy::Npm, Want::NpmFolder(folder)) => write!(f, "Run: npm ci --prefix {}", folder.folder),
            (Remedy::Npm | Remedy::Rustup, _) => {
                f.write_str("Install rustup (https://rustup.rs); it takes what rust-toolchain.toml names")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_asks_only_for_what_it_needs() {
        let names = |step| needed(TABLE, &[step]).map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(Step::Fmt), ["Rust", "rustfmt"]);
        assert_eq!(names(Step::Doc), ["Rust", "a C compiler"]);
        assert!(names(Step::Test).contains(&"the tests' packages"));
    }

    #[test]
    fn a_chore_names_its_needs_as_the_table_does() {
        for name in crate::bench::NEEDS {
            assert!(TABLE.iter().any(|one| one.name == *name), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_its_remedy() {
        let tell = |name| {
            let prerequisite = TABLE.iter().find(|one| one.name == name).unwrap();
            Missing { prerequisite, why: "not found".to_owned() }.to_string()
        };
        assert_eq!(tell("npm"), "npm: not found. On Debian: apt-get install npm");
        assert_eq!(
            tell("the tests' packages"),
            "the tests' packages: not found. Run: npm ci --prefix xtask/npm"
        );
        assert!(tell("Rust").contains("rustup.rs"));
    }
}
