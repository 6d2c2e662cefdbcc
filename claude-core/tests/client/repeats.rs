//! When a request is repeated, after which wait, and when not.

use std::time::{Duration, SystemTime};

use claude_core::Error;
use claude_core::messages::{Outcome, Retry};
use claude_core::testing::{LoopbackApi, Reply};

use super::server::{END, HEAD, Server, Step, block, chunk, delta, error, send, start, whole, with_headers};
use super::{client, question};

/// Asks, and tells the answer's text or the error, and each repetition.
async fn ask(client: &claude_core::messages::Client) -> (Result<String, Error>, Vec<Retry>) {
    let mut retries = Vec::new();
    let stream = client.stream_observed(&question(), |retry| retries.push(retry)).await;
    let text = match stream {
        Ok(stream) => stream.outcome().await.into_result().map(|message| message.text()),
        Err(error) => Err(error),
    };
    (text, retries)
}

#[tokio::test]
async fn repeats_until_an_answer_comes_and_tells_each_time() {
    let api =
        LoopbackApi::start([Reply::status(529), Reply::status(500), Reply::text("fine")]).await.unwrap();
    let (text, retries) = ask(&client(&api.url()).build()).await;
    assert_eq!(text.unwrap(), "fine");
    let told: Vec<_> = retries.iter().map(|retry| (retry.attempt, &*retry.reason)).collect();
    assert_eq!(told, [(1, "overloaded_error"), (2, "api_error")]);
    let requests = api.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.windows(2).all(|two| two[0].body == two[1].body));
}

#[tokio::test]
async fn gives_up_after_the_last_repetition() {
    for retries in [0, 1, 3] {
        let api = LoopbackApi::start(Reply::status(529)).await.unwrap();
        let client = client(&api.url()).limits(|limits| limits.retries = retries).build();
        let (text, told) = ask(&client).await;
        assert!(matches!(text, Err(Error::Overloaded { .. })), "{text:?}");
        assert_eq!((told.len(), api.requests().len()), (retries as usize, retries as usize + 1));
    }
}

#[tokio::test]
async fn what_breaks_before_any_content_is_repeated() {
    let events = |parts: &[String]| vec![send(HEAD), send(chunk(parts.concat())), send(END)];
    for (first, reason) in [
        (vec![], "unavailable"),
        (vec![send(&HEAD[..40])], "unavailable"),
        (vec![send(HEAD)], "unavailable"),
        (events(&[start()]), "unavailable"),
        (events(&[start(), error("overloaded_error")]), "overloaded_error"),
        (events(&[error("rate_limit_error")]), "rate_limit_error"),
        (events(&[error("api_error")]), "api_error"),
    ] {
        let server = Server::start(vec![first.clone(), whole("fine")]).await;
        let (text, retries) = ask(&client(&server.url).build()).await;
        assert_eq!(text.unwrap(), "fine", "{first:?}");
        assert_eq!((retries.len(), &*retries[0].reason), (1, reason), "{first:?}");
    }
}

#[tokio::test]
async fn nothing_is_repeated_once_content_came() {
    for last in [Step::Reset, send(END), send(chunk(error("overloaded_error")))] {
        let parts = [start(), block(), delta("hel")].concat();
        let server = Server::start(vec![vec![send(HEAD), send(chunk(&parts)), last], whole("twice")]).await;
        let stream = client(&server.url).build().stream(&question()).await.unwrap();
        let outcome = stream.outcome().await;
        assert!(!matches!(outcome, Outcome::Complete(_)));
        assert_eq!(outcome.partial().unwrap().message.as_ref().unwrap().text(), "hel");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn waits_as_long_as_the_api_asks_for() {
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    for (lines, delay) in [
        ("retry-after-ms: 30\r\nretry-after: 50\r\n".to_owned(), Duration::from_millis(30)),
        ("retry-after: 0.04\r\n".to_owned(), Duration::from_millis(40)),
        ("retry-after: 0\r\n".to_owned(), Duration::ZERO),
        (format!("retry-after: {date}\r\n"), Duration::ZERO),
    ] {
        for status in [429, 500, 529] {
            let refused = vec![send(with_headers(status, &lines, "")), Step::Keep];
            let server = Server::start(vec![refused, whole("fine")]).await;
            let begin = std::time::Instant::now();
            let (text, retries) = ask(&client(&server.url).build()).await;
            assert_eq!((text.unwrap().as_str(), retries[0].delay), ("fine", delay), "{lines}");
            assert!(begin.elapsed() >= delay);
        }
    }
}

#[tokio::test]
async fn a_longer_wait_than_allowed_is_left_to_the_caller() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(4000));
    for (lines, seconds) in
        [("retry-after: 3600\r\n".to_owned(), 3600), (format!("retry-after: {date}\r\n"), 3990)]
    {
        let server = Server::start(vec![vec![send(with_headers(429, &lines, ""))]]).await;
        let (text, retries) = ask(&client(&server.url).build()).await;
        let error = text.unwrap_err();
        assert!(error.retry_after().unwrap() >= Duration::from_secs(seconds), "{error:?}");
        assert!(error.is_retryable() && retries.is_empty());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn the_api_may_say_whether_repeating_helps() {
    for (status, told, requests) in [(500, "false", 1), (422, "true", 2), (400, "true", 1)] {
        let refused = send(with_headers(status, &format!("x-should-retry: {told}\r\n"), ""));
        let server = Server::start(vec![vec![refused], whole("fine")]).await;
        _ = ask(&client(&server.url).build()).await;
        assert_eq!(server.requests().len(), requests, "{status} {told}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_repeated_and_then_told_without_the_url() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (text, retries) = ask(&client(&format!("http://{address}/a-path")).build()).await;
    let error = text.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1 can't be reached: Connection refused"), "{error}");
    assert!(!error.to_string().contains("a-path"), "{error}");
    assert_eq!(retries.len(), 2);
}
