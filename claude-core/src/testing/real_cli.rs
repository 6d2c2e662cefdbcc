//! Finding the real Claude Code CLI.

use std::env;
use std::path::{Path, PathBuf};

/// Names the program; wins over the search.
const PATH_VARIABLE: &str = "CLAUDE_CODE_PATH";

/// Where the workspace's installer puts npm packages, seen from the workspace's root.
const INSTALLED: &str = "xtask/npm/node_modules/@anthropic-ai";

/// The real CLI isn't where tests look for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Claude Code CLI at {looked_for}: run `cargo xtask test --install`, or set {PATH_VARIABLE}")]
pub struct RealCliMissing {
    /// The path looked for last.
    pub looked_for: String,
}

/// The path of the real Claude Code CLI.
///
/// `CLAUDE_CODE_PATH` names it, or it lies in `xtask/npm` of the workspace, which is looked for from
/// `CARGO_MANIFEST_DIR` and from the running program upwards.
///
/// # Errors
/// [`RealCliMissing`], whose message says how to install it. Tests fail with it; they don't skip.
pub fn real_cli() -> Result<PathBuf, RealCliMissing> {
    if let Some(named) = env::var_os(PATH_VARIABLE).map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(missing(&named)) };
    }
    let program = Path::new(INSTALLED).join(package()).join("claude");
    let starts = [env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from), env::current_exe().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join(&program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| missing(&program))
}

/// The npm package that holds the native program of this machine.
fn package() -> &'static str {
    if cfg!(target_arch = "aarch64") { "claude-code-linux-arm64" } else { "claude-code-linux-x64" }
}

fn missing(path: &Path) -> RealCliMissing {
    RealCliMissing { looked_for: path.display().to_string() }
}
