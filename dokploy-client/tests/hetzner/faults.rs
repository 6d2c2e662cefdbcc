//! What goes wrong with a request, what it is called then, and that the record exists once, or not at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dokploy_client::dns::RecordType;
use dokploy_client::{Dns, Hetzner};

use super::server::{Answer, Done, Fault, Server, Told};
use super::zone::refusal;
use super::{address, builder, hetzner, host, owner, word};

const HOST: &str = "alpha.example.test";

/// Faults of the requests of one method, and what is then.
struct Row {
    what: &'static str,
    faults: Vec<(Done, Told)>,
    /// What the call ends as, and how many requests of the method it made.
    end: (&'static str, usize),
    /// Whether the record is there.
    is_there: bool,
}

fn row(
    what: &'static str,
    faults: impl IntoIterator<Item = (Done, Told)>,
    end: (&'static str, usize),
    is_there: bool,
) -> Row {
    Row { what, faults: faults.into_iter().collect(), end, is_there }
}

fn undone(answer: Answer) -> (Done, Told) {
    (Done::Nothing, Told::Answer(answer))
}

fn done(answer: Answer) -> (Done, Told) {
    (Done::All, Told::Answer(answer))
}

fn page() -> Answer {
    Answer::text(200, "<!DOCTYPE html><p>planted").with("content-type", "text/html")
}

fn limited(reset: u64) -> Answer {
    let answer = refusal(429, "rate_limit_exceeded").with("RateLimit-Limit", "3600");
    answer.with("RateLimit-Remaining", "0").with("RateLimit-Reset", &reset.to_string())
}

fn in_an_hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
}

/// What is no use to repeat, and what a few repetitions do not help: the same for a create and a delete.
fn refusals() -> Vec<(&'static str, Answer, &'static str, usize)> {
    vec![
        ("401", refusal(401, "unauthorized"), "unauthorized", 1),
        ("401 of a proxy", Answer::text(401, "planted"), "unauthorized", 1),
        ("403, read only", refusal(403, "token_readonly"), "forbidden", 1),
        ("403 of a proxy", Answer::text(403, "<p>planted"), "forbidden", 1),
        ("404 of a proxy", Answer::text(404, "404 page not found"), "rejected", 1),
        ("422", refusal(422, "invalid_input"), "rejected", 1),
        ("422, wrong mode", refusal(422, "incorrect_zone_mode"), "rejected", 1),
        ("400", refusal(400, "json_error"), "rejected", 1),
        ("302", Answer::text(302, "").with("location", "/v1/elsewhere"), "rejected", 1),
        ("423, protected", refusal(423, "protected"), "rejected", 1),
        ("423 for ever", refusal(423, "locked"), "busy", 5),
        ("409 conflict for ever", refusal(409, "conflict"), "busy", 5),
        ("429 for ever", limited(in_an_hour()), "rate_limited", 5),
        ("429 without reset for ever", refusal(429, "rate_limit_exceeded"), "rate_limited", 5),
        ("429, long wait", limited(0).with("retry-after", "3600"), "rate_limited", 1),
        ("500 for ever", refusal(500, "server_error"), "unavailable", 5),
        ("503, long wait", refusal(503, "unavailable").with("retry-after", "3600"), "unavailable", 1),
        ("502 of a proxy for ever", Answer::text(502, "<p>planted"), "unavailable", 5),
        ("page for ever", page(), "protocol", 5),
        ("empty for ever", Answer::text(200, ""), "protocol", 5),
        ("garbage for ever", Answer::text(201, "{\"action\":{\"id\":\"planted\"}}"), "protocol", 5),
    ]
}

/// What passes, before and after the request was carried out.
fn passing() -> Vec<(&'static str, (Done, Told))> {
    vec![
        ("409 conflict", undone(refusal(409, "conflict"))),
        ("423", undone(refusal(423, "locked"))),
        ("429", undone(limited(in_an_hour()))),
        ("429, reset has passed", undone(limited(10))),
        ("500", undone(refusal(500, "server_error"))),
        ("504", undone(refusal(504, "timeout"))),
        ("page", undone(page())),
        ("empty", undone(Answer::text(204, ""))),
        ("garbage", undone(Answer::text(200, "{]"))),
        ("slow", (Done::Nothing, Told::Silence)),
        ("reset before", (Done::Nothing, Told::Reset)),
        ("500, done", done(refusal(500, "server_error"))),
        ("page, done", done(page())),
        ("empty, done", done(Answer::text(204, ""))),
        ("slow, done", (Done::All, Told::Silence)),
        ("reset after", (Done::All, Told::Reset)),
    ]
}

async fn check(method: &'static str, row: Row) {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host(HOST), owner("7"));
    if method == "DELETE" {
        zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    }
    server.fail(row.faults.into_iter().map(|(done, told)| Fault { method, done, told }));
    let end = call(&zone, method).await;
    let what = format!("{method}, {}", row.what);
    assert_eq!((&*end, server.count(method)), row.end, "{what}");
    let expected: &[&str] = if row.is_there { &["alpha/A 192.0.2.1"] } else { &[] };
    assert_eq!(server.zone(|zone| zone.words()), expected, "{what}");
}

async fn call(zone: &Hetzner, method: &str) -> String {
    let (host, owner) = (host(HOST), owner("7"));
    match method {
        "POST" => word(zone.present(&host, address("192.0.2.1"), &owner).await),
        "DELETE" => zone.absent(&host, &owner).await.map_or_else(|it| it.code(), |()| "absent").to_owned(),
        _ => match zone.find(&host, RecordType::A).await {
            Ok(found) => format!("found {}", found.is_some()),
            Err(error) => error.code().to_owned(),
        },
    }
}

#[tokio::test]
async fn a_create_that_is_refused_makes_nothing() {
    for (what, answer, code, times) in refusals() {
        check("POST", row(what, vec![undone(answer); 5], (code, times), false)).await;
    }
    let missing = undone(refusal(404, "not_found"));
    check("POST", row("404", [missing], ("no_such_zone", 1), false)).await;
}

#[tokio::test]
async fn a_create_that_failed_in_passing_makes_one_record() {
    for (what, fault) in passing() {
        let end = if matches!(fault.0, Done::All) { ("already there", 1) } else { ("created", 2) };
        check("POST", row(what, [fault], end, true)).await;
    }
    // It was removed between the refusal and the look.
    let exists = undone(refusal(409, "uniqueness_error"));
    check("POST", row("409 of one that is gone", [exists.clone()], ("created", 2), true)).await;
    check("POST", row("409, but never there", vec![exists; 5], ("busy", 5), false)).await;
    let mixed = [
        undone(refusal(423, "locked")),
        (Done::Nothing, Told::Reset),
        undone(limited(in_an_hour())),
        (Done::All, Told::Reset),
    ];
    check("POST", row("one after the other", mixed, ("already there", 4), true)).await;
}

#[tokio::test]
async fn a_delete_that_is_refused_removes_nothing() {
    for (what, answer, code, times) in refusals() {
        check("DELETE", row(what, vec![undone(answer); 5], (code, times), true)).await;
    }
}

#[tokio::test]
async fn a_delete_that_failed_in_passing_removes_the_record() {
    for (what, fault) in passing() {
        let times = if matches!(fault.0, Done::All) { 1 } else { 2 };
        check("DELETE", row(what, [fault], ("absent", times), false)).await;
    }
    let gone = done(refusal(404, "not_found"));
    check("DELETE", row("404", [gone], ("absent", 1), false)).await;
}

#[tokio::test]
async fn a_look_is_repeated_where_that_is_of_use() {
    for (what, answer, code, times) in refusals() {
        let times = if code == "protocol" { 1 } else { times };
        check("GET", row(what, vec![undone(answer); 5], (code, times), false)).await;
    }
    for (what, fault) in passing() {
        // Of a look that found nothing the zone is asked whether it is there.
        let is_protocol = ["page", "empty", "garbage", "page, done", "empty, done"].contains(&what);
        let end = if is_protocol { ("protocol", 1) } else { ("found false", 3) };
        check("GET", row(what, [fault], end, false)).await;
    }
}

#[tokio::test]
async fn a_look_after_a_lost_answer_may_fail_in_passing_too() {
    let server = Server::start().await;
    let lost = Fault { method: "POST", done: Done::All, told: Told::Reset };
    let looks = [refusal(500, "server_error"), limited(in_an_hour()), refusal(503, "unavailable")];
    server.fail([lost].into_iter().chain(looks.map(|answer| Fault::answer("GET", answer))));
    assert_eq!(call(&hetzner(&server), "POST").await, "already there");
    assert_eq!((server.count("POST"), server.count("GET"), server.faults_left()), (1, 4, 0));
}

#[tokio::test]
async fn a_create_without_an_answer_is_told_as_such_though_the_look_fails_too() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host(HOST), owner("7"));
    server.fail([silent("POST")].into_iter().chain(vec![silent("GET"); 9]));
    let error = zone.present(&host, address("192.0.2.1"), &owner).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer within 300ms (create the record set); try again later");
    // A look that knows better is what is told.
    let looks = [refusal(401, "unauthorized"), refusal(503, "unavailable").with("retry-after", "3600")];
    for (look, code) in looks.into_iter().zip(["unauthorized", "unavailable"]) {
        server.fail([silent("POST"), Fault::answer("GET", look)]);
        let error = zone.present(&host, address("192.0.2.1"), &owner).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
}

