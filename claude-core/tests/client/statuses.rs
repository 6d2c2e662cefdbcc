//! What each status means, whatever its body.

use claude_core::Error;
use claude_core::testing::{LoopbackApi, Reply};

use super::{client, question};

/// Status, the error's code, and whether it is repeated.
const STATUSES: [(u16, &str, bool); 14] = [
    (400, "rejected", false),
    (401, "unauthorized", false),
    (403, "unauthorized", false),
    (404, "rejected", false),
    (408, "rejected", true),
    (409, "rejected", true),
    (413, "rejected", false),
    (422, "rejected", false),
    (429, "rate_limited", true),
    (500, "unavailable", true),
    (502, "unavailable", true),
    (503, "overloaded", true),
    (504, "unavailable", true),
    (529, "overloaded", true),
];

fn has_request_id(error: &Error) -> bool {
    error.to_string().contains(" (request req_")
}

#[tokio::test]
async fn each_status_has_its_error_as_json_as_a_web_page_and_empty() {
    for (status, code, is_repeated) in STATUSES {
        let json = Reply::status(status).message("so it is");
        for (reply, words) in [
            (json.clone(), "so it is".to_owned()),
            (json.clone().html(), format!("status {status} with a web page; is the base URL right?")),
            (json.empty(), format!("status {status} without a message")),
        ] {
            let api = LoopbackApi::start(reply).await.unwrap();
            let client = client(&api.url()).limits(|limits| limits.retries = 1).build();
            for error in
                [client.stream(&question()).await.unwrap_err(), client.create(&question()).await.unwrap_err()]
            {
                assert_eq!(error.code(), code, "{status}");
                assert_eq!(error.is_retryable(), is_repeated, "{status}");
                assert!(error.to_string().contains(&words) && has_request_id(&error), "{status}: {error}");
                if let Error::Rejected { status: told, .. } = error {
                    assert_eq!(told, status);
                }
            }
            assert_eq!(api.requests().len(), if is_repeated { 4 } else { 2 }, "{status}");
        }
    }
}

#[tokio::test]
async fn an_endless_error_body_is_not_read_to_its_end() {
    use super::server::{Server, Step, chunk, send};
    let head = "HTTP/1.1 500 X\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut steps = vec![send(head)];
    steps.extend(vec![send(chunk("long words ".repeat(10_000))); 5]);
    steps.push(Step::Stall);
    let server = Server::start(vec![steps]).await;
    let client = client(&server.url).limits(|limits| limits.retries = 0).build();
    let error = client.stream(&question()).await.unwrap_err().to_string();
    assert!(error.contains("long words long words") && error.len() < 700, "{error}");
}
