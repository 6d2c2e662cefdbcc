//! The example that deploys a stack, as a program of its own beside a server that outlives it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dokploy_client::testing::{Dokploy, Version};
use serde_json::Value;

/// The example, built beside this test.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples/deploy_a_stack")
}

fn command(server: &Dokploy, place: &Path) -> Command {
    let mut command = Command::new(example());
    command
        .arg("shop")
        .current_dir(place)
        .env("DOKPLOY_URL", server.url())
        .env("DOKPLOY_API_TOKEN", server.key());
    for unset in ["STACK_IMAGE", "STACK_DOMAIN_SUFFIX", "STACK_HEALTH_URL"] {
        command.env_remove(unset);
    }
    command
}

/// Runs it to its end, in a thread that may wait.
async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Starts it, and kills it once it has ordered the job.
async fn killed(server: &Dokploy, place: &Path) {
    let mut child: Child = command(server, place).stdout(Stdio::null()).spawn().unwrap();
    while !server.calls().iter().any(|call| call.name == "application.deploy") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_is_deployed_and_told_line_by_line() {
    let place = tempfile::tempdir().unwrap();
    let server = Dokploy::start(Version::V0_30_2).unwrap();
    let output = run(command(&server, place.path())).await;
    let lines = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{lines:?}");
    assert_eq!(lines.last().unwrap()["url"], "https://shop.example.test");
    let progress: Vec<u64> = lines.iter().filter_map(|line| line["progress"].as_u64()).collect();
    assert!(progress.is_sorted() && progress.last() == Some(&100), "{progress:?}");
    let names: Vec<_> = server.projects().into_iter().map(|project| project["name"].clone()).collect();
    assert_eq!(names, ["ai-stack-shop"]);
    // It is there: a second start says so, and makes nothing.
    let again = run(command(&server, place.path())).await;
    assert_eq!((again.status.code(), server.projects().len()), (Some(0), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_one_began_is_finished_by_the_next() {
    let place = tempfile::tempdir().unwrap();
    let server = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    killed(&server, place.path()).await;
    server.finish_jobs();
    let output = run(command(&server, place.path())).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", lines(&output));
    assert_eq!((server.projects().len(), server.applications().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_killed_there_is_one_stack_in_the_end() {
    for version in Version::ALL {
        let place = tempfile::tempdir().unwrap();
        let server = Dokploy::start(version).unwrap();
        for kill in 0..12 {
            let mut child: Child = command(&server, place.path()).stdout(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(20 + 15 * kill)).await;
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let output = run(command(&server, place.path())).await;
        assert_eq!(output.status.code(), Some(0), "{version:?} {:?}", lines(&output));
        let (projects, applications) = (server.projects().len(), server.applications().len());
        assert_eq!((projects, applications, server.services().len()), (1, 1, 1), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let server = Dokploy::start(Version::V0_26_7).unwrap();
    let mut command = command(&server, place.path());
    command.env("STACK_IMAGE", "missing:1");
    let output = run(command).await;
    let last = lines(&output).pop().unwrap();
    assert_eq!((output.status.code(), &last["type"]), (Some(1), &"error".into()), "{last}");
    assert_eq!((server.projects().len(), last["leaks"].as_array().unwrap().len()), (0, 0), "{last}");
}

/// A journal tells nothing of another server than its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_one_server_is_not_told_of_another() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) =
        (Dokploy::start(Version::V0_30_2).unwrap(), Dokploy::start(Version::V0_30_2).unwrap());
    let alone = || {
        let mut command = command(&first, place.path());
        command.env_remove("DOKPLOY_URL").env_remove("DOKPLOY_API_TOKEN");
        command
    };
    // Its own server ends with it, so each such run begins anew.
    for command in [alone(), alone(), command(&first, place.path())] {
        assert_eq!(run(command).await.status.code(), Some(0));
    }
    assert_eq!(first.projects().len(), 1);
    for command in [alone(), command(&second, place.path())] {
        let output = run(command).await;
        let last = lines(&output).pop().unwrap();
        assert_eq!((output.status.code(), &last["code"]), (Some(1), &"journal".into()), "{last}");
    }
    let output = run(command(&first, place.path())).await;
    assert_eq!((output.status.code(), second.projects().len()), (Some(0), 0), "{:?}", lines(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_told_in_one_line() {
    let place = tempfile::tempdir().unwrap();
    let server = Dokploy::start(Version::V0_30_2).unwrap();
    let with = |change: fn(&mut Command) -> &mut Command| {
        let mut command = command(&server, place.path());
        change(&mut command);
        command
    };
    let cases = [
        (with(|it| it.arg("two")), "invalid_name"),
        (with(|it| it.env("DOKPLOY_API_TOKEN", "")), "not_configured"),
        (with(|it| it.env("DOKPLOY_URL", OsStr::from_bytes(b"\xff"))), "invalid_request"),
        (with(|it| it.env("DOKPLOY_URL", "nowhere")), "invalid_request"),
        (with(|it| it.env("STACK_IMAGE", "a b")), "invalid_request"),
    ];
    for (command, code) in cases {
        let output = run(command).await;
        let lines = lines(&output);
        assert_eq!((output.status.code(), lines.len(), &lines[0]["code"]), (Some(1), 1, &code.into()));
    }
    assert!(server.projects().is_empty());
}
