//! The end of a connection.

use tokio::time::timeout;

use super::receiver::Rest;
use super::{Receiver, Sender};

/// Closes with this code and reason, of which 123 bytes are told.
///
/// What was staged is sent first. Then what the client still sends is read and thrown away, until it answers with
/// its close, hangs up, or `close_within` is over: a socket that is dropped with input unread resets the connection,
/// and the client may never see the code. A client that closed before is answered and not waited for. Dropped
/// earlier, the connection is cut.
pub async fn close(mut receiver: Receiver, mut sender: Sender, code: u16, reason: &str) {
    let within = sender.close_within();
    let rest = receiver.rest();
    let say = async {
        sender.say_goodbye(code, reason).await?;
        match rest {
            // No answer can be made out: it shall hang up.
            Rest::Noise => sender.shut_down().await,
            Rest::Frames | Rest::None => Ok(()),
        }
    };
    let hear = async {
        receiver.discard().await;
        Ok(())
    };
    // Late or failed: there is nothing more to be done for the client.
    let _ = timeout(within, async { tokio::try_join!(say, hear) }).await;
    let _ = timeout(within, sender.shut_down()).await;
}
