//! Each recorded exchange of a call that the client has: the client sends what was sent, as far as it can, and reads
//! what was answered.

use std::collections::BTreeMap;
use std::time::SystemTime;

use dokploy_client::client::Application;
use dokploy_client::error::Refusal;
use dokploy_client::{Error, Result};
use serde_json::{Value, json};

use super::perform::perform;
use super::recorded::{Exchange, SERVERS, exchanges};
use super::server::{Reply, Seen, Server};
use super::told::agrees;

/// How many exchanges there are, and how many of them are what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// The request is the recorded one, and the answer is read.
    same: usize,
    /// The answer is read, but the client makes another request: the recorded one is not its: [`other_request`] says why.
    answer: usize,
    /// The client refuses to ask this version, and the server did not have it either.
    refused: usize,
    /// No call of the client's: [`without_call`] says why.
    without_call: usize,
}

#[tokio::test]
async fn each_exchange_of_version_0_24_12_is_understood() {
    replay(0, Counts { same: 130, answer: 56, refused: 6, without_call: 12 }).await;
}

#[tokio::test]
async fn each_exchange_of_version_0_26_7_is_understood() {
    replay(1, Counts { same: 143, answer: 58, refused: 6, without_call: 12 }).await;
}

#[tokio::test]
async fn each_exchange_of_version_0_30_2_is_understood() {
    replay(2, Counts { same: 197, answer: 64, refused: 0, without_call: 12 }).await;
}

#[tokio::test]
async fn which_environment_is_the_default_is_known_before_it_is_told() {
    let mut without = 0;
    for exchange in exchanges(SERVERS[1].1) {
        let older = exchange.without("isDefault");
        if older.response.body == exchange.response.body {
            continue;
        }
        for version in ["v0.25.0", "v0.26.0"] {
            let found = play(version, &exchange, older.reply()).await;
            assert!(found.is_ok(), "{version} {} {}: {found:?}", exchange.n, exchange.label);
        }
        without += 1;
    }
    assert_eq!(without, 46);
}

#[test]
fn deployments_of_an_application_are_told_newest_first() {
    let mut with_several = 0;
    for exchange in SERVERS.iter().flat_map(|(_, lines)| exchanges(lines)) {
        let Some(mut row) = exchange.response.body.filter(|row| row.get("deployments").is_some()) else {
            continue;
        };
        let read = |row: &Value| -> Vec<SystemTime> {
            let application: Application = serde_json::from_value(row.clone()).unwrap();
            application.deployments.iter().map(|it| it.created_at).collect()
        };
        let recorded = read(&row);
        assert!(recorded.is_sorted_by(|one, next| one > next), "{}: {recorded:?}", exchange.label);
        // Whatever the order in which the server has them.
        row["deployments"].as_array_mut().unwrap().reverse();
        assert_eq!(read(&row), recorded, "{}", exchange.label);
        with_several += usize::from(recorded.len() > 1);
    }
    assert_eq!(with_several, 20);
}

async fn replay(server: usize, expected: Counts) {
    let (version, lines) = SERVERS[server];
    let (mut all, mut of_calls) = (Counts::default(), BTreeMap::<String, Counts>::new());
    let mut faults = Vec::new();
    for exchange in exchanges(lines) {
        let found = play(version, &exchange, exchange.reply()).await;
        let of_call = of_calls.entry(format!("{} {}", exchange.request.method, exchange.call())).or_default();
        match found {
            Ok(kind) => {
                *kind.count(&mut all) += 1;
                *kind.count(of_call) += 1;
            }
            Err(fault) => faults.push(format!("{} {}: {fault}", exchange.n, exchange.label)),
        }
    }
    for (call, counts) in &of_calls {
        println!("{version} {call}: {counts:?}");
    }
    println!("{version}: {all:?}");
    assert!(faults.is_empty(), "{version}:\n{}", faults.join("\n"));
    assert_eq!(all, expected, "{version}");
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Same,
    Answer,
    Refused,
    WithoutCall,
}

impl Kind {
    fn count(self, counts: &mut Counts) -> &mut usize {
        match self {
            Self::Same => &mut counts.same,
            Self::Answer => &mut counts.answer,
            Self::Refused => &mut counts.refused,
            Self::WithoutCall => &mut counts.without_call,
        }
    }
}

