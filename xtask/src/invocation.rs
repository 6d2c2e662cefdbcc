//! One program to run: planned as data, run with its output going straight to the terminal.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// A program, its arguments, and the variables it gets beside ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Invocation {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Invocation {
    pub(crate) fn new(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { program: program.to_owned(), arguments, variables: Vec::new() }
    }

    /// Cargo with these arguments.
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Self::new("cargo", arguments)
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Runs it in `directory` and waits. Nothing is captured: a build server reads the lines as they come.
    pub(crate) fn run(&self, directory: &Path) -> anyhow::Result<()> {
        let status = Command::new(self.executable())
            .args(&self.arguments)
            .envs(self.variables.iter().copied())
            .current_dir(directory)
            .status()
            .with_context(|| format!("cannot start `{self}`"))?;
        if !status.success() {
            bail!("`{self}`: {status}");
        }
        Ok(())
    }

    /// `cargo run` says in `CARGO` which cargo it is; the one in `PATH` might be another.
    fn executable(&self) -> OsString {
        match self.program.as_str() {
            "cargo" => std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            other => other.into(),
        }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            let quote = if value.contains(' ') { "\"" } else { "" };
            write!(f, "{name}={quote}{value}{quote} ")?;
        }
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_one_would_type_it() {
        let doc = Invocation::cargo(&["doc", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(doc.to_string(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }

    #[test]
    fn a_program_that_fails_or_is_missing_is_an_error_that_names_it() {
        let here = Path::new(".");
        assert!(Invocation::new("true", &[]).run(here).is_ok());
        let failed = Invocation::new("false", &["x"]).run(here).unwrap_err();
        assert!(failed.to_string().contains("`false x`"), "{failed}");
        let absent = Invocation::new("no-such-program-here", &[]).run(here).unwrap_err();
        assert!(absent.to_string().contains("no-such-program-here"), "{absent}");
    }
}
