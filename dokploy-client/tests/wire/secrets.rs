//! Nothing shows the key, or what the server said.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dokploy_client::client::{DockerProvider, NewProject, Registry};
use dokploy_client::id::ApplicationId;
use dokploy_client::{Environment, Error, Image, KeySource, Name};
use serde_json::json;

use super::server::{Reply, Server};
use super::{KEY, client};

#[tokio::test]
async fn errors_show_neither_the_key_nor_what_the_server_said() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).limits(|limits| limits.retries = 0).build().unwrap();
    let said = format!("Failed query: insert into \"project\" params: planted-parameter,{KEY}");
    let replies = [400, 401, 403, 404, 413, 429, 500]
        .map(|status| Reply::json(status, &json!({"message": said, "code": "NOT_FOUND"})))
        .into_iter()
        .chain([400, 401, 404, 502].map(|status| Reply::text(status, &said)))
        .chain([
            Reply::text(200, &said),
            Reply::json(200, &json!(said)),
            Reply::json(200, &json!({"project": said})),
        ]);
    for reply in replies {
        server.plan([reply.clone()]);
        let write = client.projects().create(&NewProject::new(Name::parse("x").unwrap())).await.unwrap_err();
        let read = client.applications().one(&ApplicationId::parse("a").unwrap()).await.unwrap_err();
        for error in [write, read] {
            let shown = format!("{error} {error:?} {error:#?}");
            for secret in [KEY, "planted", "insert", "params"] {
                assert!(!shown.contains(secret), "{reply:?} shows {secret}: {shown}");
            }
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(!source.contains(KEY), "{reply:?}: {source}");
        }
    }
}

#[tokio::test]
async fn what_the_server_said_is_there_for_a_log_without_the_key() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    server.plan([Reply::json(400, &json!({"message": format!("it said {KEY}"), "code": "BAD_REQUEST"}))]);
    let error = client.projects().all().await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "it said [redacted]");
    assert!(matches!(&error, Error::Rejected { code: Some(code), .. } if &**code == "BAD_REQUEST"));
}

#[test]
fn clients_and_requests_show_no_secret() {
    let builder = client("http://127.0.0.1:1");
    let registry = Registry::new("ghcr.io", "robot", "planted-password").unwrap();
    let provider = DockerProvider::new(Image::parse("x").unwrap()).registry(registry);
    let variables = Environment::new().with("TOKEN", "planted-token").unwrap();
    let new = NewProject::new(Name::parse("x").unwrap()).environment(variables);
    let shown = format!("{builder:?} {:?} {provider:?} {new:?}", builder.clone().build().unwrap());
    assert!(!shown.contains("planted"), "{shown}");
}

#[tokio::test]
async fn the_key_is_read_at_each_call_and_goes_nowhere_else() {
    let server = Server::start(Some("v0.30.2")).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let ask = KeySource::Ask(Arc::new(move || {
        let made = count.fetch_add(1, Ordering::SeqCst);
        Some(format!("key-{made}").into()).filter(|_| made < 3)
    }));
    let client = client(&server.url()).key(ask).build().unwrap();
    // The first key is for the version.
    server.plan([Reply::json(200, &json!([]))]);
    client.projects().all().await.unwrap();
    server.plan([Reply::text(302, "").with("location", &format!("{}/api/other", server.url()))]);
    client.projects().all().await.unwrap_err();
    let [seen] = &server.seen()[..] else { panic!("it followed: {:?}", server.seen()) };
    assert_eq!(seen.header("x-api-key"), Some("key-2"));
    // No key, no call.
    server.plan([Reply::json(200, &json!([]))]);
    let error = client.projects().all().await.unwrap_err();
    assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 0);
    // What anybody may ask takes none.
    server.plan([Reply::json(200, &json!({"ok": true}))]);
    client.listens().await.unwrap();
    assert_eq!(server.seen()[0].header("x-api-key"), None);
}