/// Plays one exchange with this answer. The error says what is not as it should be.
async fn play(version: &str, exchange: &Exchange, reply: Reply) -> Result<Kind, String> {
    if without_call(exchange).is_some() {
        return Ok(Kind::WithoutCall);
    }
    let asks_version = exchange.call() == "settings.getDokployVersion";
    let server = Server::start(Some(version).filter(|_| !asks_version)).await;
    server.plan(read_before(exchange).into_iter().chain([reply]));
    let client = super::client(&server.url()).limits(|limits| limits.retries = 0).build().unwrap();
    let result = perform(&client, exchange).await.ok_or("the client has no such call")?;
    if is_missing_in(version, exchange.call()) {
        return match (result, server.seen().len()) {
            (Err(Error::Unsupported { .. }), 0) if exchange.response.status == 404 => Ok(Kind::Refused),
            (result, seen) => Err(format!("{result:?} after {seen} requests")),
        };
    }
    judge(exchange, result)?;
    let mut seen = server.seen();
    if read_before(exchange).is_some() {
        seen.remove(0);
    }
    let [seen] = &seen[..] else { return Err(format!("{} requests", seen.len())) };
    match (compare(exchange, seen), other_request(exchange)) {
        (Ok(()), None) => Ok(Kind::Same),
        (Err(_), Some(_)) => Ok(Kind::Answer),
        (Ok(()), Some(why)) => Err(format!("the client makes this request, against: {why}")),
        (Err(difference), None) => Err(difference),
    }
}

/// What the client reads before it makes the recorded call.
fn read_before(exchange: &Exchange) -> Option<Reply> {
    let app_name = exchange.text("appName").filter(|_| exchange.call() == "application.reload")?;
    let row = json!({
        "applicationId": exchange.text("applicationId"), "name": "x", "appName": app_name, "applicationStatus": "done",
        "sourceType": "docker", "createdAt": "2026-11-21T07:55:54.341Z",
    });
    Some(Reply::json(200, &row))
}

fn is_missing_in(version: &str, call: &str) -> bool {
    version != "v0.30.2" && matches!(call, "deployment.readLogs" | "deployment.queueList")
}

/// Looks whether the client makes of an answer what its status and code mean.
fn judge(exchange: &Exchange, result: Result<Value>) -> Result<(), String> {
    let mut recorded = exchange.response.body.clone().unwrap_or_default();
    if let Some(deployments) = recorded.get_mut("deployments").and_then(Value::as_array_mut) {
        // They are recorded in no order.
        deployments.sort_by_key(|row| std::cmp::Reverse(row["createdAt"].to_string()));
    }
    let is_right = match (exchange.response.status, &result) {
        (200, Ok(told)) => return agrees(told, &recorded),
        (400 | 413 | 415, Err(Error::Rejected { .. })) => true,
        (401, Err(Error::Unauthorized { cause, .. })) => {
            (*cause == Refusal::Permission) == recorded.get("code").is_some()
        }
        (404, Err(Error::NotFound { .. })) => true,
        (500, Err(Error::MaybeDone { .. })) => true,
        _ => false,
    };
    let told = result.as_ref().err().map(|error| (error.status(), error.upstream_code()));
    let code = recorded.get("code").and_then(Value::as_str);
    if is_right && told == Some((Some(exchange.response.status), code)) {
        Ok(())
    } else {
        Err(format!("status {} became {result:?}", exchange.response.status))
    }
}

/// Looks whether the request is the recorded one.
fn compare(exchange: &Exchange, seen: &Seen) -> Result<(), String> {
    let recorded = &exchange.request;
    let as_text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let query = recorded.query.iter().flatten().map(|(name, value)| (name.clone(), as_text(value)));
    let body = (!seen.body.is_empty()).then(|| serde_json::from_slice::<Value>(&seen.body).unwrap());
    let sends_key = seen.header("x-api-key") == Some(super::KEY);
    let wants_key = exchange.call() != "health";
    let is_json = seen.header("content-type").is_none_or(|it| it == "application/json");
    if (seen.header("accept"), is_json, sends_key) != (Some("application/json"), true, wants_key) {
        return Err(format!("wrong headers: {:?}", seen.headers));
    }
    let is_same = (&*seen.method, &*seen.path) == (&*recorded.method, &*recorded.path)
        && seen.query == query.collect::<Vec<_>>()
        && body == recorded.body;
    if is_same { Ok(()) } else { Err(format!("sent {seen:?} for {recorded:?}")) }
}

