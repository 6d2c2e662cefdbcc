//! Who may what.

use std::process::Stdio;

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::json;

use crate::server::{Place, block_on, code};

/// Makes a user beside the running server, and gives its password.
pub(crate) fn add_user(place: &Place, name: &str, role: &str) -> String {
    let output = place
        .command()
        .args(["user", "add", name, "--role", role])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().last().unwrap().to_owned()
}

pub(crate) fn only_admins_may_what_is_dangerous() {
    block_on(async {
        let place = Place::new(&StandIn::new()).set("ALLOW_SKIP_PERMISSIONS", "true");
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let viewer = server.sign_in("eve", &add_user(&place, "eve", "viewer")).await;
        let ask = |token: &str, body: serde_json::Value| {
            server.request_as(token, Method::POST, "/api/claude").json(&body).send()
        };
        for body in [
            json!({"prompt": "x", "dangerously-skip-permissions": true}),
            json!({"prompt": "x", "permissionMode": "bypassPermissions"}),
        ] {
            assert_eq!(code(ask(&user, body.clone()).await.unwrap()).await, (403, "forbidden".into()));
            assert_eq!(ask(&server.token, body).await.unwrap().status(), 200);
        }
        for body in [
            json!({"prompt": "x", "permissionMode": "acceptEdits"}),
            json!({"prompt": "x", "permissionMode": "auto"}),
            json!({"prompt": "x", "allowedTools": ["Read", "Bash"]}),
            json!({"prompt": "x", "allowedTools": ["Bash(ls)"]}),
            json!({"prompt": "x", "allowedTools": ["Readx"]}),
            json!({"prompt": "x", "allowedTools": ["mcp__a__b"]}),
        ] {
            assert_eq!(code(ask(&user, body).await.unwrap()).await, (403, "forbidden_tool".into()));
        }
        for body in [
            json!({"prompt": "x", "allowedTools": ["Read", "Glob", "Grep", "Read(src/**)"]}),
            json!({"prompt": "x", "permissionMode": "plan"}),
        ] {
            assert_eq!(ask(&user, body).await.unwrap().status(), 200);
        }
        assert_eq!(
            code(ask(&viewer, json!({"prompt": "x"})).await.unwrap()).await,
            (403, "forbidden".into())
        );
    });
}

pub(crate) fn runs_and_sessions_are_their_owners() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(1000).rate(50.0));
        let server = place.start().await;
        let bob = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        let session = events.next().await.unwrap().json()["session_id"].as_str().unwrap().to_owned();
        let (run, session) = (format!("/api/runs/{run}"), format!("/api/claude/sessions/{session}"));
        for (method, path) in [
            (Method::GET, run.clone()),
            (Method::GET, format!("{run}/events")),
            (Method::GET, format!("{run}/events?format=turn")),
            (Method::POST, format!("{run}/interrupt")),
            (Method::GET, session.clone()),
            (Method::DELETE, session.clone()),
        ] {
            let theirs = server.request_as(&bob, method.clone(), &path).send().await.unwrap();
            assert_eq!(code(theirs).await, (404, "not_found".into()), "{method} {path}");
        }
        let rename = server.request_as(&bob, Method::PATCH, &session).json(&json!({"name": "mine"}));
        assert_eq!(code(rename.send().await.unwrap()).await, (404, "not_found".into()));
        let id = session.rsplit('/').next().unwrap();
        let resume = server
            .request_as(&bob, Method::POST, "/api/claude")
            .json(&json!({"prompt": "x", "session_id": id}));
        assert_eq!(code(resume.send().await.unwrap()).await, (404, "not_found".into()));
        for list in ["/api/runs", "/api/claude/sessions"] {
            let theirs = server.request_as(&bob, Method::GET, list).send().await.unwrap();
            assert_eq!(theirs.json::<serde_json::Value>().await.unwrap()["items"], json!([]));
        }
        assert_eq!(server.get(&run).await["state"], "running");
    });
}
