//! The examples of the documentation: the client makes those requests, as far as they are its, and reads those answers.

use dokploy_client::dns::{Presence, RecordType};
use dokploy_client::{Dns, DnsError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::server::{Answer, Fault, Seen, Server};
use super::{ZONE, address, builder, hetzner, host, owner, word};

const EXAMPLES: &str = include_str!("../recorded/hetzner.json");

/// The kind of each example: these are no recordings.
const KIND: &str = "EXAMPLE made by hand from the documentation, not a recording";

#[derive(Debug, Deserialize)]
struct Examples {
    note: String,
    examples: Vec<Example>,
}

#[derive(Debug, Clone, Deserialize)]
struct Example {
    label: String,
    kind: String,
    request: Request,
    response: Response,
}

#[derive(Debug, Clone, Deserialize)]
struct Request {
    method: String,
    path: String,
    body: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Response {
    status: u16,
    headers: Map<String, Value>,
    body: Value,
}

/// What came of an example.
#[derive(Debug, PartialEq, Eq)]
enum Covered {
    /// The client makes this request, and reads this answer.
    Both,
    /// The client makes another request that is answered so; why.
    Answer(&'static str),
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    both: usize,
    answer: usize,
}

#[tokio::test]
async fn each_example_of_the_documentation_is_understood() {
    let read: Examples = serde_json::from_str(EXAMPLES).unwrap();
    assert!(read.note.contains("NOT recordings"), "{}", read.note);
    let mut counts = Counts::default();
    for example in &read.examples {
        assert_eq!(example.kind, KIND);
        let covered = play(&read.examples, example).await;
        println!("{}: {covered:?}", example.label);
        match covered {
            Covered::Both => counts.both += 1,
            Covered::Answer(_) => counts.answer += 1,
        }
    }
    println!("{} examples: {counts:?}, none is left out", read.examples.len());
    assert_eq!(read.examples.len(), 16);
    assert_eq!(counts, Counts { both: 11, answer: 5 });
}

async fn play(all: &[Example], example: &Example) -> Covered {
    let named = |label: &str| all.iter().find(|it| it.label == label).unwrap();
    let never_changed = "records are never changed in place; a delete is answered so";
    match &*example.label {
        "create" | "action running" | "action done" => {
            let script = [named("create"), named("action running"), named("action done")];
            assert_eq!(present("192.0.2.1", &script).await.0, "created");
            Covered::Both
        }
        "action failed" => {
            let (end, error) = present("192.0.2.1", &[named("create"), example]).await;
            assert_eq!(end, "action_failed");
            assert!(
                matches!(&error, Some(DnsError::ActionFailed { action: 101, code: Some(code), .. }) if &**code == "action_failed"),
                "{error:?}"
            );
            Covered::Both
        }
        "create of one that exists" | "read" => {
            let script = [named("create of one that exists"), named("read")];
            assert_eq!(present("192.0.2.1", &script).await.0, "taken");
            Covered::Both
        }
        "read of an unknown one" => {
            let server = scripted(&[example]).await;
            let found = hetzner(&server).find(&host("nope.example.test"), RecordType::A).await.unwrap();
            assert_eq!(found, None);
            same_request(example, &server.seen()[0]);
            Covered::Both
        }
        "list" => {
            let server = scripted(&[example]).await;
            hetzner(&server).absent(&host("alpha.example.test"), &owner("7")).await.unwrap();
            same_request(example, &server.seen()[0]);
            assert_eq!(server.seen().len(), 1, "what is another's is left");
            Covered::Both
        }
        "delete" => {
            assert_eq!(absent(example, named("action done")).await, ["GET", "DELETE", "GET"]);
            Covered::Both
        }
        "set_records" | "add_records" | "change_ttl" => {
            assert_eq!(absent(example, named("action done")).await, ["GET", "DELETE", "GET"]);
            Covered::Answer(never_changed)
        }
        "invalid value" => {
            let (end, error) = present("192.0.2.9", &[example]).await;
            assert_eq!(end, "rejected");
            let error = error.unwrap();
            let said = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(said, "invalid input in field 'records'; records: not a valid A record");
            Covered::Answer("an address is parsed before, so another one is sent")
        }
        "locked" => {
            let script = [example, named("read of an unknown one"), named("create"), named("action done")];
            assert_eq!(present("192.0.2.1", &script).await.0, "created");
            Covered::Answer("records are never changed in place; a create is answered so")
        }
        "no token" => {
            let error = owned(&[example]).await.unwrap_err();
            assert!(matches!(error, DnsError::Unauthorized { .. }), "{error:?}");
            Covered::Both
        }
        "rate limit" => {
            let error = owned(&[example; 5]).await.unwrap_err();
            assert!(matches!(error, DnsError::RateLimited { .. }), "{error:?}");
            assert!(owned(&[example, named("list")]).await.unwrap().is_empty(), "that set is another's");
            Covered::Both
        }
        label => panic!("no example is left out: {label}"),
    }
}

/// A server that answers as the examples do, and then as its zone does.
async fn scripted(script: &[&Example]) -> Server {
    let server = Server::start().await;
    server.fail(script.iter().map(|example| Fault::answer("", example.answer())));
    server
}

/// Makes a record; the requests must be those of the script, where they are in it as requests of the client.
async fn present(value: &str, script: &[&Example]) -> (String, Option<DnsError>) {
    let server = scripted(script).await;
    let hetzner = builder(&server, ZONE).ttl(300).build().unwrap();
    let result = hetzner.present(&host("alpha.example.test"), address(value), &owner("7")).await;
    assert_eq!(server.faults_left(), 0);
    for (example, seen) in script.iter().zip(server.seen()) {
        if !matches!(&*example.label, "locked" | "invalid value" | "read of an unknown one") {
            same_request(example, &seen);
        }
    }
    match result {
        Err(error) => (error.code().to_owned(), Some(error)),
        Ok(presence) => {
            if let Presence::Taken(found) = &presence {
                assert_eq!((&*found.addresses, &found.owner), (&[address("192.0.2.1")][..], &None));
            }
            (word(Ok(presence)), None)
        }
    }
}

/// Removes a set that is the owner's; the delete is answered so. Tells the methods of the requests.
async fn absent(deleted: &Example, done: &Example) -> Vec<String> {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    let before = server.seen().len();
    server.fail([Fault::answer("DELETE", deleted.answer())]);
    zone.absent(&host, &owner).await.unwrap();
    let seen = &server.seen()[before..];
    if deleted.label == "delete" {
        same_request(deleted, &seen[1]);
    }
    same_request(done, &seen[2]);
    seen.iter().map(|seen| seen.method.clone()).collect()
}

async fn owned(script: &[&Example]) -> Result<Vec<dokploy_client::dns::RecordSet>, DnsError> {
    let server = scripted(script).await;
    let result = hetzner(&server).owned(&owner("7")).await;
    assert_eq!(server.faults_left(), 0);
    same_request(script[0], &server.seen()[0]);
    assert_eq!(server.seen().len(), script.len());
    result
}

/// What the example sends is sent; the client adds whose it is, and the page.
fn same_request(example: &Example, seen: &Seen) {
    let (path, query) = example.request.path.split_once('?').unwrap_or((&example.request.path, ""));
    assert_eq!((&*example.request.method, path), (&*seen.method, &*seen.path), "{}", example.label);
    for (name, value) in query.split('&').filter_map(|it| it.split_once('=')) {
        assert_eq!(seen.parameter(name), Some(value), "{}", example.label);
    }
    let mut sent = seen.json();
    let Some(body) = &example.request.body else { return assert_eq!(sent, Value::Null) };
    let ours = sent.as_object_mut().unwrap();
    assert_eq!(ours.remove("labels").unwrap(), json!({"managed-by": "claude-opskit", "deployment": "7"}));
    let mut expected = body.clone();
    for body in [&mut sent, &mut expected] {
        body["records"][0].as_object_mut().unwrap().remove("comment");
        body.as_object_mut().unwrap().entry("ttl").or_insert(300.into());
    }
    assert_eq!(sent, expected, "{}", example.label);
}

impl Example {
    fn answer(&self) -> Answer {
        let answer = Answer::json(self.response.status, &self.response.body);
        self.response.headers.iter().fold(answer, |it, (name, value)| it.with(name, value.as_str().unwrap()))
    }
}