/// Why an exchange is of no call that the client has.
fn without_call(exchange: &Exchange) -> Option<&'static str> {
    let has_method = |method| exchange.request.method == method;
    let reads = |call: &str| {
        let name = call.split_once('.').map_or(call, |(_, name)| name);
        let of_reads = ["all", "one", "by", "read", "queue", "get", "health"];
        of_reads.iter().any(|word| name.starts_with(word))
    };
    match exchange.call() {
        "no.such" | "nosuch" => Some("no call of Dokploy's"),
        "trpc/settings.health" => {
            Some("for the container's own health check; the client asks settings.health")
        }
        "application.cancelDeployment" => Some("only in the cloud"),
        "project.create/" => Some("the client writes no slash behind a call"),
        call if !has_method(if reads(call) { "GET" } else { "POST" }) => {
            Some("by another method than the call's")
        }
        _ => None,
    }
}

/// Why the client does not make the recorded request. Its answer is read all the same.
fn other_request(exchange: &Exchange) -> Option<&'static str> {
    let has = |field| exchange.request.body.as_ref().is_some_and(|body| body.get(field).is_some());
    if exchange.label == "setup application.update" && !has("sourceType") {
        return Some("an image without the kind of source, which the client sends with it");
    }
    let of_label = OTHER_REQUESTS.iter().find(|(_, labels)| labels.contains(&&*exchange.label));
    of_label.map(|(why, _)| *why)
}

/// The same by label.
const OTHER_REQUESTS: &[(&str, &[&str])] = &[
    (
        "a value that the client refuses, or a type that it can't send",
        &[
            "application.create appName with bad characters",
            "application.create name empty",
            "application.update applicationStatus nonsense",
            "application.update env number",
            "application.update sourceType nonsense",
            "application.update wrong types",
            "domain.create certificateType nonsense",
            "domain.create host with backtick",
            "domain.create host with space",
            "domain.create port 0",
            "domain.create port string",
            "environment.create named production",
            "project.create description number",
            "project.create name 300 characters",
            "project.create name empty",
            "project.create name null",
            "project.create name number",
            "project.create name with a NUL (SQL leaks)",
            "project.one empty id",
            "project.one id twice",
        ],
    ),
    (
        "without something that the client always sends",
        &[
            "application.create name missing",
            "application.create with projectId as before v0.25",
            "application.create without parent id",
            "application.update id only",
            "application.update without id",
            "deploy without id",
            "domain.create host missing",
            "domain.create host only",
            "domain.create minimal",
            "project.create name missing",
            "project.one without id",
            "saveDockerProvider image and id only",
            "saveEnvironment env and id only",
        ],
    ),
    (
        "with something that the client never sends, or leaves out instead",
        &[
            "application.create sourceType nonsense",
            "application.create unknown serverId",
            "application.create with sourceType docker",
            "application.update appName (ignored)",
            "application.update applicationStatus by hand",
            "application.update dockerImage null",
            "application.update env null",
            "application.update unknown extra field only",
            "domain.create custom certificate without resolver",
            "project.create description null",
            "project.create unknown extra field",
            "saveDockerProvider empty strings",
            "saveDockerProvider unknown id",
        ],
    ),
    (
        "with variables that are references, or quoted otherwise",
        &[
            "application.update source, image and env at once",
            "saveEnvironment all fields",
            "saveEnvironment nulls",
        ],
    ),
    (
        "a body that is no JSON object, of another type, or not in the recording",
        &[
            "body 1.2 MB",
            "body 5 MB",
            "body 900 kB",
            "body is a string",
            "body is an array",
            "content-type form",
            "content-type json with charset",
            "content-type text/plain",
            "empty body",
            "invalid JSON",
        ],
    ),
];

#[test]
fn each_reason_for_another_request_is_of_an_exchange() {
    let labels: Vec<_> = SERVERS.iter().flat_map(|(_, lines)| exchanges(lines)).map(|it| it.label).collect();
    for label in OTHER_REQUESTS.iter().flat_map(|(_, labels)| *labels) {
        assert!(labels.iter().any(|it| it == label), "{label}");
    }
}
