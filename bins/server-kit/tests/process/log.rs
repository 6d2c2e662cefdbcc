//! SC-04: what the log has of a request, and what it hasn't.

use std::time::Duration;

use serde_json::Value;

use crate::child::{Running, server};

/// What such a server logs of a request whose client forges what it can.
fn logged(format: &str) -> String {
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments = format!("--log-level=debug --log-format={format}");
    let running = Running::start(server(&arguments).stderr(log.reopen().unwrap()));
    let forged = "x-api-key: forger\r\nx-request-id: mine\r\nuser-agent: red\r\n";
    assert!(running.get_with("/api/things/4711?token=hunter2", forged).ends_with("a thing"));
    running.get_with("/nothing/%0d%0aforged", "x-request-id: a\tb\r\n");
    loop {
        let text = std::fs::read_to_string(log.path()).unwrap();
        if text.contains("other") && text.ends_with('\n') {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn line_of_request(text: &str) -> &str {
    for planted in ["4711", "hunter2", "forged", "red\"", "\u{1b}", "\r"] {
        assert!(!text.contains(planted), "{planted:?} in {text}");
    }
    let line = text.lines().find(|line| line.contains("mine") && line.contains("/api/things/{id}")).unwrap();
    assert!(line.len() < 1000 && !line.contains(&"x".repeat(65)), "{line}");
    line
}

#[test]
fn a_request_is_one_json_object_without_what_its_client_forged() {
    let text = logged("json");
    let line: Value = serde_json::from_str(line_of_request(&text)).unwrap();
    assert_eq!(line["request_id"], "mine");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].is_number());
    assert!(line["user"].as_str().unwrap().starts_with("\r\n\u{1b}"), "escaped, not lost");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
}

#[test]
fn a_request_is_one_plain_line_for_people() {
    let text = logged("pretty");
    let line = line_of_request(&text);
    assert!(line.contains("method=\"GET\"") && line.contains("status=200"), "{line}");
    assert!(!text.contains('\u{202e}'), "{text}");
}
