//! A change goes on after its answer.

use std::time::Duration;

use dokploy_client::{Dns, DnsError, Hetzner};
use serde_json::json;

use super::server::{Answer, Fault, Server};
use super::zone::{action, refusal};
use super::{ZONE, address, builder, hetzner, host, owner, word};

async fn present(zone: &Hetzner) -> Result<String, DnsError> {
    let result = zone.present(&host("alpha.example.test"), address("192.0.2.1"), &owner("7")).await;
    result.map(|presence| word(Ok(presence)))
}

#[tokio::test]
async fn a_change_is_waited_for_to_its_end() {
    let server = Server::start().await;
    // One state came later than the client.
    server.zone(|zone| zone.actions = ["running", "running", "paused", "running"].into());
    assert_eq!(present(&hetzner(&server)).await.unwrap(), "created");
    assert_eq!(server.count("GET"), 5);
    assert_eq!(server.seen()[1].path, "/v1/actions/101");
    server.zone(|zone| zone.actions = ["running"].into());
    hetzner(&server).absent(&host("alpha.example.test"), &owner("7")).await.unwrap();
    assert_eq!(server.seen().last().unwrap().path, "/v1/actions/102");
}

#[tokio::test]
async fn a_change_that_ended_with_its_answer_is_not_asked_for() {
    let server = Server::start().await;
    let done = json!({"rrset": {}, "action": action(5, "create_rrset", "success")});
    server.fail([Fault::answer("POST", Answer::json(201, &done))]);
    assert_eq!(present(&hetzner(&server)).await.unwrap(), "created");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_change_that_failed_is_an_error_of_its_own() {
    let server = Server::start().await;
    server.zone(|zone| zone.actions = ["running", "error"].into());
    let error = present(&hetzner(&server)).await.unwrap_err();
    assert!(
        matches!(&error, DnsError::ActionFailed { action: 101, code: Some(code), .. } if &**code == "action_failed"),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    server.zone(|zone| zone.actions = ["error"].into());
    let error = hetzner(&server).absent(&host("alpha.example.test"), &owner("7")).await.unwrap_err();
    assert!(matches!(error, DnsError::ActionFailed { action: 102, .. }), "{error:?}");
}

#[tokio::test]
async fn a_change_without_end_is_given_up_and_can_be_asked_for_again() {
    let server = Server::start().await;
    server.zone(|zone| zone.actions = vec!["running"; 10_000].into());
    let wait = Duration::from_millis(100);
    let zone = builder(&server, ZONE).limits(|limits| limits.wait_for_action = wait).build().unwrap();
    let error = present(&zone).await.unwrap_err();
    assert!(matches!(error, DnsError::ActionLate { action: 101, after } if after == wait), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(present(&zone).await.unwrap(), "already there");
    assert_eq!(server.count("POST"), 2);
}

#[tokio::test]
async fn a_question_for_a_change_may_fail_in_passing() {
    let server = Server::start().await;
    let faults =
        [refusal(500, "server_error"), refusal(429, "rate_limit_exceeded"), refusal(502, "bad_gateway")];
    server.fail(faults.map(|answer| Fault::answer("GET", answer)));
    assert_eq!(present(&hetzner(&server)).await.unwrap(), "created");
    assert_eq!(server.faults_left(), 0);
    server.fail([Fault::answer("GET", refusal(404, "not_found"))]);
    let error = hetzner(&server).present(&host("b.example.test"), address("192.0.2.1"), &owner("7")).await;
    assert!(matches!(error, Err(DnsError::Rejected { status: 404, .. })), "{error:?}");
}
