//! What the environment says. Variables belong to a whole process, so each case runs this test binary anew.

use std::process::Command;
use std::time::Duration;

use claude_core::messages::{Client, Delta, Event};
use claude_core::testing::{LoopbackApi, Reply};
use claude_core::{Result, Text};

use super::question;

/// Marks the process that asks; its value is nothing.
const ASKING: &str = "CLAUDE_CORE_TEST_ASKS";

/// Not a test of its own: it asks once, where [`asked_with`] starts it.
#[tokio::test]
async fn asks_where_the_environment_says() {
    if std::env::var_os(ASKING).is_none() {
        return;
    }
    let client = Client::builder().limits(|limits| limits.retries = 0).build();
    match first_word(&client).await {
        Ok(word) => println!("[[{word}]]"),
        Err(error) => println!("[[{}: {error}]]", error.code()),
    }
    // The runtime ends with this test; what a dropped answer still sends needs it.
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// What comes first of an answer; the rest is not waited for.
async fn first_word(client: &Client) -> Result<Text> {
    let mut stream = client.stream(&question()).await?;
    while let Some(event) = stream.next().await {
        if let Event::ContentBlockDelta { delta: Delta::Text(word), .. } = event {
            return Ok(word);
        }
    }
    stream.outcome().await.into_result().map(|_| Text::default())
}

/// The first word, or the error, in a process with only these variables.
pub(crate) async fn asked_with(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::asks_where_the_environment_says", "--nocapture"]);
    command.env_clear().env(ASKING, "").envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    output.split("[[").nth(1).unwrap().split("]]").next().unwrap().to_owned()
}

#[tokio::test]
async fn key_token_and_base_url_come_from_the_environment() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let url = format!("{}/", api.url());
    let base = ("ANTHROPIC_BASE_URL", url.as_str());
    assert_eq!(asked_with(&[base, ("ANTHROPIC_API_KEY", "k")]).await, "fine");
    assert_eq!(asked_with(&[base, ("ANTHROPIC_AUTH_TOKEN", "t")]).await, "fine");
    assert_eq!(asked_with(&[base, ("ANTHROPIC_API_KEY", ""), ("ANTHROPIC_AUTH_TOKEN", "t")]).await, "fine");
    let requests = api.requests();
    let keys: Vec<_> = requests.iter().map(|it| it.header("authorization").unwrap()).collect();
    assert_eq!(keys, ["Bearer k", "Bearer t", "Bearer t"]);
    assert!(asked_with(&[base]).await.starts_with("not_configured: "));
}

#[tokio::test]
async fn a_proxy_is_used_but_not_for_this_machine() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let proxy = LoopbackApi::start(Reply::text("proxied")).await.unwrap();
    let (url, proxy_url) = (api.url(), proxy.url());
    let key = ("ANTHROPIC_API_KEY", "k");
    let by = ("http_proxy", proxy_url.as_str());
    assert_eq!(asked_with(&[key, by, ("ANTHROPIC_BASE_URL", &url)]).await, "fine");
    let elsewhere = ("ANTHROPIC_BASE_URL", "http://api.example.invalid");
    assert_eq!(asked_with(&[key, by, elsewhere]).await, "proxied");
    assert_eq!((api.requests().len(), proxy.requests().len()), (1, 1));
}
