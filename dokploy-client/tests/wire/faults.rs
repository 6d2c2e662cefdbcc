//! What goes wrong with a call, and what it is called then: of one that only reads, one that changes something, and one
//! whose good answer is empty.

use std::time::{Duration, Instant};

use dokploy_client::client::{Deploy, NewProject};
use dokploy_client::id::{ApplicationId, ProjectId};
use dokploy_client::{Client, Error, Name};
use serde_json::json;

use super::client;
use super::server::{Reply, Server};

/// What a call ends as, in few words: its kind, status, Dokploy's code, and the cause.
fn word(result: Result<(), Error>) -> String {
    let Err(error) = result else { return "ok".to_owned() };
    let mut more = error.status().map(|status| format!(" {status}")).unwrap_or_default();
    more += &error.upstream_code().map(|code| format!(" {code}")).unwrap_or_default();
    if let Error::Unauthorized { cause, .. } = &error {
        more += &format!(" {cause:?}");
    }
    let after = error.retry_after().map(|wait| format!(" after {}", wait.as_secs())).unwrap_or_default();
    assert_eq!(error.is_retryable(), matches!(error.code(), "unavailable" | "timed_out"), "{error:?}");
    format!("{}{more}{after}", error.code())
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Read,
    Write,
    Start,
}

impl Call {
    async fn make(self, client: &Client) -> String {
        let application = ApplicationId::parse("-application").unwrap();
        word(match self {
            Self::Read => client.projects().one(&ProjectId::parse("-project").unwrap()).await.map(drop),
            Self::Write => {
                client.projects().create(&NewProject::new(Name::parse("x").unwrap())).await.map(drop)
            }
            Self::Start => client.applications().deploy(&application, &Deploy::new()).await,
        })
    }
}

/// Outcomes of the three kinds of call, and how often each was sent.
struct Row {
    what: &'static str,
    reply: Reply,
    read: (&'static str, usize),
    write: &'static str,
    start: &'static str,
}

fn row(what: &'static str, reply: Reply, read: (&'static str, usize), write: &'static str) -> Row {
    Row { what, reply, read, write, start: write }
}

fn project() -> serde_json::Value {
    json!({"projectId": "-p", "name": "x", "description": null, "createdAt": "2026-11-21T07:55:54.341Z"})
}

fn coded(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"message": "planted", "code": code}))
}

fn page(status: u16) -> Reply {
    Reply::text(status, "<!DOCTYPE html><p>planted").with("content-type", "text/html")
}

/// It was not done, and repeating it changes nothing.
fn refusals() -> Vec<Row> {
    let alike = |what, reply, outcome| row(what, reply, (outcome, 1), outcome);
    let no_key = Reply::json(401, &json!({"message": "Unauthorized"}));
    let no_call = Reply::json(404, &json!({"message": "Not found", "code": "NOT_FOUND"}));
    vec![
        alike("400", coded(400, "BAD_REQUEST"), "rejected 400 BAD_REQUEST"),
        alike("400, text", Reply::text(400, "Invalid JSON"), "rejected 400"),
        alike("400 without its body", Reply::Head(400), "rejected 400"),
        alike("401 without code", no_key, "unauthorized 401 Key"),
        alike("401 with code", coded(401, "UNAUTHORIZED"), "unauthorized 401 UNAUTHORIZED Permission"),
        alike("403", coded(403, "FORBIDDEN"), "unauthorized 403 FORBIDDEN Permission"),
        alike("403, page", page(403), "unauthorized 403 Permission"),
        alike("404", coded(404, "NOT_FOUND"), "not_found 404 NOT_FOUND"),
        alike("404 of another server", Reply::text(404, "<h1>Not Found</h1>"), "rejected 404"),
        alike("404 of a call", no_call, "unsupported"),
        alike("413", Reply::text(413, "Body exceeded 1mb limit"), "rejected 413"),
        alike("302", Reply::text(302, "").with("location", "/login"), "rejected 302"),
        alike("308", Reply::text(308, "").with("location", "/api/x"), "rejected 308"),
    ]
}

