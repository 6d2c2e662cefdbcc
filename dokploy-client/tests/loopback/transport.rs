//! Connections, keys, and the port.

use std::time::Duration;

use dokploy_client::error::Refusal;
use dokploy_client::testing::{DEFAULT_KEY_CALLS, Dokploy, Fault, Version};
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
async fn dropping_closes_the_port_at_once() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let address = address(&dokploy.url());
    let mut kept = TcpStream::connect(address).await.unwrap();
    drop(dokploy);
    // Nothing else ran in between: this does not wait for the runtime.
    let refused = std::net::TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let ended = kept.read(&mut [0]).await;
    assert!(matches!(&ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_call_that_is_under_way_ends_with_the_drop() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    client.projects().create(&new_project("a")).await.unwrap();
    dokploy.inject(Fault::slow(Duration::from_millis(20)).on("project.create"));
    let creating = tokio::spawn(async move { client.projects().create(&new_project("b")).await });
    while dokploy.calls().iter().filter(|call| call.name == "project.create").count() < 2 {
        tokio::task::yield_now().await;
    }
    drop(dokploy);
    assert_eq!(creating.await.unwrap().unwrap_err().code(), "maybe_done");
}

#[tokio::test]
async fn a_process_whose_end_nobody_waits_for_has_ended_and_comes_up_again() {
    for version in Version::ALL {
        for way in [Way::GoDown, Way::Restart] {
            let dokploy = Dokploy::start(version).unwrap();
            let client = client(&dokploy);
            let id = super::jobs::application(&client, "a:1").await;
            dokploy.inject(Fault::stuck_job().on("application.deploy"));
            client.applications().deploy(&id, &dokploy_client::client::Deploy::new()).await.unwrap();
            while dokploy.deployments().is_empty() {
                tokio::task::yield_now().await;
            }
            match way {
                Way::GoDown => assert!(!ends_at_once(dokploy.go_down())),
                Way::Restart => assert!(!ends_at_once(dokploy.restart())),
            }
            let refused = std::net::TcpStream::connect(address(&dokploy.url())).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{version} {way:?}");
            // The job that was stuck ended with the process, and the next one runs.
            assert!(dokploy.is_idle(), "{version} {way:?}");
            dokploy.come_up().unwrap();
            // Whose connections have not broken.
            let client = super::client(&dokploy);
            client.applications().deploy(&id, &dokploy_client::client::Deploy::new()).await.unwrap();
            while dokploy.services().is_empty() {
                tokio::task::yield_now().await;
            }
            assert_eq!(dokploy.deployments().len(), 2, "{version} {way:?}");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Way {
    GoDown,
    Restart,
}

/// Whether a future ends when it is polled for the first time; it is dropped then.
fn ends_at_once(future: impl Future) -> bool {
    let mut future = std::pin::pin!(future);
    future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
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
async fn what_belongs_to_one_server_is_unknown_to_another() {
    let (one, other) = (Dokploy::start(Version::V0_30_2).unwrap(), Dokploy::start(Version::V0_30_2).unwrap());
    let keys = [one.key(), one.default_key(), one.member_key()];
    assert!([other.key(), other.default_key(), other.member_key()].iter().all(|key| !keys.contains(key)));
    for key in &keys {
        let all = request("GET", "/api/project.all", &[("x-api-key", key)], b"");
        assert_eq!(exchange(&other.url(), &all).await.status, 401);
    }
    let mut ids = Vec::new();
    for dokploy in [&one, &other] {
        ids.push(client(dokploy).projects().create(&new_project("a")).await.unwrap().project.id);
    }
    assert_ne!(ids[0], ids[1]);
    let error = client(&other).projects().one(&ids[0]).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
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
