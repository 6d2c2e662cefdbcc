//! How a stream ends, fault by fault.

use std::time::Duration;

use claude_core::messages::{Client, Outcome};

use super::server::{
    END, HEAD, Server, Step, answer, block, chunk, closing, delta, error, ping, response, send, start, stop,
};
use super::{client, question};

const SHORT: Duration = Duration::from_millis(400);

/// The end of one call in one line: the error's code and words, or the outcome and what came before.
async fn end(client: &Client) -> String {
    let stream = match client.stream(&question()).await {
        Ok(stream) => stream,
        Err(error) => return format!("{}: {error}", error.code()),
    };
    let (name, partial) = match stream.outcome().await {
        Outcome::Complete(message) => return format!("Complete `{}`", message.text()),
        Outcome::ApiError { error, partial } => (format!("ApiError {}", error.kind), partial),
        Outcome::Incomplete { cut, partial } => (format!("Incomplete, {cut}"), partial),
        Outcome::Protocol { what, partial } => (format!("Protocol, {what}"), partial),
    };
    assert_eq!(partial.request_id.as_deref(), Some("req_1"));
    format!("{name} `{}`", partial.message.map(|message| message.text()).unwrap_or_default())
}

fn chunks(parts: &[String]) -> Vec<Step> {
    let mut steps = vec![send(HEAD)];
    steps.extend(parts.iter().map(|part| send(chunk(part))));
    steps
}

fn then(mut steps: Vec<Step>, last: Step) -> Vec<Step> {
    steps.push(last);
    steps
}

/// Each fault, and the one end that it has. None is repeated here.
fn cases() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let begun = || chunks(&[start(), block(), delta("hel")]);
    let said = || chunks(&[start(), block(), delta("hello"), closing()]);
    let half = || delta("lo")[..40].to_owned();
    vec![
        ("nothing is wrong", then(chunks(&[answer("hello")]), send(END)), "Complete `hello`"),
        ("the end of the body is missing", then(chunks(&[answer("hello")]), Step::Reset), "Complete `hello`"),
        ("the body does not end", then(chunks(&[answer("hello")]), Step::Stall), "Complete `hello`"),
        (
            "no length and no chunks",
            vec![
                send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\r\n"),
                send(answer("hello")),
            ],
            "Complete `hello`",
        ),
        (
            "no content type",
            vec![send(format!("HTTP/1.1 200 OK\r\nrequest-id: req_1\r\n\r\n{}", answer("hello")))],
            "Complete `hello`",
        ),
        ("closed without an answer", vec![], "unavailable: "),
        ("closed in the head", vec![send(&HEAD[..40])], "unavailable: "),
        ("reset in the head", vec![send(&HEAD[..40]), Step::Reset], "unavailable: "),
        ("a head that is no HTTP", vec![send("hello\r\n\r\n")], "unavailable: "),
        ("closed after the head", chunks(&[]), "unavailable: "),
        (
            "an empty body",
            then(chunks(&[]), send(END)),
            "unavailable: the service is unavailable: before any content the connection was closed before the end \
             of the answer (request req_1)",
        ),
        ("closed after message_start", chunks(&[start()]), "unavailable: "),
        ("closed after a ping", chunks(&[start(), ping()]), "unavailable: "),
        (
            "closed in mid-event",
            chunks(&[start(), block(), delta("hel"), half()]),
            "Incomplete, the connection broke",
        ),
        (
            "reset in mid-event",
            then(chunks(&[start(), block(), delta("hel"), half()]), Step::Reset),
            "Incomplete, the connection broke",
        ),
        (
            "ended in mid-event",
            then(chunks(&[start(), block(), delta("hel"), half()]), send(END)),
            "Incomplete, the connection was closed before the end of the answer `hel`",
        ),
        ("closed between events", begun(), "Incomplete, the connection broke"),
        (
            "ended between events",
            then(begun(), send(END)),
            "Incomplete, the connection was closed before the end of the answer `hel`",
        ),
        (
            "ended before message_stop",
            then(said(), send(END)),
            "Incomplete, the connection was closed before the end of the answer `hello`",
        ),
        ("a chunk without a size", then(begun(), send("zz\r\n")), "Incomplete, the connection broke"),
        ("an error first", then(chunks(&[error("overloaded_error")]), send(END)), "overloaded: "),
        (
            "an error after message_start",
            then(chunks(&[start(), error("api_error")]), send(END)),
            "unavailable: ",
        ),
        (
            "a lasting error first",
            then(chunks(&[error("invalid_request_error")]), send(END)),
            "rejected: the API refused the request (status 400): so it is (request req_1)",
        ),
        (
            "an error in the middle",
            then(begun(), send(chunk(error("overloaded_error")))),
            "ApiError overloaded_error `hel`",
        ),
        (
            "an error in the middle, left open",
            [begun(), vec![send(chunk(error("api_error"))), Step::Stall]].concat(),
            "ApiError api_error `hel`",
        ),
        (
            "a web page",
            vec![send(response(200, "text/html", "<html>planted</html>"))],
            "protocol: this is no answer of the Messages API: its content type is `text/html`; is the base URL \
             right? (request req_1)",
        ),
        (
            "an error as JSON",
            vec![send(response(
                200,
                "application/json",
                r#"{"type":"error","error":{"type":"api_error","message":"so it is"}}"#,
            ))],
            "protocol: this is no answer of the Messages API: status 200 with an error: so it is (request req_1)",
        ),
        ("JSON that is no message", vec![send(response(200, "application/json", "[1]"))], "protocol: "),
        (
            "JSON cut short",
            vec![send(
                "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"type\":",
            )],
            "incomplete: the answer broke off: the connection broke: ",
        ),
        (
            "a redirect",
            vec![send("HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/planted\r\ncontent-length: 0\r\n\r\n")],
            "rejected: the API refused the request (status 307): status 307: redirects are not followed",
        ),
    ]
}

