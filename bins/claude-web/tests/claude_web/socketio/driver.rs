//! Node, which runs the clients.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::Server;

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/claude_web/socketio/driver.mjs");
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/npm/node_modules/socket.io-client-4");

/// How long a scenario may take to its next word. It has a shorter patience of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// Words of a scenario that wait for the test; then the scenario waits.
const SAID_MOST: usize = 16;

/// A scenario under way; ended when dropped.
pub(crate) struct Driver {
    node: Child,
    said: mpsc::Receiver<Said>,
    seen: Option<Value>,
}

enum Said {
    Mark(String),
    Seen(Value),
}

impl Driver {
    /// Starts a scenario. It talks to this server, as its admin, with client 4, unless `options` say otherwise.
    pub(crate) fn start(server: &Server, scenario: &str, options: Value) -> Self {
        assert!(std::path::Path::new(CLIENTS).exists(), "no Socket.IO clients: npm ci --prefix xtask/npm");
        let mut all = json!({"url": server.url, "token": server.token, "client": 4});
        all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let mut node = Command::new("node")
            .args([DRIVER, scenario, &all.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, said) = mpsc::channel(SAID_MOST);
        let (seen, marks) =
            (BufReader::new(node.stdout.take().unwrap()), BufReader::new(node.stderr.take().unwrap()));
        let tell = say.clone();
        std::thread::spawn(move || {
            for line in seen.lines().map_while(Result::ok) {
                // Who asks no more needs no answer.
                let _ = tell.blocking_send(Said::Seen(serde_json::from_str(&line).unwrap()));
            }
        });
        std::thread::spawn(move || {
            for line in marks.lines().map_while(Result::ok) {
                match line.strip_prefix("mark ") {
                    Some(mark) => drop(say.blocking_send(Said::Mark(mark.to_owned()))),
                    None => eprintln!("{line}"),
                }
            }
        });
        Self { node, said, seen: None }
    }

    /// Waits for the mark of this name, and gives what else it says.
    pub(crate) async fn mark(&mut self, name: &str) -> String {
        loop {
            match self.next().await {
                Said::Mark(mark) if mark.split(' ').next() == Some(name) => {
                    return mark[name.len()..].trim_start().to_owned();
                }
                Said::Mark(_) => {}
                // A mark that was made before may be read later.
                Said::Seen(seen) => self.seen = Some(seen),
            }
        }
    }

    /// What the scenario saw.
    pub(crate) async fn seen(mut self) -> Value {
        loop {
            if let Some(seen) = self.seen.take() {
                return seen;
            }
            if let Said::Seen(seen) = self.next().await {
                self.seen = Some(seen);
            }
        }
    }

    async fn next(&mut self) -> Said {
        let next = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        next.expect("the scenario takes too long")
            .expect("the scenario failed, or ended too early: its words are above")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// Runs a scenario to its end.
pub(crate) async fn drive(server: &Server, scenario: &str, options: Value) -> Value {
    Driver::start(server, scenario, options).seen().await
}
