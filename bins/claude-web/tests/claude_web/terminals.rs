//! Terminals over HTTP: what may be asked, by whom, and what comes of it.

use std::os::unix::fs::PermissionsExt;

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rights::add_user;
use crate::server::{Place, Server, block_on, code, eventually};
use crate::viewer::Said;

fn place() -> Place {
    Place::new(&StandIn::new())
}

async fn refusal(server: &Server, body: &Value) -> (u16, String) {
    code(server.request(Method::POST, "/api/terminals").json(body).send().await.unwrap()).await
}

pub(crate) fn a_terminal_is_started_listed_and_deleted() {
    block_on(async {
        let server = place().start().await;
        let request = json!({"command": "bash", "cols": 100, "rows": 30, "name": "mine"});
        let answer = server.request(Method::POST, "/api/terminals").json(&request).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let info: Value = answer.json().await.unwrap();
        assert_eq!(
            (&info["command"], &info["name"], &info["state"]),
            (&"bash".into(), &"mine".into(), &"running".into())
        );
        assert_eq!((&info["cols"], &info["rows"]), (&100.into(), &30.into()));
        assert!(info["pid"].as_u64().unwrap() > 1 && info["created_at"].is_string());
        let id = info["id"].as_str().unwrap();
        assert_eq!(location, format!("/api/terminals/{id}"));
        let mut viewer = server.view(id, "").await;
        viewer.input(b"echo $((6 * 7)); stty size\n").await;
        viewer.until("42\r\n30 100\r\n").await;
        let listed = server.get("/api/terminals").await;
        let item = &listed["items"][0];
        assert_eq!((&item["id"], &item["viewers"], &item["exit"]), (&id.into(), &1.into(), &Value::Null));
        assert!(item["head"].as_u64().unwrap() > 10 && item["base"] == 0 && listed["next_cursor"].is_null());
        assert_eq!(server.get(&location).await["id"], id);
        let pid = u32::try_from(info["pid"].as_u64().unwrap()).unwrap();
        let gone = server.request(Method::DELETE, &location).send().await.unwrap();
        assert_eq!(gone.status(), 204);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        assert_eq!(viewer.farewell().await, ("deleted".into(), Some(4004)));
        for method in [Method::GET, Method::DELETE] {
            let again = server.request(method, &location).send().await.unwrap();
            assert_eq!(code(again).await, (404, "not_found".into()));
        }
    });
}

pub(crate) fn what_may_not_be_asked_of_a_terminal_is_refused_by_name() {
    block_on(async {
        let server = place().set("TERMINAL_COMMANDS", "bash;none=/no/such/program").start().await;
        for (body, field) in [
            (json!({"command": "zsh"}), "command"),
            (json!({"command": "claude"}), "command"),
            (json!({}), "command"),
            (json!({"command": 1}), "command"),
            (json!({"command": "bash", "cols": 0}), "cols"),
            (json!({"command": "bash", "cols": 1001}), "cols"),
            (json!({"command": "bash", "cols": 65536}), "cols"),
            (json!({"command": "bash", "cols": -1}), "cols"),
            (json!({"command": "bash", "cols": 1e9}), "cols"),
            (json!({"command": "bash", "cols": "80"}), "cols"),
            (json!({"command": "bash", "rows": 0}), "rows"),
            (json!({"command": "bash", "rows": 65535}), "rows"),
            (json!({"command": "bash", "cwd": "/"}), "cwd"),
            (json!({"command": "bash", "cwd": ".."}), "cwd"),
            (json!({"command": "bash", "cwd": "none"}), "cwd"),
            (json!({"command": "bash", "cwd": "\0"}), "cwd"),
            (json!({"command": "bash", "args": ["a\0b"]}), "args"),
            (json!({"command": "bash", "env": {"A=B": "x"}}), "env"),
            (json!({"command": "bash", "env": {"": "x"}}), "env"),
            (json!({"command": "bash", "name": "two\nlines"}), "name"),
            (json!({"command": "bash", "args": ["x".repeat(40_000)]}), "args"),
            (json!({"command": "bash", "env": {"A": "x".repeat(200_000)}}), "env"),
        ] {
            let answer = server.request(Method::POST, "/api/terminals").json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{body}");
            let said: Value = answer.json().await.unwrap();
            let named = said["error"]["field"].as_str().unwrap_or_default().to_owned();
            let message = said["error"]["message"].as_str().unwrap();
            assert!(named.contains(field) || message.contains(field), "{body}: {said}");
        }
        let unknown = refusal(&server, &json!({"command": "bash", "shell": true})).await;
        assert_eq!(unknown, (400, "unknown_field".into()));
        assert_eq!(refusal(&server, &json!({"command": "none"})).await, (422, "command_missing".into()));
        for id in ["x", "00000000-0000-0000-0000-000000000000", "..%2f..", "%00"] {
            let answer = server.request(Method::GET, &format!("/api/terminals/{id}")).send().await.unwrap();
            assert_eq!(code(answer).await, (404, "not_found".into()), "{id}");
        }
        assert_eq!(server.get("/api/terminals").await["items"], json!([]));
    });
}

