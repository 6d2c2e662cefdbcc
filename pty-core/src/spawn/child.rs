//! From a specification to a running terminal.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use process_tree::{Command, Tree};

use super::resources;
use super::spec::{Spec, User};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::terminal::Terminal;
use crate::terminal::child::{Child, Source};
use crate::terminal::device::{Device, Watched};
use crate::terminal::state::{Facts, Shared};
use crate::terminal::task::Task;
use crate::terminals::Place;

/// Starts it, and the task that owns it.
pub(crate) async fn start(spec: Spec, place: Place) -> Result<Terminal> {
    let cwd = directory(spec.cwd.as_deref(), spec.root.as_deref())?;
    // First of all that can fail without a child; it goes again if the child doesn't come.
    #[cfg(feature = "recording")]
    let recorder = {
        let at = (place.registry().clock)();
        spec.recording.clone().map(|recording| recording.begin(&spec, at)).transpose()?
    };
    let (device, childs) = Device::open(spec.size, spec.user.as_ref()).map_err(Error::NoPty)?;
    let tree = tree(&spec, cwd, childs).await?;
    let started = Started { device, pid: tree.pid(), child: Child::Alive(Source::Tree(Box::new(tree))) };
    let terminal = own(&spec, started, place)?;
    #[cfg(feature = "recording")]
    if let Some(recorder) = recorder {
        recorder.follow(&terminal);
    }
    Ok(terminal)
}

/// A child that runs, and our end of its terminal.
pub(crate) struct Started {
    pub(crate) device: Device,
    pub(crate) pid: u32,
    pub(crate) child: Child,
}

/// Makes a terminal of it, known and owned by a task.
pub(crate) fn own(spec: &Spec, started: Started, place: Place) -> Result<Terminal> {
    let Started { device, pid, child } = started;
    let registry = Arc::clone(place.registry());
    let device = Arc::new(device);
    let watched = match Watched::new(Arc::clone(&device)) {
        Ok(watched) => watched,
        Err(error) => {
            abandon(child, place);
            return Err(Error::NoPty(error));
        }
    };
    let facts = Facts {
        owner: spec.owner.clone(),
        label: spec.label.clone().unwrap_or_else(|| spec.program.to_string_lossy().into_owned()),
        name: spec.name.clone(),
        pid,
        created_at: (registry.clock)(),
        #[cfg(feature = "recording")]
        recording: spec.recording.as_ref().map(|recording| recording.path().to_owned()),
        #[cfg(not(feature = "recording"))]
        recording: None,
    };
    let all = (limits(spec, &registry.limits), registry.counters.clone());
    let shared = Arc::new(Shared::new((spec.id, facts), all, (device, spec.size)));
    if let Err(refused) = registry.add(Arc::clone(&shared)) {
        abandon(child, place);
        return Err(refused);
    }
    tokio::spawn(Task::new(Arc::clone(&shared), (watched, child), place).run());
    Ok(Terminal { shared })
}

/// The limits of this terminal.
fn limits(spec: &Spec, of_all: &Arc<Limits>) -> Arc<Limits> {
    match spec.ring_bytes {
        None => Arc::clone(of_all),
        Some(ring_bytes) => Arc::new(Limits { ring_bytes, ..Limits::clone(of_all) }.settled()),
    }
}

/// Ends a child that nobody will own. It counts until nobody of it is left.
fn abandon(mut child: Child, place: Place) {
    tokio::spawn(async move {
        child.end();
        child.next().await;
        drop(place);
    });
}

async fn tree(spec: &Spec, cwd: Option<PathBuf>, terminal: OwnedFd) -> Result<Tree> {
    let mut command = Command::new(&spec.program).args(&spec.args);
    for (name, value) in &spec.env {
        command = command.env(name, value);
    }
    if let Some(cwd) = cwd {
        command = command.cwd(cwd);
    }
    if let Some(User { uid, gid, groups }) = &spec.user {
        command = command.user(process_tree::User::new(*uid, *gid).groups(groups.iter().copied()));
    }
    let command = spec.resources.apply(command);
    Tree::on_terminal(command, terminal).await.map_err(|error| refused(spec, error))
}

fn refused(spec: &Spec, error: process_tree::Error) -> Error {
    use process_tree::Error as Tree;
    match error {
        Tree::Missing { program } => Error::CommandMissing { program, source: None },
        Tree::NotExecutable { program, source } => Error::CommandMissing { program, source: Some(source) },
        Tree::BadDirectory { path, .. } => Error::BadDirectory { path },
        Tree::Limit { resource, source } => Error::LimitRefused { limit: resources::name(resource), source },
        Tree::Nul => Error::CommandMissing {
            program: spec.program.clone(),
            source: Some(io::Error::new(io::ErrorKind::InvalidInput, error)),
        },
        other => Error::Spawn(io::Error::other(other)),
    }
}

/// Where the child works: an absolute path without links, in the root if there is one.
fn directory(cwd: Option<&Path>, root: Option<&Path>) -> Result<Option<PathBuf>> {
    let real = |path: &Path| path.canonicalize().map_err(|_| Error::BadDirectory { path: path.to_owned() });
    let root = root.map(real).transpose()?;
    let path = match (cwd, &root) {
        (Some(cwd), Some(root)) => real(&root.join(cwd))?,
        (Some(cwd), None) => real(cwd)?,
        (None, Some(root)) => root.clone(),
        (None, None) => return Ok(None),
    };
    let is_inside = root.is_none_or(|root| path.starts_with(root));
    if is_inside && path.is_dir() {
        Ok(Some(path))
    } else {
        Err(Error::BadDirectory { path: cwd.unwrap_or(&path).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lies_in_its_root_once_links_are_followed() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        for made in ["root/in", "root-beside", "out"] {
            std::fs::create_dir_all(place.path().join(made)).unwrap();
        }
        std::os::unix::fs::symlink("../out", root.join("link")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        let of = |cwd: &str| directory(Some(Path::new(cwd)), Some(&root));
        let inside = root.canonicalize().unwrap();
        assert_eq!(of("in").unwrap(), Some(inside.join("in")));
        assert_eq!(of(root.join("in").to_str().unwrap()).unwrap(), Some(inside.join("in")));
        assert_eq!(directory(None, Some(&root)).unwrap(), Some(inside.clone()));
        assert_eq!(of("in/..").unwrap(), Some(inside));
        let beside = place.path().join("root-beside");
        for cwd in ["link", "..", "../out", "file", "none", "/", "in/../..", "\0", beside.to_str().unwrap()] {
            assert!(matches!(of(cwd), Err(Error::BadDirectory { .. })), "{cwd:?}");
        }
    }
}
