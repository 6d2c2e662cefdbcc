//! What is not understood is refused, and does no harm.

use serde_json::{Value, json};

use super::driver::drive;
use super::{CAT, TRANSPORTS, errors, place};
use crate::server::block_on;

/// `cat` is [`CAT`]'s script under a name of its own.
fn commands() -> String {
    format!("bash,claude;cat=bash -c \"{CAT}\"")
}

pub(crate) fn malformed_payloads_are_told_and_do_nothing() {
    block_on(async {
        let server = place(CAT).set("TERMINAL_COMMANDS", &commands()).start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let options = json!({"client": client, "transports": transports, "command": "cat"});
            let seen = drive(&server, "malformed", options.clone()).await;
            let refusals = seen["seen"].as_array().unwrap();
            assert!(refusals.len() > 60, "{}", refusals.len());
            let others: Vec<&Value> =
                refusals.iter().filter(|one| one["refusal"] != "invalid_request").collect();
            assert!(others.is_empty(), "{options}: {others:#?}");
            assert_eq!(seen["early"], json!(["no_terminal", "no_terminal"]));
            let told =
                seen["statuses"].as_array().unwrap().iter().filter(|status| status["state"] == "error");
            for status in told {
                assert!(status["message"].as_str().is_some_and(|message| !message.is_empty()), "{status}");
            }
            assert_eq!(errors(&seen).len(), refusals.len() + 2, "one error for each");
            assert_eq!(seen["text"], "ready|still here", "{options}");
        }
    });
}

pub(crate) fn what_is_unknown_is_ignored_and_answers_are_empty() {
    block_on(async {
        let server = place(CAT).set("TERMINAL_COMMANDS", &commands()).start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let options = json!({"client": client, "transports": transports, "command": "cat"});
            let seen = drive(&server, "odd", options.clone()).await;
            assert_eq!(seen["refusals"], json!(["has_terminal", "has_terminal"]), "{options}");
            assert_eq!(
                (&seen["answers"], &seen["late"]),
                (&json!([[], [], []]), &json!(["invalid_request"]))
            );
            assert_eq!(errors(&seen).len(), 3, "{seen}");
            assert_eq!(seen["text"], "ready|typed\u{1f600} and on", "{options}");
        }
    });
}

pub(crate) fn half_a_character_ends_no_connection() {
    block_on(async {
        let server = place(CAT).start().await;
        for transports in [TRANSPORTS[0], TRANSPORTS[1]] {
            let seen = drive(&server, "half", json!({"transports": transports})).await;
            // Either it is refused as what it is not, or it is typed as what stands for it.
            match seen["refusal"].as_str() {
                Some(refusal) => {
                    assert_eq!((refusal, &seen["text"]), ("invalid_request", &json!("ready|and on")));
                }
                None => assert_eq!(seen["text"], "ready|\u{fffd}and on"),
            }
        }
    });
}
