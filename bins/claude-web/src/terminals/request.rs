//! What may be asked of a terminal, and by whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pty_core::Size;
use serde::Deserialize;
use server_kit::auth::{Identity, Role};
use server_kit::problem::Problem;

use super::config::TerminalConfig;
use super::problem;
use super::profile::Profile;

/// Most bytes of all arguments, and of all variables.
const BYTES_MAX: usize = 32 << 10;
/// Most characters of a name.
const NAME_MAX: usize = 200;

/// A terminal to be started.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTerminal {
    /// One of `TERMINAL_COMMANDS`.
    command: String,
    /// Added to the command's own; for admins.
    args: Option<Vec<String>>,
    /// Where it works: a directory below `CLAUDE_WORKING_DIR`, or below one of `PROJECT_ROOTS`.
    cwd: Option<String>,
    /// Added to its environment; for admins.
    env: Option<BTreeMap<String, String>>,
    /// 1 to 1000; 80 unless given.
    cols: Option<u32>,
    /// 1 to 1000; 24 unless given.
    rows: Option<u32>,
    /// What to call it.
    name: Option<String>,
    /// Whether to record what it shows; for admins.
    record: Option<bool>,
    /// Bytes of output that are kept for replay, where it isn't as many as usual.
    #[serde(skip)]
    ring_bytes: Option<usize>,
}

/// A terminal that may be started.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) profile: Profile,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) place: Place,
    pub(super) size: Size,
    pub(super) name: Option<String>,
    pub(super) records: bool,
    pub(super) ring_bytes: Option<usize>,
}

/// Where it works.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) cwd: PathBuf,
}

impl NewTerminal {
    /// This command, with nothing said about it.
    pub(super) fn of(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            args: None,
            cwd: None,
            env: None,
            cols: None,
            rows: None,
            name: None,
            record: None,
            ring_bytes: None,
        }
    }

    /// Keeps so many bytes of its output.
    pub(super) fn keeping(mut self, ring_bytes: usize) -> Self {
        self.ring_bytes = Some(ring_bytes);
        self
    }

    /// What it comes to, if this user may ask for it.
    pub(super) fn check(self, who: &Identity, config: &TerminalConfig) -> Result<Task, Problem> {
        let profile = config.profiles.get(&self.command).cloned().ok_or_else(|| unknown(config))?;
        if profile.role.is_some_and(|role| who.role < role) {
            return Err(Problem::forbidden("this command is not for your role").field("command"));
        }
        for (field, is_asked) in [
            ("args", self.args.is_some()),
            ("env", self.env.is_some()),
            ("record", self.record == Some(true)),
        ] {
            if is_asked && who.role != Role::Admin {
                return Err(Problem::forbidden(format!("{field} is for admins")).field(field));
            }
        }
        let (args, env) = (self.args.unwrap_or_default(), self.env.unwrap_or_default());
        check_args(&args)?;
        check_env(&env)?;
        Ok(Task {
            profile,
            args,
            env,
            place: place(self.cwd.as_deref(), config)?,
            size: size(self.cols, self.rows)?,
            name: name(self.name)?,
            records: self.record.unwrap_or_default(),
            ring_bytes: self.ring_bytes,
        })
    }
}

fn unknown(config: &TerminalConfig) -> Problem {
    let known: Vec<&str> = config.profiles.names().collect();
    Problem::invalid("command", format!("is none of this server's: {}", known.join(", ")))
}

fn size(cols: Option<u32>, rows: Option<u32>) -> Result<Size, Problem> {
    let usual = Size::default();
    let fitting = |field, given: Option<u32>, usual: u16| {
        let count = given.map_or(Some(usual), |given| u16::try_from(given).ok());
        let count = count.filter(|count| Size::new(*count, 1).is_ok());
        count.ok_or_else(|| Problem::invalid(field, "is not 1 to 1000"))
    };
    let (cols, rows) = (fitting("cols", cols, usual.cols())?, fitting("rows", rows, usual.rows())?);
    Size::new(cols, rows).map_err(problem::of)
}

fn name(name: Option<String>) -> Result<Option<String>, Problem> {
    let fits = |name: &String| name.chars().count() <= NAME_MAX && !name.contains(char::is_control);
    match name {
        Some(name) if !fits(&name) => Err(Problem::invalid("name", "is one line of at most 200 characters")),
        name => Ok(name.filter(|name| !name.is_empty())),
    }
}

fn check_args(args: &[String]) -> Result<(), Problem> {
    let is_good = args.iter().all(|arg| !arg.contains('\0')) && fits(args.iter().map(String::len));
    if is_good { Ok(()) } else { Err(Problem::invalid("args", "holds a NUL, or more than 32 KiB")) }
}

fn fits(lengths: impl Iterator<Item = usize>) -> bool {
    lengths.sum::<usize>() <= BYTES_MAX
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), Problem> {
    let is_name = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    let is_good = env.iter().all(|(name, value)| is_name(name) && !value.contains('\0'))
        && fits(env.iter().map(|(name, value)| name.len() + value.len()));
    let message = "has a name or a value that can't be one, or more than 32 KiB";
    if is_good { Ok(()) } else { Err(Problem::invalid("env", message)) }
}

/// A directory in one of the roots, once links are followed. What isn't absolute counts from the working directory.
fn place(cwd: Option<&str>, config: &TerminalConfig) -> Result<Place, Problem> {
    let own = config.working_dir.path();
    let Some(cwd) = cwd else { return Ok(Place { root: own.to_owned(), cwd: own.to_owned() }) };
    let real = std::fs::canonicalize(own.join(cwd)).map_err(|_| problem::bad_directory())?;
    let others = config.project_roots.iter().filter_map(|root| std::fs::canonicalize(root).ok());
    let root = std::iter::once(own.to_owned()).chain(others).find(|root| real.starts_with(root));
    let root = root.filter(|_| Path::is_dir(&real)).ok_or_else(problem::bad_directory)?;
    Ok(Place { root, cwd: real })
}
