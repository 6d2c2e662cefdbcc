//! Where the peers lie, and what they need installed: `cargo xtask bench` puts it there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::bail;
use serde_json::Value;

/// The peers' sources.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// The directory in the target directory where the Python peers' packages are.
const VENV: &str = "bench-venv";

/// A peer's script.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(PEERS).join(name)
}

/// Whether Node and the peers' packages are there.
pub(crate) fn node_packages() -> anyhow::Result<()> {
    if crate::contestant::node_version().is_none() {
        bail!("node is not installed");
    }
    if !script("node_modules/@anthropic-ai/sdk").exists() {
        bail!("the packages of benches/peers are not installed: npm ci --prefix benches/peers");
    }
    Ok(())
}

/// Whether node-pty is there, which npm builds and leaves out where it can't.
pub(crate) fn node_pty() -> anyhow::Result<()> {
    if !script("node_modules/node-pty/build/Release/pty.node").exists() {
        bail!("node-pty is not built: it needs Python, a C++ compiler and Node's headers");
    }
    Ok(())
}

/// Of the peers' packages: those that are installed.
pub(crate) fn versions() -> Vec<(&'static str, String)> {
    let node = [
        ("sdk, node", "@anthropic-ai/sdk"),
        ("express", "express"),
        ("node-pty", "node-pty"),
        ("ws", "ws"),
        ("socket.io", "socket.io"),
    ];
    let node = node.into_iter().filter_map(|(name, package)| Some((name, node_version(package)?)));
    node.chain(python_version().map(|version| ("sdk, python", version))).collect()
}

fn node_version(package: &str) -> Option<String> {
    let manifest = fs::read(script("node_modules").join(package).join("package.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&manifest).ok()?;
    Some(manifest["version"].as_str()?.to_owned())
}

/// Of the SDK, with that of Python itself.
fn python_version() -> Option<String> {
    const ASK: &str = "import importlib.metadata as m, platform as p\n\
        print(m.version('anthropic'), 'on Python', p.python_version())";
    let output = Command::new(python().ok()?).args(["-c", ASK]).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The Python that has the peers' packages.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    // `target/release/benches`, or below `deps` for tests.
    let found =
        program.ancestors().skip(1).map(|above| above.join(VENV).join("bin/python")).find(|it| it.exists());
    match found {
        Some(python) => Ok(python),
        None => bail!(
            "the packages of benches/peers/requirements.txt are not installed in a venv: cargo xtask bench does it"
        ),
    }
}
