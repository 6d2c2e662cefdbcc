//! A server as it is described, before it is reached.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::turn::Effect;

/// What a server may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Until the server answered and told its tools; then connecting fails. 30 s.
    pub connect: Duration,
    /// For one call; then the server is told to stop, and the call fails. 120 s.
    pub call: Duration,
    /// Tools of one server; one with more is refused. 512.
    pub tools: usize,
    /// Bytes of the end of a server's stderr that errors show. 2 KiB.
    pub stderr_bytes: usize,
    /// Bytes of one message of the server. A longer one is an error over HTTP, and passed over on pipes, where the
    /// call then takes too long. 16 MiB.
    pub message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            call: Duration::from_secs(120),
            tools: 512,
            stderr_bytes: 2 << 10,
            message_bytes: 16 << 20,
        }
    }
}

/// An MCP server: a program on pipes, or an address. Nothing happens before [`McpServer::connect`].
#[derive(Debug, Clone)]
#[must_use]
pub struct McpServer {
    pub(super) target: Target,
    prefix: Option<String>,
    read_only: Vec<String>,
    trusted: bool,
    pub(super) limits: Limits,
}

#[derive(Debug, Clone)]
pub(super) enum Target {
    Stdio(Program),
    Http(Address),
}

#[derive(Clone)]
pub(super) struct Program {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
}

#[derive(Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) bearer: Option<SecretString>,
    pub(super) headers: Vec<(String, SecretString)>,
}

impl McpServer {
    /// A program that speaks on its standard input and output. It gets `PATH`, `HOME`, the language and the like of
    /// this environment, and no secret that it is not given by [`McpServer::env`].
    pub fn stdio(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item: Into<OsString>>) -> Self {
        Self::new(Target::Stdio(Program {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            directory: None,
        }))
    }

    /// A server at this address, over streamable HTTP. Credentials go over `https` only, or to this machine.
    pub fn http(url: impl Into<String>) -> Self {
        Self::new(Target::Http(Address { url: url.into(), bearer: None, headers: Vec::new() }))
    }

    /// Sent as `Authorization: Bearer`; for a server over HTTP.
    pub fn bearer(mut self, token: SecretString) -> Self {
        if let Target::Http(address) = &mut self.target {
            address.bearer = Some(token);
        }
        self
    }

    /// Sent with each request; for a server over HTTP.
    pub fn header(mut self, name: impl Into<String>, value: SecretString) -> Self {
        if let Target::Http(address) = &mut self.target {
            address.headers.push((name.into(), value));
        }
        self
    }

    /// A variable of the environment; for a program.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        if let Target::Stdio(program) = &mut self.target {
            program.environment.push((name.into(), value.into()));
        }
        self
    }

    /// The working directory; for a program.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        if let Target::Stdio(program) = &mut self.target {
            program.directory = Some(directory.as_ref().to_path_buf());
        }
        self
    }

    /// Puts this and `__` before the name of each tool, so that two servers may have tools of one name.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// These tools only look, whatever the server says; names as the server has them.
    pub fn read_only(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.read_only.extend(names.into_iter().map(Into::into));
        self
    }

    /// Believes the server where it says that a tool only looks. Only for servers that are trusted like one's own code.
    pub fn trust_annotations(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// What errors call it: its prefix, else its program or host.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.prefix, &self.target) {
            (Some(prefix), _) => prefix.clone(),
            (None, Target::Stdio(it)) => it.program.display().to_string(),
            (None, Target::Http(it)) => {
                let host =
                    reqwest::Url::parse(&it.url).ok().and_then(|url| url.host_str().map(str::to_owned));
                host.unwrap_or_else(|| "http".to_owned())
            }
        }
    }

    /// A tool's name for the model: what the API does not allow in names becomes `_`.
    pub(super) fn tool_name(&self, name: &str) -> String {
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix}__")).unwrap_or_default();
        let allowed = |it: char| if it.is_ascii_alphanumeric() || it == '_' || it == '-' { it } else { '_' };
        prefix.chars().chain(name.chars()).map(allowed).collect()
    }

    pub(super) fn effect(&self, name: &str, hinted_read_only: bool) -> Effect {
        let looks = self.read_only.iter().any(|known| known == name) || (self.trusted && hinted_read_only);
        if looks { Effect::ReadOnly } else { Effect::Write }
    }

    fn new(target: Target) -> Self {
        Self { target, prefix: None, read_only: Vec::new(), trusted: false, limits: Limits::default() }
    }
}

/// Arguments and values of variables may be secrets.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("Program")
            .field("program", &self.program)
            .field("environment", &names)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The address may hold a key.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Address").field("headers", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_only_looks_unless_the_caller_says_so() {
        let server = McpServer::http("https://mcp.example.org/mcp").read_only(["read"]);
        assert_eq!(server.effect("read", false), Effect::ReadOnly);
        assert_eq!(server.effect("list", true), Effect::Write);
        assert_eq!(server.trust_annotations().effect("list", true), Effect::ReadOnly);
    }

    #[test]
    fn names_are_made_fit_for_the_api() {
        let server = McpServer::stdio("/usr/bin/files", ["x"]).prefix("my files");
        assert_eq!(server.tool_name("fs/read.file"), "my_files__fs_read_file");
        assert_eq!(McpServer::http("https://user@mcp.example.org/mcp?key=1").name(), "mcp.example.org");
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = || SecretString::from("planted");
        let http = McpServer::http("https://mcp.example.org?key=planted");
        let http = http.bearer(secret()).header("x-key", secret());
        let stdio = McpServer::stdio("server", ["--token=planted"]).env("SERVER_TOKEN", "planted");
        let shown = format!("{http:?} {stdio:?}");
        assert!(!shown.contains("planted"), "{shown}");
        assert!(shown.contains("SERVER_TOKEN") && shown.contains("x-key"), "{shown}");
    }
}
