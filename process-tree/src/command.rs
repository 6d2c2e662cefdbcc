//! What to start: the builder, its resource limits, and how the tree is to be held.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::user::User;

/// A child to start, and how.
///
/// Its environment starts **empty**: it gets what [`env`](Self::env) gave, plus one marker,
/// `PROCESS_TREE_MARK`, by which leftovers are recognised. Signal dispositions are the default ones, no
/// signal is blocked, and no descriptor above 2 is open. The child leads a new session.
#[derive(Clone)]
pub struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) user: Option<User>,
    pub(crate) limits: Vec<(Resource, u64)>,
    pub(crate) reach: Reach,
}

impl Command {
    /// Starts from a program. A bare name is looked up in the `PATH` given by [`env`](Self::env), else in
    /// the owner's; a path with a slash is taken from the owner's current directory. It becomes `argv[0]` as
    /// written.
    pub fn new(program: impl Into<OsString>) -> Self {
        Command {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            user: None,
            limits: Vec::new(),
            reach: Reach::Auto,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item: Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable; the last value given for a key holds.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let key = key.into();
        self.env.retain(|(known, _)| *known != key);
        self.env.push((key, value.into()));
        self
    }

    /// The directory the child starts in; without it, the owner's current one.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = Some(directory.into());
        self
    }

    /// Runs the child as another user, with that user's groups and no capability. It takes an owner that is root,
    /// or one with `CAP_SETUID` and `CAP_SETGID` to switch, and `CAP_KILL` to end what it started; else the start
    /// fails with [`Error::User`](crate::Error::User).
    ///
    /// The program is looked up as the owner; it is executed, and the directory entered, as that user. Limits are
    /// set as the owner. The environment stays what [`env`](Self::env) gave: `HOME` and the like are the
    /// caller's to set. Pipes become the user's, a terminal's device stays whose it is.
    ///
    /// A set-user-id program such as `sudo` works in the child as it does for that user elsewhere. An owner that
    /// doesn't want this sets `PR_SET_NO_NEW_PRIVS` for itself (systemd: `NoNewPrivileges=yes`): every child
    /// inherits it, and it doesn't hinder the switch.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.user = Some(user);
        self
    }

    /// Limits a resource, soft and hard at once. It holds for the child and what descends from it, each, but for
    /// [`Resource::Processes`].
    #[must_use]
    pub fn limit(mut self, resource: Resource, value: u64) -> Self {
        self.limits.retain(|(known, _)| *known != resource);
        self.limits.push((resource, value));
        self
    }

    /// Forces what holds the tree. One that isn't available here fails the start with
    /// [`Error::ReachUnavailable`](crate::Error::ReachUnavailable).
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
}

impl fmt::Debug for Command {
    /// Shows neither arguments nor values of variables: they carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &self.env.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .field("user", &self.user)
            .field("limits", &self.limits)
            .field("reach", &self.reach)
            .finish()
    }
}

/// A resource that [`Command::limit`] bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// Processor time of one process, seconds; beyond it the kernel kills it.
    CpuSeconds,
    /// Address space of one process, bytes; beyond it allocation fails.
    AddressSpaceBytes,
    /// Open descriptors of one process.
    OpenFiles,
    /// Processes and threads; beyond it the next fork fails.
    ///
    /// Under [`Reach::Cgroup`] it is the cgroup's `pids.max` where there is one: it counts the tree, the child
    /// included, and holds for root too. That takes an owner in the root of the version 2 hierarchy, with its pids
    /// controller: elsewhere the kernel lets no cgroup hand controllers on that has processes itself. Without
    /// it, it is `RLIMIT_NPROC`, which counts all that the child's user runs and doesn't hold for root. A child that
    /// neither would hold back isn't started: [`Error::Limit`](crate::Error::Limit).
    Processes,
    /// Size of a file written, bytes.
    FileSizeBytes,
    /// Size of a core dump, bytes; 0 for none.
    CoreBytes,
}

impl Resource {
    pub(crate) const ALL: [Resource; 6] = [
        Resource::CpuSeconds,
        Resource::AddressSpaceBytes,
        Resource::OpenFiles,
        Resource::Processes,
        Resource::FileSizeBytes,
        Resource::CoreBytes,
    ];

    pub(crate) fn code(self) -> u32 {
        match self {
            Resource::CpuSeconds => libc::RLIMIT_CPU,
            Resource::AddressSpaceBytes => libc::RLIMIT_AS,
            Resource::OpenFiles => libc::RLIMIT_NOFILE,
            Resource::Processes => libc::RLIMIT_NPROC,
            Resource::FileSizeBytes => libc::RLIMIT_FSIZE,
            Resource::CoreBytes => libc::RLIMIT_CORE,
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.code() == code)
    }
}

/// What holds a tree together. See the crate's front page for what each one misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reach {
    /// The strongest available: `Cgroup`, else `Supervisor`, else `Marker`. The environment variable
    /// `PROCESS_TREE_REACH` (`cgroup`, `supervisor`, `marker`) of the owner stands in for it where set.
    #[default]
    Auto,
    /// A version 2 cgroup of its own below the owner's.
    Cgroup,
    /// A small process of its own that every orphan of the tree falls to. Needs [`init`](crate::init).
    Supervisor,
    /// The environment marker, parentage, session and process group. Works everywhere, holds the least.
    Marker,
}

impl Reach {
    /// What an operator wrote into `PROCESS_TREE_REACH`; anything unknown counts as unset.
    pub(crate) fn parse(text: &str) -> Reach {
        match text {
            "cgroup" => Reach::Cgroup,
            "supervisor" => Reach::Supervisor,
            "marker" => Reach::Marker,
            _ => Reach::Auto,
        }
    }
}
