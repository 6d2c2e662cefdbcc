//! The upstream's server: one thread, as little HTTP as its clients need.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{PLAN_PATH, Plan, SEEN_PATH, STOP_PATH, Seen, now};
use crate::contestant::LISTENING;
use crate::wire;

/// The longest request, in bytes.
const REQUEST_MAX: usize = 1024 * 1024;

/// Tokens of a chunk at full speed: about 16 KiB, which a TLS record holds.
const BURST: u64 = 128;

/// Chunks that are written at once at full speed.
const BURSTS: u8 = 4;

/// Streams of one second begin at so many different moments, so that their tokens don't come all at once.
const PHASES: u64 = 97;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    request-id: req_01Bench\r\ntransfer-encoding: chunked\r\n\r\n";

/// What all connections share.
struct State {
    plan: Cell<Plan>,
    seen: RefCell<Seen>,
    /// Changes when all streams are to end.
    stop: watch::Sender<u64>,
}

/// Serves until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(accept()))
}

async fn accept() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    let plan = Cell::new(Plan { tokens: 1, per_second: 0 });
    let state = Rc::new(State { plan, seen: RefCell::default(), stop: watch::Sender::new(0) });
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let state = Rc::clone(&state);
        spawn_local(async move {
            // A client that left is counted where it matters.
            let _ = converse(socket, &state).await;
        });
    }
}

/// Answers one request after another.
async fn converse(mut socket: TcpStream, state: &State) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some((path, body)) = read_request(&mut socket, &mut buffer).await? else { return Ok(()) };
        match path.as_str() {
            PLAN_PATH => {
                state.plan.set(serde_json::from_slice(&body)?);
                write_plain(&mut socket, "").await?;
            }
            STOP_PATH => {
                state.stop.send_modify(|generation| *generation += 1);
                write_plain(&mut socket, "").await?;
            }
            SEEN_PATH => {
                let seen = serde_json::to_string(&*state.seen.borrow())?;
                write_plain(&mut socket, &seen).await?;
            }
            _ => {
                state.seen.borrow_mut().asked += 1;
                if let Err(error) = answer(&mut socket, state).await {
                    let mut seen = state.seen.borrow_mut();
                    (seen.left, seen.last_left) = (seen.left + 1, now());
                    return Err(error.into());
                }
            }
        }
    }
}

/// Path and body of the next request; none where the client leaves instead.
async fn read_request(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    loop {
        if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            let head = std::str::from_utf8(&buffer[..end])?;
            let path = head.split(' ').nth(1).context("a request without a path")?;
            let path = path.split('?').next().unwrap_or_default().to_owned();
            let end = end + 4 + content_length(head)?;
            if buffer.len() >= end {
                let body = buffer[end - content_length(head)?..end].to_vec();
                buffer.drain(..end);
                return Ok(Some((path, body)));
            }
        }
        if buffer.len() > REQUEST_MAX {
            bail!("a request is longer than {REQUEST_MAX} bytes");
        }
        if socket.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn content_length(head: &str) -> anyhow::Result<usize> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.next().map_or(Ok(0), |(_, length)| length.trim().parse().context("a length that is no number"))
}

async fn write_plain(socket: &mut TcpStream, body: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(answer.as_bytes()).await
}

/// An error means that the reader left.
async fn answer(socket: &mut TcpStream, state: &State) -> io::Result<()> {
    let mut stop = state.stop.subscribe();
    let plan = state.plan.get();
    let mut head = HEAD.to_vec();
    push_chunk(&mut head, wire::HEAD);
    socket.write_all(&head).await?;
    let tokens = if plan.tokens == 0 { u64::MAX } else { plan.tokens };
    match plan.per_second {
        0 => burst(socket, tokens, &mut stop).await?,
        per_second => {
            let phase = state.seen.borrow().asked % PHASES;
            let pace = Pace { tokens, gap: Duration::from_nanos(1_000_000_000 / per_second), phase };
            paced(socket, pace, &mut stop).await?;
        }
    }
    let mut tail = Vec::new();
    push_chunk(&mut tail, wire::TAIL);
    tail.extend_from_slice(b"0\r\n\r\n");
    socket.write_all(&tail).await
}

struct Pace {
    tokens: u64,
    gap: Duration,
    phase: u64,
}

/// Each token in a chunk of its own, when it is due.
async fn paced(socket: &mut TcpStream, pace: Pace, stop: &mut watch::Receiver<u64>) -> io::Result<()> {
    let first = pace.gap.mul_f64(pace.phase as f64 / PHASES as f64);
    let mut due = interval_at(Instant::now() + first, pace.gap);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut chunk, mut event) = (Vec::new(), String::new());
    for _ in 0..pace.tokens {
        tokio::select! {
            biased;
            _ = stop.changed() => return Ok(()),
            left = has_left(socket) => return Err(left),
            _ = due.tick() => {}
        }
        chunk.clear();
        event.clear();
        wire::push_delta(&mut event, &format!(" {}", now()));
        push_chunk(&mut chunk, &event);
        socket.write_all(&chunk).await?;
    }
    Ok(())
}

/// Chunks of many tokens, written as fast as they are taken; the last may have a few too many.
async fn burst(socket: &mut TcpStream, tokens: u64, stop: &mut watch::Receiver<u64>) -> io::Result<()> {
    let mut events = String::new();
    (0..BURST.min(tokens)).for_each(|_| wire::push_delta(&mut events, " tokens"));
    let mut chunk = Vec::new();
    push_chunk(&mut chunk, &events);
    let many = chunk.repeat(BURSTS.into());
    let mut left = tokens.div_ceil(BURST);
    while left > 0 && !stop.has_changed().unwrap_or(true) {
        let (bytes, bursts) = if left >= BURSTS.into() { (&many, BURSTS.into()) } else { (&chunk, 1) };
        tokio::select! {
            biased;
            written = socket.write_all(bytes) => written?,
            _ = stop.changed() => return Err(io::Error::other("stopped in the middle of a chunk")),
        }
        left -= bursts;
    }
    Ok(())
}

/// Waits until the reader leaves. What it says meanwhile is thrown away.
async fn has_left(socket: &TcpStream) -> io::Error {
    let mut said = [0; 256];
    loop {
        if let Err(error) = socket.readable().await {
            return error;
        }
        match socket.try_read(&mut said) {
            Ok(0) => return io::ErrorKind::ConnectionReset.into(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return error,
        }
    }
}

fn push_chunk(out: &mut Vec<u8>, events: &str) {
    out.extend_from_slice(format!("{:x}\r\n", events.len()).as_bytes());
    out.extend_from_slice(events.as_bytes());
    out.extend_from_slice(b"\r\n");
}
