//! Who is cut off comes back to the terminal, for a while.

use serde_json::json;

use super::driver::drive;
use super::{CAT, SEQ, TRANSPORTS, errors, is_alive, place};
use crate::server::{Server, block_on, eventually};

/// A child with a child in its session and one beyond it.
const FAMILY: &str = "stty raw -echo; trap '' HUP; sleep 600 & near=$!; setsid sleep 600 & far=$!; \
                      printf 'pids %s %s %s|ready|' $$ $near $far; cat";

/// The processes of [`FAMILY`].
fn pids(text: &str) -> Vec<u32> {
    let list = text.split('|').next().unwrap();
    list.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect()
}

async fn eventually_gone(server: &Server, id: &str, family: &[u32]) {
    eventually("the tree is gone", || !family.iter().any(|pid| is_alive(*pid))).await;
    let refused = drive(server, "attach", json!({"id": id, "from": 0})).await;
    assert_eq!(errors(&refused), ["not_found"], "{refused}");
    assert_eq!(server.running().await, 0);
}

pub(crate) fn a_flood_that_is_cut_again_and_again_is_whole() {
    block_on(async {
        let server = place(SEQ).start().await;
        for (client, transports) in
            [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (4, TRANSPORTS[2]), (3, TRANSPORTS[2])]
        {
            let options = json!({"client": client, "transports": transports, "lines": 500_000, "cuts": 6});
            let seen = drive(&server, "resume", options.clone()).await;
            assert_eq!(seen["is_whole"], true, "{options}: {seen}");
            assert_eq!(seen["offset"], seen["expected"], "{options}");
        }
    });
}

pub(crate) fn after_the_grace_the_whole_tree_is_gone() {
    block_on(async {
        let server = place(FAMILY).set("SOCKETIO_GRACE_MS", "500").start().await;
        for (transports, cuts) in [(TRANSPORTS[0], true), (TRANSPORTS[1], false), (TRANSPORTS[2], true)] {
            let options = json!({"transports": transports, "cuts": cuts, "shows": "ready|"});
            let seen = drive(&server, "leave", options).await;
            let family = pids(seen["text"].as_str().unwrap());
            assert_eq!(family.len(), 3);
            eventually_gone(&server, seen["id"].as_str().unwrap(), &family).await;
        }
    });
}

pub(crate) fn without_a_grace_a_child_ends_at_once() {
    block_on(async {
        let server = place(FAMILY).set("SOCKETIO_GRACE_MS", "0").start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let options = json!({"client": client, "transports": transports, "shows": "ready|"});
            let seen = drive(&server, "leave", options).await;
            let family = pids(seen["text"].as_str().unwrap());
            eventually_gone(&server, seen["id"].as_str().unwrap(), &family).await;
        }
    });
}

pub(crate) fn within_the_grace_a_child_waits_for_its_client() {
    block_on(async {
        let server = place(FAMILY).set("SOCKETIO_GRACE_MS", "60000").start().await;
        for (transports, cuts) in [(TRANSPORTS[0], true), (TRANSPORTS[1], false), (TRANSPORTS[2], false)] {
            let options = json!({"transports": transports, "cuts": cuts, "shows": "ready|"});
            let seen = drive(&server, "leave", options).await;
            let (id, text) = (&seen["id"], seen["text"].as_str().unwrap());
            for (late, from) in [(false, 0), (true, 5), (true, text.len())] {
                let options = json!({"transports": transports, "id": id, "from": from, "late": late});
                let mut options = options.as_object().unwrap().clone();
                if from < text.len() {
                    options.insert("shows".into(), "ready|".into());
                }
                let again = drive(&server, "attach", options.into()).await;
                assert_eq!((&again["first"], errors(&again)), (&json!("opened"), vec![]), "{again}");
                assert_eq!(again["statuses"][0]["id"], *id);
                assert_eq!(again["text"], text[from..], "{late} {from}");
            }
            assert!(pids(text).iter().all(|pid| is_alive(*pid)), "nobody is gone");
        }
    });
}

pub(crate) fn what_came_while_nobody_was_there_is_told_later() {
    block_on(async {
        // Two lines while the client is away, and the end of the child.
        let script = "stty raw -echo; printf 'ready|'; sleep 1; printf 'one|'; sleep 1; printf 'two|'; cat";
        let server = place(script).start().await;
        let seen = drive(&server, "leave", json!({"shows": "ready|", "cuts": true})).await;
        let options = json!({"id": seen["id"], "from": seen["offset"], "shows": "two|"});
        let again = drive(&server, "attach", options).await;
        assert_eq!((&again["text"], &again["offset"]), (&json!("one|two|"), &json!(14)), "{again}");
    });
}

pub(crate) fn a_terminal_that_has_ended_is_not_found() {
    block_on(async {
        let server = place(CAT).start().await;
        let ended = drive(
            &server,
            "watch",
            json!({"auth": {"start": false}, "events": [
                ["start", {"command": "bash"}], ["input", {"data": "exit\n"}],
            ]}),
        )
        .await;
        let id = &ended["statuses"][0]["id"];
        for late in [false, true] {
            for id in [id, &json!("none"), &json!("00000000-0000-0000-0000-000000000000")] {
                let seen = drive(&server, "attach", json!({"id": id, "from": 0, "late": late})).await;
                assert_eq!(
                    (&seen["first"], errors(&seen)),
                    (&json!("error"), vec!["not_found"]),
                    "{late} {id}"
                );
            }
        }
        assert_eq!(server.running().await, 0, "nothing was started instead");
    });
}
