//! The command line, as far as it shapes what the stand-in writes.

use std::ffi::OsString;

/// Flags that take one value, with `=` or as the next argument. The value of any other flag that isn't joined by
/// `=` is taken for a prompt, so this names all that a driver may use.
const VALUED: [&str; 19] = [
    "--resume",
    "-r",
    "--session-id",
    "--model",
    "--fallback-model",
    "--input-format",
    "--output-format",
    "--permission-mode",
    "--permission-prompt-tool",
    "--max-turns",
    "--max-budget-usd",
    "--settings",
    "--mcp-config",
    "--append-system-prompt",
    "--system-prompt",
    "--add-dir",
    "--allowedTools",
    "--disallowedTools",
    "--effort",
];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arguments {
    pub(super) version: bool,
    print: bool,
    verbose: bool,
    pub(super) resume: Option<String>,
    session_id: Option<String>,
    fork_session: bool,
    pub(super) model: Option<String>,
    pub(super) permission_mode: Option<String>,
    permission_prompt: Option<String>,
    skip_permissions: bool,
    pub(super) partial_messages: bool,
    input_format: Option<String>,
    output_format: Option<String>,
    /// The prompt as an argument.
    pub(super) prompt: Option<String>,
}

impl Arguments {
    /// Reads the arguments behind the program's name; never fails, what is unknown is passed over.
    pub(super) fn parse(arguments: Vec<OsString>) -> Self {
        let mut parsed = Self::default();
        let mut rest = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
        while let Some(argument) = rest.next() {
            if argument == "--" {
                parsed.prompt = rest.next().or(parsed.prompt);
                break;
            }
            if !argument.starts_with('-') {
                parsed.prompt = Some(argument);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if VALUED.contains(&argument.as_str()) => (argument.as_str(), rest.next()),
                None => (argument.as_str(), None),
            };
            parsed.take(name, value);
        }
        parsed
    }

    fn take(&mut self, name: &str, value: Option<String>) {
        match name {
            "--version" | "-v" => self.version = true,
            "-p" | "--print" => self.print = true,
            "--verbose" => self.verbose = true,
            "--resume" | "-r" => self.resume = value,
            "--session-id" => self.session_id = value,
            "--fork-session" => self.fork_session = true,
            "--model" => self.model = value,
            "--permission-mode" => self.permission_mode = value,
            "--permission-prompt-tool" => self.permission_prompt = value,
            "--dangerously-skip-permissions" => self.skip_permissions = true,
            "--include-partial-messages" => self.partial_messages = true,
            "--input-format" => self.input_format = value,
            "--output-format" => self.output_format = value,
            _ => {}
        }
    }

    /// What stderr says of a command line that the CLI refuses.
    pub(super) fn usage_error(&self) -> Option<&'static str> {
        let streams = self.output_format.as_deref() == Some("stream-json");
        (self.print && streams && !self.verbose)
            .then_some("Error: When using --print, --output-format=stream-json requires --verbose")
    }

    /// Whether the CLI works without anybody at a terminal.
    pub(super) fn is_headless(&self) -> bool {
        self.print
    }

    /// Whether messages come as JSON lines on stdin.
    pub(super) fn reads_messages(&self) -> bool {
        self.input_format.as_deref() == Some("stream-json")
    }

    /// Whether questions go to whoever holds stdin and stdout.
    pub(super) fn asks_by_stdio(&self) -> bool {
        self.reads_messages() && self.permission_prompt.as_deref() == Some("stdio")
    }

    /// The permission mode at the start.
    pub(super) fn first_permission_mode(&self) -> String {
        let skip = self.skip_permissions.then_some("bypassPermissions");
        skip.or(self.permission_mode.as_deref()).unwrap_or("default").to_owned()
    }

    /// The session's id: resumed sessions keep theirs, forks and new ones have a random one.
    pub(super) fn session_id(&self) -> String {
        let resumed = self.resume.as_ref().filter(|_| !self.fork_session);
        let chosen = self.session_id.as_ref().or(resumed).cloned();
        chosen.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Arguments {
        Arguments::parse(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_value_may_be_joined_or_follow() {
        assert_eq!(parse(&["--model=a"]).model.as_deref(), Some("a"));
        assert_eq!(parse(&["--model", "a"]).model.as_deref(), Some("a"));
    }

    #[test]
    fn behind_two_dashes_a_flag_is_a_prompt() {
        let parsed = parse(&["-p", "--", "--version"]);
        assert!(!parsed.version);
        assert_eq!(parsed.prompt.as_deref(), Some("--version"));
    }

    #[test]
    fn a_resumed_session_keeps_its_id_and_a_fork_does_not() {
        assert_eq!(parse(&["--resume=abc"]).session_id(), "abc");
        assert_ne!(parse(&["--resume=abc", "--fork-session"]).session_id(), "abc");
    }
}
