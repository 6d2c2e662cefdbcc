//! From a command to what the system starts: checked, as arguments, with an environment.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret;

use super::{Command, History};
use crate::cli::argument::{ToolRule, invalid};
use crate::cli::environment::allowed;
use crate::error::{Error, Result};
use crate::messages::{Content, ContentBlock};

/// The most bytes of one argument; Linux refuses more (`MAX_ARG_STRLEN`, with its NUL and the flag's name).
const ARGUMENT_BYTES: usize = 128 * 1024 - 256;

impl Command {
    pub(super) fn check(&self) -> Result<()> {
        self.check_prompt()?;
        if self.fork && !matches!(self.history, History::Resume(_) | History::Latest) {
            return Err(invalid("fork", "there is no session to fork: resume or continue one"));
        }
        if let Some(path) = self.directories.iter().find(|path| !self.cwd.join(path).is_dir()) {
            return Err(Error::BadDirectory { path: path.clone() });
        }
        if self.max_turns == Some(0) {
            return Err(invalid("max_turns", "it is 0"));
        }
        if self.max_budget_usd.is_some_and(|dollars| !dollars.is_finite() || dollars <= 0.0) {
            return Err(invalid("max_cost", "it is no amount above 0"));
        }
        let texts =
            [("system_prompt", &self.system_prompt), ("append_system_prompt", &self.append_system_prompt)];
        let texts = texts.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)));
        for (field, text) in texts.chain(self.mcp_configs.iter().map(|it| ("mcp_config", it.as_str()))) {
            check_text(field, text)?;
        }
        Ok(())
    }

    fn check_prompt(&self) -> Result<()> {
        let (is_empty, has_nul, bytes) = match &self.prompt {
            Content::Text(text) => (text.trim().is_empty(), text.contains('\0'), text.len()),
            Content::Blocks(blocks) => {
                let has_nul =
                    |it: &ContentBlock| matches!(it, ContentBlock::Text(it) if it.text.contains('\0'));
                let written = serde_json::to_string(blocks).unwrap_or_default();
                (blocks.is_empty(), blocks.iter().any(has_nul), written.len())
            }
        };
        if is_empty {
            return Err(invalid("prompt", "it is empty"));
        }
        if has_nul {
            return Err(invalid("prompt", "it has a NUL character"));
        }
        if bytes > self.limits.prompt_bytes {
            return Err(invalid("prompt", format!("it is longer than {} bytes", self.limits.prompt_bytes)));
        }
        Ok(())
    }

    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> =
            ["-p", "--verbose", "--output-format=stream-json"].map(Into::into).into();
        let mut flag =
            |name: &str, value: &dyn std::fmt::Display| line.push(format!("--{name}={value}").into());
        if self.is_controlled() {
            flag("input-format", &"stream-json");
        }
        if self.approver.is_some() {
            flag("permission-prompt-tool", &"stdio");
        }
        match &self.history {
            History::NewAs(session) => flag("session-id", session),
            History::Resume(session) => flag("resume", session),
            History::New | History::Latest => {}
        }
        if let Some(model) = &self.model {
            flag("model", &model.as_str());
        }
        if let Some(mode) = self.permission_mode {
            flag("permission-mode", &mode);
        }
        self.allowed_tools.iter().for_each(|rule| flag("allowedTools", &rule.as_str()));
        self.disallowed_tools.iter().for_each(|rule| flag("disallowedTools", &rule.as_str()));
        if let Some(names) = &self.tools {
            flag("tools", &names.iter().map(ToolRule::as_str).collect::<Vec<_>>().join(","));
        }
        self.mcp_configs.iter().for_each(|config| flag("mcp-config", config));
        if let Some(text) = &self.system_prompt {
            flag("system-prompt", text);
        }
        if let Some(text) = &self.append_system_prompt {
            flag("append-system-prompt", text);
        }
        if let Some(turns) = self.max_turns {
            flag("max-turns", &turns);
        }
        if let Some(dollars) = self.max_budget_usd {
            flag("max-budget-usd", &dollars);
        }
        line.extend(self.directories.iter().map(|directory| flag_path("add-dir", directory)));
        let switches = [
            (self.history == History::Latest, "--continue"),
            (self.fork, "--fork-session"),
            (self.partial_messages, "--include-partial-messages"),
            (self.strict_mcp_config, "--strict-mcp-config"),
            (self.skip_permissions, "--dangerously-skip-permissions"),
        ];
        line.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.into()));
        line
    }

    /// The whole environment of the child: what passes of ours, then what was set for this run.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut all: Vec<_> = allowed(std::env::vars_os(), self.inherit_anthropic).collect();
        if let Some(user) = &self.user {
            user.adapt(&mut all);
        }
        let mut set = |name: OsString, value: OsString| {
            all.retain(|(known, _)| *known != name);
            all.push((name, value));
        };
        // A run must not replace the program under the next one.
        set("DISABLE_AUTOUPDATER".into(), "1".into());
        if let Some(key) = &self.api_key {
            set("ANTHROPIC_API_KEY".into(), key.expose_secret().into());
        }
        self.variables.iter().for_each(|(name, value)| set(name.clone(), value.clone()));
        all
    }
}

