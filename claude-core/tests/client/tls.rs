//! Over TLS and HTTP/2. No test here sets a default provider of cryptography: the client brings its own.

use std::sync::Arc;
use std::time::Duration;

use claude_core::Error;
use claude_core::error::Phase;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::environment::asked_with;
use super::server::{Server, block, delta, start};
use super::{client, question};

/// What a server saw of its one request.
#[derive(Debug, PartialEq)]
struct Seen {
    version: http::Version,
    key: String,
    /// Why the client left in the midst of the answer.
    reset: h2::Reason,
}

/// A server with a certificate of its own, which begins an answer and never ends it. The certificate as PEM.
async fn begin_only() -> (String, String, oneshot::Receiver<Seen>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let mut config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (seen, see) = oneshot::channel();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (socket, _) = listener.accept().await.unwrap();
        if let Some(saw) = answer(acceptor, socket).await {
            _ = seen.send(saw);
        }
    });
    (url, cert.pem(), see)
}

async fn answer(acceptor: TlsAcceptor, socket: TcpStream) -> Option<Seen> {
    let tls = acceptor.accept(socket).await.ok()?;
    let mut connection = h2::server::handshake(tls).await.ok()?;
    let (request, mut respond) = connection.accept().await?.ok()?;
    // The connection moves only while it is polled.
    let driver = tokio::spawn(async move { while connection.accept().await.is_some() {} });
    let response = http::Response::builder().header("content-type", "text/event-stream").body(()).ok()?;
    let mut body = respond.send_response(response, false).ok()?;
    body.send_data([start(), block(), delta("hel")].concat().into(), false).ok()?;
    let reset = std::future::poll_fn(|cx| body.poll_reset(cx)).await.ok()?;
    driver.abort();
    let key = request.headers().get("authorization")?.to_str().ok()?.to_owned();
    Some(Seen { version: request.version(), key, reset })
}

#[tokio::test]
async fn https_is_http2_with_the_systems_certificates_and_leaving_resets_the_stream() {
    let (url, certificate, seen) = begin_only().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    let trusted = ("SSL_CERT_FILE", file.to_str().unwrap());
    let came = asked_with(&[("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", &url), trusted]).await;
    assert_eq!(came, "hel");
    let seen = timeout(Duration::from_secs(5), seen).await.unwrap().unwrap();
    let version = http::Version::HTTP_2;
    assert_eq!(seen, Seen { version, key: "Bearer k".to_owned(), reset: h2::Reason::CANCEL });
}

#[tokio::test]
async fn a_certificate_that_nobody_knows_is_refused_before_the_key_is_sent() {
    let (url, _, seen) = begin_only().await;
    let error =
        client(&url).limits(|limits| limits.retries = 0).build().stream(&question()).await.unwrap_err();
    assert!(error.to_string().contains("localhost can't be reached: invalid peer certificate"), "{error}");
    assert!(seen.await.is_err());
}

#[tokio::test]
async fn what_speaks_no_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        _ = socket.read_to_end(&mut Vec::new()).await;
    });
    let client = client(&url).limits(|limits| limits.retries = 0).build();
    let error = client.create(&question()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn the_limit_of_connecting_holds_for_the_handshake_too_and_is_tried_again() {
    // It waits for a request in clear text, which never comes.
    let server = Server::start(Vec::new()).await;
    let url = server.url.replace("http:", "https:");
    let limit = Duration::from_millis(200);
    let client = client(&url).limits(|limits| (limits.retries, limits.connect) = (1, limit)).build();
    let error = client.create(&question()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { phase: Phase::Connect, after } if after == limit), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(server.connections(), 2);
}