/// It may have been done.
fn failures() -> Vec<Row> {
    let busy = || Reply::text(429, "planted");
    let (short, long) = (busy().with("retry-after", "0"), busy().with("retry-after", "3600"));
    let endless = busy().with("retry-after", "9300000000000000000");
    let internal = coded(500, "INTERNAL_SERVER_ERROR");
    let passed = busy().with("retry-after", "Fri, 06 Nov 2026 08:49:37 GMT");
    vec![
        row("429, short wait", short, ("unavailable 429 after 0", 3), "maybe_done 429 after 0"),
        row("429, long wait", long, ("unavailable 429 after 3600", 1), "maybe_done 429 after 3600"),
        row("429, date that has passed", passed, ("unavailable 429 after 0", 3), "maybe_done 429 after 0"),
        row("429, endless wait", endless, ("unavailable 429 after 86400", 1), "maybe_done 429 after 86400"),
        row("429, no wait told", busy(), ("unavailable 429", 3), "maybe_done 429"),
        row("408", page(408), ("unavailable 408", 3), "maybe_done 408"),
        row(
            "500",
            internal,
            ("unavailable 500 INTERNAL_SERVER_ERROR", 3),
            "maybe_done 500 INTERNAL_SERVER_ERROR",
        ),
        row("502, page", page(502), ("unavailable 502", 3), "maybe_done 502"),
        row("reset after the request", Reply::ResetAfter, ("unavailable", 3), "maybe_done"),
        row("cut in the answer", Reply::Cut, ("unavailable", 3), "maybe_done"),
        row("silence", Reply::Silence, ("timed_out", 1), "maybe_done"),
    ]
}

/// The status is good.
fn answers() -> Vec<Row> {
    let unreadable = |what, reply| row(what, reply, ("protocol", 1), "maybe_done");
    // All JSON will do for a call whose answer is empty.
    let unexpected = |what, reply| Row { start: "ok", ..unreadable(what, reply) };
    vec![
        row("a row", Reply::json(200, &project()), ("ok", 1), "ok"),
        unexpected("empty", Reply::text(200, "")),
        unexpected("204", Reply::text(204, "")),
        unexpected("true", Reply::json(200, &json!(true))),
        unexpected("a row without its id", Reply::json(200, &json!({"name": "x"}))),
        unreadable("page", page(200)),
        unreadable("garbage", Reply::text(200, "\u{0}{]planted")),
        unreadable("half of a row", Reply::text(200, "{\"projectId\":\"p")),
    ]
}

#[tokio::test]
async fn each_fault_has_its_name_and_only_reads_are_repeated() {
    let server = Server::start(Some("v0.30.2")).await;
    for row in refusals().into_iter().chain(failures()).chain(answers()) {
        let calls = [(Call::Read, row.read), (Call::Write, (row.write, 1)), (Call::Start, (row.start, 1))];
        for (call, expected) in calls {
            let call_limit = if matches!(row.reply, Reply::Silence) { 300 } else { 10_000 };
            let client = client(&server.url());
            let client = client.limits(|limits| limits.call = Duration::from_millis(call_limit));
            let client = client.build().unwrap();
            client.version().await.unwrap();
            server.plan([row.reply.clone()]);
            let found = call.make(&client).await;
            assert_eq!((&*found, server.seen().len()), expected, "{}, {call:?}", row.what);
        }
    }
}

#[tokio::test]
async fn where_a_proxy_has_no_route_nothing_was_done_and_all_is_repeated() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    client.version().await.unwrap();
    for call in [Call::Read, Call::Write, Call::Start] {
        server.plan([Reply::text(404, "404 page not found\n")]);
        assert_eq!((&*call.make(&client).await, server.seen().len()), ("unavailable 404", 3), "{call:?}");
    }
}

