//! What cargo resolved: our packages and all they depend on, with every feature on.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// For Linux on this machine's architecture: what other systems need is never downloaded, nor built.
pub(crate) fn resolved() -> anyhow::Result<Metadata> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command = MetadataCommand::new();
    command.current_dir(root()?).features(CargoOpt::AllFeatures);
    command.other_options(["--locked".to_owned(), "--filter-platform".to_owned(), platform]);
    command.exec().context("cargo metadata")
}

pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(package.parent().context("the package has no parent directory")?.to_path_buf())
}
