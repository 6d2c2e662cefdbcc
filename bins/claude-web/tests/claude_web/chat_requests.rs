//! What may be asked in a chat, by whom, and twice.

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{Events, end};
use crate::rights::add_user;
use crate::server::{Place, block_on, code};

pub(crate) fn what_may_not_be_asked_is_refused_by_name() {
    block_on(async {
        let server = Place::new(&StandIn::new()).start().await;
        let image = json!({"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}});
        let code_of = |extra: Value| {
            let mut body = json!({"message": "x", "backend": "claude-code"});
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        let wrong: Vec<(Value, &str)> = vec![
            (json!({"message": " \n"}), "message"),
            (json!({"message": "a\0b"}), "message"),
            (json!({"message": 7}), "message"),
            (json!({}), "message"),
            (json!({"message": "x", "conversation_id": "0190"}), "conversation_id"),
            (json!({"message": "x", "backend": "gpt"}), "backend"),
            (json!({"message": "x", "model": "--help"}), "model"),
            (json!({"message": "x", "tools": ["readFile"]}), "tools"),
            (json!({"message": "x", "session_id": "x"}), "session_id"),
            (json!({"message": "x", "cwd": "/tmp"}), "cwd"),
            (json!({"message": "x", "permission_mode": "plan"}), "permission_mode"),
            (json!({"message": "x", "attachments": vec![image.clone(); 21]}), "attachments"),
            (json!({"message": "x", "attachments": [{"type": "image"}]}), "attachments[0]"),
            (
                json!({"message": "x", "attachments": [image.clone(), {"type": "text", "text": "y"}]}),
                "attachments[1]",
            ),
            (
                json!({"message": "x", "attachments": [{"type": "tool_result", "source": {"type": "text"}}]}),
                "attachments[0]",
            ),
            (code_of(json!({"attachments": [image]})), "attachments"),
            (code_of(json!({"message": ""})), "message"),
            (code_of(json!({"session_id": "../x"})), "session_id"),
            (code_of(json!({"cwd": "/etc"})), "cwd"),
            (code_of(json!({"permission_mode": "yolo"})), "permission_mode"),
            (code_of(json!({"tools": ["--settings={}"]})), "tools"),
        ];
        for (body, field) in wrong {
            let answer = server.chat(&body).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{body}");
            let text: Value = answer.json().await.unwrap();
            assert_eq!(text["error"]["code"], "invalid_request", "{body}: {text}");
            assert_eq!(text["error"]["field"], field, "{body}: {text}");
        }
        let unknown = server.chat(&json!({"message": "x", "dangerously-skip-permissions": true}));
        assert_eq!(code(unknown.send().await.unwrap()).await, (400, "unknown_field".into()));
        let nobody = code_of(json!({"session_id": uuid::Uuid::new_v4()}));
        assert_eq!(code(server.chat(&nobody).send().await.unwrap()).await, (404, "not_found".into()));
        assert_eq!(server.get("/api/runs").await["items"], json!([]), "nothing was begun");
    });
}

pub(crate) fn rights_are_those_of_the_account_and_the_key() {
    block_on(async {
        let place = Place::new(&StandIn::new());
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let viewer = server.sign_in("eve", &add_user(&place, "eve", "viewer")).await;
        let ask =
            |token: &str, body: Value| server.request_as(token, Method::POST, "/api/chat").json(&body).send();
        let cli = |extra: (&str, Value)| json!({"message": "x", "backend": "claude-code", extra.0: extra.1});
        let skip = cli(("permission_mode", json!("bypassPermissions")));
        assert_eq!(code(ask(&server.token, skip.clone()).await.unwrap()).await, (403, "forbidden".into()));
        assert_eq!(code(ask(&user, skip).await.unwrap()).await, (403, "forbidden".into()));
        for extra in [
            ("permission_mode", json!("acceptEdits")),
            ("permission_mode", json!("auto")),
            ("tools", json!(["Read", "Bash"])),
        ] {
            let answer = ask(&user, cli(extra)).await.unwrap();
            assert_eq!(code(answer).await, (403, "forbidden_tool".into()));
        }
        assert_eq!(ask(&user, cli(("tools", json!(["Read", "Grep"])))).await.unwrap().status(), 200);
        assert_eq!(
            code(ask(&viewer, json!({"message": "x"})).await.unwrap()).await,
            (403, "forbidden".into())
        );

        let key = |scope: &str| {
            let output = place
                .command()
                .args(["key", "add", "--user", "admin", "--name", scope, "--scopes", scope])
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8(output.stdout).unwrap();
            said.split_whitespace().last().unwrap().to_owned()
        };
        let (chat, claude) = (key("chat"), key("claude"));
        let plain = json!({"message": "x"});
        let answer = ask(&chat, plain.clone()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let run = Events::of(answer).run();
        let stop = server.request_as(&chat, Method::POST, &format!("/api/runs/{run}/interrupt"));
        assert!([202, 409].contains(&stop.send().await.unwrap().status().as_u16()), "it may stop its own");
        let code_answer = ask(&chat, json!({"message": "x", "backend": "claude-code"})).await.unwrap();
        assert_eq!(code(code_answer).await, (403, "forbidden".into()));
        assert_eq!(code(ask(&claude, plain).await.unwrap()).await, (403, "forbidden".into()));
    });
}

pub(crate) fn a_repeated_request_finds_its_run() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(20).rate(40.0)).start().await;
        let body = json!({"message": "go", "backend": "claude-code"});
        let ask = |body: &Value| server.chat(body).header("idempotency-key", "one").send();
        // At once, one after the other, and with another order of members.
        let answers = futures_util::future::join_all((0..5).map(|_| ask(&body))).await;
        let mut answers: Vec<Events> =
            answers.into_iter().map(|answer| Events::of(answer.unwrap())).collect();
        let again: Value = serde_json::from_str(r#"{"backend":"claude-code","message":"go"}"#).unwrap();
        answers.push(Events::of(ask(&again).await.unwrap()));
        let run = answers[0].run();
        let mut first = None;
        for mut answer in answers {
            assert_eq!(answer.run(), run);
            let all = answer.all().await;
            end(&all, "completed");
            assert_eq!(first.get_or_insert_with(|| all.clone()), &all);
        }
        assert_eq!(server.get("/api/runs").await["items"].as_array().unwrap().len(), 1);
        let other = ask(&json!({"message": "stop", "backend": "claude-code"})).await.unwrap();
        let text: Value = other.json().await.unwrap();
        assert_eq!(
            (&text["error"]["code"], &text["error"]["field"]),
            (&json!("invalid_request"), &json!("idempotency-key"))
        );
        // A request that was refused does not use its key up.
        let refused =
            server.chat(&json!({"message": ""})).header("idempotency-key", "two").send().await.unwrap();
        assert_eq!(refused.status(), 400);
        let fine = server.chat(&body).header("idempotency-key", "two").send().await.unwrap();
        assert_eq!(fine.status(), 200);
        let odd = server.chat(&body).header("idempotency-key", "a b").send().await.unwrap();
        assert_eq!(code(odd).await, (400, "invalid_request".into()));
    });
}

pub(crate) fn a_chat_that_answers_later_says_where() {
    block_on(async {
        let server =
            Place::new(&StandIn::new().text("Hello.")).set("MAX_STREAMS_PER_USER", "1").start().await;
        let body = json!({"message": "go", "backend": "claude-code"});
        let answer = server.chat(&body).header("prefer", "respond-async").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers()["preference-applied"], "respond-async");
        let run = answer.headers()["x-run-id"].to_str().unwrap().to_owned();
        assert_eq!(answer.headers()["location"], format!("/api/runs/{run}").as_str());
        let info = server.run_in(&run, &["completed", "failed", "cancelled"]).await;
        assert_eq!(info["state"], "completed");
        end(&server.events(&run, 0).await.all().await, "completed");
    });
}
