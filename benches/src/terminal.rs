//! Who serves terminals: a server between a client's WebSocket and a pseudo-terminal, and the limits of both sides.
//!
//! The child in a terminal is this program, by its [`work`], or bash where a measurement says so. What is said in the
//! WebSocket is the server's own matter; [`viewer`] speaks it.

mod face;
mod pattern;
pub(crate) mod pty_reader;
mod socket_io;
pub(crate) mod viewer;
pub(crate) mod work;
pub(crate) mod ws_sender;

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::compared::Compared;
use crate::contestant::{self, Process, Reach, Server};
use crate::http::{Reading, Upgrade, WebSocket};
use crate::peer;
use crate::plot::Kind;
use crate::process::{self, Pid};
pub(crate) use face::Face;
use socket_io::SocketIo;
use viewer::{Attached, Speech, Viewer};
use work::Work;

/// A slow client's buffer in the kernel and what it reads at once, in bytes.
const SLOW_BUFFER: usize = 16 * 1024;

/// What clients of the peer show where it asks for a token.
const PEER_TOKEN: &str = "peer";

/// A way from a terminal to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// A Node server as one writes it with node-pty and with ws or socket.io
    NodePty(Face),
    /// No server: a process reads the terminal and throws everything away
    PtyReader,
    /// No terminal: messages come from memory
    WsSender,
    /// claude-web
    Ours(Face),
}

/// What bash does in a terminal.
#[derive(Debug, Clone)]
pub(crate) enum Shell {
    /// It waits for commands.
    Interactive,
    /// It becomes a child with this work.
    Work(Work),
    /// It runs this text.
    Script(&'static str),
}

/// How fast a client reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as it can.
    Full,
    /// So many bytes a second.
    Slow(f64),
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Running {
    terminal: Terminal,
    server: Server,
}

impl Terminal {
    pub(crate) const ALL: [Self; 6] = [
        Self::NodePty(Face::WebSocket),
        Self::NodePty(Face::SocketIo),
        Self::PtyReader,
        Self::WsSender,
        Self::Ours(Face::WebSocket),
        Self::Ours(Face::SocketIo),
    ];

    /// Starts it and, if it serves terminals, shows that by one; the error says why it can't take part.
    pub(crate) fn start(self, bench: &Bench) -> anyhow::Result<Running> {
        self.start_with(bench, Reach::Best)
    }

    /// The same, ours with its children held in this way.
    pub(crate) fn start_with(self, bench: &Bench, reach: Reach) -> anyhow::Result<Running> {
        bench.check()?;
        let running = Running { terminal: self, server: self.server(&bench.scratch, reach)? };
        if matches!(self, Self::NodePty(_) | Self::Ours(_)) {
            let mut viewer = running.open(&Shell::Work(Work::Echo))?;
            viewer.wait_until_ready()?;
            running.end(viewer)?;
        }
        Ok(running)
    }

    fn server(self, scratch: &Path, reach: Reach) -> anyhow::Result<Server> {
        match self {
            Self::PtyReader => bail!("it is no server"),
            Self::WsSender => announced(&env::current_exe()?, scratch, ws_sender::SUBCOMMAND),
            Self::NodePty(face) => {
                peer::node_packages()?;
                peer::node_pty()?;
                let script = peer::script(face.script());
                announced(Path::new("node"), scratch, script.to_str().context("a path that is no text")?)
            }
            Self::Ours(face) => {
                contestant::claude_web_lack().map_or(Ok(()), |why| bail!("{why}"))?;
                let directory = scratch.join("terminals");
                fs::create_dir_all(&directory)?;
                contestant::start_claude_web(scratch, |command| {
                    command.env("CLAUDE_WORKING_DIR", &directory).env("MAX_SESSIONS", "1000");
                    if reach == Reach::Supervisors {
                        command.env("PROCESS_TREE_REACH", "supervisor");
                    }
                    if face == Face::SocketIo {
                        // A terminal ends with its client, as it does with the peer.
                        command.env("SOCKETIO_GRACE_MS", "0");
                    }
                })
            }
        }
    }
}

fn announced(program: &Path, scratch: &Path, argument: &str) -> anyhow::Result<Server> {
    let process = Process::start(program, scratch, |command, _| {
        command.arg(argument).env("NODE_ENV", "production").env("TOKEN", PEER_TOKEN);
    })?;
    Server::announced(process)
}

impl Compared for Terminal {
    fn name(self) -> &'static str {
        match self {
            Self::NodePty(_) => "node-pty",
            Self::PtyReader => "pty-reader",
            Self::WsSender => "ws-sender",
            Self::Ours(_) => "ours",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::NodePty(Face::WebSocket) => "node-pty + ws",
            Self::NodePty(Face::SocketIo) => "node-pty + socket.io",
            Self::PtyReader => "bare PTY reader",
            Self::WsSender => "bare WebSocket sender",
            Self::Ours(_) => "claude-web",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::NodePty(_) => Kind::Peer,
            Self::PtyReader | Self::WsSender => Kind::Limit,
            Self::Ours(_) => Kind::Ours,
        }
    }
}

