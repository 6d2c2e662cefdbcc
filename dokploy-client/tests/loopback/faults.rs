//! What is injected goes wrong as it was said to, as the client sees it and as the server fares.

use std::time::Duration;

use dokploy_client::client::{Deploy, DeploymentStatus};
use dokploy_client::testing::{Answer, Dokploy, Fault, Version};
use dokploy_client::{Client, Error, KeySource};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{address, exchange, request};
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
        (Fault::answer(Answer::status(200).unwrap().html("<html>")), "maybe_done", 0),
        (Fault::lost_request(), "maybe_done", 0),
        (Fault::lost_reply(), "maybe_done", 1),
        (Fault::bad_key(), "unauthorized", 0),
        (Fault::cut_body(), "maybe_done", 1),
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
async fn a_job_is_stuck_though_other_calls_come_first() {
    for version in Version::ALL {
        let dokploy = Dokploy::start(version).unwrap();
        let id = application(&client(&dokploy), "example/stack:1").await;
        dokploy.inject(Fault::stuck_job());
        // A fresh client asks for the version first, and an unknown application has no job.
        let client = client(&dokploy);
        let unknown = dokploy_client::id::ApplicationId::parse("AAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert_eq!(
            client.applications().deploy(&unknown, &Deploy::new()).await.unwrap_err().code(),
            "not_found"
        );
        client.applications().deploy(&id, &Deploy::new()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!dokploy.is_idle() && dokploy.services().is_empty(), "{version}");
        dokploy.release_jobs();
        while !dokploy.is_idle() {
            tokio::task::yield_now().await;
        }
        assert_eq!(dokploy.services().len(), 1, "{version}");
    }
}

#[tokio::test]
async fn one_call_is_slow_and_stuck_and_loses_its_reply() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let id = application(&client, "example/stack:1").await;
    let wait = Duration::from_millis(30);
    for fault in [Fault::lost_reply(), Fault::stuck_job(), Fault::slow(wait)] {
        dokploy.inject(fault.on("application.deploy"));
    }
    let began = std::time::Instant::now();
    let error = client.applications().deploy(&id, &Deploy::new()).await.unwrap_err();
    assert_eq!(error.code(), "maybe_done");
    assert!(began.elapsed() >= wait);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!dokploy.is_idle() && dokploy.services().is_empty());
    // None is left for the next call.
    dokploy.release_jobs();
    client.applications().deploy(&id, &Deploy::new()).await.unwrap();
    while !dokploy.is_idle() {
        tokio::task::yield_now().await;
    }
    assert_eq!(dokploy.deployments().len(), 2);
}

#[tokio::test]
async fn an_injected_status_comes_in_the_form_of_its_version() {
    for version in Version::ALL {
        let dokploy = Dokploy::start(version).unwrap();
        for (status, code) in [
            (400, "BAD_REQUEST"),
            (401, "UNAUTHORIZED"),
            (404, "NOT_FOUND"),
            (408, "TIMEOUT"),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            (422, "UNPROCESSABLE_CONTENT"),
            (429, "TOO_MANY_REQUESTS"),
            (500, "INTERNAL_SERVER_ERROR"),
            (502, "BAD_GATEWAY"),
            (503, "SERVICE_UNAVAILABLE"),
        ] {
            let (answered, body) = answered(&dokploy, Fault::status(status)).await;
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((answered, &body["code"]), (status, &code.into()), "{version}");
            let told = if version == Version::V0_30_2 { Some(u64::from(status)) } else { None };
            assert_eq!(body["data"]["httpStatus"].as_u64(), told, "{version} {status}");
        }
        let too_large = answered(&dokploy, Fault::status(413)).await;
        assert_eq!(too_large, (413, "Body exceeded 1mb limit".to_owned()));
        assert_eq!(answered(&dokploy, Fault::status(418)).await, (418, String::new()));
        assert_eq!(answered(&dokploy, Fault::status(0)).await.0, 500);
        // As one that is really bad.
        let bad = (401, "{\"message\":\"Unauthorized\"}".to_owned());
        assert_eq!(answered(&dokploy, Fault::bad_key()).await, bad);
        let unknown = request("GET", "/api/project.all", &[("x-api-key", "unknown")], b"");
        let answer = exchange(&dokploy.url(), &unknown).await;
        assert_eq!((answer.status, answer.text()), bad);
    }
}

/// The status and body that a fault answers a call with.
async fn answered(dokploy: &Dokploy, fault: Fault) -> (u16, String) {
    dokploy.inject(fault);
    let answer = exchange(&dokploy.url(), &request("GET", "/api/project.all", &[], b"")).await;
    (answer.status, answer.text())
}

