//! Who may connect, and what happens to a connection that may no more.

use reqwest::Method;
use serde_json::{Value, json};

use super::driver::{Driver, drive};
use super::{CAT, TRANSPORTS, end, errors, is_alive, place};
use crate::rights::add_user;
use crate::server::{PASSWORD, Place, Server, block_on, eventually};

const SECRET: &str = "a-secret-of-this-server-0123456789abcdef";

pub(crate) fn who_may_not_connect_is_told_and_starts_nothing() {
    block_on(async {
        let place = place(CAT).set("JWT_SECRET", SECRET);
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let out = server.sign_in("admin", PASSWORD).await;
        server.request_as(&out, Method::POST, "/auth/logout").send().await.unwrap();
        let ways = json!([
            {"token": null},
            {"token": ""},
            {"token": "none"},
            {"token": 1},
            {"token": {"token": server.token}},
            {"token": [server.token]},
            {"token": null, "headers": {"authorization": format!("Bearer {}", out)}},
            {"token": out},
            {"token": user},
            {"signed": {"secret": SECRET, "seconds": -600}},
            {"signed": {"secret": "another-secret-0123456789abcdef0123456789", "seconds": 600}},
            {"token": "none", "auth": {"start": false}},
            {"token": "none", "auth": {"terminal": "00000000-0000-0000-0000-000000000000"}},
            {"namespace": "/foreign"},
            {"namespace": "/foreign", "token": "none"},
            {"namespace": "/admin?x=1"},
        ]);
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let options = json!({"client": client, "transports": transports, "ways": ways});
            let seen = drive(&server, "refused", options).await;
            assert_eq!(seen.as_array().unwrap().len(), ways.as_array().unwrap().len());
            for (way, seen) in ways.as_array().unwrap().iter().zip(seen.as_array().unwrap()) {
                let message = seen["message"].as_str().unwrap_or_else(|| panic!("{way} is let in: {seen}"));
                assert_eq!((&seen["first"], &seen["statuses"]), (&Value::Null, &json!([])), "{way}");
                assert_eq!(
                    message == "Invalid namespace",
                    way.get("namespace").is_some(),
                    "{way}: {message}"
                );
                assert!(!message.contains("error"), "it is the server's own word: {message}");
            }
        }
        assert_eq!(server.get("/api/terminals").await["items"], json!([]), "nothing was started");
    });
}

pub(crate) fn another_origin_is_refused_on_each_transport() {
    block_on(async {
        let server = place(CAT).start().await;
        for origin in ["https://evil.example", "null", "file://", "http://localhost:1"] {
            for client in [3, 4] {
                for transports in TRANSPORTS {
                    let ways = json!([{"headers": {"origin": origin}}]);
                    let options = json!({"client": client, "transports": transports, "ways": ways});
                    let seen = drive(&server, "refused", options).await;
                    let message = seen[0]["message"].as_str().unwrap();
                    assert!(["xhr poll error", "websocket error"].contains(&message), "{origin}: {message}");
                }
            }
        }
        for transports in [TRANSPORTS[0], TRANSPORTS[1]] {
            let headers = json!({"origin": server.url});
            let options = json!({"transports": transports, "headers": headers, "shows": "ready|"});
            drive(&server, "leave", options).await;
        }
    });
}

pub(crate) fn anothers_terminal_is_not_there() {
    block_on(async {
        let place = place(CAT).set("TERMINAL_ROLES", "admin,user");
        let server = place.start().await;
        let user = server.sign_in("bob", &add_user(&place, "bob", "user")).await;
        let mut own = Driver::start(&server, "watch", json!({"shows": "ready|"}));
        let id = own.mark("opened").await;
        for late in [false, true] {
            let options = json!({"token": user, "id": id, "from": 0, "late": late});
            let seen = drive(&server, "attach", options).await;
            assert_eq!((errors(&seen), &seen["text"]), (vec!["not_found"], &json!("")), "{seen}");
        }
        assert_eq!(server.state(&id).await.as_deref(), Some("running"));
        server.request(Method::DELETE, &format!("/api/terminals/{id}")).send().await.unwrap();
        let seen = own.seen().await;
        assert_eq!((&end(&seen).0["reason"], &seen["text"]), (&json!("deleted"), &json!("ready|")));
    });
}

