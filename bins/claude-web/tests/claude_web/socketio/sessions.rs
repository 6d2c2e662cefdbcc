//! A terminal from its first event to its last.

use serde_json::{Value, json};

use super::driver::{Driver, drive};
use super::{CAT, SEQ, SHELL, TRANSPORTS, end, errors, place};
use crate::server::block_on;

pub(crate) fn a_shell_is_used_and_left_by_both_clients() {
    block_on(async {
        let server = place(SHELL).start().await;
        for client in [3, 4] {
            for transports in TRANSPORTS {
                let options = json!({"client": client, "transports": transports});
                let seen = drive(&server, "session", options.clone()).await;
                assert_eq!(seen["first"], "opened", "{options}: {seen}");
                let id = seen["statuses"][0]["id"].as_str().unwrap();
                let (last, left) = end(&seen);
                assert_eq!(
                    (&last["state"], &last["reason"], &last["code"]),
                    (&json!("closed"), &json!("exited"), &json!(7)),
                    "{options}: {seen}"
                );
                assert_eq!(
                    (left, seen["transport"].as_str()),
                    ("io server disconnect", transports.last().copied())
                );
                assert_eq!(seen["statuses"].as_array().unwrap().len(), 2, "{seen}");
                let head = &server.get(&format!("/api/terminals/{id}")).await["head"];
                assert_eq!(&seen["offset"], head, "{options}");
            }
        }
    });
}

pub(crate) fn the_first_events_are_never_missed() {
    block_on(async {
        let server = place("printf 'at once'").start().await;
        for (client, transports, connections) in
            [(4, TRANSPORTS[2], 50), (4, TRANSPORTS[0], 20), (4, TRANSPORTS[1], 20), (3, TRANSPORTS[2], 20)]
        {
            let options = json!({
                "client": client, "transports": transports, "connections": connections, "at_once": 10,
            });
            let seen = drive(&server, "firsts", options.clone()).await;
            let seen = seen.as_array().unwrap();
            assert_eq!(seen.len(), connections);
            let whole = json!({
                "first": "opened", "text": "at once", "states": "opened closed", "left": "io server disconnect",
            });
            for one in seen {
                assert_eq!(one, &whole, "{options}");
            }
        }
    });
}

pub(crate) fn a_second_client_takes_the_terminal_over() {
    block_on(async {
        let server = place(CAT).start().await;
        for transports in TRANSPORTS {
            let seen = drive(&server, "takeover", json!({"transports": transports})).await;
            let (first, second) = (&seen["first"], &seen["second"]);
            let (last, left) = end(first);
            assert_eq!(
                (&last["state"], &last["reason"]),
                (&json!("closed"), &json!("taken_over")),
                "{first}"
            );
            assert_eq!((left, &second["text"]), ("io server disconnect", &json!("ready|kept")));
            assert_eq!((&second["statuses"][0]["id"], errors(second)), (&seen["id"], vec![]));
        }
    });
}

pub(crate) fn there_are_only_so_many_terminals() {
    block_on(async {
        let place = place(SEQ).set("MAX_SESSIONS", "1").set("MAX_SESSIONS_PER_USER", "5");
        let server = place.start().await;
        let seen = drive(&server, "crowd", json!({"command": "bash"})).await;
        assert_eq!(
            (&seen["refusal"], &seen["at_once"]),
            (&json!("too_many_sessions"), &json!(["too_many_sessions"]))
        );
        assert_eq!(seen["second"]["statuses"][1]["state"], "opened", "{seen}");
    });
}

pub(crate) fn a_start_says_what_runs_where_and_how_large() {
    block_on(async {
        let place = place(CAT);
        let server = place.start().await;
        let directory = place.data.path().join("terminals/sub");
        std::fs::create_dir_all(&directory).unwrap();
        let start = json!(["start", {"command": "bash", "cols": 200, "rows": 50, "cwd": "sub"}]);
        let options = json!({
            "auth": {"start": false},
            "events": [start, ["input", {"data": "stty size; pwd; exit 3\n"}]],
        });
        let mut driver = Driver::start(&server, "watch", options);
        driver.mark("opened").await;
        let seen = driver.seen().await;
        let text = seen["text"].as_str().unwrap();
        assert!(text.contains("50 200") && text.contains("/terminals/sub"), "{text}");
        assert_eq!((&end(&seen).0["code"], errors(&seen)), (&json!(3), Vec::<&str>::new()));
        assert_ne!(seen["statuses"][0]["id"], Value::Null);
    });
}
