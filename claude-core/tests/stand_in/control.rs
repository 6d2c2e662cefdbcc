//! The control protocol.

use claude_core::testing::StandIn;
use serde_json::json;

use super::child::{CONTROL, PRINT, Talk, lines, recorded, run, with};

pub(crate) fn takes_back_a_changed_input() {
    let input = json!({"file_path": "/workspace/new.txt", "content": "hello"});
    let mut talk = Talk::start(&StandIn::new().asks("Write", input.clone()), &CONTROL);
    talk.say("write");
    let question = talk.hear_until("control_request");
    assert_eq!(question["request"]["input"], input);
    talk.answer(
        &question,
        &json!({"behavior": "allow", "updatedInput": {"file_path": "/b", "content": "changed"}}),
    );
    let result = talk.hear_until("user");
    assert_eq!(result["tool_use_result"]["content"], "changed");
    assert_eq!(talk.hear_until("result")["result"], "Done after 1 tool round(s); 1 result(s), 0 error(s).");
    assert_eq!(talk.end(), Some(0));
}

pub(crate) fn tells_a_denial() {
    let mut talk = Talk::start(&StandIn::new().asks("Bash", json!({"command": "touch b"})), &CONTROL);
    talk.say("touch");
    let question = talk.hear_until("control_request");
    talk.answer(&question, &json!({"behavior": "deny", "message": "Not this one."}));
    assert_eq!(talk.hear_until("user")["tool_use_result"], "Error: Not this one.");
    let result = talk.hear_until("result");
    assert_eq!(result["permission_denials"][0]["tool_input"]["command"], "touch b");
    assert_eq!((&result["is_error"], talk.end()), (&json!(false), Some(0)));
}

pub(crate) fn withdraws_its_question_when_interrupted() {
    let mut talk = Talk::start(&StandIn::new().asks("Bash", json!({"command": "true"})), &CONTROL);
    talk.say("go");
    let question = talk.hear_until("control_request");
    talk.request(&json!({"subtype": "interrupt"}));
    assert_eq!(talk.hear_until("control_cancel_request")["request_id"], question["request_id"]);
    assert_eq!(talk.hear_until("control_response")["response"]["response"]["still_queued"], json!([]));
    let result = talk.hear_until("result");
    assert_eq!(result["terminal_reason"], "aborted_tools");
    assert_eq!(result["permission_denials"][0]["tool_name"], "Bash");
    talk.say("again");
    talk.hear_until("control_request");
    talk.request(&json!({"subtype": "interrupt"}));
    talk.hear_until("result");
    assert_eq!(talk.end(), Some(1));
}

pub(crate) fn ends_the_turn_on_deny_with_interrupt() {
    let mut talk = Talk::start(&StandIn::new().asks("Bash", json!({"command": "true"})), &CONTROL);
    talk.say("go");
    let question = talk.hear_until("control_request");
    talk.answer(&question, &json!({"behavior": "deny", "message": "no", "interrupt": true}));
    assert_eq!(talk.hear_until("user")["tool_use_result"], "User rejected tool use");
    assert_eq!(talk.hear_until("result")["terminal_reason"], "aborted_tools");
    assert_eq!(talk.end(), Some(1));
}

pub(crate) fn goes_on_when_nobody_can_answer_any_more() {
    let mut talk = Talk::start(&StandIn::new().asks("Bash", json!({"command": "true"})), &CONTROL);
    talk.say("go");
    talk.hear_until("control_request");
    talk.close();
    let told = talk.hear_until("user")["message"]["content"][0]["content"].clone();
    assert!(told.as_str().unwrap().contains("stream closed before response"), "{told}");
    assert_eq!(talk.hear_until("result")["is_error"], false);
    assert_eq!(talk.end(), Some(0));
}

pub(crate) fn denies_where_nobody_can_be_asked() {
    let plan = StandIn::new().asks("Write", json!({"file_path": "/a"}));
    let output = run(&plan, &PRINT, "write");
    assert_eq!(lines(&output)[3]["subtype"], "permission_denied");
    let output = run(&plan, &with(&PRINT, &["--permission-mode=acceptEdits"]), "write");
    assert!(lines(&output).iter().all(|line| line["subtype"] != "permission_denied"));
}

pub(crate) fn obeys_set_model_and_set_permission_mode() {
    let mut talk = Talk::start(&StandIn::new().asks("Write", json!({"file_path": "/a"})), &CONTROL);
    talk.request(&json!({"subtype": "initialize", "hooks": null}));
    talk.hear_until("control_response");
    talk.request(&json!({"subtype": "set_model", "model": "claude-haiku-5-5"}));
    assert_eq!(talk.hear_until("control_response")["response"]["response"]["model"], "claude-haiku-5-5");
    talk.request(&json!({"subtype": "set_permission_mode", "mode": "nonsense"}));
    assert_eq!(talk.hear_until("control_response")["response"]["error_code"], "invalid_mode");
    talk.request(&json!({"subtype": "set_permission_mode", "mode": "acceptEdits"}));
    talk.hear_until("control_response");
    talk.say("write");
    let init = talk.hear_until("system/init");
    assert_eq!(
        (&init["model"], &init["permissionMode"]),
        (&json!("claude-haiku-5-5"), &json!("acceptEdits"))
    );
    assert_eq!(talk.hear_until("user")["tool_result_meta"][0]["permission_decision"]["reason_type"], "mode");
    assert_eq!(talk.end(), Some(0));
}

pub(crate) fn ends_on_a_line_that_is_no_json() {
    let output = run(&StandIn::new(), &CONTROL, "{broken\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, recorded("control_bad_input", "stderr.txt"));
}

pub(crate) fn ends_with_the_outcome_of_the_last_turn() {
    let mut talk = Talk::start(&StandIn::new().echo_prompt(), &CONTROL);
    talk.say("one");
    assert_eq!(talk.hear_until("result")["result"], "one");
    talk.say("two");
    let result = talk.hear_until("result");
    assert_eq!((&result["result"], &result["result_index"]), (&json!("two"), &json!(1)));
    assert_eq!(talk.end(), Some(0));
}
