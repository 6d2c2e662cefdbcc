//! What is counted of terminals.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge, histogram};
use pty_core::Terminals;

use super::wire::Kind;

/// How often the figures that pty-core keeps are shown.
const EVERY: Duration = Duration::from_millis(500);

/// Counters of what goes over sockets: looked up once, as they are counted with each message.
static SOCKETS: LazyLock<Sockets> = LazyLock::new(|| Sockets {
    open: gauge!("app_ws_connections", "state" => "open"),
    bytes_in: counter!("app_ws_bytes_in_total"),
    bytes_out: counter!("app_ws_bytes_out_total"),
    messages: Kind::ALL.map(|kind| messages(kind.label())),
    events: Said::ALL.map(|event| messages(event.label())),
});

fn messages(label: &'static str) -> Counter {
    counter!("app_ws_messages_total", "type" => label)
}

struct Sockets {
    open: Gauge,
    bytes_in: Counter,
    bytes_out: Counter,
    messages: [Counter; Kind::ALL.len()],
    events: [Counter; Said::ALL.len()],
}

/// What goes over Socket.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Output,
    Status,
    Input,
    Resize,
    Ack,
    Start,
    Attach,
}

impl Said {
    const ALL: [Said; 7] =
        [Said::Output, Said::Status, Said::Input, Said::Resize, Said::Ack, Said::Start, Said::Attach];

    const fn label(self) -> &'static str {
        match self {
            Said::Output => Kind::Output.label(),
            Said::Input => Kind::Input.label(),
            Said::Resize => Kind::Resize.label(),
            Said::Ack => Kind::Ack.label(),
            Said::Status => "status",
            Said::Start => "start",
            Said::Attach => "attach",
        }
    }
}

/// An event came, with so many bytes of payload.
pub(super) fn event_in(said: Said, bytes: usize) {
    SOCKETS.bytes_in.increment(bytes as u64);
    SOCKETS.events[said as usize].increment(1);
}

/// An event goes out, with so many bytes of payload.
pub(super) fn event_out(said: Said, bytes: usize) {
    SOCKETS.bytes_out.increment(bytes as u64);
    SOCKETS.events[said as usize].increment(1);
}

/// A connection, as long as it lives.
pub(super) struct Connection(());

impl Connection {
    pub(super) fn open() -> Self {
        SOCKETS.open.increment(1);
        Self(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        SOCKETS.open.decrement(1);
    }
}

/// A message came, with so many bytes.
pub(super) fn received(kind: Kind, bytes: usize) {
    SOCKETS.bytes_in.increment(bytes as u64);
    SOCKETS.messages[kind.index()].increment(1);
}

/// A message goes out, with so many bytes.
pub(super) fn sent(kind: Kind, bytes: usize) {
    SOCKETS.bytes_out.increment(bytes as u64);
    SOCKETS.messages[kind.index()].increment(1);
}

/// A ping of ours was answered after this time.
pub(super) fn rtt(time: Duration) {
    histogram!("app_ws_message_rtt_seconds", "channel" => "terminal").record(time);
}

/// The same, over Socket.IO.
pub(super) fn socket_io_rtt(time: Duration) {
    histogram!("app_ws_message_rtt_seconds", "channel" => "socketio").record(time);
}

/// A line that was typed was followed by output after this time. The group is a name of `TERMINAL_COMMANDS`.
pub(super) fn command_latency(group: &str, time: Duration) {
    histogram!("app_command_latency_seconds", "command_group" => group.to_owned()).record(time);
}

/// Shows what pty-core counts, for ever.
pub(super) async fn keep_up(terminals: Terminals) {
    let active = gauge!("app_active_sessions");
    let pauses = counter!("app_output_backpressure_pauses_total");
    // Nothing is ever dropped for a viewer that acknowledges: this stays 0.
    counter!("app_output_backpressure_drops_total").absolute(0);
    LazyLock::force(&SOCKETS);
    loop {
        let stats = terminals.stats();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; as many terminals fit")]
        active.set(stats.active as f64);
        pauses.absolute(stats.pauses);
        tokio::time::sleep(EVERY).await;
    }
}
