//! `claude-exec doctor`: is everything there that a run needs?

use std::io::Write;

use anstyle::{AnsiColor, Style};
use claude_core::Error;
use claude_core::cli::Installation;

use crate::arguments::Doctor;
use crate::exit::Code;

/// One finding.
struct Finding {
    mark: Mark,
    text: String,
}

impl Finding {
    fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into() }
    }
}

enum Mark {
    Fine,
    Warning,
    Bad,
}

/// Checks one thing after the other and says all it found.
pub(crate) async fn doctor(task: &Doctor) -> Code {
    match Installation::probe(&task.cli.program).await {
        Ok(installation) => examine(&installation).await,
        Err(error) => {
            tell(Finding::new(Mark::Bad, error.to_string()));
            tell(Finding::new(Mark::Warning, "install it: npm install -g @anthropic-ai/claude-code@2.1.329"));
            Code::from(&error)
        }
    }
}

async fn examine(installation: &Installation) -> Code {
    let Installation { program, version, containment, .. } = installation;
    tell(Finding::new(Mark::Fine, format!("Claude Code {version} as `{}`", program.display())));
    match version.warning() {
        Some(warning) => tell(Finding::new(Mark::Warning, warning)),
        None => tell(Finding::new(Mark::Fine, "its version is sound")),
    }
    let (login, code) = login(installation).await;
    tell(login);
    tell(sandbox(
        rustix::process::geteuid().is_root(),
        std::env::var_os("IS_SANDBOX").is_some_and(|value| value == "1"),
    ));
    tell(contained(containment));
    code
}

async fn login(installation: &Installation) -> (Finding, Code) {
    match installation.login().await {
        Ok(Some(login)) if login.logged_in => {
            (Finding::new(Mark::Fine, format!("logged in ({})", login.auth_method)), Code::Fine)
        }
        Ok(Some(_)) => {
            let text = "not logged in: run `claude` and log in, or set ANTHROPIC_API_KEY";
            (Finding::new(Mark::Bad, text), Code::Login)
        }
        Ok(None) => {
            (Finding::new(Mark::Warning, "this version does not tell whether it is logged in"), Code::Fine)
        }
        Err(error) => {
            let code = match error {
                Error::TimedOut { .. } => Code::TimedOut,
                _ => Code::Cli,
            };
            (Finding::new(Mark::Bad, format!("it does not tell whether it is logged in: {error}")), code)
        }
    }
}

fn sandbox(is_root: bool, is_sandbox: bool) -> Finding {
    let (mark, text) = match (is_root, is_sandbox) {
        (false, _) => (Mark::Fine, "not root"),
        (true, true) => (Mark::Warning, "root in a sandbox (IS_SANDBOX): permissions may be skipped"),
        (true, false) => (
            Mark::Warning,
            "root: --dangerously-skip-permissions is refused; run as another user, or set IS_SANDBOX=1 in a sandbox",
        ),
    };
    Finding::new(mark, text)
}

fn contained(containment: &str) -> Finding {
    match containment {
        "marker" => Finding::new(
            Mark::Warning,
            "what a run leaves behind is found by a marker only, which a daemon can drop",
        ),
        holds => Finding::new(Mark::Fine, format!("what a run starts ends with it (held by {holds})")),
    }
}

fn tell(Finding { mark, text }: Finding) {
    let (sign, colour) = match mark {
        Mark::Fine => ("✓", AnsiColor::Green),
        Mark::Warning => ("!", AnsiColor::Yellow),
        Mark::Bad => ("✗", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    // Who closed stdout does not want to know.
    let _ = writeln!(anstream::stdout(), "{style}{sign}{style:#} {text}");
}