#[tokio::test]
async fn a_read_that_failed_once_is_answered() {
    let server = Server::start(Some("v0.26.7")).await;
    let client = client(&server.url()).build().unwrap();
    let good = Reply::json(200, &project());
    for bad in
        [Reply::text(503, ""), Reply::ResetAfter, Reply::Cut, Reply::text(429, "").with("retry-after", "0")]
    {
        server.plan([bad, good.clone()]);
        assert_eq!(Call::Read.make(&client).await, "ok");
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_wait_of_no_time_that_is_told_is_a_backoff() {
    let server = Server::start(Some("v0.30.2")).await;
    let backoff = Duration::from_millis(80);
    let client = client(&server.url()).limits(|limits| limits.backoff = backoff).build().unwrap();
    client.version().await.unwrap();
    for told in ["0", "Fri, 06 Nov 2026 08:49:37 GMT"] {
        server.plan([Reply::text(429, "").with("retry-after", told)]);
        let start = Instant::now();
        assert_eq!(Call::Read.make(&client).await, "unavailable 429 after 0");
        assert_eq!(server.seen().len(), 3);
        assert!(start.elapsed() >= backoff * 3 * 3 / 4, "{told}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_none() {
    let server = Server::start(Some("v0.30.2")).await;
    let small = client(&server.url()).limits(|limits| limits.answer_bytes = 100).build().unwrap();
    let long = Reply::json(200, &json!(["x".repeat(100)]));
    server.plan([long]);
    assert_eq!(Call::Read.make(&small).await, "protocol");
    assert_eq!(Call::Write.make(&small).await, "maybe_done");
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_not_sent() {
    let server = Server::start(Some("v0.30.2")).await;
    let small = client(&server.url()).limits(|limits| limits.request_bytes = 10).build().unwrap();
    assert_eq!(Call::Write.make(&small).await, "limit_reached");
    assert_eq!((server.seen().len(), server.connections()), (0, 0));
}

#[tokio::test]
async fn what_changes_nothing_is_not_sent() {
    use dokploy_client::client::{ApplicationUpdate, EnvironmentUpdate, ProjectUpdate};
    use dokploy_client::id::EnvironmentId;

    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    let project = client.projects().update(&ProjectId::parse("p").unwrap(), &ProjectUpdate::new()).await;
    let id = EnvironmentId::parse("e").unwrap();
    let environment = client.environments().update(&id, &EnvironmentUpdate::new()).await;
    let id = ApplicationId::parse("a").unwrap();
    let application = client.applications().update(&id, &ApplicationUpdate::new()).await;
    for error in [project.unwrap_err(), environment.unwrap_err(), application.unwrap_err()] {
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_change_is_not_sent_where_the_version_cannot_be_read() {
    let server = Server::start(None).await;
    let client = client(&server.url()).build().unwrap();
    server.plan([Reply::text(503, "")]);
    assert_eq!(Call::Write.make(&client).await, "unavailable 503");
    assert!(server.seen().iter().all(|it| it.path == "/api/settings.getDokployVersion"));
}

#[tokio::test]
async fn an_application_without_a_traefik_file_has_none() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    let id = ApplicationId::parse("a").unwrap();
    for none in ["null", ""] {
        server.plan([Reply::text(200, none)]);
        assert_eq!(client.applications().traefik_config(&id).await.unwrap(), None);
    }
    server.plan([Reply::json(200, &json!("http:\n"))]);
    assert_eq!(client.applications().traefik_config(&id).await.unwrap().as_deref(), Some("http:\n"));
}

#[tokio::test]
async fn a_lookup_by_post_only_reads() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    server.plan([Reply::text(502, "")]);
    let host = dokploy_client::Host::parse("a.test").unwrap();
    let error = client.domains().validate(&host).await.unwrap_err();
    assert_eq!((error.code(), server.seen().len()), ("unavailable", 3));
}