#[tokio::test]
async fn each_fault_has_its_one_end() {
    for (fault, steps, expected) in cases() {
        let server = Server::start(vec![steps]).await;
        let client = client(&server.url).limits(|limits| limits.retries = 0).build();
        let end = end(&client).await;
        println!("{fault:40} → {end}");
        assert!(end.starts_with(expected), "{fault}: {end}");
        assert!(!end.contains("planted"), "{fault}: {end}");
        assert_eq!(server.requests().len(), 1, "{fault}");
    }
}

#[tokio::test]
async fn each_stall_has_its_limit() {
    let begun = [start(), block(), delta("hel")];
    let pings: Vec<Step> = (0..40).flat_map(|_| [send(chunk(ping())), Step::Pause(SHORT / 8)]).collect();
    let stalled = |steps: Vec<Step>| then(steps, Step::Stall);
    for (stall, steps, expected) in [
        ("before the head", vec![Step::Stall], "timed_out: timed out: no answer after 400ms"),
        ("in the head", stalled(vec![send(&HEAD[..40])]), "timed_out: timed out: no answer after 400ms"),
        ("after the head", stalled(chunks(&[])), "timed_out: timed out: no output after 400ms"),
        ("after message_start", stalled(chunks(&[start()])), "timed_out: timed out: no output after 400ms"),
        ("in mid-text", stalled(chunks(&begun)), "Incomplete, nothing came for 400ms `hel`"),
        (
            "after the last delta",
            stalled(chunks(&[start(), block(), delta("hello"), closing()])),
            "Incomplete, nothing came for 400ms `hello`",
        ),
        ("with pings", stalled([chunks(&begun), pings].concat()), "Incomplete, nothing came for 800ms `hel`"),
    ] {
        let server = Server::start(vec![steps]).await;
        let client = client(&server.url).limits(|limits| {
            (limits.first_byte, limits.idle, limits.idle_content) = (SHORT, SHORT, SHORT * 2);
        });
        let end = end(&client.build()).await;
        println!("stall {stall:22} → {end}");
        assert_eq!(end, expected, "{stall}");
        assert_eq!(server.requests().len(), 1, "{stall}: it may have been billed");
        server.saw_leave(1).await;
    }
}

#[tokio::test]
async fn an_endless_answer_ends_after_the_time_of_the_call() {
    let words = (0..200).flat_map(|_| [send(chunk(delta("a "))), Step::Pause(SHORT / 16)]).collect();
    let server = Server::start(vec![[chunks(&[start(), block()]), words].concat()]).await;
    let client = client(&server.url).limits(|limits| limits.total = SHORT * 2).build();
    let end = end(&client).await;
    assert!(end.starts_with("Incomplete, it was not finished after 800ms `a a "), "{end}");
}

#[tokio::test]
async fn only_waiting_counts_as_silence() {
    let steps = chunks(&[start(), block(), delta("hel")]);
    let rest = chunk([delta("lo"), closing(), stop()].concat());
    let steps = [steps, vec![Step::Pause(SHORT * 3), send(rest), send(END)]].concat();
    let server = Server::start(vec![steps]).await;
    let client = client(&server.url).limits(|limits| limits.idle = SHORT * 2).build();
    let mut stream = client.stream(&question()).await.unwrap();
    for _ in 0..3 {
        stream.next().await.unwrap();
    }
    // The reader is away for longer than the limit, and comes back to a connection that is still silent.
    tokio::time::sleep(SHORT * 5 / 2).await;
    let Outcome::Complete(message) = stream.outcome().await else { panic!("not complete") };
    assert_eq!(message.text(), "hello");
}

#[tokio::test]
async fn an_answer_may_be_cut_anywhere_on_its_way() {
    let text = "ä€😀 words ".repeat(5);
    let bytes = answer(&text);
    for size in [1, 2, 3, 7, 64, 1000] {
        // Characters are cut too.
        let mut steps = vec![send(HEAD)];
        steps.extend(bytes.as_bytes().chunks(size).map(|part| send(chunk(part))));
        steps.push(send(END));
        let server = Server::start(vec![steps]).await;
        assert_eq!(end(&client(&server.url).build()).await, format!("Complete `{text}`"), "{size}");
    }
}

#[tokio::test]
async fn a_huge_event_arrives_and_an_endless_one_does_not() {
    let text = "x".repeat(1 << 20);
    let server = Server::start(vec![then(chunks(&[answer(&text)]), send(END))]).await;
    assert_eq!(end(&client(&server.url).build()).await, format!("Complete `{text}`"));
    let part = format!("data: {}", "x".repeat(1 << 20));
    let endless = then(chunks(&vec![part; 20]), Step::Stall);
    let server = Server::start(vec![endless]).await;
    let end = end(&client(&server.url).build()).await;
    assert!(end.starts_with("protocol: ") && end.len() < 200, "{end}");
}

#[tokio::test]
async fn a_stream_without_end_ends_at_its_limit() {
    let words = (0..100).map(|_| delta("word ")).collect::<Vec<_>>();
    let server =
        Server::start(vec![then(chunks(&[vec![start(), block()], words].concat()), Step::Stall)]).await;
    let client = client(&server.url).limits(|limits| limits.stream_bytes = 2000).build();
    let end = end(&client).await;
    assert!(end.starts_with("Protocol, it is longer than 2000 bytes `word word "), "{end}");
    server.saw_leave(1).await;
}
