//! Questions about tools, and who answers them.

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{Event, Events, end, event_names};
use crate::rights::add_user;
use crate::server::{Place, Server, block_on, code};

fn asks() -> StandIn {
    StandIn::new().asks("Write", json!({"file_path": "note.txt", "content": "asked"})).text("Done.")
}

fn body() -> Value {
    json!({"message": "go", "backend": "claude-code"})
}

/// A turn up to its question: the rest of its events, what came, and the question.
async fn until_asked(server: &Server) -> (Events, Vec<Event>, Value) {
    let mut events = server.turn(&body()).await;
    let mut seen = Vec::new();
    loop {
        let event = events.next().await.expect("the turn ended without a question");
        seen.push(event);
        if seen.last().unwrap().name.as_deref() == Some("approval_required") {
            let question = seen.last().unwrap().json();
            return (events, seen, question);
        }
    }
}

async fn decide(server: &Server, id: &Value, decision: &Value) -> reqwest::Response {
    let path = format!("/api/approvals/{}", id.as_str().unwrap());
    server.request(Method::POST, &path).json(decision).send().await.unwrap()
}

/// The decision's event and the tool's result.
fn outcome(events: &[Event]) -> (Value, Value) {
    let find = |name: &str| events.iter().find(|event| event.name.as_deref() == Some(name)).map(Event::json);
    let names = event_names(events);
    (
        find("approval_resolved").unwrap_or_else(|| panic!("{names:?}")),
        find("tool_result").unwrap_or_else(|| panic!("{names:?}")),
    )
}

pub(crate) fn what_was_allowed_runs_as_it_was_asked() {
    block_on(async {
        let place = Place::new(&asks());
        let server = place.start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let run = events.run();
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "waiting_approval");
        let pending = server.get("/api/approvals?state=pending").await;
        assert_eq!((pending["items"].as_array().unwrap().len(), &pending["next_cursor"]), (1, &Value::Null));
        let shown = &pending["items"][0];
        for (of_event, of_list) in [
            ("approval_id", "id"),
            ("tool_call_id", "tool_call_id"),
            ("name", "name"),
            ("input", "input"),
            ("preview", "preview"),
            ("expires_at", "expires_at"),
        ] {
            assert_eq!(question[of_event], shown[of_list], "{of_list}");
        }
        assert_eq!((&shown["run_id"], &shown["state"]), (&json!(run), &json!("pending")));
        assert_eq!(shown["preview"]["kind"], "diff");

        let decided = decide(&server, &shown["id"], &json!({"decision": "allow"})).await;
        assert_eq!(decided.status(), 200);
        let decided: Value = decided.json().await.unwrap();
        assert_eq!(
            (&decided["state"], &decided["by"], &decided["edited"]),
            (&json!("allowed"), &json!("admin"), &json!(false))
        );
        let all = events.all().await;
        end(&all, "completed");
        let (resolved, result) = outcome(&all);
        assert_eq!((&resolved["decision"], &resolved["by"]), (&json!("allow"), &json!("admin")));
        assert_eq!(resolved["approval_id"], shown["id"]);
        assert_eq!(result["is_error"], false);
        let again = decide(&server, &shown["id"], &json!({"decision": "deny"})).await;
        assert_eq!(code(again).await, (409, "already_decided".into()));
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "completed");
        assert_eq!(server.get("/api/approvals?state=pending").await["items"], json!([]));
        drop(server);
        // What was decided, what ran and what came of it, in this order.
        let database = format!("sqlite://{}/data/claude-web.db", place.data.path().display());
        let store = store_core::Store::open(&database).await.unwrap();
        let audit = store.system().audit().list(store_core::Paging::first()).await.unwrap().items;
        let actions: Vec<_> = audit
            .iter()
            .rev()
            .filter(|it| it.action.starts_with("approval."))
            .map(|it| &*it.action)
            .collect();
        assert_eq!(actions, ["approval.decide", "approval.run", "approval.ran"]);
    });
}

pub(crate) fn a_no_is_told_with_its_reason() {
    block_on(async {
        let server = Place::new(&asks()).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let deny = json!({"decision": "deny", "reason": "not on a Friday"});
        let decided: Value = decide(&server, &question["approval_id"], &deny).await.json().await.unwrap();
        assert_eq!((&decided["state"], &decided["reason"]), (&json!("denied"), &json!("not on a Friday")));
        let (resolved, result) = outcome(&events.all().await);
        assert_eq!(resolved["decision"], "deny");
        assert_eq!((&result["is_error"], &result["content"]), (&json!(true), &json!("not on a Friday")));
    });
}

pub(crate) fn an_edited_input_is_what_runs() {
    block_on(async {
        let server = Place::new(&asks()).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let id = &question["approval_id"];
        for (wrong, field) in [
            (json!({"decision": "allow", "input": [1]}), "input"),
            (json!({"decision": "deny", "input": {}}), "input"),
            (json!({"decision": "allow_session", "input": {}}), "input"),
            (json!({"decision": "maybe"}), "decision"),
        ] {
            let answer: Value = decide(&server, id, &wrong).await.json().await.unwrap();
            assert_eq!(answer["error"]["field"], field, "{answer}");
        }
        let before = server.get(&format!("/api/approvals/{}", id.as_str().unwrap())).await;
        let input = json!({"file_path": "other.txt", "content": "edited"});
        let decided = decide(&server, id, &json!({"decision": "allow", "input": input})).await;
        let decided: Value = decided.json().await.unwrap();
        assert_eq!((&decided["input"], &decided["edited"]), (&input, &json!(true)), "{decided}");
        assert_eq!(
            (&decided["preview"]["path"], &decided["preview"]["after"]),
            (&json!("other.txt"), &json!("edited"))
        );
        assert_ne!(decided["digest"], before["digest"]);
        let (_, result) = outcome(&events.all().await);
        assert!(result["content"].as_str().unwrap().contains("other.txt"), "{result}");
    });
}