pub(crate) fn terminals_are_their_owners_and_for_roles_that_may() {
    block_on(async {
        let place =
            place().set("TERMINAL_ROLES", "admin,user").set("TERMINAL_COMMANDS", "bash;root@admin=bash");
        let server = place.start().await;
        let id = server.shell("sleep 600").await;
        let ticket = server.ticket(&id, &json!({})).await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let viewer = server.sign_in("eve", &add_user(&place, "eve", "viewer")).await;
        let path = format!("/api/terminals/{id}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/ticket")),
            (Method::GET, format!("{path}/recording")),
        ] {
            let answer = server.request_as(&user, method.clone(), &path).send().await.unwrap();
            assert_eq!(code(answer).await, (404, "not_found".into()), "{method} {path}");
            let answer = server.request_as(&viewer, method, &path).send().await.unwrap();
            assert_eq!(code(answer).await, (403, "forbidden".into()), "{path}");
        }
        let start = |token: &str, body: Value| {
            server.request_as(token, Method::POST, "/api/terminals").json(&body).send()
        };
        assert_eq!(start(&user, json!({"command": "bash"})).await.unwrap().status(), 201);
        for body in [
            json!({"command": "root"}),
            json!({"command": "bash", "args": ["-c", "id"]}),
            json!({"command": "bash", "env": {"A": "b"}}),
            json!({"command": "bash", "record": true}),
        ] {
            assert_eq!(
                code(start(&user, body.clone()).await.unwrap()).await,
                (403, "forbidden".into()),
                "{body}"
            );
        }
        let mut listed = server
            .request_as(&user, Method::GET, "/api/terminals")
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap();
        assert_eq!(listed["items"].as_array_mut().unwrap().len(), 1);
        // Another's terminal isn't there for a viewer either, and a ticket is for its own terminal.
        let mut request = server.handshake(&id, "");
        request.headers_mut().insert("authorization", format!("Bearer {user}").parse().unwrap());
        assert_eq!(server.connect(request).await.err(), Some(404));
        let other = server.shell("sleep 600").await;
        assert_eq!(
            server.connect(server.handshake(&other, &format!("?ticket={ticket}"))).await.err(),
            Some(401)
        );
        assert_eq!(
            server.connect(server.handshake(&id, &format!("?ticket={ticket}"))).await.err(),
            Some(401),
            "it is spent"
        );
    });
}

pub(crate) fn without_terminal_roles_they_are_for_admins() {
    block_on(async {
        let place = place();
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        for method in [Method::GET, Method::POST] {
            let request =
                server.request_as(&user, method, "/api/terminals").json(&json!({"command": "bash"}));
            assert_eq!(code(request.send().await.unwrap()).await, (403, "forbidden".into()));
        }
        // A key that may only read sees them, and starts none.
        let output = place
            .command()
            .args(["key", "add", "--user", "admin", "--name", "k", "--scopes", "read,claude"])
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        let key = said.split_whitespace().last().unwrap();
        assert_eq!(server.request_as(key, Method::GET, "/api/terminals").send().await.unwrap().status(), 200);
        let start = server.request_as(key, Method::POST, "/api/terminals").json(&json!({"command": "bash"}));
        assert_eq!(code(start.send().await.unwrap()).await, (403, "forbidden".into()));
    });
}

