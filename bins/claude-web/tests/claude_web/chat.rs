//! Chat turns that the Messages API answers.

use claude_core::testing::{LoopbackApi, Plan, Reply, StandIn};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::events::{Events, assert_numbered, end, event_names, text};
use crate::rights::add_user;
use crate::server::{Place, block_on, eventually};

/// A server with a Messages API whose prompts choose the answer.
async fn place() -> (Place, LoopbackApi) {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    (Place::new(&StandIn::new()).with_api(&api.url()), api)
}

pub(crate) fn a_message_is_answered_as_a_turn() {
    block_on(async {
        let (place, api) = place().await;
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "scenario:text n=6"})).await;
        let run = events.run();
        let all = events.all().await;
        assert_numbered(&all, 1);
        assert_eq!(event_names(&all)[0], "started");
        assert_eq!(text(&all), "stream every token as it comes");
        assert_eq!(end(&all, "completed")["stop_reason"], "end_turn");
        assert!(event_names(&all).contains(&"usage") && event_names(&all).contains(&"message"));
        assert_eq!(all[0].json()["model"], "claude-sonnet-5-5", "DEFAULT_MODEL");
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!((&info["kind"], &info["state"]), (&json!("chat"), &json!("completed")));
        // They are a turn's events already.
        let path = format!("/api/runs/{run}/events?format=turn");
        let turn = Events::of(server.request(Method::GET, &path).send().await.unwrap()).all().await;
        assert_eq!(turn, all);
        let asked = api.requests();
        assert_eq!((asked.len(), asked[0].messages().len()), (1, 1));
        let metrics = server.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        for line in
            ["llm_requests_total{", "task_type=\"chat\"", "phase=\"first_token\"", "llm_tokens_total{"]
        {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
    });
}

pub(crate) fn a_chat_ends_with_its_owners_account() {
    block_on(async {
        let (place, api) = place().await;
        let server = place.start().await;
        let token = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let ask = |token: &str| {
            let request = server.request_as(token, Method::POST, "/api/chat");
            request.json(&json!({"message": "scenario:stall after=4"})).send()
        };
        let (bobs, mine) = (ask(&token).await.unwrap(), ask(&server.token).await.unwrap());
        eventually("both are asked", || api.in_flight() == 2).await;
        // Nobody needs to read it.
        drop(bobs);
        let users = server.get("/api/users").await;
        let bob = users["items"].as_array().unwrap().iter().find(|user| user["name"] == "bob").unwrap();
        let path = format!("/api/users/{}", bob["id"].as_str().unwrap());
        assert!(server.request(Method::DELETE, &path).send().await.unwrap().status().is_success());
        eventually("bob's turn is stopped", || api.in_flight() == 1).await;
        drop(mine);
    });
}

pub(crate) fn a_reader_may_leave_and_come_back_anywhere() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "scenario:slow n=10 delay=20"})).await;
        let run = events.run();
        let first = events.next().await.unwrap();
        drop(events);
        // Behind what it got, while the turn goes on.
        let rest = server.events(&run, first.id).await.all().await;
        assert_numbered(&rest, 2);
        end(&rest, "completed");
        let all = server.events(&run, 0).await.all().await;
        assert_eq!((&all[0], &all[1..]), (&first, &rest[..]));
        for event in &all {
            assert_eq!(server.events(&run, event.id).await.all().await, all[at(event.id)..]);
        }
    });
}

fn at(id: u64) -> usize {
    usize::try_from(id).unwrap()
}

pub(crate) fn a_chat_goes_on_without_a_reader() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.set("RUN_GRACE_MS", "0").start().await;
        let events = server.turn(&json!({"message": "scenario:slow n=8 delay=30"})).await;
        let run = events.run();
        drop(events);
        let info = server.run_in(&run, &["completed", "failed", "cancelled"]).await;
        assert_eq!(info["state"], "completed");
        let all = server.events(&run, 0).await.all().await;
        assert_eq!(text(&all).split(' ').count(), 8);
        // It outlives the server too.
        server.kill();
    });
}

pub(crate) fn an_interrupt_ends_the_turn() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "scenario:slow n=1000 delay=50"})).await;
        let run = events.run();
        while events.next().await.unwrap().name.as_deref() != Some("text_delta") {}
        let interrupt = server.request(Method::POST, &format!("/api/runs/{run}/interrupt"));
        assert_eq!(interrupt.send().await.unwrap().status(), 202);
        let all = events.all().await;
        assert_eq!(end(&all, "cancelled")["by"], "user");
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!(
            (&info["state"], &info["error"]["message"]),
            (&json!("cancelled"), &json!("stopped: user"))
        );
    });
}