impl Running {
    /// Starts a terminal of 80 columns and 24 rows and attaches to it.
    pub(crate) fn open(&self, shell: &Shell) -> anyhow::Result<Viewer> {
        self.open_at(shell, Speed::Full)
    }

    /// The same with a client that reads at this speed.
    pub(crate) fn open_at(&self, shell: &Shell, speed: Speed) -> anyhow::Result<Viewer> {
        let (reading, pace) = match speed {
            Speed::Full => (Reading::Greedy, None),
            Speed::Slow(per_second) => (Reading::Small(SLOW_BUFFER), Some(per_second)),
        };
        let (socket, speech) = match self.terminal {
            Terminal::NodePty(Face::SocketIo) | Terminal::Ours(Face::SocketIo) => {
                self.open_socket_io(shell, reading)?
            }
            _ => self.open_web_socket(shell, reading)?,
        };
        Ok(Viewer::new(socket, speech, pace))
    }

    fn open_web_socket(&self, shell: &Shell, reading: Reading) -> anyhow::Result<(WebSocket, Speech)> {
        let (path, speech) = match (self.terminal, shell) {
            (Terminal::Ours(_), _) => {
                let id = self.create(&shell.arguments()?)?;
                (format!("/api/terminals/{id}/ws"), Speech::Opskit(Attached::new(id)))
            }
            (Terminal::WsSender, Shell::Work(work)) => (ws_sender::path(*work), Speech::Bytes),
            _ => {
                let arguments = json!(shell.arguments()?).to_string();
                (format!("/?args={}", percent_encoded(&arguments)), Speech::Bytes)
            }
        };
        let protocol = matches!(speech, Speech::Opskit(_)).then_some("opskit.pty.v1");
        let upgrade = Upgrade { path: &path, token: self.server.token(), protocol, reading };
        Ok((WebSocket::open(self.server.address(), &upgrade)?, speech))
    }

    /// There, bash takes no arguments: what it is to do is typed.
    fn open_socket_io(&self, shell: &Shell, reading: Reading) -> anyhow::Result<(WebSocket, Speech)> {
        let upgrade = Upgrade { path: socket_io::PATH, token: None, protocol: None, reading };
        let mut socket = WebSocket::open(self.server.address(), &upgrade)?;
        let client = SocketIo::open(&mut socket, self.server.token().unwrap_or(PEER_TOKEN))?;
        if let Some(script) = shell.script()? {
            socket.send_text(&socket_io::input(format!("{script}; exit\n").as_bytes())?)?;
        }
        Ok((socket, Speech::SocketIo(client)))
    }

    fn create(&self, arguments: &[String]) -> anyhow::Result<String> {
        let asked = json!({ "command": "bash", "args": arguments, "cols": 80, "rows": 24 });
        let answer = self.server.call("POST", "/api/terminals", Some(&asked))?;
        let answer: Value = serde_json::from_str(&answer)?;
        answer["id"].as_str().map(str::to_owned).with_context(|| format!("a terminal without id: {answer}"))
    }

    /// Ends the terminal as its server has it: ours is told so by its id, else the client leaves.
    pub(crate) fn end(&self, viewer: Viewer) -> anyhow::Result<()> {
        if let Some(id) = viewer.id() {
            self.server.call("DELETE", &format!("/api/terminals/{id}"), None)?;
        }
        drop(viewer);
        Ok(())
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Who is below the server and was not started in a terminal.
    pub(crate) fn helpers(&self) -> Vec<Pid> {
        let below = process::descendants(self.server.pid()).into_iter().filter(|stat| !stat.is_zombie());
        below.map(|stat| stat.pid).filter(|pid| !is_bash(*pid)).collect()
    }
}

/// Whether this process is a bash.
pub(crate) fn is_bash(pid: Pid) -> bool {
    let arguments = process::arguments(pid);
    arguments.first().is_some_and(|program| program.rsplit('/').next() == Some("bash"))
}

impl Shell {
    /// The arguments of bash.
    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let text = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Ok(self
            .script()?
            .map_or_else(|| text(&["--norc", "--noprofile", "-i"]), |script| text(&["-c", &script])))
    }

    /// What bash is to run; none where it waits for that.
    fn script(&self) -> anyhow::Result<Option<String>> {
        Ok(match self {
            Self::Interactive => None,
            Self::Script(script) => Some((*script).to_owned()),
            Self::Work(work) => Some(format!("exec {}", work.command_line()?)),
        })
    }
}

/// For a query: letters and digits stay, every other byte is told by its number.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_any_text() {
        assert_eq!(percent_encoded(r#"["-c","ä b"]"#), "%5B%22%2Dc%22%2C%22%C3%A4%20b%22%5D");
    }

    #[test]
    fn bash_is_known_by_its_name() {
        assert!(!is_bash(std::process::id()));
    }
}
