//! Connections, keys, and the port.

use dokploy_client::error::Refusal;
use dokploy_client::testing::{DEFAULT_KEY_CALLS, Dokploy, Version};
use dokploy_client::{Client, Error, KeySource};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{address, exchange, parse, request};
use super::{client, new_project};

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_and_closed_when_it_idles() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let mut stream = TcpStream::connect(address(&dokploy.url())).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /api/health HTTP/1.1\r\nhost: loopback\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"{\"ok\":true}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert_eq!(parse(&answer).header("keep-alive"), Some("timeout=5"));
    }
    tokio::time::pause();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn the_port_is_closed_while_the_server_is_down_and_stays_its_own() {
    let dokploy = Dokploy::start(Version::V0_24_12).unwrap();
    let url = dokploy.url();
    let client = client(&dokploy);
    client.projects().create(&new_project("a")).await.unwrap();
    dokploy.go_down().await;
    let refused = TcpStream::connect(address(&url)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    // Nothing was sent.
    let error = client.projects().create(&new_project("b")).await.unwrap_err();
    assert_eq!(error.code(), "unavailable");
    dokploy.come_up().unwrap();
    dokploy.come_up().unwrap();
    assert_eq!(dokploy.url(), url);
    assert_eq!(client.projects().all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn dropping_closes_the_port() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let address = address(&dokploy.url());
    TcpStream::connect(address).await.unwrap();
    drop(dokploy);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_default_key_is_used_up_soon() {
    let dokploy = Dokploy::start(Version::V0_26_7).unwrap();
    let headers = [("x-api-key", &*dokploy.default_key())];
    let mut answered = 0;
    loop {
        let answer = exchange(&dokploy.url(), &request("GET", "/api/project.all", &headers, b"")).await;
        if answer.status != 200 {
            assert_eq!((answer.status, &*answer.text()), (401, "{\"message\":\"Unauthorized\"}"));
            break;
        }
        answered += 1;
    }
    assert_eq!(answered, DEFAULT_KEY_CALLS);
}

#[tokio::test]
async fn keys_are_told_apart() {
    for version in Version::ALL {
        let dokploy = Dokploy::start(version).unwrap();
        for (key, cause) in
            [("unknown".to_owned(), Refusal::Key), (dokploy.member_key(), Refusal::Permission)]
        {
            let client = Client::builder(dokploy.url()).key(KeySource::Fixed(key.into())).build().unwrap();
            let id = dokploy_client::id::ProjectId::parse("AAAAAAAAAAAAAAAAAAAAA").unwrap();
            let error = client.projects().remove(&id).await.unwrap_err();
            assert!(matches!(error, Error::Unauthorized { cause: found, .. } if found == cause), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_seed_decides_what_is_made_up() {
    let mut made = Vec::new();
    for seed in [1, 1, 2] {
        let dokploy = Dokploy::builder(Version::V0_30_2).seed(seed).start().unwrap();
        let client = client(&dokploy);
        made.push(client.projects().create(&new_project("a")).await.unwrap().project.id);
    }
    assert_eq!(made[0], made[1]);
    assert_ne!(made[0], made[2]);
}

#[tokio::test]
async fn deploys_run_where_time_is_paused() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let id = super::jobs::application(&client, "slow:1").await;
    client.applications().deploy(&id, &dokploy_client::client::Deploy::new()).await.unwrap();
    tokio::time::pause();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(dokploy.is_idle());
    assert_eq!(dokploy.services().len(), 1);
}
