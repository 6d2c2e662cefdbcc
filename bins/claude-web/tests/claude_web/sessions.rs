//! Sessions: what is kept of them.

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::json;

use crate::server::{Place, block_on, code, names};

pub(crate) fn a_session_is_kept_named_and_deleted() {
    block_on(async {
        let place = Place::new(&StandIn::new());
        let server = place.start().await;
        let mut ids = Vec::new();
        for number in 0..3 {
            let all = server.run(&json!({"prompt": format!("\n  number {number}\nmore")})).await.all().await;
            ids.push(all[0].json()["session_id"].as_str().unwrap().to_owned());
        }
        let page = server.get("/api/claude/sessions?limit=2").await;
        let listed = |page: &serde_json::Value| -> Vec<String> {
            let items = page["items"].as_array().unwrap().iter();
            items.map(|item| item["claude_session_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(listed(&page), [ids[2].clone(), ids[1].clone()], "the last used first");
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = server.get(&format!("/api/claude/sessions?limit=2&cursor={cursor}")).await;
        assert_eq!((listed(&rest), &rest["next_cursor"]), (vec![ids[0].clone()], &json!(null)));
        let bad = server.request(Method::GET, "/api/claude/sessions?cursor=x").send().await.unwrap();
        assert_eq!(code(bad).await, (400, "invalid_request".into()));

        let path = format!("/api/claude/sessions/{}", ids[0]);
        let renamed =
            server.request(Method::PATCH, &path).json(&json!({"name": "mine"})).send().await.unwrap();
        let session: serde_json::Value = renamed.json().await.unwrap();
        assert_eq!((&session["name"], &session["title"]), (&json!("mine"), &json!("number 0")));
        assert_eq!((&session["turns"], &session["state"]), (&json!(1), &json!("idle")));
        assert_eq!(names(&place.workspaces()).len(), 3);
        assert_eq!(server.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
        assert_eq!(names(&place.workspaces()).len(), 2, "its workspace goes along");
        assert_eq!(code(server.request(Method::GET, &path).send().await.unwrap()).await.0, 404);
        // A fork is a session of its own in the same workspace.
        let forked =
            server.run(&json!({"prompt": "x", "session_id": ids[1], "forkSession": true})).await.all().await;
        let fork = forked[0].json()["session_id"].as_str().unwrap().to_owned();
        let of = |id: &str| format!("/api/claude/sessions/{id}");
        let (parent, fork) = (server.get(&of(&ids[1])).await, server.get(&of(&fork)).await);
        assert_eq!(parent["workspace_path"], fork["workspace_path"]);
        assert_ne!(parent["claude_session_id"], fork["claude_session_id"]);
        assert_eq!(
            server
                .request(Method::DELETE, &of(fork["claude_session_id"].as_str().unwrap()))
                .send()
                .await
                .unwrap()
                .status(),
            204
        );
        assert!(
            std::path::Path::new(parent["workspace_path"].as_str().unwrap()).exists(),
            "it is still used"
        );
    });
}
