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
            tell(Mark::Bad, error.to_string());
            tell(Mark::Warning, "install it: npm install -g @anthropic-ai/claude-code@2.1.329".into());
            Code::from(&error)
        }
    }
}

async fn examine(installation: &Installation) -> Code {
    let Installation { program, version, containment, .. } = installation;
    tell(Mark::Fine, format!("Claude Code {version} as `{}`", program.display()));
    match version.warning() {
        Some(warning) => tell(Mark::Warning, warning.into()),
        None => tell(Mark::Fine, "its version is sound".into()),
    }
    let (login, code) = login(installation).await;
    tell(login.mark, login.text);
    let sandbox = sandbox(
        rustix::process::geteuid().is_root(),
        std::env::var_os("IS_SANDBOX").is_some_and(|value| value == "1"),
    );
    tell(sandbox.mark, sandbox.text);
    let contained = containment_finding(containment);
    tell(contained.mark, contained.text);
    code
}

async fn login(installation: &Installation) -> (Finding, Code) {
    let finding = |mark, text: String| Finding { mark, text };
    match installation.login().await {
        Ok(Some(login)) if login.logged_in => {
            (finding(Mark::Fine, format!("logged in ({})", login.auth_method)), Code::Fine)
        }
        Ok(Some(_)) => {
            let text = "not logged in: run `claude` and log in, or set ANTHROPIC_API_KEY".into();
            (finding(Mark::Bad, text), Code::Login)
        }
        Ok(None) => {
            (finding(Mark::Warning, "this version does not tell whether it is logged in".into()), Code::Fine)
        }
        Err(error) => {
            let code = match error {
                Error::TimedOut { .. } => Code::TimedOut,
                _ => Code::Cli,
            };
            (finding(Mark::Bad, format!("it does not tell whether it is logged in: {error}")), code)
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
    Finding { mark, text: text.into() }
}

fn containment_finding(containment: &str) -> Finding {
    match containment {
        "marker" => Finding {
            mark: Mark::Warning,
            text: "what a run leaves behind is found by a marker only, which a daemon can drop".into(),
        },
        holds => {
            Finding { mark: Mark::Fine, text: format!("what a run starts ends with it (held by {holds})") }
        }
    }
}

fn tell(mark: Mark, text: String) {
    let (sign, colour) = match mark {
        Mark::Fine => ("✓", AnsiColor::Green),
        Mark::Warning => ("!", AnsiColor::Yellow),
        Mark::Bad => ("✗", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    // Who closed stdout does not want to know.
    let _ = writeln!(anstream::stdout(), "{style}{sign}{style:#} {text}");
}
