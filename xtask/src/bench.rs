//! `cargo xtask bench`: builds what is compared, as it is released, and compares it.

mod peers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use cargo_metadata::MetadataCommand;
use clap::Args;

use crate::invocation::Invocation;
use crate::prerequisite;

/// What a comparison needs of the machine.
pub(crate) const NEEDS: &[&str] = &["Rust", "a C compiler", "Node"];

/// The exit code when something is missing: nothing was run.
const MISSING: u8 = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// What to measure, such as `runs` or `decode`; everything without it
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Fewer rounds and smaller streams
    #[arg(long)]
    quick: bool,
    /// Compare the peers and the limits alone
    #[arg(long)]
    without_ours: bool,
    /// Where the report and its plots go [default: bench/ in the target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let missing = prerequisite::missing_of(NEEDS, root)?;
    if !missing.is_empty() {
        eprintln!("Nothing was measured. This is missing:");
        missing.iter().for_each(|one| eprintln!("  {one}"));
        return Ok(ExitCode::from(MISSING));
    }
    let build = options.build();
    println!("$ {build}");
    build.run(root)?;
    let target = target_directory(root)?;
    peers::install(&options.names, (root, &target));
    options.measure(&target)?.run(root)?;
    Ok(ExitCode::SUCCESS)
}

impl Options {
    /// The benches find claude-web beside themselves.
    fn build(&self) -> Invocation {
        let mut arguments = vec!["build", "--release", "--locked", "--package", "benches"];
        if !self.without_ours {
            arguments.extend(["--package", "claude-web"]);
        }
        Invocation::cargo(&arguments)
    }

    fn measure(&self, target: &Path) -> anyhow::Result<Invocation> {
        let program = target.join("release/benches");
        let mut arguments: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if self.quick {
            arguments.push("--quick");
        }
        if self.without_ours {
            arguments.push("--without-ours");
        }
        if let Some(out) = &self.out {
            arguments.extend(["--out", out.to_str().context("--out is not UTF-8")?]);
        }
        Ok(Invocation::new(program.to_str().context("the target directory is not UTF-8")?, &arguments))
    }
}

fn target_directory(root: &Path) -> anyhow::Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn planned(arguments: &[&str]) -> [String; 2] {
        let options = Cli::parse_from(["bench"].iter().chain(arguments)).options;
        [options.build().to_string(), options.measure(Path::new("target")).unwrap().to_string()]
    }

    #[test]
    fn what_is_compared_is_built_as_it_is_released() {
        let build = "cargo build --release --locked --package benches --package claude-web";
        assert_eq!(planned(&[]), [build, "target/release/benches"]);
        let measure = "target/release/benches runs memory --quick --out here";
        assert_eq!(planned(&["runs", "--quick", "memory", "--out", "here"]), [build, measure]);
    }

    #[test]
    fn the_peers_can_be_compared_alone() {
        let build = "cargo build --release --locked --package benches";
        let measure = "target/release/benches --without-ours";
        assert_eq!(planned(&["--without-ours"]), [build, measure]);
    }
}