pub(crate) fn a_child_sees_nothing_of_the_servers_secrets() {
    block_on(async {
        let place = place()
            .with_api("http://127.0.0.1:9")
            .set("JWT_SECRET", "a-secret-of-the-server-0123456789abcdef")
            .set("CLAUDE_CODE_OAUTH_TOKEN", "oauth-token-of-the-cli")
            .set("LD_LIBRARY_PATH", "/lib");
        let server = place.start().await;
        let text = "env; cat /proc/$PPID/environ; pwd; umask; ls /proc/$$/fd | wc -l; echo ready";
        let id = server.shell(text).await;
        let mut viewer = server.view(&id, "").await;
        viewer.exit().await;
        let seen = String::from_utf8_lossy(&viewer.bytes).into_owned();
        for secret in [
            "test-key-0123456789",
            "a-secret-of-the-server",
            "oauth-token",
            "ADMIN_PASSWORD",
            "correct horse",
            "DATA_DIR",
            "LD_LIBRARY_PATH",
        ] {
            assert!(!seen.contains(secret), "{secret} is seen: {seen}");
        }
        assert!(seen.contains("TERM=xterm-256color") && seen.contains("HOME="), "{seen}");
        let directory = place.data.path().join("terminals").canonicalize().unwrap();
        assert!(seen.contains(directory.to_str().unwrap()), "{seen}");
        assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
    });
}

pub(crate) fn a_terminal_works_below_its_roots_alone() {
    block_on(async {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("project")).unwrap();
        std::os::unix::fs::symlink("/", root.path().join("link")).unwrap();
        let place = place().set("PROJECT_ROOTS", root.path().to_str().unwrap());
        let server = place.start().await;
        std::fs::create_dir(place.data.path().join("terminals/sub")).unwrap();
        for (cwd, wanted) in [
            ("sub".to_owned(), place.data.path().join("terminals/sub")),
            (root.path().join("project").display().to_string(), root.path().join("project")),
        ] {
            let request = json!({"command": "bash", "args": ["-c", "pwd"], "cwd": cwd, "cols": 200});
            let mut viewer = server.view(&server.terminal(&request).await, "").await;
            viewer.exit().await;
            let seen = String::from_utf8_lossy(&viewer.bytes).trim().to_owned();
            assert_eq!(seen, wanted.canonicalize().unwrap().display().to_string());
        }
        let link = root.path().join("link/etc").display().to_string();
        assert_eq!(refusal(&server, &json!({"command": "bash", "cwd": link})).await.0, 400);
    });
}

pub(crate) fn there_are_only_so_many_terminals() {
    block_on(async {
        let place = place()
            .set("MAX_SESSIONS", "3")
            .set("MAX_SESSIONS_PER_USER", "2")
            .set("TERMINAL_ROLES", "admin,user");
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let body = json!({"command": "bash"});
        let first = server.terminal(&body).await;
        server.terminal(&body).await;
        let answer = server.request(Method::POST, "/api/terminals").json(&body).send().await.unwrap();
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(code(answer).await, (429, "too_many_sessions".into()));
        let start = || server.request_as(&user, Method::POST, "/api/terminals").json(&body).send();
        assert_eq!(start().await.unwrap().status(), 201);
        assert_eq!(code(start().await.unwrap()).await, (429, "too_many_sessions".into()));
        // One that has ended makes room, though it can still be looked at.
        let mut viewer = server.view(&first, "").await;
        viewer.input(b"exit\n").await;
        viewer.exit().await;
        while server.get(&format!("/api/terminals/{first}")).await["state"] != "exited" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        server.terminal(&body).await;
        let mut again = server.view(&first, "").await;
        assert_eq!(again.hello["state"], "exited");
        again.exit().await;
    });
}

pub(crate) fn a_recording_outlives_its_terminal() {
    block_on(async {
        let place = place();
        let server = place.start().await;
        let body = json!({"command": "bash", "args": ["-c", "echo recorded; read line"], "record": true});
        let id = server.terminal(&body).await;
        let mut viewer = server.view(&id, "").await;
        viewer.until("recorded").await;
        viewer.input(b"hidden\n").await;
        viewer.exit().await;
        assert_eq!(server.get(&format!("/api/terminals/{id}")).await["recorded"], true);
        server.request(Method::DELETE, &format!("/api/terminals/{id}")).send().await.unwrap();
        let path = format!("/api/terminals/{id}/recording");
        let answer = server.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/x-asciicast");
        let text = answer.text().await.unwrap();
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&header["version"], &header["width"]), (&2.into(), &80.into()));
        assert!(text.contains("recorded") && !text.contains("\"i\""), "{text}");
        let plain = server.shell("true").await;
        let none =
            server.request(Method::GET, &format!("/api/terminals/{plain}/recording")).send().await.unwrap();
        assert_eq!(code(none).await, (404, "not_found".into()));
        let directory = place.data.path().join("data/recordings");
        assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
    });
}