pub(crate) fn two_deciders_make_one_decision() {
    block_on(async {
        let server = Place::new(&asks()).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let id = &question["approval_id"];
        let decisions = (0..8).map(|at| json!({"decision": if at % 2 == 0 { "allow" } else { "deny" }}));
        let decisions: Vec<Value> = decisions.collect();
        let answers = decisions.iter().map(|decision| decide(&server, id, decision));
        let answers = futures_util::future::join_all(answers).await;
        let mut won = Vec::new();
        for answer in answers {
            match answer.status().as_u16() {
                200 => won.push(answer.json::<Value>().await.unwrap()),
                _ => assert_eq!(code(answer).await, (409, "already_decided".into())),
            }
        }
        assert_eq!(won.len(), 1);
        let (resolved, result) = outcome(&events.all().await);
        assert_eq!(resolved["decision"], won[0]["decision"]);
        assert_eq!(result["is_error"], won[0]["decision"] == "deny");
    });
}

pub(crate) fn a_yes_for_the_session_needs_an_offer() {
    block_on(async {
        let once = StandIn::new().asks("Bash", json!({"command": "ls"}));
        let server = Place::new(&once).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let id = &question["approval_id"];
        let answer = decide(&server, id, &json!({"decision": "allow_session"})).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["field"]),
            (&json!("invalid_request"), &json!("decision"))
        );
        assert_eq!(decide(&server, id, &json!({"decision": "allow"})).await.status(), 200);
        end(&events.all().await, "completed");

        let server = Place::new(&asks()).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let decided = decide(&server, &question["approval_id"], &json!({"decision": "allow_session"})).await;
        let decided: Value = decided.json().await.unwrap();
        assert_eq!(
            (&decided["decision"], &decided["session_rule"]),
            (&json!("allow_session"), &json!("Write"))
        );
        let (resolved, _) = outcome(&events.all().await);
        assert_eq!(resolved["decision"], "allow_session");
    });
}

pub(crate) fn only_the_owner_sees_and_decides() {
    block_on(async {
        let place = Place::new(&asks());
        let server = place.start().await;
        let other = server.sign_in("ada", &add_user(&place, "ada", "admin")).await;
        let (mut events, _, question) = until_asked(&server).await;
        let path = format!("/api/approvals/{}", question["approval_id"].as_str().unwrap());
        let allow = json!({"decision": "allow"});
        let get = server.request_as(&other, Method::GET, &path).send().await.unwrap();
        assert_eq!(code(get).await, (404, "not_found".into()));
        let post = server.request_as(&other, Method::POST, &path).json(&allow).send().await.unwrap();
        assert_eq!(code(post).await, (404, "not_found".into()));
        let list = server.request_as(&other, Method::GET, "/api/approvals").send().await.unwrap();
        assert_eq!(list.json::<Value>().await.unwrap()["items"], json!([]));
        for id in ["x", "0190", &uuid::Uuid::new_v4().to_string()] {
            let none = server.request(Method::POST, &format!("/api/approvals/{id}")).json(&allow);
            assert_eq!(code(none.send().await.unwrap()).await, (404, "not_found".into()));
        }
        decide(&server, &question["approval_id"], &allow).await;
        end(&events.all().await, "completed");
    });
}

pub(crate) fn users_run_without_writes() {
    block_on(async {
        let place = Place::new(&asks());
        let server = place.start().await;
        let bob = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let answer = server.request_as(&bob, Method::POST, "/api/chat").json(&body()).send().await.unwrap();
        let all = Events::of(answer).all().await;
        end(&all, "completed");
        assert!(!event_names(&all).contains(&"approval_required"), "nobody is asked");
        let result = all.iter().find(|event| event.name.as_deref() == Some("tool_result")).unwrap().json();
        assert_eq!(result["is_error"], true);
        assert!(result["content"].as_str().unwrap().contains("only reads"), "{result}");
    });
}

pub(crate) fn an_interrupt_takes_its_questions_back() {
    block_on(async {
        let server = Place::new(&asks()).start().await;
        let (mut events, _, question) = until_asked(&server).await;
        let path = format!("/api/runs/{}/interrupt", events.run());
        assert_eq!(server.request(Method::POST, &path).send().await.unwrap().status(), 202);
        let all = events.all().await;
        end(&all, "cancelled");
        let resolved = all.iter().find(|event| event.name.as_deref() == Some("approval_resolved")).unwrap();
        assert_eq!(resolved.json()["decision"], "withdrawn");
        let id = question["approval_id"].as_str().unwrap();
        let late = decide(&server, &question["approval_id"], &json!({"decision": "allow"})).await;
        assert_eq!(code(late).await, (409, "already_decided".into()));
        assert_eq!(server.get(&format!("/api/approvals/{id}")).await["state"], "withdrawn");
    });
}
