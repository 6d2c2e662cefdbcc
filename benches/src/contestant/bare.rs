//! The limit: a server that only frames what it copies from the CLI's pipe to the socket.
//!
//! It knows one route, serves a connection per thread, copies a line once between the kernel's two buffers and keeps
//! nothing. It doesn't look after the reader nor after what the CLI leaves behind.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout};
use std::thread;

use anyhow::{Context, bail};
use claude_core::testing::stand_in::PLAN_VARIABLE;
use serde_json::Value;

use super::server::{LISTENING, Process};
use super::{Server, Setup, direct};

/// The argument that makes this program the server.
pub(crate) const SUBCOMMAND: &str = "serve-bare";

/// The plan under another name: this program would act as the CLI itself.
const PLAN_FOR_CLI: &str = "BENCH_PLAN";

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
    Connection: close\r\n\r\n";

/// How much is copied at once: what a pipe holds.
const COPY: usize = 64 * 1024;

/// How long a request may be, in bytes.
const REQUEST_MAX: usize = 64 * 1024;

pub(super) fn start(setup: &Setup<'_>) -> anyhow::Result<Server> {
    let process = Process::start(&env::current_exe()?, setup.scratch, |command, _| {
        command.arg(SUBCOMMAND).env(PLAN_FOR_CLI, setup.plan.to_env().1);
    })?;
    Server::announced(process)
}

/// Serves until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let plan = env::var(PLAN_FOR_CLI).context("no plan for the CLI")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        let (socket, plan) = (socket?, plan.clone());
        thread::Builder::new().spawn(move || {
            if let Err(error) = answer(socket, &plan) {
                eprintln!("{error:#}");
            }
        })?;
    }
    Ok(())
}

fn answer(mut socket: TcpStream, plan: &str) -> anyhow::Result<()> {
    let prompt = read_prompt(&mut socket)?;
    socket.set_nodelay(true)?;
    let mut child = direct::command(&prompt)?.env(PLAN_VARIABLE, plan).spawn()?;
    let copied = copy(&mut child, &mut socket);
    if copied.is_err() {
        child.kill()?;
    }
    child.wait()?;
    copied
}

fn copy(child: &mut Child, socket: &mut TcpStream) -> anyhow::Result<()> {
    let stdout = child.stdout.take().context("a CLI without stdout")?;
    socket.write_all(HEAD)?;
    Ok(frame(stdout, socket)?)
}

/// A line needs `data: ` before it and a second line feed behind it; it need not be whole for that.
///
/// Copying the lines between the two is as fast as one vectored write of them, and takes less CPU for short lines.
fn frame(mut stdout: ChildStdout, socket: &mut TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; COPY];
    let mut frames: Vec<u8> = Vec::with_capacity(2 * COPY);
    let mut at_line_start = true;
    loop {
        let read = stdout.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        frames.clear();
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            if at_line_start {
                frames.extend_from_slice(b"data: ");
            }
            let line_feed = memchr::memchr(b'\n', rest);
            let (line, behind) = rest.split_at(line_feed.map_or(rest.len(), |end| end + 1));
            frames.extend_from_slice(line);
            at_line_start = line_feed.is_some();
            if at_line_start {
                frames.push(b'\n');
            }
            rest = behind;
        }
        socket.write_all(&frames)?;
    }
}

fn read_prompt(socket: &mut TcpStream) -> anyhow::Result<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer)?;
        if read == 0 || request.len() > REQUEST_MAX {
            bail!("no request");
        }
        request.extend_from_slice(&buffer[..read]);
        let Some(end) = memchr::memmem::find(&request, b"\r\n\r\n") else { continue };
        // The client sends the body's length; a body that is complete is JSON.
        if let Ok(body) = serde_json::from_slice::<Value>(&request[end + 4..]) {
            return body["prompt"].as_str().map(str::to_owned).context("no prompt");
        }
    }
}
