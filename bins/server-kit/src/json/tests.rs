//! Bodies and queries that must be understood or refused by name.

use axum::extract::FromRequestParts;
use http::Request;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Order {
    name: String,
    count: Option<u32>,
    #[serde(default)]
    parts: Vec<Part>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Part {
    size: u8,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Small,
    Large,
}

fn refusal(body: impl AsRef<[u8]>) -> (u16, &'static str, Option<String>) {
    let problem = parse::<Order>(body.as_ref()).unwrap_err();
    (problem.status().as_u16(), problem.code(), problem.body().error.field)
}

#[test]
fn the_field_that_is_wrong_is_named() {
    let table = [
        (r#"{}"#, "invalid_request", Some("name")),
        (r#"{"count":1}"#, "invalid_request", Some("name")),
        (r#"{"name":1}"#, "invalid_request", Some("name")),
        (r#"{"name":null}"#, "invalid_request", Some("name")),
        (r#"{"name":"a","count":-1}"#, "invalid_request", Some("count")),
        (r#"{"name":"a","count":1.5}"#, "invalid_request", Some("count")),
        (r#"{"name":"a","count":4294967296}"#, "invalid_request", Some("count")),
        (r#"{"name":"a","count":"1"}"#, "invalid_request", Some("count")),
        (r#"{"name":"a","name":"b"}"#, "invalid_request", Some("name")),
        (r#"{"name":"a","kind":"huge"}"#, "invalid_request", Some("kind")),
        (r#"{"name":"a","parts":{}}"#, "invalid_request", Some("parts")),
        (r#"{"name":"a","parts":[{"size":1},{"size":256}]}"#, "invalid_request", Some("parts[1].size")),
        (r#"{"name":"a","parts":[{}]}"#, "invalid_request", Some("parts[0].size")),
        (r#"{"name":"a","parts":[{"size":1,"sise":1}]}"#, "unknown_field", Some("parts[0].sise")),
        (r#"{"name":"a","nmae":"b"}"#, "unknown_field", Some("nmae")),
        (r#"{"name":"a","`, expected x":"b"}"#, "unknown_field", None),
        (r#"[]"#, "invalid_request", None),
        (r#""text""#, "invalid_request", None),
        ("1", "invalid_request", None),
        ("null", "invalid_request", None),
    ];
    for (body, code, field) in table {
        let (status, found, named) = refusal(body);
        assert_eq!((status, found), (400, code), "{body}");
        if let Some(field) = field {
            assert_eq!(named.as_deref(), Some(field), "{body}");
        }
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let table: Vec<Vec<u8>> = [
        &b""[..],
        b" \r\n\t",
        b"{",
        b"}",
        b"{\"name\"",
        b"{\"name\":",
        b"{\"name\":\"a\"",
        b"{name:\"a\"}",
        b"{'name':'a'}",
        b"{\"name\":\"a\",}",
        b"{\"name\":\"a\"} {}",
        b"{\"name\":\"a\"}x",
        b"NaN",
        b"Infinity",
        b"undefined",
        b"tru",
        b"\xef\xbb\xbf{\"name\":\"a\"}",
        b"{\"name\":\"\xff\"}",
        b"\xff\xfe{\x00",
        b"{\"name\":\"a\nb\"}",
        b"{\"name\":\"\x00\"}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"name\":\"\\x41\"}",
        b"{\"name\":\"a\",\"count\":01}",
        b"{\"name\":\"a\",\"count\":+1}",
        b"{\"name\":\"a\",\"count\":.5}",
        b"{\"name\":\"a\",\"count\":1e}",
        b"{\"name\":\"a\",\"count\":1e999}",
        b"// x\n{\"name\":\"a\"}",
        b"\x00",
        b"\x1b[2J",
        b"name=a",
        b"<name>a</name>",
        b"--x\r\n",
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .chain([
        "[".repeat(100_000).into_bytes(),
        "{\"name\":".repeat(100_000).into_bytes(),
        format!("{{\"name\":\"a\",\"count\":{}}}", "9".repeat(100_000)).into_bytes(),
        format!("{}{}", "[".repeat(65), "]".repeat(65)).into_bytes(),
    ])
    .collect();
    for body in table {
        let (status, code, _) = refusal(&body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!((status, code), (400, "invalid_request"), "{shown:?}");
    }
}

#[test]
fn many_unknown_keys_are_refused_at_the_first() {
    let keys: Vec<String> = (0..50_000).map(|number| format!("\"k{number}\":0")).collect();
    let (status, code, field) = refusal(format!("{{{}}}", keys.join(",")));
    assert_eq!((status, code, field.as_deref()), (400, "unknown_field", Some("k0")));
}

#[test]
fn what_was_sent_is_not_told_back() {
    for body in [r#"{"name":"a","count":"hunter2"}"#, r#"{"name":"a","kind":"hunter2"}"#, r#""hunter2""#] {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err();
        assert!(!problem.message().contains("hunter2"), "{}", problem.message());
    }
}

#[test]
fn good_bodies_are_read() {
    let order: Order = parse(br#" {"name":"a","kind":"large","parts":[{"size":255}]} "#).unwrap();
    assert_eq!(order.kind, Some(Kind::Large));
    assert_eq!(order.parts, [Part { size: 255 }]);
}

#[test]
fn only_json_in_utf8_is_taken() {
    let good = [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json;",
    ];
    let bad = [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        "application/json, text/plain",
        "application/vnd.api+json",
        "text/plain; application/json",
        "application/json; charset",
    ];
    let headers = |kind: &str| HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
    assert!(good.iter().all(|kind| is_json(&headers(kind))));
    for kind in bad {
        assert!(!is_json(&headers(kind)), "{kind}");
    }
    assert!(!is_json(&HeaderMap::new()));
    let mut twice = headers("application/json");
    twice.append(CONTENT_TYPE, "application/json".parse().unwrap());
    assert!(!is_json(&twice));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    #[expect(dead_code, reason = "read by serde alone")]
    after: Option<String>,
}

#[tokio::test]
async fn queries_are_refused_by_field_too() {
    let read = async |query: &str| {
        let (mut parts, ()) = Request::get(format!("/x?{query}")).body(()).unwrap().into_parts();
        Query::<Page>::from_request_parts(&mut parts, &()).await
    };
    assert_eq!(read("limit=5&after=a%20b").await.unwrap().0.limit, Some(5));
    for (query, code, field) in [
        ("limit=x", "invalid_request", "limit"),
        ("limit=-1", "invalid_request", "limit"),
        ("limit=1&limit=2", "invalid_request", "limit"),
        ("limmit=1", "unknown_field", "limmit"),
    ] {
        let problem = read(query).await.unwrap_err();
        assert_eq!((problem.code(), problem.body().error.field.as_deref()), (code, Some(field)), "{query}");
    }
}