fn check_text(field: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(invalid(field, "it has a NUL character"));
    }
    if text.len() > ARGUMENT_BYTES {
        return Err(invalid(field, format!("it is longer than {ARGUMENT_BYTES} bytes")));
    }
    Ok(())
}

fn flag_path(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(path);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::DenyWrites;
    use crate::cli::argument::{CliSessionId, ModelName};

    fn line(command: &Command) -> Vec<String> {
        command.arguments().into_iter().map(|it| it.into_string().unwrap()).collect()
    }

    #[test]
    fn every_value_is_one_argument_with_its_flag() {
        let session = CliSessionId::parse("297969ae-4a7b-4bdd-9780-b641d125eef6").unwrap();
        let command = Command::new("claude")
            .prompt("--version")
            .resume(session)
            .fork()
            .model(ModelName::parse("opus").unwrap())
            .allow_tools(ToolRule::parse_list("Read,Bash(git log *)").unwrap())
            .append_system_prompt("--settings={}")
            .max_turns(3);
        let expected = [
            "-p",
            "--verbose",
            "--output-format=stream-json",
            "--resume=297969ae-4a7b-4bdd-9780-b641d125eef6",
            "--model=opus",
            "--allowedTools=Read",
            "--allowedTools=Bash(git log *)",
            "--append-system-prompt=--settings={}",
            "--max-turns=3",
            "--fork-session",
        ];
        assert_eq!(line(&command), expected);
    }

    #[test]
    fn an_approver_turns_the_control_protocol_on() {
        let line = line(&Command::new("claude").prompt("hi").approver(std::sync::Arc::new(DenyWrites)));
        assert!(line.contains(&"--permission-prompt-tool=stdio".into()), "{line:?}");
        assert!(!line.iter().any(|argument| argument.contains("hi")), "{line:?}");
    }

    #[test]
    fn what_can_not_be_passed_on_is_named() {
        let command = || Command::new("claude").prompt("hi");
        let bad = [
            (command().prompt(""), "prompt"),
            (command().prompt(" \n\t"), "prompt"),
            (command().prompt("a\0b"), "prompt"),
            (command().prompt("x".repeat((10 << 20) + 1)), "prompt"),
            (command().fork(), "fork"),
            (command().max_turns(0), "max_turns"),
            (command().max_budget_usd(f64::NAN), "max_cost"),
            (command().max_budget_usd(-1.0), "max_cost"),
            (command().system_prompt("a\0"), "system_prompt"),
            (command().append_system_prompt("x".repeat(ARGUMENT_BYTES + 1)), "append_system_prompt"),
            (command().mcp_config("\0"), "mcp_config"),
        ];
        for (command, expected) in bad {
            match command.check() {
                Err(crate::Error::Invalid { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        assert!(command().prompt("x".repeat(10 << 20)).check().is_ok());
    }

    #[test]
    fn what_is_set_for_the_run_wins_and_nothing_shows_the_key() {
        let command = Command::new("claude").api_key("sk-planted".into()).env("DISABLE_AUTOUPDATER", "0");
        let environment = command.environment();
        let of = |name: &str| environment.iter().filter(|(known, _)| known == name).collect::<Vec<_>>();
        assert_eq!(of("ANTHROPIC_API_KEY").len(), 1);
        assert_eq!(of("DISABLE_AUTOUPDATER"), [&("DISABLE_AUTOUPDATER".into(), "0".into())]);
        assert!(!format!("{command:?}").contains("planted"));
    }
}
