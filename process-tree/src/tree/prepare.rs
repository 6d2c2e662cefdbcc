//! From a command to the bytes of its launch: looked up and checked before anything is started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::command::{Command, Resource};
use crate::error::Error;
use crate::mark::Mark;
use crate::user::User;
use crate::wire::MARK_VARIABLE;
use crate::wire::body::{Head, Writer};

/// Where a program is looked for when neither the command nor the owner has a `PATH`.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// A command whose program and directory are known.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) command: &'a Command,
    pub(super) program: PathBuf,
    pub(super) cwd: PathBuf,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(command: &'a Command) -> Result<Self, Error> {
        check_strings(command)?;
        check_user(command)?;
        let here = env::current_dir();
        let cwd = match (&command.cwd, here) {
            (Some(cwd), _) if cwd.is_absolute() => cwd.clone(),
            (Some(cwd), Ok(here)) => here.join(cwd),
            (None, Ok(here)) => here,
            (cwd, Err(source)) => {
                return Err(Error::BadDirectory { path: cwd.clone().unwrap_or(".".into()), source });
            }
        };
        Ok(Prepared { command, program: find(command)?, cwd })
    }

    /// The launch body with its length, for one attempt.
    pub(super) fn body(&self, mark: &Mark, cgroup: Option<&Path>) -> Result<Vec<u8>, Error> {
        let command = self.command;
        let limits: Vec<(u32, u64)> =
            command.limits.iter().map(|(resource, value)| (Resource::code(*resource), *value)).collect();
        // The marker is the first variable; one that the command brought along would belong to another tree.
        let env = || command.env.iter().filter(|(key, _)| key != MARK_VARIABLE);
        let ids = command.user.as_ref().map(User::ids).unwrap_or_default();
        let head = Head { args: 1 + command.args.len(), env: 1 + env().count(), limits: &limits, ids: &ids };
        let mut writer = Writer::new(head).ok_or_else(too_big)?;
        writer.string(cgroup.unwrap_or(Path::new("")).as_os_str());
        writer.string(self.cwd.as_os_str()).string(self.program.as_os_str()).string(&command.program);
        for arg in &command.args {
            writer.string(arg);
        }
        writer.variable(OsStr::new(MARK_VARIABLE), OsStr::new(&mark.to_string()));
        for (key, value) in env() {
            writer.variable(key, value);
        }
        writer.finish().ok_or_else(too_big)
    }

    pub(super) fn limits_processes(&self) -> bool {
        self.command.limits.iter().any(|(resource, _)| *resource == Resource::Processes)
    }

    pub(super) fn missing(&self) -> Error {
        Error::Missing { program: self.command.program.clone() }
    }

    pub(super) fn not_executable(&self, source: io::Error) -> Error {
        Error::NotExecutable { program: self.command.program.clone(), source }
    }

    pub(super) fn not_that_user(&self, source: io::Error) -> Error {
        Error::User { uid: self.command.user.as_ref().map_or(0, |user| user.uid), source }
    }
}

fn too_big() -> Error {
    Error::Spawn { step: "arguments and environment", source: io::Error::from_raw_os_error(libc::E2BIG) }
}

fn check_strings(command: &Command) -> Result<(), Error> {
    let has_nul = |string: &OsStr| string.as_bytes().contains(&0);
    let is_bad_key = |key: &OsStr| key.is_empty() || key.as_bytes().contains(&b'=');
    let is_bad = has_nul(&command.program)
        || command.args.iter().any(|arg| has_nul(arg))
        || command.env.iter().any(|(key, value)| has_nul(key) || is_bad_key(key) || has_nul(value))
        || command.cwd.as_ref().is_some_and(|cwd| has_nul(cwd.as_os_str()));
    if is_bad { Err(Error::Nul) } else { Ok(()) }
}

/// A number that is no id would leave the child the owner's.
fn check_user(command: &Command) -> Result<(), Error> {
    match &command.user {
        Some(user) if user.identity().is_none() => {
            Err(Error::User { uid: user.uid, source: io::Error::from_raw_os_error(libc::EINVAL) })
        }
        _ => Ok(()),
    }
}

/// What a look at a possible program found.
enum Candidate {
    Runs(PathBuf),
    Not(io::Error),
    Missing,
}

fn find(command: &Command) -> Result<PathBuf, Error> {
    let program = &command.program;
    let mut refused = None;
    for path in candidates(command) {
        match look_at(path) {
            Candidate::Runs(path) => return Ok(path),
            Candidate::Not(error) => refused = refused.or(Some(error)),
            Candidate::Missing => {}
        }
    }
    Err(match refused {
        Some(source) => Error::NotExecutable { program: program.clone(), source },
        None => Error::Missing { program: program.clone() },
    })
}

/// The path itself, or the name in each directory of `PATH`. An empty entry of `PATH`, which means the current
/// directory to others, is left out.
fn candidates(command: &Command) -> Vec<PathBuf> {
    let program = &command.program;
    if program.is_empty() {
        return Vec::new();
    }
    if program.as_bytes().contains(&b'/') {
        return std::path::absolute(program).into_iter().collect();
    }
    let given = command.env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
    let path = given.or_else(|| env::var_os("PATH")).unwrap_or(OsString::from(PATH_DEFAULT));
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let filled = directories.into_iter().filter(|directory| !directory.as_os_str().is_empty());
    filled.filter_map(|directory| std::path::absolute(directory.join(program)).ok()).collect()
}

fn look_at(path: PathBuf) -> Candidate {
    match fs::metadata(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Candidate::Missing
        }
        Err(error) => Candidate::Not(error),
        Ok(found) if !found.is_file() => Candidate::Not(io::Error::from_raw_os_error(libc::EACCES)),
        Ok(_) => match rustix::fs::access(&path, Access::EXEC_OK) {
            Ok(()) => Candidate::Runs(path),
            Err(error) => Candidate::Not(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_path_comes_before_the_owners() {
        let command = Command::new("sh").env("PATH", "/nowhere");
        assert!(matches!(find(&command), Err(Error::Missing { .. })));
        assert!(find(&Command::new("sh")).unwrap().is_absolute());
    }

    #[test]
    fn what_is_there_but_no_program_is_told_apart() {
        assert!(matches!(find(&Command::new("/")), Err(Error::NotExecutable { .. })));
        assert!(matches!(find(&Command::new("/proc/version")), Err(Error::NotExecutable { .. })));
        assert!(matches!(find(&Command::new("/proc/version/x")), Err(Error::Missing { .. })));
        assert!(matches!(find(&Command::new("")), Err(Error::Missing { .. })));
    }

    #[test]
    fn strings_that_the_kernel_would_cut_are_refused() {
        for command in [
            Command::new("a\0b"),
            Command::new("a").arg("b\0"),
            Command::new("a").env("K\0", "v"),
            Command::new("a").env("K", "\0"),
            Command::new("a").env("K=", "v"),
            Command::new("a").env("", "v"),
            Command::new("a").cwd("/\0"),
        ] {
            assert!(matches!(check_strings(&command), Err(Error::Nul)), "{command:?}");
        }
    }
}
