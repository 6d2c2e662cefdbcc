//! Terminals over Socket.IO, as the official clients of the versions 3 and 4 see them.

#[path = "socketio/access.rs"]
pub(crate) mod access;
#[path = "socketio/driver.rs"]
mod driver;
#[path = "socketio/ends.rs"]
pub(crate) mod ends;
#[path = "socketio/engine.rs"]
pub(crate) mod engine;
#[path = "socketio/flow.rs"]
pub(crate) mod flow;
#[path = "socketio/frames.rs"]
pub(crate) mod frames;
#[path = "socketio/grace.rs"]
pub(crate) mod grace;
#[path = "socketio/order.rs"]
pub(crate) mod order;
#[path = "socketio/rules.rs"]
pub(crate) mod rules;
#[path = "socketio/sessions.rs"]
pub(crate) mod sessions;
#[path = "socketio/storm.rs"]
pub(crate) mod storm;
#[path = "socketio/text.rs"]
pub(crate) mod text;
#[path = "socketio/wire.rs"]
mod wire;

use std::os::unix::fs::PermissionsExt;

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::Value;

use crate::server::{Place, Server};

/// Sends back all that it reads.
const CAT: &str = "stty raw -echo; printf 'ready|'; exec cat";
/// Writes the numbers from one to the other for every line of two that it reads, each on a line of its own.
const SEQ: &str = "stty raw -echo; printf 'ready|'; while read -r first last && [ \"$first\" != exit ]; do seq $first $last; done";
/// Reads nothing.
const DEAF: &str = "stty raw -echo; printf 'ready|'; exec sleep 600";
/// A shell for people.
const SHELL: &str = "exec bash --norc --noprofile";

/// What a client may use, and what it does by itself: it polls, and changes to WebSocket.
const TRANSPORTS: [&[&str]; 3] = [&["websocket"], &["polling"], &["polling", "websocket"]];

/// A server whose Claude Code is this script.
fn place(script: &str) -> Place {
    let place = Place::new(&StandIn::new());
    let file = place.data.path().join("claude");
    std::fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.set("CLAUDE_CODE_PATH", &file.display().to_string())
}

impl Server {
    /// A terminal's state; `None` where there is no such terminal.
    async fn state(&self, id: &str) -> Option<String> {
        let answer = self.request(Method::GET, &format!("/api/terminals/{id}")).send().await.unwrap();
        let info: Value = answer.json().await.unwrap();
        info["state"].as_str().map(str::to_owned)
    }

    /// How many terminals run.
    async fn running(&self) -> usize {
        let listed = self.get("/api/terminals").await;
        let items = listed["items"].as_array().unwrap();
        items.iter().filter(|terminal| terminal["state"] != "exited").count()
    }
}

/// The reasons of all errors that were told, in order.
fn errors(seen: &Value) -> Vec<&str> {
    let statuses = seen["statuses"].as_array().unwrap().iter();
    statuses
        .filter(|status| status["state"] == "error")
        .map(|status| status["reason"].as_str().unwrap())
        .collect()
}

/// The last status, and why the client was disconnected.
fn end(seen: &Value) -> (&Value, &str) {
    (
        seen["statuses"].as_array().unwrap().last().unwrap_or(&Value::Null),
        seen["left"].as_str().unwrap_or_default(),
    )
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}
