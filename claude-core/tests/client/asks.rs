//! What goes over the wire.

use claude_core::messages::{Client, ContentBlock, KeySource, MessageParam, Request, Ttl, Version};
use claude_core::testing::{LoopbackApi, Reply};
use claude_core::{Error, Json};
use serde_json::json;

use super::server::{Server, Step, send, with_headers};
use super::{client, question};

#[tokio::test]
async fn each_version_has_its_headers() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    client(&api.url()).build().stream(&question()).await.unwrap().outcome().await.into_result().unwrap();
    let old = client(&api.url()).version(Version::V20230601).build();
    old.create(&question()).await.unwrap();
    let token =
        client(&api.url()).version(Version::V20230601).auth_token(KeySource::Fixed("t".into())).build();
    token.create(&question()).await.unwrap();

    let requests = api.requests();
    let of = |name: &str| requests.iter().map(|it| it.header(name).map(str::to_owned)).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(of("anthropic-version"), [text("2026-10-21"), text("2023-06-01"), text("2023-06-01")]);
    assert_eq!(of("authorization"), [text("Bearer planted-key"), None, text("Bearer t")]);
    assert_eq!(of("x-api-key"), [None, text("planted-key"), None]);
    assert_eq!(of("accept"), [text("text/event-stream"), text("application/json"), text("application/json")]);
    assert!(of("content-type").iter().all(|it| it.as_deref() == Some("application/json")));
    assert!(of("anthropic-beta").iter().all(Option::is_none));
    assert_eq!(requests[0].body["stream"], true);
    assert_eq!(requests[1].body.get("stream"), None);
}

#[tokio::test]
async fn betas_of_the_client_and_of_the_request_go_into_one_header() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let client = client(&api.url()).beta("a-1").build();
    client.create(&question().beta("b-2").beta("c-3")).await.unwrap();
    assert_eq!(api.requests()[0].header("anthropic-beta"), Some("a-1,b-2,c-3"));
    let error = client.create(&question().beta("b\nplanted: 1")).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "betas", .. }), "{error:?}");
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn the_body_is_the_request() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let asked = vec![ContentBlock::image("image/png", b"abc"), ContentBlock::text("what is it?")];
    let called = ContentBlock::tool_result("toolu_1", "42", false).cached(Ttl::OneHour);
    let request = Request::new("m", 7, vec![MessageParam::user(asked), MessageParam::user(called)])
        .system("brief")
        .tools([Json::parse(r#"{"name":"t","input_schema":{"type":"object"}}"#).unwrap()])
        .thinking(2048);
    client(&api.url()).build().stream(&request).await.unwrap().outcome().await.into_result().unwrap();
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "YWJj"}});
    let result = json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "42",
        "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    assert_eq!(
        api.requests()[0].body,
        json!({"model": "m", "max_tokens": 7, "system": "brief", "stream": true,
            "tools": [{"name": "t", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": [image, {"type": "text", "text": "what is it?"}]},
                {"role": "user", "content": [result]},
            ],
            "thinking": {"type": "enabled", "budget_tokens": 2048}})
    );
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_slashes() {
    let refused = vec![send(with_headers(404, "", "")), Step::Keep];
    let server = Server::start(vec![refused]).await;
    for base in ["", "/", "//", "/gateway/claude", "/gateway/claude/"] {
        let client = client(&format!("{}{base}", server.url)).build();
        _ = client.create(&question()).await.unwrap_err();
    }
    let requests = server.requests();
    let paths: Vec<_> = requests.iter().map(|it| it.split(' ').nth(1).unwrap()).collect();
    let prefixed = "/gateway/claude/v1/messages";
    assert_eq!(paths, ["/v1/messages", "/v1/messages", "/v1/messages", prefixed, prefixed]);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_the_call_and_not_before() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let nobody = KeySource::Env("CLAUDE_CORE_TEST_SURELY_UNSET");
    let error = client(&api.url()).key(nobody).build().stream(&question()).await.unwrap_err();
    assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
    for bad in ["nonsense", "ftp://127.0.0.1", "http://user:planted@127.0.0.1"] {
        let client = client(bad).build();
        assert!(!format!("{client:?}").contains("planted"));
        let error = client.stream(&question()).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { field: "base_url", .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("planted"));
    }
    let bad_key = KeySource::Fixed("planted\n".into());
    let error = client(&api.url()).key(bad_key).build().stream(&question()).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "key", .. }), "{error:?}");
    assert!(api.requests().is_empty());
}

#[tokio::test]
async fn a_key_is_asked_for_at_each_attempt() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let api = LoopbackApi::start([Reply::status(529), Reply::text("fine")]).await.unwrap();
    let asked = AtomicUsize::new(0);
    let next = move || Some(format!("key-{}", asked.fetch_add(1, Ordering::Relaxed)).into());
    let client = client(&api.url()).key(KeySource::Ask(Arc::new(next))).build();
    client.create(&question()).await.unwrap();
    let requests = api.requests();
    let keys: Vec<_> = requests.iter().map(|it| it.header("authorization").unwrap()).collect();
    assert_eq!(keys, ["Bearer key-0", "Bearer key-1"]);
}

#[tokio::test]
async fn no_key_is_shown_anywhere() {
    let refused =
        with_headers(500, "content-type: application/json\r\n", r#"{"error":{"type":"a","message":"b"}}"#);
    let server = Server::start(vec![vec![send(refused)]]).await;
    let builder = client(&server.url).key(KeySource::Fixed("planted".into()));
    let shown = format!("{builder:?}");
    let client: Client = builder.limits(|limits| limits.retries = 0).build();
    let error = client.stream(&question()).await.unwrap_err();
    let refused = super::client("http://127.0.0.1:1").limits(|limits| limits.retries = 0).build();
    let unreached = refused.stream(&question()).await.unwrap_err();
    let shown = format!("{shown} {client:?} {error:?} {error} {unreached:?} {unreached}");
    assert!(!shown.contains("planted"), "{shown}");
    assert!(server.requests()[0].contains("Bearer planted"), "it was sent");
}
