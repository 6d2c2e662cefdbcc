//! A server that dies, or is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use claude_core::testing::{StandIn, grandchildren, processes_with};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::events::last_error;
use crate::server::{GRANDCHILDREN, Place, block_on, eventually};

pub(crate) fn a_killed_server_leaves_no_child_and_its_sessions_go_on() {
    block_on(async {
        let _alone = GRANDCHILDREN.lock().await;
        let token = uuid::Uuid::new_v4().to_string();
        let plan = StandIn::new().grandchild().ignore_sigterm().ignore_sigint().lines(100_000).rate(100.0);
        let place = Place::new(&plan).set("CLAUDE_TEST_TOKEN", &token);
        let server = place.start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        let session = events.next().await.unwrap().json()["session_id"].as_str().unwrap().to_owned();
        server.kill();
        eventually("every child is gone", || processes_with(&token) == 0).await;
        eventually("every grandchild is gone", || grandchildren() == 0).await;

        let (name, plan) = StandIn::new().text("on").to_env();
        let place = place.set(&name, &plan);
        let server = place.start().await;
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!((&info["state"], &info["error"]["code"]), (&json!("interrupted"), &json!("interrupted")));
        assert_eq!(last_error(&server.events(&run, 0).await.all().await), "interrupted");
        let turn =
            server.request(Method::GET, &format!("/api/runs/{run}/events?format=turn")).send().await.unwrap();
        let turn = crate::events::Events::of(turn).all().await;
        assert_eq!(turn.last().unwrap().json()["code"], "interrupted");
        let known = server.get(&format!("/api/claude/sessions/{session}")).await;
        let mut resumed = server.run(&json!({"prompt": "on", "session_id": session})).await;
        let all = resumed.all().await;
        assert_eq!(all[0].json()["session_id"], session.as_str());
        assert_eq!(all[0].json()["cwd"], known["workspace_path"], "it resumes where it was");
    });
}

pub(crate) fn what_was_told_is_there_after_a_hundred_kills() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(3));
        let (mut runs, mut sessions) = (Vec::new(), Vec::new());
        for round in 0..100_u64 {
            let server = place.start().await;
            let begun = Arc::new(AtomicUsize::new(0));
            let told =
                tokio::spawn(tell_until_killed(server.url.clone(), server.token.clone(), begun.clone()));
            // From before the first run to well into many, however fast the machine is, and then at any moment.
            let mixed = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let enough = usize::try_from(mixed % 7).unwrap();
            eventually("runs begin", || begun.load(Ordering::Relaxed) >= enough).await;
            tokio::time::sleep(Duration::from_millis(mixed % 20)).await;
            server.kill();
            let (new_runs, new_sessions) = told.await.unwrap();
            runs.extend(new_runs);
            sessions.extend(new_sessions);
        }
        assert!(runs.len() > 100 && sessions.len() > 50, "{} runs, {} sessions", runs.len(), sessions.len());
        let server = place.start().await;
        for (run, completed) in &runs {
            let state = server.get(&format!("/api/runs/{run}")).await["state"].as_str().unwrap().to_owned();
            let ends: &[&str] = if *completed { &["completed"] } else { &["completed", "interrupted"] };
            assert!(ends.contains(&state.as_str()), "{run} is {state}");
        }
        for session in &sessions {
            server.get(&format!("/api/claude/sessions/{session}")).await;
        }
        server.signal(Signal::TERM);
        assert_eq!(server.ended().await.code(), Some(0));
        let database = format!("sqlite://{}/data/claude-web.db", place.data.path().display());
        let checked = store_core::Store::builder(&database).check(store_core::Check::Always).open().await;
        checked.expect("every page is sound").close().await;
    });
}

/// Runs that a server told of, each with whether it told its end, and sessions that it told.
type Told = (Vec<(String, bool)>, Vec<String>);

async fn tell_until_killed(url: String, token: String, begun: Arc<AtomicUsize>) -> Told {
    // Each run has a connection of its own: a client's pool may wait for ever for one that was killed.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut told = Told::default();
    let workers = (0..4).map(|_| {
        let request =
            client.post(format!("{url}/api/claude")).bearer_auth(&token).json(&json!({"prompt": "go"}));
        let begun = &begun;
        async move {
            let mut told = Told::default();
            // The cap only bounds a client that does not notice the death.
            while let Ok(Some((run, has_ended, session))) =
                tokio::time::timeout(Duration::from_secs(20), tell(request.try_clone().unwrap(), begun)).await
            {
                told.1.extend(session);
                told.0.push((run, has_ended));
            }
            told
        }
    });
    for (runs, sessions) in futures_util::future::join_all(workers).await {
        told.0.extend(runs);
        told.1.extend(sessions);
    }
    told
}

/// A run, whether its end was told, and its session if that was told.
async fn tell(
    request: reqwest::RequestBuilder,
    begun: &AtomicUsize,
) -> Option<(String, bool, Option<String>)> {
    let answer = request.send().await.ok()?;
    assert_eq!(answer.status(), 200);
    begun.fetch_add(1, Ordering::Relaxed);
    let mut events = crate::events::Events::of(answer);
    let (run, all) = (events.run(), events.all().await);
    let session = all.first().map(|first| first.json()["session_id"].as_str().unwrap().to_owned());
    Some((run, !events.is_cut, session))
}

pub(crate) fn sigterm_ends_fifty_runs_in_good_order() {
    block_on(async {
        let token = uuid::Uuid::new_v4().to_string();
        for plan in [StandIn::new(), StandIn::new().ignore_sigint()] {
            let place = Place::new(&plan.lines(100_000).rate(50.0)).set("CLAUDE_TEST_TOKEN", &token);
            let server = place.start().await;
            let mut streams = Vec::new();
            for _ in 0..50 {
                let mut events = server.run(&json!({"prompt": "go"})).await;
                events.next().await.unwrap();
                streams.push(events);
            }
            let url = server.url.clone();
            server.signal(Signal::TERM);
            let mut runs = Vec::new();
            for mut events in streams {
                let all = events.all().await;
                assert!(!events.is_cut, "each stream has its end");
                let last = all.last().unwrap();
                assert!(last.name.as_deref() == Some("error") || last.json()["type"] == "result");
                runs.push(events.run());
            }
            assert_eq!(server.ended().await.code(), Some(0));
            assert!(reqwest::get(format!("{url}/health")).await.is_err());
            assert_eq!(processes_with(&token), 0);
            let server = place.start().await;
            for run in runs {
                assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "cancelled");
            }
        }
    });
}
