//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use claude_core::cli::{CliSessionId, ModelName, PermissionMode};

/// Runs Claude Code from the shell: one prompt, its answer as it comes, its approvals, its exit code.
#[derive(Debug, Parser)]
#[command(name = "claude-exec", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What `run` understands with `--backend api`; all else concerns Claude Code.
const API_ARGUMENTS: [&str; 9] = [
    "prompt",
    "output",
    "backend",
    "model",
    "timeout",
    "idle_timeout",
    "max_turns",
    "max_cost",
    "system_prompt",
];

impl Arguments {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// What to print where it can't be used, or where it asks for help.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(line)?;
        let arguments = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        if let (Task::Run(run), Some(matches)) = (&arguments.task, matches.subcommand_matches("run"))
            && run.backend == Backend::Api
            && let Some(flag) = command.find_subcommand("run").and_then(|it| beyond_api(it, matches))
        {
            let message = format!("{flag} concerns Claude Code and cannot be used with --backend api");
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        Ok(arguments)
    }
}

/// The first flag of the command line that means nothing to the Messages API.
fn beyond_api(command: &Command, matches: &ArgMatches) -> Option<String> {
    let given =
        command.get_arguments().filter(|it| !API_ARGUMENTS.contains(&it.get_id().as_str())).find(|it| {
            let known = matches.try_contains_id(it.get_id().as_str()).is_ok();
            known && matches.value_source(it.get_id().as_str()) == Some(ValueSource::CommandLine)
        });
    given.and_then(|it| it.get_long()).map(|name| format!("--{name}"))
}

const AFTER_HELP: &str = "Exit codes: 0 fine, 1 the run failed, 2 usage, 3 Claude Code is missing or unusable, \
4 not authenticated, 5 rate limited or overloaded, 124 timed out, 130 interrupted (Ctrl-C, SIGTERM, SIGHUP)";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Ask one prompt and show the answer.
    Run(Box<Run>),
    /// Check that Claude Code is there, sound and logged in.
    Doctor(Doctor),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// `claude-exec run`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Run {
    /// What to ask; `-`, or nothing with a pipe as input: read it from there, else the pipe is not read. One
    /// that looks like a flag stands behind `--`.
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,

    /// How to show the answer.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,

    /// Begin a session under this id (UUID).
    #[arg(long, value_name = "UUID", conflicts_with_all = ["resume", "continue_latest"])]
    pub session: Option<CliSessionId>,

    /// Go on with a session.
    #[arg(long, value_name = "UUID", conflicts_with = "continue_latest")]
    pub resume: Option<CliSessionId>,

    /// Go on with the newest session of the directory.
    #[arg(long = "continue")]
    pub continue_latest: bool,

    /// Leave the session that is gone on with as it is; what follows gets a new id.
    #[arg(long)]
    pub fork: bool,

    /// Who runs the model.
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,

    /// The model, or an alias such as `opus`.
    #[arg(long)]
    pub model: Option<ModelName>,

    /// Tools that run without a question: `Read,Bash(git log *)`.
    #[arg(long, value_name = "RULES")]
    pub allowed_tools: Vec<String>,

    /// Tools that may not be used.
    #[arg(long, value_name = "RULES")]
    pub disallowed_tools: Vec<String>,

    /// Who decides about tools that no rule covers: default, acceptEdits, auto, bypassPermissions, dontAsk, plan.
    #[arg(long, value_name = "MODE")]
    pub permission_mode: Option<PermissionMode>,

    /// What to do with questions about tools: ask on the terminal (and deny without one), deny, or allow what
    /// only reads.
    #[arg(long, value_enum, default_value_t)]
    pub approve: Approve,

    /// Run every tool without a question. As root only in a sandbox (IS_SANDBOX=1).
    #[arg(long)]
    pub dangerously_skip_permissions: bool,

    /// End the run after this time, reading the prompt included: `90`, `90s`, `5m`, `1h`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,

    /// End the run when nothing comes for this time. Waiting for you does not count.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub idle_timeout: Option<Duration>,

    /// The working directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub cwd: PathBuf,

    /// A further directory that tools may use.
    #[arg(long, value_name = "DIR")]
    pub add_dir: Vec<PathBuf>,

    /// At most so many requests to the model.
    #[arg(long, value_name = "N")]
    pub max_turns: Option<u32>,

    /// At most so many US dollars.
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<f64>,

    /// Add to the system prompt.
    #[arg(long, value_name = "TEXT")]
    pub append_system_prompt: Option<String>,

    /// Replace the system prompt.
    #[arg(long, value_name = "TEXT")]
    pub system_prompt: Option<String>,

    /// MCP servers: a file, or JSON.
    #[arg(long, value_name = "FILE|JSON")]
    pub mcp_config: Vec<String>,

    /// With `--output stream-json`: pieces of messages as they are written.
    #[arg(long)]
    pub include_partial_messages: bool,

    /// The Claude Code program.
    #[command(flatten)]
    pub cli: Cli,
}

/// `claude-exec doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The Claude Code program.
    #[command(flatten)]
    pub cli: Cli,
}

/// Which Claude Code.
#[derive(Debug, Args)]
pub struct Cli {
    /// The Claude Code program: a path, or a name to look for in PATH.
    #[arg(long = "claude", value_name = "PATH", env = "CLAUDE_CODE_PATH", default_value = "claude")]
    pub program: PathBuf,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// The text as it comes; steps, notices and the closing line on stderr.
    #[default]
    Text,
    /// One JSON object at the end.
    Json,
    /// Claude Code's own lines; with `--backend api` the turn's events.
    StreamJson,
}

/// Who runs the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Backend {
    /// Claude Code.
    #[default]
    Cli,
    /// The Messages API, without tools; the key from ANTHROPIC_API_KEY.
    Api,
}

/// What happens to questions about tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Approve {
    /// Ask on the terminal; without one, deny.
    #[default]
    Ask,
    /// Deny.
    Deny,
    /// Allow what only reads, deny the rest.
    AllowRead,
}

/// `90`, `90s`, `5m`, `1h`; above zero.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("use s, m or h".into()),
    };
    let seconds: f64 = digits.parse().map_err(|_| "no number".to_owned())?;
    match Duration::try_from_secs_f64(seconds * unit) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("it must be above zero, and not for ever".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_of_claude_code_are_refused_by_name_with_the_api() {
        let read = |line: &str| Arguments::read(line.split(' ').map(OsString::from));
        let fine = "claude-exec run --backend api --model m --output json --timeout 5s --idle-timeout 1s \
            --max-turns 1 --max-cost 1 --system-prompt x hi";
        assert!(read(&fine.replace("  ", "")).is_ok());
        for flag in ["--continue", "--approve=ask", "--cwd=.", "--claude=claude", "--add-dir=/", "--fork"] {
            let error = read(&format!("claude-exec run --backend api {flag} hi")).unwrap_err();
            let name = flag.split('=').next().unwrap();
            assert!(error.use_stderr() && error.to_string().contains(name), "{flag}: {error}");
            assert!(read(&format!("claude-exec run {flag} hi")).is_ok(), "{flag}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "0", "-1", "5x", "m", "nan", "1e400", "s5"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
