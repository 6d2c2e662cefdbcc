//! Questions about tools, asked on the terminal.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex as Lock, PoisonError};

use anstyle::AnsiColor;
use async_trait::async_trait;
use claude_core::Json;
use claude_core::approval::{
    ApprovalId, Approver, ApproverError, Denial, Opened, Preview, Question, Verdict,
};
use claude_core::cli::preview;
use tokio::sync::Mutex;

use crate::ask_user;
use crate::diff::unified;
use crate::editor;
use crate::terminal::{Terminal, painted, visible};

/// Asks who sits at the terminal, one question at a time.
pub(crate) struct TerminalApprover {
    terminal: Mutex<Terminal>,
    cwd: PathBuf,
    open: Lock<HashMap<ApprovalId, Question>>,
}

impl TerminalApprover {
    pub(crate) fn new(terminal: Terminal, cwd: PathBuf) -> Self {
        Self { terminal: Mutex::new(terminal), cwd, open: Lock::default() }
    }

    fn take(&self, id: ApprovalId) -> Option<Question> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }

    async fn ask(&self, question: &Question) -> io::Result<Verdict> {
        let mut terminal = self.terminal.lock().await;
        if &**question.name() == ask_user::TOOL {
            return ask_user::ask(&mut terminal, question).await;
        }
        let mut edited: Option<Json> = None;
        loop {
            let shown = edited.as_ref().map(|input| preview(question.name(), input, &self.cwd));
            let text = describe(question, shown.as_ref().unwrap_or(question.preview()), terminal.colours);
            terminal.write(&text)?;
            let permit = || match &edited {
                Some(input) => question.allow_edited(input.clone(), "user"),
                None => question.allow("user"),
            };
            // What is allowed for the session is what was asked, not what was edited.
            let rule = question.session_rule().filter(|_| edited.is_none()).map(|rule| visible(rule));
            match answer(&mut terminal, rule.as_deref()).await? {
                Answer::Yes => return Ok(Verdict::Allow(permit())),
                Answer::Session => return Ok(Verdict::Allow(permit().for_session())),
                Answer::No(reason) => return Ok(Verdict::Deny(question.deny(reason, "user"))),
                Answer::Quit => {
                    return Ok(Verdict::Deny(
                        question.deny("the user ended the turn", "user").and_interrupt(),
                    ));
                }
                Answer::Edit => match editor::edit(edited.as_ref().unwrap_or(question.input())).await {
                    Ok(input) => edited = Some(input),
                    Err(error) => terminal.write(&format!("  {error}; the input stays as it is\n"))?,
                },
            }
        }
    }
}

#[async_trait]
impl Approver for TerminalApprover {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(question.id(), question.clone());
        Ok(Opened::Pending { id: question.id(), expires_at: None })
    }

    async fn wait(&self, id: ApprovalId) -> Result<Verdict, ApproverError> {
        match self.take(id) {
            Some(question) => self.ask(&question).await.map_err(ApproverError::new),
            None => Ok(Verdict::Deny(Denial::withdrawn())),
        }
    }

    async fn withdraw(&self, id: ApprovalId) {
        self.take(id);
    }
}

/// Denies everything that is asked about.
pub(crate) struct DenyAll;

#[async_trait]
impl Approver for DenyAll {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        let reason = "nobody is there to allow it; --allowed-tools, --permission-mode or --approve can";
        Ok(Opened::Decided(Verdict::Deny(question.deny(reason, "policy"))))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Ok(Verdict::Deny(Denial::withdrawn()))
    }
}

enum Answer {
    Yes,
    No(String),
    Edit,
    Session,
    Quit,
}

impl Answer {
    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (word.to_ascii_lowercase().as_str(), rest.trim()) {
            ("y" | "yes", "") => Some(Self::Yes),
            ("n" | "no", "") => Some(Self::No("the user said no".into())),
            ("n" | "no", reason) => Some(Self::No(reason.into())),
            ("e" | "edit", "") => Some(Self::Edit),
            ("s" | "session", "") => Some(Self::Session),
            ("q" | "quit", "") => Some(Self::Quit),
            _ => None,
        }
    }
}

/// Asks until the answer is one. The end of input is a no. `rule` is what may be allowed for the session.
async fn answer(terminal: &mut Terminal, rule: Option<&str>) -> io::Result<Answer> {
    terminal.forget_typed();
    let choices = if rule.is_some() { "y/n/e/s/q" } else { "y/n/e/q" };
    loop {
        terminal.write(&format!("Allow? [{choices}, ? for help] "))?;
        let Some(line) = terminal.line().await? else { return Ok(Answer::No("nobody answered".into())) };
        match Answer::parse(&line) {
            Some(Answer::Session) if rule.is_none() => terminal.write(&help(rule))?,
            Some(answer) => return Ok(answer),
            None => terminal.write(&help(rule))?,
        }
    }
}

fn help(rule: Option<&str>) -> String {
    let session = rule.map(|rule| format!("  s  allow {rule} for this session\n")).unwrap_or_default();
    format!(
        "  y  allow\n  n  deny; with a reason if you like: n not now\n  e  edit the input first\n{session}  \
         q  deny and end the turn\n"
    )
}

fn describe(question: &Question, preview: &Preview, colours: bool) -> String {
    let title = painted(&format!("● {}", visible(question.name())), AnsiColor::Yellow, colours);
    let body = match preview {
        Preview::Diff { path, before, after, is_hidden, others } => {
            let change = unified(before.as_deref().unwrap_or_default(), after, colours);
            let hidden = match (is_hidden, before) {
                (true, None) => " (replaces a file that is not shown)",
                (true, Some(_)) => " (part of a file that is not shown)",
                (false, _) => "",
            };
            format!("{}{hidden}\n{change}{}", visible(path), also(others.as_ref()))
        }
        Preview::Command { command, description, others } => {
            let what = description.as_deref().map(visible).unwrap_or_default();
            let lines: Vec<_> = command.lines().map(visible).collect();
            format!("{what}\n  $ {}\n{}", lines.join("\n    "), also(others.as_ref()))
        }
        Preview::Input { input } => format!("{}\n", visible(input.as_str())),
        other => format!("{}\n", visible(&format!("{other:?}"))),
    };
    format!("\n{title} {body}")
}

/// The rest of an input, so that nothing that is approved is hidden.
fn also(others: Option<&Json>) -> String {
    others.map(|others| format!("  with {}\n", visible(others.as_str()))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use claude_core::Effect;

    use super::*;

    #[test]
    fn only_clear_answers_count() {
        for (line, clear) in
            [("y", true), ("YES", true), ("n not now", true), ("", false), ("yess", false), ("y rm", false)]
        {
            assert_eq!(Answer::parse(line).is_some(), clear, "{line}");
        }
        assert!(matches!(Answer::parse("no because"), Some(Answer::No(reason)) if reason == "because"));
    }

    #[test]
    fn a_command_is_shown_as_it_would_run() {
        let input =
            Json::parse(r#"{"command":"rm -rf \u001b[2K/tmp/x\nls","timeout":5,"description":"a\nb"}"#)
                .unwrap();
        let question = Question::new("t".into(), "Bash".into(), input.clone(), Effect::Write);
        let shown = preview("Bash", &input, std::path::Path::new("/"));
        let expected = "\n● Bash a␊b\n  $ rm -rf ␛[2K/tmp/x\n    ls\n  with {\"timeout\":5}\n";
        assert_eq!(describe(&question, &shown, false), expected);
    }
}
