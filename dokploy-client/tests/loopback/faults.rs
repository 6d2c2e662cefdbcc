//! What is injected goes wrong as it was said to, as the client sees it and as the server fares.

use std::time::Duration;

use dokploy_client::client::{Deploy, DeploymentStatus};
use dokploy_client::testing::{Answer, Dokploy, Fault, Version};
use dokploy_client::{Client, KeySource};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{address, request};
use super::jobs::application;
use super::{client, new_project};

const CREATE: &str = "project.create";

/// A fault of a create, what the client makes of it, and how many projects there are then.
fn faults() -> Vec<(Fault, &'static str, usize)> {
    vec![
        (Fault::status(400), "rejected", 0),
        (Fault::status(401), "unauthorized", 0),
        (Fault::status(404), "not_found", 0),
        (Fault::status(413), "rejected", 0),
        (Fault::status(500), "maybe_done", 0),
        (Fault::status(500).after_it_was_done(), "maybe_done", 1),
        (Fault::too_many_requests(Duration::from_secs(7)), "maybe_done", 0),
        (Fault::bad_gateway(), "maybe_done", 0),
        (Fault::bad_gateway().after_it_was_done(), "maybe_done", 1),
        (Fault::empty(), "maybe_done", 1),
        (Fault::unreadable(), "maybe_done", 1),
        (Fault::answer(Answer::status(200).html("<html>")), "maybe_done", 0),
        (Fault::lost_request(), "maybe_done", 0),
        (Fault::lost_reply(), "maybe_done", 1),
        (Fault::restart(), "maybe_done", 0),
        (Fault::restart().after_it_was_done(), "maybe_done", 1),
    ]
}

#[tokio::test]
async fn a_fault_strikes_one_call_and_then_no_more() {
    for version in Version::ALL {
        for (fault, code, made) in faults() {
            let dokploy = Dokploy::start(version).unwrap();
            let client = client(&dokploy);
            let what = format!("{version} {fault:?}");
            dokploy.inject(fault.on(CREATE));
            let error = client.projects().create(&new_project("a")).await.unwrap_err();
            assert_eq!((error.code(), dokploy.projects().len()), (code, made), "{what}: {error:?}");
            let creates = dokploy.calls().into_iter().filter(|call| call.name == CREATE).count();
            assert_eq!(creates, 1, "{what}");
            // The port is closed while it restarts.
            while client.projects().all().await.is_err() {
                tokio::task::yield_now().await;
            }
            client.projects().create(&new_project("a")).await.unwrap();
            assert_eq!(dokploy.projects().len(), made + 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_lost_connection_is_reset() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    for fault in [Fault::lost_request(), Fault::lost_reply()] {
        dokploy.inject(fault);
        let mut stream = TcpStream::connect(address(&dokploy.url())).await.unwrap();
        stream.write_all(&request("GET", "/api/health", &[], b"")).await.unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn the_wait_that_is_told_arrives() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    dokploy.inject(Fault::too_many_requests(Duration::from_secs(7)).on(CREATE));
    let error = client(&dokploy).projects().create(&new_project("a")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_read_that_fails_once_is_asked_again() {
    let dokploy = Dokploy::start(Version::V0_26_7).unwrap();
    let client = client(&dokploy);
    for fault in [Fault::bad_gateway(), Fault::lost_request(), Fault::lost_reply()] {
        dokploy.inject(fault.on("project.all"));
        assert_eq!(client.projects().all().await.unwrap().len(), 0);
    }
    let asked = dokploy.calls().iter().filter(|call| call.name == "project.all").count();
    assert_eq!(asked, 6);
    dokploy.inject(Fault::bad_gateway().on("project.all").times(u32::MAX));
    assert_eq!(client.projects().all().await.unwrap_err().code(), "unavailable");
    dokploy.clear_faults();
    client.projects().all().await.unwrap();
}

#[tokio::test]
async fn a_call_is_carried_out_though_its_client_left() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let builder = Client::builder(dokploy.url()).key(KeySource::Fixed(dokploy.key().into()));
    let hasty = builder.limits(|limits| limits.call = Duration::from_millis(100)).build().unwrap();
    hasty.version().await.unwrap();
    dokploy.inject(Fault::slow(Duration::from_millis(400)).on(CREATE));
    let error = hasty.projects().create(&new_project("late")).await.unwrap_err();
    assert_eq!((error.code(), dokploy.projects().len()), ("maybe_done", 0));
    while dokploy.project_named("late").is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_is_stuck_until_it_is_released() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let id = application(&client, "example/stack:1").await;
    dokploy.inject(Fault::stuck_job().on("application.deploy"));
    client.applications().deploy(&id, &Deploy::new()).await.unwrap();
    while dokploy.deployments().is_empty() {
        tokio::task::yield_now().await;
    }
    // Longer than any job takes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let deployments = client.deployments().all(&id).await.unwrap();
    assert_eq!(deployments[0].status, DeploymentStatus::Running);
    dokploy.release_jobs();
    while !dokploy.is_idle() {
        tokio::task::yield_now().await;
    }
    let deployments = client.deployments().all(&id).await.unwrap();
    assert_eq!(deployments[0].status, DeploymentStatus::Done);
}

#[tokio::test]
async fn calls_are_kept_as_they_came() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let created = client.projects().create(&new_project("a")).await.unwrap();
    client.projects().one(&created.project.id).await.unwrap();
    let calls = dokploy.calls();
    let names: Vec<_> = calls.iter().map(|call| (&*call.method, &*call.name)).collect();
    let expected = [("GET", "settings.getDokployVersion"), ("POST", CREATE), ("GET", "project.one")];
    assert_eq!(names, expected);
    assert_eq!(calls[1].field("name"), Some("a".into()));
    assert_eq!(calls[2].field("projectId"), Some(created.project.id.as_str().into()));
}
