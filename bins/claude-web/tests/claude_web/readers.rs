//! Readers that stop, leave and come back; runs that need none.

use std::time::Duration;

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::json;

use crate::events::{Events, assert_numbered, last_error, lines};
use crate::server::{Place, block_on, code};

pub(crate) fn a_reader_that_stops_leaves_and_comes_back_misses_nothing() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(20_000).size(1_000).rate(20_000.0)).start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        let mut seen = Vec::new();
        while seen.len() < 500 {
            seen.push(events.next().await.unwrap());
        }
        // It stops reading: the run waits, at about a window beyond what the sockets took.
        let last_seq = async || server.get(&format!("/api/runs/{run}")).await["last_seq"].as_u64().unwrap();
        let mut last = 0;
        while last != last_seq().await {
            last = last_seq().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(last < 12_000, "it went on to {last} without a reader");
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "running");
        // It leaves, and comes back behind what it got, again and again.
        drop(events);
        for _ in 0..5 {
            let mut back = server.events(&run, seen.last().unwrap().id).await;
            for _ in 0..1_000 {
                seen.push(back.next().await.unwrap());
            }
        }
        let mut back = server.events(&run, seen.last().unwrap().id).await;
        seen.extend(back.all().await);
        assert!(!back.is_cut);
        assert_eq!(seen.len(), 20_002, "init, lines, result");
        assert_numbered(&seen, 1);
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "completed");
        // What lies too far back is held no more, and that is said.
        let gone =
            server.request(Method::GET, &format!("/api/runs/{run}/events?after=1")).send().await.unwrap();
        assert_eq!(code(gone).await, (410, "gone".into()));
    });
}

pub(crate) fn a_run_that_answers_later_needs_no_reader() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(8_000).size(1_000)).set("RUN_GRACE_MS", "0");
        let server = place.start().await;
        let later = server.ask(&json!({"prompt": "go"})).header("prefer", "wait=1, respond-async");
        let answer = later.send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers()["preference-applied"], "respond-async");
        let run = answer.headers()["x-run-id"].to_str().unwrap().to_owned();
        assert_eq!(answer.headers()["location"], format!("/api/runs/{run}").as_str());
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["id"], run.as_str());
        let info = server.run_in(&run, &["completed", "failed"]).await;
        assert_eq!((&info["state"], &info["last_seq"]), (&json!("completed"), &json!(8002)));
        let all = server.events(&run, 0).await.all().await;
        assert_numbered(&all, 1);
        assert_eq!(all.len(), 8002);
        // They outlive the server.
        server.kill();
        let server = place.start().await;
        let again = server.events(&run, 0).await.all().await;
        assert_eq!(lines(&again), lines(&all));
        assert_eq!(server.events(&run, 8000).await.all().await.len(), 2);
    });
}

pub(crate) fn a_run_is_read_as_a_turn() {
    block_on(async {
        let server = Place::new(&StandIn::new().text("Hello.").text("World.")).start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        events.all().await;
        let turn = |after: u64| {
            let path = format!("/api/runs/{run}/events?format=turn&after={after}");
            let request = server.request(Method::GET, &path);
            async move { Events::of(request.send().await.unwrap()).all().await }
        };
        let all = turn(0).await;
        let types: Vec<_> = all.iter().map(|event| event.name.clone().unwrap()).collect();
        assert_eq!(
            (types[0].as_str(), types.last().unwrap().as_str()),
            ("started", "completed"),
            "{types:?}"
        );
        for event in &all {
            assert_eq!(event.json()["type"].as_str(), event.name.as_deref());
        }
        let text: String =
            all.iter().filter_map(|event| event.json()["text"].as_str().map(str::to_owned)).collect();
        assert_eq!(text, "Hello.World.");
        // Behind any event that has a number comes exactly the rest.
        for (at, event) in all.iter().enumerate().filter(|(_, event)| event.id > 0) {
            let rest: Vec<_> = turn(event.id).await.into_iter().map(|event| event.name).collect();
            let expected: Vec<_> = all[at + 1..].iter().map(|event| event.name.clone()).collect();
            assert_eq!(rest, expected, "behind {}", event.id);
        }
    });
}

