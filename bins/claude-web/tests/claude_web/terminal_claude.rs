//! The real Claude Code CLI on a terminal, against a Messages API on this machine.

use claude_core::testing::{LoopbackApi, Plan, real_cli};
use serde_json::json;

use crate::server::{Place, Server, block_on, eventually};
use crate::viewer::{Said, Viewer};

/// The server's key, which is not for terminals; and the login of whoever uses Claude Code there.
const SERVERS: &str = "key-of-the-server-0123456789";
const OWN: &str = "key-of-the-cli-0123456789";

/// What the prompt makes the API answer.
const PROMPT: &str = "scenario:text n=6";
const ANSWER: &str = "stream every token as it comes";

/// The API's address and the login are in the settings of the user alone: a home as after a first login, but for what
/// Claude Code has yet to ask.
fn place(api: &LoopbackApi) -> Place {
    let cli = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
    let place = Place::with_cli(&cli.display().to_string())
        .set("ANTHROPIC_API_KEY", SERVERS)
        .set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    let settings = json!({"env": {"ANTHROPIC_BASE_URL": api.url()}, "apiKeyHelper": format!("echo {OWN}")});
    let directory = place.data.path().join("home/.claude");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("settings.json"), settings.to_string()).unwrap();
    place
}

async fn claude(server: &Server) -> String {
    server.terminal(&json!({"command": "claude", "cols": 100, "rows": 30})).await
}

pub(crate) fn claude_code_opens_ready_to_use_and_answers() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api);
        let server = place.start().await;
        let id = claude(&server).await;
        let mut viewer = server.view(&id, "").await;
        let screen = until(&mut viewer, "❯").await;
        for question in ["trust", "Choose", "theme", "Select login", "API key", "Press Enter"] {
            assert!(!screen.contains(question), "{question:?} is asked: {screen}");
        }
        viewer.input(PROMPT.as_bytes()).await;
        until(&mut viewer, PROMPT).await;
        viewer.input(b"\r").await;
        until(&mut viewer, ANSWER).await;

        let asked = api.requests();
        let asked = asked.iter().filter(|request| request.body.to_string().contains(PROMPT));
        let keys: Vec<_> = asked.map(|request| request.api_key().or(request.bearer())).collect();
        assert!(!keys.is_empty() && keys.iter().all(|key| *key == Some(OWN)), "{keys:?}");
        let pid = server.get(&format!("/api/terminals/{id}")).await["pid"].clone();
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(environment.contains("TERM=xterm-256color"), "{environment}");
        for secret in [SERVERS, "ANTHROPIC_", "ADMIN_PASSWORD", "DATA_DIR"] {
            assert!(!environment.contains(secret), "{secret} is seen: {environment}");
        }
    });
}

pub(crate) fn a_viewer_of_claude_code_that_is_cut_misses_nothing() {
    block_on(async {
        let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
        let place = place(&api);
        let server = place.start().await;
        let id = claude(&server).await;
        let mut watcher = server.view(&id, "?mode=watch").await;
        let mut viewer = server.view(&id, "").await;
        until(&mut viewer, "❯").await;
        viewer.input(format!("{PROMPT}\r").as_bytes()).await;
        until(&mut viewer, PROMPT).await;
        let (at, mut bytes) = (viewer.at, std::mem::take(&mut viewer.bytes));
        // As when the network breaks: no close, no detach.
        drop(viewer);

        let answered = || api.requests().iter().any(|request| request.body.to_string().contains(PROMPT));
        eventually("it goes on without a viewer", answered).await;
        let mut viewer = server.view(&id, &format!("?from={at}")).await;
        assert_eq!(viewer.hello["from"], at);
        until(&mut viewer, ANSWER).await;
        // Twice, since the first asks whether to leave.
        viewer.input(b"\x03").await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        viewer.input(b"\x03").await;
        assert_eq!(viewer.exit().await["code"], 0);
        bytes.append(&mut viewer.bytes);
        watcher.exit().await;
        assert!(bytes == watcher.bytes, "what came in two parts is what a viewer saw that stayed");
    });
}

/// Follows until the text is on the screen, or was, and answers what Claude Code asks the terminal.
async fn until(viewer: &mut Viewer, text: &str) -> String {
    let mut looked_at = viewer.bytes.len();
    loop {
        let seen = text_of(&viewer.bytes);
        if seen.contains(text) {
            return seen;
        }
        let said = viewer.follow().await;
        assert!(!matches!(said, Said::Closed(_) | Said::Exit(_)), "{text:?} never came: {seen}");
        // What it is. Where the question comes in two parts it goes without an answer, which does no harm.
        if viewer.bytes[looked_at..].windows(3).any(|three| three == b"\x1b[c") {
            viewer.input(b"\x1b[?62;22c").await;
        }
        looked_at = viewer.bytes.len();
    }
}

/// The words of what was written. It is written over a screen: a move of the cursor stands for a blank.
fn text_of(bytes: &[u8]) -> String {
    let all = String::from_utf8_lossy(bytes);
    let mut parts = all.split('\x1b');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push(' ');
        text.push_str(match part.as_bytes().first() {
            Some(b'[') => after(part, |byte| (0x40..=0x7e).contains(&byte)),
            Some(b']') => after(part, |byte| byte == 0x07),
            _ => part.get(1..).unwrap_or_default(),
        });
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What comes behind the byte that ends a sequence.
fn after(part: &str, is_end: impl Fn(u8) -> bool) -> &str {
    let end = part.bytes().skip(1).position(is_end);
    end.and_then(|end| part.get(end + 2..)).unwrap_or_default()
}
