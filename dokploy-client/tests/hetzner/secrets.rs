//! Nothing shows the token, or what the server said.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dokploy_client::dns::RecordType;
use dokploy_client::{Dns, DnsError, KeySource};
use serde_json::json;

use super::server::{Answer, Fault, Server};
use super::{TOKEN, ZONE, address, builder, host, owner};

#[tokio::test]
async fn errors_show_neither_the_token_nor_what_the_server_said() {
    let server = Server::start().await;
    let zone = builder(&server, ZONE).limits(|limits| limits.retries = 0).build().unwrap();
    let said = format!("planted words with {TOKEN}");
    let coded = |status, code: &str| {
        let details = json!({"fields": [{"name": said, "messages": [said]}]});
        Answer::json(status, &json!({"error": {"code": code, "message": said, "details": details}}))
    };
    let action = json!({"action": {"id": 1, "status": "error", "error": {"code": said, "message": said}}});
    let answers = [
        coded(400, "json_error"),
        coded(401, "unauthorized"),
        coded(403, "forbidden"),
        coded(404, "not_found"),
        coded(409, "conflict"),
        coded(422, "invalid_input"),
        coded(422, &said),
        coded(423, "locked"),
        coded(429, "rate_limit_exceeded"),
        coded(500, "server_error"),
        Answer::text(502, &said),
        Answer::text(404, &said),
        Answer::text(200, &said),
        Answer::json(200, &json!({"rrset": said, "rrsets": said, "action": said, "zone": said})),
        Answer::json(200, &json!({"zone": {"name": said}})),
        Answer::json(201, &action),
    ];
    let mut shown = 0;
    for answer in answers {
        server.fail(vec![Fault::answer("", answer.clone()); 9]);
        let (host, owner) = (host("alpha.example.test"), owner("7"));
        let errors = [
            zone.present(&host, address("192.0.2.1"), &owner).await.err(),
            zone.absent(&host, &owner).await.err(),
            zone.find(&host, RecordType::A).await.err(),
            zone.owned(&owner).await.err(),
        ];
        for error in errors.into_iter().flatten() {
            let words = format!("{error} {error:?} {error:#?}");
            assert!(!words.contains("planted"), "{answer:?} shows {words}");
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(!source.contains(TOKEN), "{answer:?}: {source}");
            shown += 1;
        }
    }
    assert_eq!(shown, 16 * 4, "each call fails");
}

#[tokio::test]
async fn what_the_server_said_is_there_for_a_log_without_the_token() {
    let server = Server::start().await;
    let said = json!({"error": {"code": "invalid_input", "message": format!("it said {TOKEN}")}});
    server.fail([Fault::answer("", Answer::json(422, &said))]);
    let error = builder(&server, ZONE).build().unwrap().owned(&owner("7")).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "it said [redacted]");
    assert!(
        matches!(&error, DnsError::Rejected { code: Some(code), .. } if &**code == "invalid_input"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_zone_shows_no_token() {
    let server = Server::start().await;
    let builder = builder(&server, ZONE);
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(shown.contains(ZONE) && !shown.contains("planted"), "{shown}");
}

#[tokio::test]
async fn the_token_is_read_at_each_request_and_follows_no_redirect() {
    let server = Server::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let ask = KeySource::Ask(Arc::new(move || {
        let made = count.fetch_add(1, Ordering::SeqCst);
        Some(TOKEN.into()).filter(|_| made < 3)
    }));
    let zone = builder(&server, ZONE).key(ask).build().unwrap();
    zone.owned(&owner("7")).await.unwrap();
    let location = format!("{}/elsewhere", server.url());
    server.fail([Fault::answer("", Answer::text(307, "").with("location", &location))]);
    zone.owned(&owner("7")).await.unwrap_err();
    assert!(server.seen().iter().all(|seen| seen.path.ends_with("/rrsets")), "{:?}", server.seen());
    zone.owned(&owner("7")).await.unwrap();
    let error = zone.owned(&owner("7")).await.unwrap_err();
    assert!(matches!(error, DnsError::NotConfigured { .. }), "{error:?}");
    assert_eq!((asked.load(Ordering::SeqCst), server.seen().len()), (4, 3));
    let bearer = format!("Bearer {TOKEN}");
    assert!(server.seen().iter().all(|seen| seen.header("authorization") == Some(&bearer)));
}

#[tokio::test]
async fn a_token_that_the_server_does_not_know_is_refused_once() {
    let server = Server::start().await;
    let zone = builder(&server, ZONE).key(KeySource::Fixed("another-token".into())).build().unwrap();
    let error =
        zone.present(&host("alpha.example.test"), address("192.0.2.1"), &owner("7")).await.unwrap_err();
    assert!(matches!(error, DnsError::Unauthorized { .. }) && !error.is_retryable(), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}
