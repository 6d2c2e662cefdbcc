use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::timeout;

use super::*;
use crate::websocket::decoder::Texts;
use crate::websocket::handshake::halves;
use crate::websocket::{Limits, Message, Receiver};

/// Both halves, and the client's end of a pipe that holds so many bytes.
fn connected(pipe: usize, change: impl FnOnce(&mut Limits)) -> (Receiver, Sender, DuplexStream) {
    let mut limits = Limits::default();
    change(&mut limits);
    let (ours, theirs) = tokio::io::duplex(pipe);
    let (receiver, sender) = halves(Box::new(ours), b"", (&limits, Texts::Unwanted), None);
    (receiver, sender, theirs)
}

fn pieces(parts: &[&'static str]) -> Vec<Bytes> {
    parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect()
}

async fn read(client: &mut DuplexStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_all_its_pieces() {
    let (_receiver, mut sender, mut client) = connected(1024, |_| {});
    sender.send(&pieces(&["a", "", "bc", "def"])).await.unwrap();
    sender.send(&[]).await.unwrap();
    sender.send(&vec![Bytes::from_static(b"x"); 100]).await.unwrap();
    read(&mut client, b"\x82\x06abcdef\x82\x00\x82\x64").await;
    read(&mut client, &[b'x'; 100]).await;
    assert!(sender.pieces.capacity() <= PIECES, "no large buffer is kept");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_was_given_up_tears_no_frame() {
    let (_receiver, mut sender, mut client) = connected(4, |_| {});
    let second = Duration::from_secs(1);
    assert!(timeout(second, sender.send(&pieces(&["abc", "def"]))).await.is_err());
    assert!(!sender.is_idle());
    assert!(timeout(second, sender.send(&pieces(&["never sent"]))).await.is_err());
    assert!(!sender.stage(&pieces(&["never staged"])));
    let reading = async {
        read(&mut client, b"\x82\x06abcdef\x82\x03ghi").await;
    };
    let next = pieces(&["ghi"]);
    let (sent, ()) = tokio::join!(sender.send(&next), reading);
    sent.unwrap();
    assert!(sender.is_idle());
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_between_frames_by_the_newest() {
    let (mut receiver, mut sender, mut client) = connected(16, |_| {});
    assert!(sender.stage(&pieces(&["0123456789", "abcdefghij"])));
    let ping = |letter: u8| [0x89, 0x81, 0, 0, 0, 0, letter];
    let client = async {
        use tokio::io::AsyncWriteExt;
        client.write_all(&[ping(b'1'), ping(b'2'), ping(b'3')].concat()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        read(&mut client, b"\x82\x140123456789abcdefghij\x8a\x013").await;
    };
    tokio::select! {
        () = client => {}
        error = sender.chores() => panic!("{error}"),
        told = receiver.next() => panic!("{told:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_ping_is_given_up() {
    let (mut receiver, mut sender, mut client) = connected(1024, |_| {});
    let start = Instant::now();
    tokio::select! {
        error = sender.chores() => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
        told = receiver.next() => panic!("{told:?}"),
    }
    assert!((40..42).contains(&start.elapsed().as_secs()));
    read(&mut client, b"\x89\x08\0\0\0\0\0\0\0\x01").await;
}

#[tokio::test(start_paused = true)]
async fn frames_that_were_sent_together_are_handed_out_one_by_one() {
    let (mut receiver, _sender, mut client) = connected(1024, |_| {});
    use tokio::io::AsyncWriteExt;
    client.write_all(b"\x82\x81\0\0\0\0a\x82\x81\0\0\0\0b\x88\x80\0\0\0\0").await.unwrap();
    for letter in ["a", "b"] {
        assert_eq!(receiver.next().await, Ok(Message::Binary(letter.into())));
    }
    assert_eq!(receiver.next().await, Ok(Message::Close(None)));
    assert!(receiver.next().await.is_err());
}

/// Notes how many pieces each write was given.
struct Noting(Arc<Mutex<Vec<usize>>>);

impl AsyncRead for Noting {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Noting {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(pieces.len());
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_one_write() {
    let writes = Arc::new(Mutex::new(Vec::new()));
    let (_receiver, mut sender) =
        halves(Box::new(Noting(Arc::clone(&writes))), b"", (&Limits::default(), Texts::Unwanted), None);
    sender.send(&pieces(&["head", "one", "two"])).await.unwrap();
    assert_eq!(*writes.lock().unwrap(), [4]);
}
