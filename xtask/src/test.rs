//! `cargo xtask test`: what the machine lacks first, then the steps up to the first that fails.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use crate::invocation::Invocation;
use crate::prerequisite::{self, Missing};
use crate::step::Step;
use crate::timing::{Outcome, Table, seconds};

/// The exit code when something is missing: nothing was run.
const MISSING: u8 = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// Install what is missing: Debian packages (needs root), npm packages
    #[arg(long)]
    install: bool,
    /// Run this step alone
    #[arg(long, value_name = "STEP")]
    only: Option<Step>,
}

pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let steps = Step::chosen(options.only);
    let missing = if options.install {
        prerequisite::install::missing_after_install(&steps, root)?
    } else {
        prerequisite::missing(&steps, root)?
    };
    if !missing.is_empty() {
        report(&missing, options.install);
        return Ok(ExitCode::from(MISSING));
    }
    let table = run_steps(&steps, root);
    println!("\n{table}");
    Ok(if table.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(missing: &[Missing], installed: bool) {
    eprintln!("No step was run. This is missing:");
    for one in missing {
        eprintln!("  {one}");
    }
    if !installed {
        eprintln!("`cargo xtask test --install` installs Debian packages (as root) and npm packages.");
    }
}

fn run_steps(steps: &[Step], root: &Path) -> Table {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut table = Table::default();
    for step in steps {
        let outcome = if table.all_passed() { run_step(*step, root, ci) } else { Outcome::NotRun };
        table.add(*step, outcome);
    }
    table
}

fn run_step(step: Step, root: &Path, ci: bool) -> Outcome {
    println!("\n== {step}");
    let started = Instant::now();
    let done = step.plan(root, ci).and_then(|plan| run_all(&plan, root));
    let took = started.elapsed();
    match done {
        Ok(()) => {
            println!("== {step}: ok, {}", seconds(took));
            Outcome::Passed(took)
        }
        Err(error) => {
            println!("== {step}: FAILED after {}: {error:#}", seconds(took));
            Outcome::Failed(took)
        }
    }
}

/// Runs them in order, each announced, up to the first that fails.
pub(crate) fn run_all(plan: &[Invocation], root: &Path) -> anyhow::Result<()> {
    if plan.is_empty() {
        println!("nothing to do");
    }
    plan.iter().try_for_each(|invocation| {
        println!("$ {invocation}");
        invocation.run(root)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_the_first_command_that_fails() {
        let directory = tempfile::tempdir().unwrap();
        let plan = [
            Invocation::new("touch", &["first"]),
            Invocation::new("false", &[]),
            Invocation::new("touch", &["never"]),
        ];
        assert!(run_all(&plan, directory.path()).is_err());
        assert!(directory.path().join("first").exists());
        assert!(!directory.path().join("never").exists());
    }
}
