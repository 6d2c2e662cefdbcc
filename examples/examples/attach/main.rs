//! Your own terminal as a viewer of one that claude-web keeps, by `opskit.pty.v1`. Ctrl-] leaves; the terminal lives on.
//!
//! ```sh
//! export ADMIN_PASSWORD=…                                        # or CLAUDE_WEB_TOKEN, a token or a key
//! cargo run -p examples --example attach                         # bash
//! cargo run -p examples --example attach -- --command claude     # Claude Code
//! cargo run -p examples --example attach -- 3f0c…                # back to one that lives
//! ```
//!
//! When the connection breaks it comes back at the byte it had. `wire` has the frames, `server` the calls over HTTP,
//! `screen` the terminal you sit at.

mod screen;
mod server;
mod wire;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use screen::Raw;
use server::{Access, NoConnection, Server, Socket};
use wire::Told;

/// How often a broken connection is tried again, and after which time each. Claude-web keeps our place for 10 s.
const TRIES: u32 = 20;
const RETRY: Duration = Duration::from_millis(500);
/// Without a word for so long the server is gone: it pings every 20 s.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of input after which we wait for the server to have read them. A large paste would else stand in front of
/// the acknowledgements, and its echo wait for them.
const INPUT_AHEAD: usize = 256 << 10;

/// Attaches this terminal to one that claude-web keeps
#[derive(Debug, Parser)]
struct Arguments {
    /// Terminal to come back to; a new one is started unless given
    id: Option<String>,
    /// What to start, one of the server's TERMINAL_COMMANDS
    #[arg(long, default_value = "bash")]
    command: String,
    /// Where claude-web is
    #[arg(long, env = "CLAUDE_WEB_URL", default_value = "http://127.0.0.1:3001")]
    url: String,
    /// Who signs in, with the password in ADMIN_PASSWORD, where CLAUDE_WEB_TOKEN isn't set
    #[arg(long, default_value = "admin")]
    user: String,
}

