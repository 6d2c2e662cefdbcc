//! Chat turns that Claude Code answers.

use claude_core::testing::StandIn;
use serde_json::json;

use crate::events::{end, event_names, text};
use crate::server::{Place, block_on, names};

pub(crate) fn claude_code_answers_in_a_chat() {
    block_on(async {
        let place = Place::new(&StandIn::new().text("Hello.").text("World."));
        let server = place.start().await;
        let mut events = server.turn(&json!({"message": "go", "backend": "claude-code"})).await;
        let run = events.run();
        let all = events.all().await;
        assert_eq!((event_names(&all)[0], text(&all).as_str()), ("started", "Hello.World."));
        end(&all, "completed");
        let session = all[0].json()["session_id"].as_str().unwrap().to_owned();
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!((&info["state"], &info["session_id"]), (&json!("completed"), &json!(session)));
        let known = server.get(&format!("/api/claude/sessions/{session}")).await;
        assert_eq!(
            (&known["turns"], &known["title"], &known["state"]),
            (&json!(1), &json!("go"), &json!("idle"))
        );
        assert_eq!(names(&place.workspaces()).len(), 1);
        let (cost, of_run) = (known["cost_usd"].as_f64().unwrap(), info["cost_usd"].as_f64().unwrap());
        assert!((cost - of_run).abs() < 1e-6, "{known} {info}");
    });
}

pub(crate) fn a_session_goes_on_in_both_ways() {
    block_on(async {
        let server = Place::new(&StandIn::new().text("ok")).start().await;
        let first = server.turn(&json!({"message": "one", "backend": "claude-code"})).await.all().await;
        let session = first[0].json()["session_id"].as_str().unwrap().to_owned();
        let second = server.run(&json!({"prompt": "two", "session_id": session})).await.all().await;
        assert_eq!(second[0].json()["session_id"], session.as_str());
        let body = json!({"message": "three", "backend": "claude-code", "session_id": session});
        let third = server.turn(&body).await.all().await;
        end(&third, "completed");
        assert_eq!(third[0].json()["session_id"], session.as_str());
        let known = server.get(&format!("/api/claude/sessions/{session}")).await;
        assert_eq!((&known["turns"], &known["title"]), (&json!(3), &json!("one")));
        let runs = server.get("/api/runs").await["items"].clone();
        let sum: f64 = runs.as_array().unwrap().iter().map(|run| run["cost_usd"].as_f64().unwrap()).sum();
        assert!((sum - known["cost_usd"].as_f64().unwrap()).abs() < 1e-6, "only what it adds counts: {runs}");
    });
}

pub(crate) fn a_busy_session_makes_a_chat_wait() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(20).rate(20.0)).start().await;
        let mut first = server.run(&json!({"prompt": "one"})).await;
        let session = first.next().await.unwrap().json()["session_id"].as_str().unwrap().to_owned();
        let body = json!({"message": "two", "backend": "claude-code", "session_id": session});
        let mut second = server.turn(&body).await;
        let run = second.run();
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "queued");
        first.all().await;
        end(&second.all().await, "completed");
        // One that is stopped while it waits has its end too.
        let mut first = server.run(&json!({"prompt": "one", "session_id": session})).await;
        first.next().await.unwrap();
        let mut second = server.turn(&body).await;
        let path = format!("/api/runs/{}/interrupt", second.run());
        server.request(reqwest::Method::POST, &path).send().await.unwrap();
        assert_eq!(end(&second.all().await, "cancelled")["by"], "user");
    });
}