pub(crate) fn what_happens_to_terminals_is_counted_and_audited() {
    block_on(async {
        let place = place();
        let server = place.start().await;
        let id = server.shell("echo ready; read line; echo answered; sleep 600").await;
        let mut viewer = server.view(&id, "").await;
        viewer.until("ready").await;
        viewer.input(b"x\n").await;
        viewer.until("answered").await;
        let metrics = || async {
            let answer = server.bare(Method::GET, "/metrics").send().await.unwrap();
            answer.text().await.unwrap()
        };
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let text = metrics().await;
        for line in [
            "app_active_sessions 1",
            "app_ws_connections{state=\"open\"} 1",
            "app_ws_messages_total{type=\"input\"} 1",
            "app_output_backpressure_drops_total 0",
            "app_output_backpressure_pauses_total",
            "app_ws_bytes_in_total",
            "app_ws_bytes_out_total",
            "app_command_latency_seconds_count{command_group=\"bash\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        server.request(Method::DELETE, &format!("/api/terminals/{id}")).send().await.unwrap();
        let entries = || audit(&place, &id);
        eventually("the audit is complete", || entries().len() == 4).await;
        assert_eq!(entries(), ["terminal.open", "terminal.attach", "terminal.delete", "terminal.end"]);
    });
}

/// What the audit holds of a terminal, in order.
fn audit(place: &Place, id: &str) -> Vec<String> {
    let path = place.data.path().join("data/claude-web.db");
    let runtime = tokio::runtime::Handle::current();
    let path = format!("sqlite://{}", path.display());
    let read = async {
        let store = store_core::Store::builder(&path).beside().open().await.unwrap();
        let page = store.system().audit().list(store_core::Paging::first().limit(200)).await.unwrap();
        page.items
    };
    let mut items = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(read)).join().unwrap());
    items.sort_by_key(|entry| entry.seq);
    let of_it = items.into_iter().filter(|entry| entry.subject.ends_with(id));
    of_it.map(|entry| entry.action).collect()
}

pub(crate) fn terminals_end_with_their_owners_account() {
    block_on(async {
        let place = place().set("TERMINAL_ROLES", "admin,user");
        let server = place.start().await;
        for (name, method, change) in [
            ("bob", Method::DELETE, json!({})),
            ("ann", Method::PATCH, json!({"disabled": true})),
            ("joe", Method::PATCH, json!({"role": "viewer"})),
        ] {
            let user = server.sign_in(name, &add_user(&place, name, "user")).await;
            let request = server.request_as(&user, Method::POST, "/api/terminals");
            let request = request.json(&json!({"command": "bash"}));
            let info: Value = request.send().await.unwrap().json().await.unwrap();
            let mut request = server.handshake(info["id"].as_str().unwrap(), "");
            request.headers_mut().insert("authorization", format!("Bearer {user}").parse().unwrap());
            let mut viewer = server.connect(request).await.unwrap();
            let users = server.get("/api/users").await;
            let account =
                users["items"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap();
            let path = format!("/api/users/{}", account["id"].as_str().unwrap());
            let done = server.request(method, &path).json(&change).send().await.unwrap();
            assert!(done.status().is_success(), "{name}: {}", done.text().await.unwrap());
            let (code, close) = viewer.farewell().await;
            let told = (code.as_str(), close);
            assert!(
                matches!(told, ("unauthorized", Some(4001)) | ("deleted", Some(4004))),
                "{name}: {told:?}"
            );
            let pid = info["pid"].as_u64().unwrap();
            eventually("the terminal ends", || !std::path::Path::new(&format!("/proc/{pid}")).exists()).await;
            assert_eq!(viewer.next().await, Said::Closed(None));
        }
    });
}
