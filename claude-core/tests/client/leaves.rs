//! Whoever stops reading closes the connection; whoever reads to the end keeps it.

use std::time::Duration;

use claude_core::messages::{Event, Stream};
use tokio::time::timeout;

use super::server::{HEAD, Server, Step, block, chunk, delta, send, start, whole};
use super::{client, question};

/// Long for a loaded machine, short for a model that writes.
const AT_ONCE: Duration = Duration::from_secs(1);

fn stalled(parts: &[String]) -> Vec<Step> {
    vec![send(HEAD), send(chunk(parts.concat())), Step::Stall]
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection_at_once() {
    let server = Server::start(vec![stalled(&[start(), block(), delta("hel")])]).await;
    let mut stream = client(&server.url).build().stream(&question()).await.unwrap();
    for _ in 0..3 {
        assert!(stream.next().await.is_some());
    }
    assert!(timeout(Duration::from_millis(50), stream.next()).await.is_err());
    drop(stream);
    timeout(AT_ONCE, server.saw_leave(1)).await.unwrap();
}

#[tokio::test]
async fn dropping_a_call_closes_its_connection_at_once() {
    for script in [vec![Step::Stall], vec![send(HEAD), Step::Stall], stalled(&[start()])] {
        let server = Server::start(vec![script]).await;
        let client = client(&server.url).build();
        let asked = question();
        assert!(timeout(Duration::from_millis(100), client.stream(&asked)).await.is_err());
        timeout(AT_ONCE, server.saw_leave(1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_came_is_there_when_nobody_waits_for_the_rest() {
    let server = Server::start(vec![stalled(&[start(), block(), delta("hel")])]).await;
    let client = client(&server.url).build();
    let unread = client.stream(&question()).await.unwrap();
    let partial = unread.into_partial();
    assert_eq!(partial.message.unwrap().usage.input_tokens(), 5);
    assert_eq!(partial.request_id.unwrap(), "req_1");
    let mut read = client.stream(&question()).await.unwrap();
    while !matches!(read.next().await, Some(Event::ContentBlockDelta { .. })) {}
    assert_eq!(read.message().unwrap().text(), "hel");
    assert_eq!(read.into_partial().message.unwrap().text(), "hel");
    timeout(AT_ONCE, server.saw_leave(2)).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_no_event() {
    let words: Vec<_> = (0..20).map(|word| format!("{word} ")).collect();
    let mut steps = vec![send(HEAD), send(chunk(start() + &block()))];
    for word in &words {
        steps.extend([Step::Pause(Duration::from_millis(5)), send(chunk(delta(word)))]);
    }
    let server = Server::start(vec![steps]).await;
    let mut stream = client(&server.url).build().stream(&question()).await.unwrap();
    let mut events = 0;
    loop {
        match timeout(Duration::from_millis(1), stream.next()).await {
            Ok(Some(_)) => events += 1,
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(events, 2 + words.len());
    assert_eq!(stream.message().unwrap().text(), words.concat());
}

#[tokio::test]
async fn a_finished_answer_leaves_its_connection_for_the_next_call() {
    let server = Server::start(vec![whole("fine")]).await;
    let client = client(&server.url).build();
    for _ in 0..5 {
        let message = client.stream(&question()).await.unwrap().outcome().await.into_result().unwrap();
        assert_eq!(message.text(), "fine");
        // The pool gets it back from a task of its own.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[test]
fn a_stream_crosses_threads_and_is_a_stream() {
    fn crosses<T: futures_core::Stream<Item = Event> + Send + Unpin + 'static>() {}
    fn calls<T: Send>(_: T) {}
    crosses::<Stream>();
    let (client, asked) = (client("http://127.0.0.1:1").build(), question());
    calls(client.stream(&asked));
    calls(client.stream_observed(&asked, |_| {}));
    calls(client.create(&asked));
}