pub(crate) fn an_interrupt_ends_the_run() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(10_000).rate(50.0)).start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        events.next().await.unwrap();
        let interrupt = || server.request(Method::POST, &format!("/api/runs/{run}/interrupt")).send();
        assert_eq!(interrupt().await.unwrap().status(), 202);
        let all = events.all().await;
        // The CLI tells its own end, so nothing is added.
        assert_eq!((all.last().unwrap().json()["type"].as_str(), events.is_cut), (Some("result"), false));
        let info = server.get(&format!("/api/runs/{run}")).await;
        assert_eq!((&info["state"], &info["error"]["code"]), (&json!("cancelled"), &json!("cancelled")));
        assert_eq!(code(interrupt().await.unwrap()).await, (409, "already_ended".into()));

        let stubborn = StandIn::new().lines(5).stall_after(2).ignore_sigint().ignore_sigterm();
        let server = Place::new(&stubborn).start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        events.next().await.unwrap();
        server.request(Method::POST, &format!("/api/runs/{run}/interrupt")).send().await.unwrap();
        assert_eq!(last_error(&events.all().await), "cancelled");
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["state"], "cancelled");
    });
}

pub(crate) fn a_busy_session_waits_its_turn() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(20).rate(20.0)).start().await;
        let mut first = server.run(&json!({"prompt": "one"})).await;
        let session = first.next().await.unwrap().json()["session_id"].as_str().unwrap().to_owned();
        let resumed = json!({"prompt": "two", "session_id": session});
        let mut second = server.run(&resumed).await;
        let waiting = server.get(&format!("/api/runs/{}", second.run())).await;
        assert_eq!((&waiting["state"], &waiting["session_id"]), (&json!("queued"), &json!(session)));
        // One that leaves the line is dropped.
        let third = server.run(&resumed).await;
        let left = third.run();
        drop(third);
        server.run_in(&left, &["cancelled"]).await;
        assert_eq!(first.all().await.last().unwrap().json()["type"], "result");
        let ended_first = server.get(&format!("/api/runs/{}", first.run())).await;
        let all = second.all().await;
        assert_eq!(all[0].json()["session_id"], session.as_str());
        assert_eq!(ended_first["state"], "completed");
        assert_eq!(server.get(&format!("/api/claude/sessions/{session}")).await["turns"], 2);
        // Eight may wait, the ninth may not.
        let mut events = server.run(&resumed).await;
        events.next().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(server.run(&resumed).await);
        }
        let full = server.ask(&resumed).send().await.unwrap();
        assert!(full.headers().contains_key("retry-after"));
        assert_eq!(code(full).await, (429, "session_queue_full".into()));
    });
}

pub(crate) fn a_busy_session_refuses_where_it_shall() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(1000).rate(20.0)).set("SESSION_BUSY", "refuse");
        let server = place.start().await;
        let mut first = server.run(&json!({"prompt": "one"})).await;
        let session = first.next().await.unwrap().json()["session_id"].as_str().unwrap().to_owned();
        let busy = server.ask(&json!({"prompt": "two", "session_id": session})).send().await.unwrap();
        assert_eq!(code(busy).await, (409, "session_busy".into()));
        let delete = server.request(Method::DELETE, &format!("/api/claude/sessions/{session}"));
        assert_eq!(code(delete.send().await.unwrap()).await, (409, "session_busy".into()));
    });
}

pub(crate) fn a_token_that_ends_takes_its_streams_along() {
    block_on(async {
        let server = Place::new(&StandIn::new().lines(100_000).rate(20.0)).start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        events.next().await.unwrap();
        assert_eq!(server.request(Method::POST, "/auth/logout").send().await.unwrap().status(), 204);
        events.all().await;
        assert!(
            events.is_cut,
            "the stream ends with the token, without pretending that this was the run's end"
        );
        let refused = server.request(Method::GET, &format!("/api/runs/{run}")).send().await.unwrap();
        assert_eq!(code(refused).await, (401, "unauthorized".into()));
    });
}
