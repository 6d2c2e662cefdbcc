//! The WebSocket of a session, from its beginning or by upgrade.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::outbox::Out;
use super::packet::{NoPacket, PING, PROBE, PROBED, UPGRADE};
use super::session::{Session, Way};
use super::talk;
use crate::websocket::{self, Message, Receiver, Sender};

/// Far beyond any connection's life.
pub(super) const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The close code of an end in order, and of packets that are none.
const NORMAL: u16 = 1000;
const BAD_DATA: u16 = 1007;

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client is gone.
    Gone,
    /// It is closed with this code.
    Close(u16),
}

/// Serves a session that began with this WebSocket.
pub(super) async fn open(session: Arc<Session>, hello: String, receiver: Receiver, mut sender: Sender) {
    match sender.send_text(&[hello.into()]).await {
        Ok(()) => serve(session, receiver, sender).await,
        Err(_) => session.close(),
    }
}

/// Serves a session that polled so far, once the client says so; until then, and if it doesn't, polling goes on.
pub(super) async fn upgrade(session: Arc<Session>, mut receiver: Receiver, mut sender: Sender) {
    let within = session.limits.upgrade_within;
    let heard = |text: &'static str| Ok(Message::Text(text.to_owned()));
    let is_tried = within_session(&session, within, async { receiver.next().await == heard(PROBE) }).await;
    if is_tried && session.turn(Way::Polling, Way::Probing) {
        let is_wanted = within_session(&session, within, async {
            let told = sender.send_text(&[Bytes::from_static(PROBED.as_bytes())]).await;
            told.is_ok() && receiver.next().await == heard(UPGRADE)
        });
        if is_wanted.await {
            session.turn(Way::Probing, Way::WebSocket);
            return serve(session, receiver, sender).await;
        }
        session.turn(Way::Probing, Way::Polling);
    }
    websocket::close(receiver, sender, NORMAL, "").await;
}

/// Whether it was so in time, and before the session was over.
async fn within_session(session: &Session, within: Duration, so: impl Future<Output = bool>) -> bool {
    tokio::select! {
        so = tokio::time::timeout(within, so) => so == Ok(true),
        () = session.closed() => false,
    }
}

async fn serve(session: Arc<Session>, mut receiver: Receiver, mut sender: Sender) {
    let end = tokio::select! {
        end = down(&session, &mut sender) => end,
        end = up(&session, &mut receiver) => end,
        () = session.closed() => End::Close(NORMAL),
    };
    session.close();
    if let End::Close(code) = end {
        websocket::close(receiver, sender, code, "").await;
    }
}

/// Sends what waits, until the session is left.
async fn down(session: &Session, sender: &mut Sender) -> End {
    loop {
        let out = tokio::select! {
            biased;
            _ = sender.chores() => return End::Gone,
            out = session.next_out() => out,
        };
        let sent = match out {
            None => return End::Close(NORMAL),
            Some(Out::Ping) => {
                session.pinged();
                sender.send_text(&[Bytes::from_static(PING.as_bytes())]).await
            }
            Some(Out::Packet(packet)) => {
                let bytes = packet.len();
                let sent = sender.send_text(&[packet]).await;
                sent.inspect(|()| session.written(bytes))
            }
        };
        if sent.is_err() {
            return End::Gone;
        }
    }
}

/// Takes what the client says.
async fn up(session: &Arc<Session>, receiver: &mut Receiver) -> End {
    loop {
        let message = match receiver.next().await {
            Ok(message) => message,
            Err(fault) => return fault.close_code().map_or(End::Gone, End::Close),
        };
        session.heard();
        // Small messages come by the thousand in one read; others get their turn between.
        tokio::task::coop::consume_budget().await;
        let heard = match message {
            Message::Text(text) => talk::take(session, &text).await,
            Message::Binary(bytes) => talk::hear_binary(session, bytes.len()).await,
            Message::Close(code) => return End::Close(code.unwrap_or(NORMAL)),
            Message::Unwanted => Err(NoPacket),
        };
        if heard.is_err() {
            return End::Close(BAD_DATA);
        }
    }
}