#[tokio::test]
async fn a_delete_without_an_answer_is_told_as_such_though_the_look_fails_too() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host(HOST), owner("7"));
    zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    server.fail([silent("DELETE")]);
    let removing = tokio::spawn(async move { zone.absent(&host, &owner).await });
    // The list before it is answered.
    while server.count("DELETE") == 0 {
        tokio::task::yield_now().await;
    }
    server.fail(vec![silent("GET"); 9]);
    let error = removing.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no answer within 300ms (delete the record set); try again later");
}

fn silent(method: &'static str) -> Fault {
    Fault { method, done: Done::Nothing, told: Told::Silence }
}

#[tokio::test]
async fn both_of_two_calls_at_once_find_one_record() {
    let server = Server::start().await;
    let zone = hetzner(&server);
    let (one, other) = tokio::join!(call(&zone, "POST"), call(&zone, "POST"));
    let mut ends = [one, other];
    ends.sort();
    assert_eq!(ends, ["already there", "created"]);
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.1"]);
}

#[tokio::test]
async fn the_end_of_a_call_ends_its_attempts() {
    let server = Server::start().await;
    let limits = |limits: &mut dokploy_client::hetzner::Limits| {
        limits.call = Duration::from_millis(200);
        limits.attempt = Duration::from_secs(3600);
    };
    let zone = builder(&server, super::ZONE).limits(limits).build().unwrap();
    server.fail([Fault { method: "POST", done: Done::Nothing, told: Told::Silence }]);
    let error = zone.present(&host(HOST), address("192.0.2.1"), &owner("7")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable(), server.seen().len()), ("timed_out", true, 1));
}

#[tokio::test]
async fn the_limit_of_requests_is_told() {
    let server = Server::start().await;
    let zone = hetzner(&server);
    assert_eq!(zone.rate_limit(), None);
    let reset = in_an_hour();
    server.fail(vec![Fault::answer("", limited(reset)); 5]);
    let error = zone.owned(&owner("7")).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1)), "the limit `refill`");
    let told = zone.rate_limit().unwrap();
    assert_eq!((told.limit, told.remaining, told.reset), (3600, 0, UNIX_EPOCH + Duration::from_secs(reset)));
    // An answer that says nothing of it changes nothing.
    server.fail([Fault::answer("", Answer::text(401, ""))]);
    zone.owned(&owner("7")).await.unwrap_err();
    assert_eq!(zone.rate_limit(), Some(told));
}