/// How it was left.
enum End {
    /// What ran there has ended.
    Exited { code: Option<i64>, signal: Option<String> },
    /// We left.
    Detached,
    /// The server closed for good.
    Closed(String),
    /// The connection broke.
    Broken,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    anyhow::ensure!(std::io::stdin().is_terminal(), "standard input is no terminal");
    let server = Server::new(&arguments.url, access(&arguments.user)?)?;
    let id = match arguments.id {
        Some(id) => id,
        None => server.start(&arguments.command, screen::size()).await?,
    };
    let raw = Raw::enter()?;
    let end = Attached::new(&server, &id)?.stay().await;
    drop(raw);
    println!();
    match end? {
        End::Exited { code: Some(code), .. } => {
            println!("[ended with exit code {code}]");
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        End::Exited { signal, .. } => bail!("ended by {}", signal.as_deref().unwrap_or("nobody knows what")),
        End::Closed(message) => bail!(message),
        End::Detached | End::Broken => {
            println!("[the terminal lives on; back to it: cargo run -p examples --example attach -- {id}]");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn access(user: &str) -> anyhow::Result<Access> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(token) = variable("CLAUDE_WEB_TOKEN") {
        return Ok(Access::Token(token));
    }
    let password = variable("ADMIN_PASSWORD").context("set CLAUDE_WEB_TOKEN or ADMIN_PASSWORD")?;
    Ok(Access::Password { user: user.to_owned(), password })
}

/// One terminal, over as many connections as it takes.
struct Attached<'a> {
    server: &'a Server,
    id: &'a str,
    keys: mpsc::Receiver<Vec<u8>>,
    leave: Arc<Notify>,
    resized: Signal,
    told_to_end: Signal,
    /// Where output goes on; unknown before the first.
    at: Option<u64>,
}

impl<'a> Attached<'a> {
    fn new(server: &'a Server, id: &'a str) -> anyhow::Result<Self> {
        let leave = Arc::new(Notify::new());
        Ok(Self {
            server,
            id,
            keys: screen::keys(&leave),
            leave,
            resized: signal(SignalKind::window_change())?,
            told_to_end: signal(SignalKind::terminate())?,
            at: None,
        })
    }

    /// Stays until the end, over connections that break.
    async fn stay(mut self) -> anyhow::Result<End> {
        let mut tries = 0;
        loop {
            match self.server.connect(self.id, self.at).await {
                Ok(socket) => {
                    tries = 0;
                    match self.speak(socket).await {
                        Ok(End::Broken) | Err(_) => say("the connection broke; coming back").await,
                        end => return end,
                    }
                }
                Err(NoConnection::Unreachable(_)) if self.at.is_some() && tries < TRIES => {}
                Err(error) => return Err(error.into_error()),
            }
            tries += 1;
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.leave.notified() => return Ok(End::Detached),
                _ = self.told_to_end.recv() => return Ok(End::Detached),
            }
        }
    }

    /// Speaks over one connection to its end.
    async fn speak(&mut self, mut socket: Socket) -> anyhow::Result<End> {
        let mut shown = Shown { window: 0, acked: 0 };
        // Input that the server has not been heard to have read.
        let mut ahead = 0;
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                message = socket.next() => {
                    heard = Instant::now();
                    let Some(message) = message else { return Ok(End::Broken) };
                    let Message::Binary(message) = message? else { continue };
                    match Told::parse(&message)? {
                        Told::Pong => ahead = 0,
                        Told::Hello(hello) => {
                            shown = Shown { window: hello.window, acked: hello.from };
                            self.at = Some(hello.from);
                            send(&mut socket, wire::resize(screen::size())).await?;
                        }
                        told => if let Some(end) = self.hear(told, &mut shown, &mut socket).await? {
                            return Ok(end);
                        }
                    }
                }
                Some(typed) = self.keys.recv(), if ahead < INPUT_AHEAD => {
                    send(&mut socket, wire::input(&typed)).await?;
                    ahead += typed.len();
                    if ahead >= INPUT_AHEAD {
                        send(&mut socket, wire::ping()).await?;
                    }
                }
                _ = self.resized.recv() => send(&mut socket, wire::resize(screen::size())).await?,
                () = self.leave.notified() => return self.detach(socket).await,
                _ = self.told_to_end.recv() => return self.detach(socket).await,
                () = sleep_until(heard + SILENCE) => return Ok(End::Broken),
            }
        }
    }

    async fn hear(
        &mut self,
        told: Told,
        shown: &mut Shown,
        socket: &mut Socket,
    ) -> anyhow::Result<Option<End>> {
        match told {
            Told::Output { offset, data } => {
                let mut screen = tokio::io::stdout();
                screen.write_all(&data).await?;
                screen.flush().await?;
                let at = offset + data.len() as u64;
                self.at = Some(at);
                // Not each time: what is acknowledged before the window ends never makes the other end wait.
                if at - shown.acked >= shown.window / 4 {
                    shown.acked = at;
                    send(socket, wire::ack(at)).await?;
                }
            }
            Told::Gap { from, to } => {
                (self.at, shown.acked) = (Some(to), to);
                say(&format!("{} bytes are not held any more", to - from)).await;
            }
            Told::Exit { code, signal } => return Ok(Some(End::Exited { code, signal })),
            Told::Error { code, fatal: true, .. } if ["stalled", "unauthorized"].contains(&&*code) => {
                return Ok(Some(End::Broken));
            }
            Told::Error { message, fatal: true, .. } => return Ok(Some(End::Closed(message))),
            Told::Error { message, .. } => say(&message).await,
            Told::Hello(_) | Told::Pong | Told::Other => {}
        }
        Ok(None)
    }

    /// What was typed before goes first.
    async fn detach(&mut self, mut socket: Socket) -> anyhow::Result<End> {
        while let Ok(typed) = self.keys.try_recv() {
            send(&mut socket, wire::input(&typed)).await?;
        }
        send(&mut socket, wire::detach()).await?;
        // The server closes once it has read all of it.
        let closed = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), closed).await;
        Ok(End::Detached)
    }
}

/// How much is shown of what may be sent.
struct Shown {
    window: u64,
    acked: u64,
}

async fn send(socket: &mut Socket, frame: Vec<u8>) -> anyhow::Result<()> {
    Ok(socket.send(Message::binary(frame)).await?)
}

/// A word of our own, on a line of its own.
async fn say(text: &str) {
    // If the screen is gone, the next output tells.
    let _ = tokio::io::stdout().write_all(format!("\r\n[{text}]\r\n").as_bytes()).await;
}