#[tokio::test]
async fn a_wait_that_is_told_is_rounded_up() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    for (wait, told) in [(0, "0"), (1, "1"), (900, "1"), (1000, "1"), (1001, "2")] {
        dokploy.inject(Fault::too_many_requests(Duration::from_millis(wait)));
        let answer = exchange(&dokploy.url(), &request("GET", "/api/project.all", &[], b"")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some(told)), "{wait}");
    }
}

#[test]
fn an_answer_that_cant_be_sent_is_refused_when_it_is_written() {
    let invalid = |result: dokploy_client::Result<Answer>| match result.unwrap_err() {
        Error::Invalid { field, .. } => field,
        error => panic!("{error:?}"),
    };
    for status in [0, 99, 101, 199, 600, 999, u16::MAX] {
        assert_eq!(invalid(Answer::status(status)), "status", "{status}");
    }
    let answer = || Answer::status(599).unwrap();
    for (name, value) in [
        ("bad name", "x"),
        ("", "x"),
        ("é", "x"),
        ("x", "a\nb"),
        ("x", "a\0"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(invalid(answer().header(name, value)), "header", "{name:?} {value:?}");
    }
    assert!(answer().header("Retry-After", "1").is_ok());
}

#[tokio::test]
async fn a_header_that_is_set_twice_comes_once() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let answer = Answer::status(200).unwrap().html("<p>").header("Content-Type", "text/plain").unwrap();
    dokploy.inject(Fault::answer(answer.header("x-one", "1").unwrap()));
    let answer = exchange(&dokploy.url(), &request("GET", "/api/project.all", &[], b"")).await;
    let types: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(types, [&("content-type".to_owned(), "text/plain".to_owned())]);
    assert_eq!((answer.header("x-one"), &*answer.text()), (Some("1"), "<p>"));
}

#[tokio::test]
async fn a_body_comes_slowly() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let wait = Duration::from_millis(300);
    for target in ["/api/project.all", "/api/health"] {
        dokploy.inject(Fault::slow_body(wait));
        let key = dokploy.key();
        let mut stream = TcpStream::connect(address(&dokploy.url())).await.unwrap();
        stream.write_all(&request("GET", target, &[("x-api-key", &*key)], b"")).await.unwrap();
        let began = std::time::Instant::now();
        let mut answer = Vec::new();
        stream.read_buf(&mut answer).await.unwrap();
        assert!(
            began.elapsed() < wait && answer.starts_with(b"HTTP/1.1 200 OK"),
            "the status is there at once"
        );
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(began.elapsed() >= wait);
        let whole = if target == "/api/health" { "{\"ok\":true}" } else { "[]" };
        assert_eq!(super::http::parse(&answer).text(), whole);
    }
    // The client waits for it, up to its limit, which is one for all of an answer.
    dokploy.inject(Fault::slow_body(wait).on(CREATE));
    client(&dokploy).projects().create(&new_project("a")).await.unwrap();
    let builder = Client::builder(dokploy.url()).key(KeySource::Fixed(dokploy.key().into()));
    let hasty = builder.limits(|limits| limits.call = wait / 2).build().unwrap();
    hasty.version().await.unwrap();
    dokploy.inject(Fault::slow_body(wait).on(CREATE));
    let error = hasty.projects().create(&new_project("b")).await.unwrap_err();
    assert_eq!((error.code(), dokploy.projects().len()), ("maybe_done", 2));
}

#[tokio::test]
async fn a_body_is_cut() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    for (target, beginning) in [("/api/project.all", "1\r\n[\r\n"), ("/api/health", "{\"ok\":")] {
        dokploy.inject(Fault::cut_body());
        let key = dokploy.key();
        let mut stream = TcpStream::connect(address(&dokploy.url())).await.unwrap();
        stream.write_all(&request("GET", target, &[("x-api-key", &*key)], b"")).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(beginning.starts_with(body) && !body.is_empty(), "{body:?}");
    }
    // A body that is empty is cut too, and one that a fault has put in place of the real one.
    let client = client(&dokploy);
    let id = application(&client, "example/stack:1").await;
    dokploy.inject(Fault::cut_body().on("application.deploy"));
    let error = client.applications().deploy(&id, &Deploy::new()).await.unwrap_err();
    assert_eq!(error.code(), "maybe_done");
    dokploy.inject(Fault::status(400).on(CREATE));
    dokploy.inject(Fault::cut_body().on(CREATE));
    let error = client.projects().create(&new_project("b")).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("rejected", Some(400)));
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
