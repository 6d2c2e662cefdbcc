//! Requests that can't be served as they are.

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Place, block_on, code, names};

pub(crate) fn malformed_requests_get_our_answer() {
    block_on(async {
        let place = Place::new(&StandIn::new()).set("MAX_BODY_BYTES", "1000000");
        let server = place.start().await;
        let deep = |depth: usize| format!("{{\"prompt\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        let bodies: Vec<(Vec<u8>, u16, &str)> = vec![
            (b"".to_vec(), 400, "invalid_request"),
            (b"{".to_vec(), 400, "invalid_request"),
            (b"null".to_vec(), 400, "invalid_request"),
            (b"[]".to_vec(), 400, "invalid_request"),
            (b"\"prompt\"".to_vec(), 400, "invalid_request"),
            (b"{}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":1}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":{\"$ne\":null}}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":\"\xff\xfe\"}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":\"\\ud800\"}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":\"a\"}{\"prompt\":\"b\"}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":\"a\",\"prompt\":\"b\"}".to_vec(), 400, "invalid_request"),
            (b"{\"prompt\":\"a\",}".to_vec(), 400, "invalid_request"),
            (b"\xef\xbb\xbf{\"prompt\":\"a\"}".to_vec(), 400, "invalid_request"),
            (deep(100_000).into_bytes(), 400, "invalid_request"),
            (deep(80).into_bytes(), 400, "invalid_request"),
            (format!("{{\"prompt\":{}}}", "9".repeat(100_000)).into_bytes(), 400, "invalid_request"),
            (format!("{{\"prompt\":\"{}\"}}", "x".repeat(2_000_000)).into_bytes(), 413, "too_large"),
        ];
        for (body, status, expected) in bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let request =
                server.request(Method::POST, "/api/claude").header("content-type", "application/json");
            let answer = code(request.body(body).send().await.unwrap()).await;
            assert_eq!(answer, (status, expected.to_owned()), "{shown}");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonp",
            "",
        ] {
            let request = server.request(Method::POST, "/api/claude").header("content-type", kind);
            let answer = code(request.body("{\"prompt\":\"a\"}").send().await.unwrap()).await;
            assert_eq!(answer, (415, "unsupported_media_type".into()), "{kind:?}");
        }
        assert_eq!(names(&place.workspaces()), [""; 0], "nothing was begun");
        assert_eq!(server.get("/api/runs").await["items"], json!([]));
    });
}

pub(crate) fn what_may_not_be_asked_is_refused_by_name() {
    block_on(async {
        let place = Place::new(&StandIn::new());
        let root = place.data.path().join("projects");
        std::fs::create_dir_all(root.join("one")).unwrap();
        std::fs::create_dir(place.data.path().join("projects-evil")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        let place = place.set("PROJECT_ROOTS", &root.display().to_string());
        let server = place.start().await;
        let below = |name: &str| place.data.path().join(name).display().to_string();
        let wrong: Vec<(Value, &str)> = vec![
            (json!({"prompt": " \n"}), "prompt"),
            (json!({"prompt": "a\0b"}), "prompt"),
            (json!({"prompt": "x", "session_id": "../../etc"}), "session_id"),
            (json!({"prompt": "x", "session_id": 7}), "session_id"),
            (json!({"prompt": "x", "allowedTools": ["--settings={\"hooks\":{}}"]}), "allowedTools"),
            (json!({"prompt": "x", "allowedTools": "Read"}), "allowedTools"),
            (json!({"prompt": "x", "disallowedTools": ["Read,--debug"]}), "disallowedTools"),
            (json!({"prompt": "x", "allowedTools": vec!["Read"; 300]}), "allowedTools"),
            (json!({"prompt": "x", "model": "--help"}), "model"),
            (json!({"prompt": "x", "permissionMode": "yolo"}), "permissionMode"),
            (json!({"prompt": "x", "maxTurns": 0}), "maxTurns"),
            (json!({"prompt": "x", "maxTurns": -1}), "maxTurns"),
            (json!({"prompt": "x", "maxTurns": 1e99}), "maxTurns"),
            (json!({"prompt": "x", "appendSystemPrompt": "a\0"}), "appendSystemPrompt"),
            (json!({"prompt": "x", "forkSession": true}), "forkSession"),
            (json!({"prompt": "x", "dangerously-skip-permissions": "true"}), "dangerously-skip-permissions"),
            (json!({"prompt": "x", "cwd": "/etc"}), "cwd"),
            (json!({"prompt": "x", "cwd": "projects/one"}), "cwd"),
            (json!({"prompt": "x", "cwd": below("projects-evil")}), "cwd"),
            (json!({"prompt": "x", "cwd": below("projects/link")}), "cwd"),
            (json!({"prompt": "x", "cwd": below("projects/one/../../home")}), "cwd"),
            (json!({"prompt": "x", "cwd": below("projects/none")}), "cwd"),
        ];
        for (body, field) in wrong {
            let answer = server.ask(&body).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{body}");
            let text: Value = answer.json().await.unwrap();
            let field_path = text["error"]["field"].as_str().unwrap_or_else(|| panic!("{body}: {text}"));
            assert!(field_path.starts_with(field), "{body}: {text}");
        }
        let unknown = server.ask(&json!({"prompt": "x", "systemPrompt": "y"})).send().await.unwrap();
        let text: Value = unknown.json().await.unwrap();
        assert_eq!(
            (&text["error"]["code"], &text["error"]["field"]),
            (&json!("unknown_field"), &json!("systemPrompt"))
        );
        let all = server.run(&json!({"prompt": "x", "cwd": below("projects/one")})).await.all().await;
        assert_eq!(all[0].json()["cwd"].as_str(), Some(&*below("projects/one")));
    });
}