/// Watches the terminal of a token that shall end: the driver, the terminal's id, its child.
async fn watched(server: &Server, options: Value) -> (Driver, String, u32) {
    let mut driver = Driver::start(server, "watch", options);
    let id = driver.mark("opened").await;
    let info = server.get(&format!("/api/terminals/{id}")).await;
    let pid = info["pid"].as_u64().map(|pid| u32::try_from(pid).unwrap()).unwrap_or_default();
    (driver, id, pid)
}

/// The client was told that its token counts no more, and nothing after that.
fn assert_unauthorized(seen: &Value) {
    let (last, left) = end(seen);
    assert_eq!((&last["state"], &last["reason"]), (&json!("error"), &json!("unauthorized")), "{seen}");
    assert_eq!(left, "io server disconnect");
}

pub(crate) fn a_signed_out_client_is_told_and_its_terminal_waits() {
    block_on(async {
        let server = place(CAT).set("SOCKETIO_GRACE_MS", "60000").start().await;
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1]), (3, TRANSPORTS[2])] {
            let token = server.sign_in("admin", PASSWORD).await;
            let options =
                json!({"client": client, "transports": transports, "token": token, "shows": "ready|"});
            let (mut driver, id, pid) = watched(&server, options).await;
            driver.mark("shown").await;
            server.request_as(&token, Method::POST, "/auth/logout").send().await.unwrap();
            assert_unauthorized(&driver.seen().await);
            assert!(is_alive(pid), "the terminal keeps its place");
            let again = drive(&server, "attach", json!({"id": id, "from": 0, "shows": "ready|"})).await;
            assert_eq!(again["text"], "ready|");
        }
    });
}

pub(crate) fn a_token_that_ends_ends_its_connection() {
    block_on(async {
        let server = place(CAT).set("JWT_SECRET", SECRET).start().await;
        for transports in [TRANSPORTS[0], TRANSPORTS[1]] {
            let signed = json!({"secret": SECRET, "seconds": 4});
            let (driver, _, pid) =
                watched(&server, json!({"transports": transports, "signed": signed})).await;
            assert_unauthorized(&driver.seen().await);
            assert!(is_alive(pid), "the terminal keeps its place");
        }
    });
}

pub(crate) fn a_revoked_key_ends_its_connection() {
    block_on(async {
        let place = place(CAT);
        let server = place.start().await;
        let said = tell(&place, &["key", "add", "--user", "admin", "--name", "k", "--scopes", "admin"]);
        let (id, key) = (said.split_whitespace().nth(3).unwrap(), said.split_whitespace().last().unwrap());
        let (driver, _, pid) = watched(&server, json!({"token": key})).await;
        tell(&place, &["key", "revoke", id]);
        assert_unauthorized(&driver.seen().await);
        assert!(is_alive(pid), "the terminal keeps its place");
    });
}

/// Does something beside the server, and gives what is said of it.
fn tell(place: &Place, args: &[&str]) -> String {
    let output = place.command().args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn who_is_disabled_loses_connection_and_terminal() {
    block_on(async {
        let place = place(CAT).set("TERMINAL_ROLES", "admin,user");
        let server = place.start().await;
        for (name, method, change) in [
            ("bob", Method::DELETE, json!({})),
            ("ann", Method::PATCH, json!({"disabled": true})),
            ("joe", Method::PATCH, json!({"role": "viewer"})),
        ] {
            let token = server.sign_in(name, &add_user(&place, name, "user")).await;
            let mut driver = Driver::start(&server, "watch", json!({"token": token, "shows": "ready|"}));
            let id = driver.mark("opened").await;
            let info = server.request_as(&token, Method::GET, &format!("/api/terminals/{id}"));
            let info: Value = info.send().await.unwrap().json().await.unwrap();
            driver.mark("shown").await;
            let users = server.get("/api/users").await;
            let user = users["items"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap();
            let path = format!("/api/users/{}", user["id"].as_str().unwrap());
            let done = server.request(method, &path).json(&change).send().await.unwrap();
            assert!(done.status().is_success(), "{name}: {}", done.text().await.unwrap());
            let seen = driver.seen().await;
            let (last, left) = end(&seen);
            let told = (last["state"].as_str().unwrap(), last["reason"].as_str().unwrap());
            assert!(matches!(told, ("error", "unauthorized") | ("closed", "deleted")), "{name}: {told:?}");
            assert_eq!(left, "io server disconnect", "{name}");
            let pid = u32::try_from(info["pid"].as_u64().unwrap()).unwrap();
            eventually("the child is gone", || !is_alive(pid)).await;
        }
    });
}
