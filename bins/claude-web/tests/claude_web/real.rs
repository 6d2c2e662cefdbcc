//! The real Claude Code CLI against a Messages API on this machine.

use claude_core::testing::{LoopbackApi, Plan, real_cli};
use reqwest::Method;
use serde_json::json;

use crate::events::{Event, Events, assert_numbered, end};
use crate::rights::add_user;
use crate::server::{Place, block_on, code, names};

fn place(api: &LoopbackApi) -> Place {
    let cli = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
    Place::with_cli(&cli.display().to_string())
        .set("ANTHROPIC_BASE_URL", &api.url())
        .set("ANTHROPIC_API_KEY", "test-key-0123456789")
        .set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .set("IS_SANDBOX", "1")
        .set("ALLOW_SKIP_PERMISSIONS", "true")
}

fn result(events: &[Event]) -> serde_json::Value {
    assert_numbered(events, 1);
    assert!(events.iter().all(|event| event.name.is_none()), "nothing is added");
    let last = events.last().unwrap().json();
    assert_eq!((&last["type"], &last["is_error"]), (&json!("result"), &json!(false)), "{last}");
    last
}

pub(crate) fn the_three_examples_work() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api);
        let server = place.start().await;
        let first = server.run(&json!({"prompt": "scenario:text n=6"})).await.all().await;
        let first = result(&first);
        assert_eq!(first["result"], "stream every token as it comes");
        let session = first["session_id"].as_str().unwrap();

        let second = server.run(&json!({"prompt": "And now?", "session_id": session})).await.all().await;
        assert_eq!(result(&second)["session_id"], session);
        assert!(api.requests().last().unwrap().messages().len() >= 3, "the history goes along");

        let workspace =
            server.get(&format!("/api/claude/sessions/{session}")).await["workspace_path"].clone();
        assert_eq!(names(&place.workspaces()).len(), 1);
        let file = format!("{}/new.txt", workspace.as_str().unwrap());
        let third = json!({
            "prompt": format!("scenario:tool_write path={file} content=hello"),
            "session_id": session,
            "dangerously-skip-permissions": true,
            "allowedTools": ["Bash", "Edit", "Write"],
            "disallowedTools": ["WebFetch", "WebSearch"],
        });
        result(&server.run(&third).await.all().await);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");

        let known = server.get(&format!("/api/claude/sessions/{session}")).await;
        assert_eq!(known["turns"], 3);
        assert_eq!((&known["title"], &known["state"]), (&json!("scenario:text n=6"), &json!("idle")));
        assert!(known["cost_usd"].as_f64().unwrap() > 0.0, "{known}");
        let runs = server.get("/api/runs").await["items"].clone();
        let sum: f64 = runs.as_array().unwrap().iter().map(|run| run["cost_usd"].as_f64().unwrap()).sum();
        assert!((sum - known["cost_usd"].as_f64().unwrap()).abs() < 1e-6, "{runs}");
    });
}

pub(crate) fn odd_prompts_reach_the_model_and_grant_nothing() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api).set("ALLOW_SKIP_PERMISSIONS", "false");
        let server = place.start().await;
        let file = place.data.path().join("granted.txt");
        for prompt in [
            "--dangerously-skip-permissions".to_owned(),
            "-p --allowedTools=Write".to_owned(),
            format!("scenario:tool_write path={} content=x --allowedTools Write", file.display()),
            "x".repeat(1 << 20),
            "line\none \u{2028} two \u{1f600} \u{202e}three".to_owned(),
        ] {
            result(&server.run(&json!({"prompt": prompt})).await.all().await);
        }
        assert!(!file.exists(), "no text grants a tool");
        let skip =
            server.ask(&json!({"prompt": "x", "dangerously-skip-permissions": true})).send().await.unwrap();
        assert_eq!(code(skip).await, (403, "forbidden".into()));
        let unknown = json!({"prompt": "x", "session_id": uuid::Uuid::new_v4()});
        assert_eq!(code(server.ask(&unknown).send().await.unwrap()).await, (404, "not_found".into()));
    });
}

pub(crate) fn what_is_approved_is_what_claude_code_writes() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api);
        let file = place.data.path().join("projects/approved.txt");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        let place = place.set("PROJECT_ROOTS", &file.parent().unwrap().display().to_string());
        let server = place.start().await;
        let body = json!({
            "message": format!("scenario:tool_write path={} content=asked", file.display()),
            "backend": "claude-code",
            "cwd": file.parent().unwrap(),
        });
        for (decision, written) in [
            (json!({"decision": "deny", "reason": "not today"}), None),
            (json!({"decision": "allow"}), Some("asked")),
            (json!({"decision": "allow", "input": {"file_path": file, "content": "edited"}}), Some("edited")),
        ] {
            let mut events = server.turn(&body).await;
            let question = loop {
                let event = events.next().await.expect("the turn ended without a question");
                if event.name.as_deref() == Some("approval_required") {
                    break event.json();
                }
            };
            assert_eq!(question["preview"]["kind"], "diff");
            let path = format!("/api/approvals/{}", question["approval_id"].as_str().unwrap());
            let decided = server.request(Method::POST, &path).json(&decision).send().await.unwrap();
            assert_eq!(decided.status(), 200);
            end(&events.all().await, "completed");
            assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), written, "{decision}");
        }
    });
}

pub(crate) fn nobody_becomes_an_admin_by_reading() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api);
        let server = place.start().await;
        let bob = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let file = place.data.path().join("data/jwt-secret");
        let secret = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let around = format!("/proc/self/root{}", file.display());
        let pattern = &secret[..8];
        for (tool, input) in [
            ("Read", json!({"file_path": file})),
            ("Read", json!({"file_path": "../../jwt-secret"})),
            ("Read", json!({"file_path": around})),
            ("Grep", json!({"pattern": pattern, "path": file.parent(), "output_mode": "content"})),
        ] {
            let asked = format!("scenario:tool name={tool} input='{input}'");
            let chat = json!({"message": asked, "backend": "claude-code", "tools": ["Read", "Grep"]});
            let run = json!({"prompt": asked, "allowedTools": ["Read", "Grep"]});
            for (path, body) in [("/api/chat", chat), ("/api/claude", run)] {
                let answer = server.request_as(&bob, Method::POST, path).json(&body).send().await.unwrap();
                let all = Events::of(answer).all().await;
                assert!(all.len() > 3 && !shows(&all, &secret), "{path} {input}");
            }
        }
        let at_once = json!({"prompt": format!("scenario:text @{}", file.display())});
        let answer =
            server.request_as(&bob, Method::POST, "/api/claude").json(&at_once).send().await.unwrap();
        Events::of(answer).all().await;
        let told = api.requests().iter().any(|request| request.body.to_string().contains(&secret));
        assert!(!told, "nor is it sent to the model");

        let own = json!({
            "message": format!("scenario:tool name=Read input='{}'", json!({"file_path": "/etc/hostname"})),
            "backend": "claude-code",
        });
        let answer = server.request_as(&bob, Method::POST, "/api/chat").json(&own).send().await.unwrap();
        let all = Events::of(answer).all().await;
        let result = all.iter().find(|event| event.name.as_deref() == Some("tool_result")).unwrap().json();
        assert_eq!(result["is_error"], false, "other files are read: {result}");
    });
}

fn shows(events: &[Event], secret: &str) -> bool {
    events.iter().any(|event| String::from_utf8_lossy(&event.data).contains(secret))
}
