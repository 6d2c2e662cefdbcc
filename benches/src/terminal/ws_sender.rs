//! The limit of the socket and of the client: no terminal, messages of about 64 KiB that lie ready in memory, one thread.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Context, bail};

use super::pattern::Pattern;
use super::work::{READY, Work};
use crate::contestant::LISTENING;
use crate::http::binary_frame;

/// The argument that makes this program the sender.
pub(crate) const SUBCOMMAND: &str = "serve-ws-sender";

/// The client doesn't look at the key's answer.
const ACCEPTED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/// How long a request may be, in bytes.
const REQUEST_MAX: usize = 16 * 1024;

/// Serves one reader after the other until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        if let Err(error) = answer(socket?) {
            eprintln!("{error:#}");
        }
    }
    Ok(())
}

/// The path of a request for this work.
pub(super) fn path(work: Work) -> String {
    format!("/{}", work.words().join("/"))
}

fn answer(mut socket: TcpStream) -> anyhow::Result<()> {
    let messages = messages(asked(&mut socket)?)?;
    socket.set_nodelay(true)?;
    socket.write_all(ACCEPTED)?;
    socket.write_all(&binary_frame(READY))?;
    // The client's start, whatever it is.
    if socket.read(&mut [0; 64])? > 0 {
        messages.iter().try_for_each(|message| socket.write_all(message))?;
    }
    Ok(())
}

fn asked(socket: &mut TcpStream) -> anyhow::Result<Work> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while memchr::memmem::find(&request, b"\r\n\r\n").is_none() {
        let read = socket.read(&mut buffer)?;
        if read == 0 || request.len() > REQUEST_MAX {
            bail!("no request");
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let path = std::str::from_utf8(&request)?.split(' ').nth(1).context("no path")?;
    Work::from_words(path.split('/').skip(1))
}

fn messages(work: Work) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut left = usize::try_from(work.check().expected())?;
    let (mut pattern, mut block, mut messages) = (Pattern::new(work.shown()), Vec::new(), Vec::new());
    while left > 0 {
        pattern.next(&mut block);
        block.truncate(left);
        left -= block.len();
        messages.push(binary_frame(&block));
    }
    Ok(messages)
}
