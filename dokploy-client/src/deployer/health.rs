//! Asks a stack whether it answers.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::LOCATION;

use crate::http;

/// For one answer. Beyond it the stack did not answer, and is asked again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a success comes back, or the stack sends elsewhere, to its sign-in say. Traefik answers 404 for a stack that it
/// doesn't know yet, and 502 for one that doesn't listen; that it sends from HTTP to HTTPS tells nothing of the stack.
///
/// No connection is kept: a stack that comes up may change its address and its certificate.
pub(super) async fn answers(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Ok(client) = http::client(&url, TIMEOUT, Duration::ZERO) else { return false };
    let Ok(answer) = client.get(url.clone()).timeout(TIMEOUT).send().await else { return false };
    let target = answer.headers().get(LOCATION).and_then(|target| url.join(target.to_str().ok()?).ok());
    let is_of_stack = |target: Url| !(target.scheme() != url.scheme() && target.host() == url.host());
    answer.status().is_success() || (answer.status().is_redirection() && target.is_some_and(is_of_stack))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that gives this answer once.
    async fn answers_to(head: &str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let head = head.replace("HERE", &address.to_string());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream
                .write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes())
                .await
                .unwrap();
        };
        let url = format!("http://{address}/");
        tokio::join!(answers(&url), server).0
    }

    #[tokio::test]
    async fn a_success_and_what_the_stack_itself_sends_elsewhere_are_answers() {
        for head in [
            "200 OK",
            "204 No Content",
            "302 Found\r\nlocation: /login",
            "303 See Other\r\nlocation: http://a.test/",
        ] {
            assert!(answers_to(head).await, "{head}");
        }
        for head in [
            "404 Not Found",
            "502 Bad Gateway",
            "304 Not Modified",
            "308 Permanent Redirect\r\nlocation: https://HERE/",
            "302 Found",
        ] {
            assert!(!answers_to(head).await, "{head}");
        }
    }
}
