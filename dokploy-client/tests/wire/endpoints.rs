//! What is told where a URL is wrong: its certificate, its protocol.

use std::error::Error as _;
use std::sync::Arc;

use dokploy_client::client::NewProject;
use dokploy_client::error::Mismatch;
use dokploy_client::{Error, Name, Result};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::client;
use super::server::{Reply, Server};

/// The port of a server with a certificate that nobody trusts.
async fn tls_server() -> u16 {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![made.cert.into()], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(drop) });
        }
    });
    port
}

/// What a read and a write end as, each of a client of its own.
async fn ends(url: &str) -> [Result<()>; 2] {
    let client = || client(url).build().unwrap();
    let new = NewProject::new(Name::parse("x").unwrap());
    [client().listens().await, client().projects().create(&new).await.map(drop)]
}

fn check(result: Result<()>, expected: Mismatch, words: &str) {
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::WrongEndpoint { cause, .. } if *cause == expected), "{error:?}");
    assert!(!error.is_retryable() && error.code() == "wrong_endpoint", "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.source().unwrap().to_string().is_empty());
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named() {
    let port = tls_server().await;
    for result in ends(&format!("https://localhost:{port}")).await {
        check(result, Mismatch::Certificate, "certificate is not trusted; check");
    }
}

#[tokio::test]
async fn https_to_a_port_of_http_is_named() {
    let server = dokploy_client::testing::Dokploy::start(dokploy_client::testing::Version::V0_30_2).unwrap();
    for result in ends(&server.url().replace("http://", "https://")).await {
        check(result, Mismatch::NoTls, "is to begin with http://");
    }
    assert_eq!(server.calls(), []);
}

#[tokio::test]
async fn http_to_a_port_of_https_is_named() {
    let port = tls_server().await;
    for result in ends(&format!("http://localhost:{port}")).await {
        check(result, Mismatch::NoHttp, "is to begin with https://");
    }
    // Some servers say so in HTTP.
    let server = Server::start(None).await;
    for said in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
        "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ] {
        server.plan([Reply::text(400, said)]);
        for result in ends(&server.url()).await {
            check(result, Mismatch::NoHttp, "is to begin with https://");
        }
        assert_eq!(server.seen().len(), 2, "none is repeated");
    }
}

#[tokio::test]
async fn a_change_that_is_answered_in_no_http_may_be_done() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    client.version().await.unwrap();
    server.plan([Reply::Raw(b"\x15\x03\x03\x00\x02\x02\x32")]);
    let error = client.projects().create(&NewProject::new(Name::parse("x").unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::MaybeDone { status: None, .. }), "{error:?}");
    let error = client.projects().all().await.unwrap_err();
    assert!(matches!(error, Error::WrongEndpoint { cause: Mismatch::NoHttp, .. }), "{error:?}");
}