pub(crate) fn what_the_api_says_no_to_is_the_end_of_the_turn() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.start().await;
        for (message, code) in [
            ("scenario:error status=401", "unauthorized"),
            ("scenario:error status=400", "rejected"),
            ("scenario:cut after=1500", "incomplete"),
        ] {
            let mut events = server.turn(&json!({"message": message})).await;
            let run = events.run();
            let failed = end(&events.all().await, "failed");
            assert_eq!(failed["code"], code, "{message}: {failed}");
            let info = server.get(&format!("/api/runs/{run}")).await;
            assert_eq!((&info["state"], &info["error"]["code"]), (&json!("failed"), &json!(code)));
            assert_eq!(info["error"]["message"], failed["message"]);
        }
    });
}

pub(crate) fn an_error_that_repeats_the_key_does_not_show_it() {
    block_on(async {
        let key = "planted-key-0123456789";
        let said = format!("no such key: {key}");
        let api = LoopbackApi::start(Reply::status(401).message(&said)).await.unwrap();
        let place = Place::new(&StandIn::new()).with_api(&api.url()).set("ANTHROPIC_API_KEY", key);
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "hi"})).await;
        let run = events.run();
        let failed = end(&events.all().await, "failed").to_string();
        let info = server.get(&format!("/api/runs/{run}")).await.to_string();
        for told in [failed, info] {
            assert!(told.contains("no such key: [redacted]") && !told.contains("planted"), "{told}");
        }
    });
}

pub(crate) fn without_a_key_the_turn_fails_and_the_server_runs() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = Place::new(&StandIn::new()).set("ANTHROPIC_BASE_URL", &api.url());
        let server = place.start().await;
        let all = server.turn(&json!({"message": "scenario:text"})).await.all().await;
        let failed = end(&all, "failed");
        assert_eq!((&failed["code"], &failed["retryable"]), (&json!("not_configured"), &json!(false)));
        assert!(api.requests().is_empty());
    });
}

pub(crate) fn attachments_reach_the_model() {
    block_on(async {
        let api = LoopbackApi::start(Reply::text("A picture.")).await.unwrap();
        let server = Place::new(&StandIn::new()).with_api(&api.url()).start().await;
        let picture = json!({
            "type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        });
        let body = json!({"message": "What is it?", "attachments": [picture], "model": "claude-haiku-5-5"});
        let all = server.turn(&body).await.all().await;
        assert_eq!(text(&all), "A picture.");
        let messages = api.requests()[0].messages().to_vec();
        let content: &Value = &messages[0]["content"];
        assert_eq!((&content[0], &content[1]["text"]), (&picture, &json!("What is it?")));
        assert_eq!(all[0].json()["model"], "claude-haiku-5-5");
    });
}

pub(crate) fn a_killed_server_leaves_an_end() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "scenario:slow n=1000 delay=50"})).await;
        let run = events.run();
        let mut seen = 0;
        while seen < 3 {
            seen += u32::from(events.next().await.unwrap().name.as_deref() == Some("text_delta"));
        }
        server.kill();
        let server = place.start().await;
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!((&info["state"], &info["error"]["code"]), (&json!("interrupted"), &json!("interrupted")));
        for path in [format!("/api/runs/{run}/events"), format!("/api/runs/{run}/events?format=turn")] {
            let all = Events::of(server.request(Method::GET, &path).send().await.unwrap()).all().await;
            let failed = end(&all, "failed");
            assert_eq!((&failed["code"], &failed["retryable"]), (&json!("interrupted"), &json!(true)));
        }
    });
}

pub(crate) fn a_server_that_is_told_to_stop_ends_its_turns() {
    block_on(async {
        let (place, _api) = place().await;
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "scenario:slow n=1000 delay=50"})).await;
        let run = events.run();
        events.next().await.unwrap();
        server.signal(Signal::TERM);
        assert_eq!(end(&events.all().await, "cancelled")["by"], "shutdown");
        assert_eq!(server.ended().await.code(), Some(0));
        let server = place.start().await;
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "cancelled");
    });
}
