//! A stand-in for the Claude Code CLI that any program can turn into.
//!
//! A test starts *itself* in place of the CLI, with the plan in the environment variable [`PLAN_VARIABLE`];
//! [`become_if_asked`], called first thing in `main`, finds the plan, acts as the CLI and ends the process.
//! Its lines have the shapes of the recorded CLI 2.1.329; it asks no model, runs no tool and touches no file.
//!
//! ```no_run
//! use claude_core::testing::{StandIn, stand_in};
//!
//! fn main() -> std::io::Result<()> {
//!     stand_in::become_if_asked();
//!     let (name, plan) = StandIn::new().text("Hello.").to_env();
//!     let output = std::process::Command::new(std::env::current_exe()?)
//!         .args(["-p", "--verbose", "--output-format", "stream-json", "--", "Say hello."])
//!         .stdin(std::process::Stdio::null())
//!         .env(name, plan)
//!         .output()?;
//!     assert!(output.status.success());
//!     Ok(())
//! }
//! ```
//!
//! It understands the flags that shape its lines (`--version`, `-p`, `--verbose`, `--input-format`,
//! `--output-format`, `--resume`, `--session-id`, `--fork-session`, `--model`, `--permission-mode`,
//! `--permission-prompt-tool`, `--dangerously-skip-permissions`, `--include-partial-messages`) and passes over
//! all others. Output is always `stream-json`. Like the real one it answers SIGINT with an error result and
//! exit 0, SIGTERM with exit 143, SIGHUP with 129, and works on to the end when nobody reads its output.

mod arguments;
mod bulk;
mod control;
mod failure;
mod inbox;
mod output;
mod permission;
mod plan;
mod replay;
mod session;
mod shapes;
#[allow(unsafe_code)]
mod system;
mod turn;

use std::env;
use std::ffi::OsString;

pub use plan::StandIn;

use arguments::Arguments;
use plan::Mode;
use session::Session;

/// The environment variable that holds the plan, as JSON.
pub const PLAN_VARIABLE: &str = "CLAUDE_STAND_IN";

/// The version that `--version` and the `init` line tell.
pub const VERSION: &str = "2.1.329";

/// The least size of a line of [`StandIn::lines`] and [`StandIn::big_line`], in bytes with its line feed; less
/// is taken for this.
pub const LINE_SIZE_MIN: usize = 300;

/// The longest prompt that is read from stdin, in bytes; a longer one ends the stand-in with exit 1.
pub const PROMPT_MAX: usize = 10 * 1024 * 1024;

/// The command line of what [`StandIn::grandchild`] leaves behind, by which a test finds it in `/proc`. It sleeps
/// about an hour if nobody ends it.
pub const GRANDCHILD: [&str; 2] = ["sleep", "3607"];

/// Exit code for a plan that can't be read or carried out; the reason is on stderr.
pub const BAD_PLAN: i32 = 70;

/// Acts as the Claude Code CLI and ends the process, if [`PLAN_VARIABLE`] holds a plan; else returns.
///
/// Call it first in `main` (after `claude_core::init()`), before threads are started. A plan that can't be
/// read ends the process too, with [`BAD_PLAN`]: a test should never go on as something else by mistake.
pub fn become_if_asked() {
    let Some(plan) = env::var_os(PLAN_VARIABLE) else { return };
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let code = match serde_json::from_slice(plan.as_encoded_bytes()) {
        Ok(plan) => act(plan, Arguments::parse(arguments)),
        Err(error) => {
            system::complain(&format!("{PLAN_VARIABLE} holds no plan: {error}"));
            BAD_PLAN
        }
    };
    system::exit(code)
}

fn act(plan: StandIn, arguments: Arguments) -> i32 {
    if arguments.version {
        output::Output::new().write(format!("{VERSION} (Claude Code)\n").as_bytes());
        return 0;
    }
    if plan.grandchild {
        system::leave_grandchild();
    }
    if !plan.stderr.is_empty() {
        system::complain(&plan.stderr);
    }
    if let Some(usage) = arguments.usage_error() {
        system::complain(usage);
        return 1;
    }
    if matches!(plan.mode, Mode::RefusedAsRoot) {
        system::complain(failure::REFUSED_AS_ROOT);
        return 1;
    }
    let inbox = inbox::Inbox::open(&plan, &arguments);
    match plan.mode {
        Mode::Silent => inbox.silence(),
        Mode::Replay { ref case, timing } => replay::run(case, timing, &arguments, &inbox),
        _ => Session::new(plan, arguments, inbox).run(),
    }
}
