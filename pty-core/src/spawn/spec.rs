//! What to start: the builder.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::resources::Resources;
use crate::id::{Owner, TerminalId};
use crate::size::Size;

/// A child to start on a terminal of its own, and how.
///
/// Its environment is what [`env`](Self::env) gives and nothing else: which variables of the program's own pass is the
/// caller's to say. Signals have their defaults, no descriptor but the terminal is open, the child leads a session
/// whose controlling terminal this is.
#[derive(Clone)]
pub struct Spec {
    pub(crate) id: TerminalId,
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) root: Option<PathBuf>,
    pub(crate) size: Size,
    pub(crate) owner: Owner,
    pub(crate) label: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) user: Option<User>,
    pub(crate) resources: Resources,
    pub(crate) ring_bytes: Option<usize>,
    #[cfg(feature = "recording")]
    pub(crate) recording: Option<crate::recording::Recording>,
}

/// Another user for the child, with exactly these groups and no capability. It takes a program that may switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

impl Spec {
    /// Starts from a program: a path, or a name that is looked for in the `PATH` given by [`env`](Self::env), else in
    /// the program's own.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            id: TerminalId::random(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            root: None,
            size: Size::default(),
            owner: Owner::default(),
            label: None,
            name: None,
            user: None,
            resources: Resources::default(),
            ring_bytes: None,
            #[cfg(feature = "recording")]
            recording: None,
        }
    }

    /// The id it will have: for who has to know it beforehand. Each id may be given once.
    #[must_use]
    pub fn id(mut self, id: TerminalId) -> Self {
        self.id = id;
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item: Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable; the last value given for a name holds.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// Sets variables.
    #[must_use]
    pub fn envs(self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        variables.into_iter().fold(self, |spec, (name, value)| spec.env(name, value))
    }

    /// The directory it starts in; without it, its root, else the program's own.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = Some(directory.into());
        self
    }

    /// The directory that its own must lie in, once links are followed. A `cwd` that isn't absolute counts from it.
    #[must_use]
    pub fn root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.root = Some(directory.into());
        self
    }

    /// The size it starts with, 80 × 24 unless given.
    #[must_use]
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// What is told of it instead of the program.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What its owner calls it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs it as another user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.user = Some(user);
        self
    }

    /// Limits what it may take.
    #[must_use]
    pub fn resources(mut self, change: impl FnOnce(&mut Resources)) -> Self {
        change(&mut self.resources);
        self
    }

    /// How much of its output is kept for replay, instead of [`Limits::ring_bytes`](crate::Limits::ring_bytes). At
    /// least 64 KiB; a window is at most that.
    #[must_use]
    pub fn ring_bytes(mut self, bytes: usize) -> Self {
        self.ring_bytes = Some(bytes);
        self
    }

    /// Records it.
    #[cfg(feature = "recording")]
    #[must_use]
    pub fn record(mut self, recording: crate::recording::Recording) -> Self {
        self.recording = Some(recording);
        self
    }
}

impl fmt::Debug for Spec {
    /// Shows neither arguments nor values of variables: they carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .field("size", &self.size)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
