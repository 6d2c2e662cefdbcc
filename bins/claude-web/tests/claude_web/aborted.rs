//! Readers that go away.

use claude_core::testing::{StandIn, grandchildren, processes_with};
use serde_json::json;

use crate::server::{GRANDCHILDREN, Place, block_on, eventually, no_run_is_left};

pub(crate) fn three_hundred_aborted_requests_leave_nobody() {
    block_on(async {
        let _alone = GRANDCHILDREN.lock().await;
        let token = uuid::Uuid::new_v4().to_string();
        let plans = [
            StandIn::new().lines(100_000).rate(100.0),
            StandIn::new().ignore_sigterm().ignore_sigint().grandchild().lines(5).stall_after(1),
            StandIn::new().silent().grandchild(),
        ];
        for plan in plans {
            let place = Place::new(&plan).set("RUN_GRACE_MS", "0").set("CLAUDE_TEST_TOKEN", &token);
            let server = place.start().await;
            let before = processes_with(&token);
            for batch in 0..5 {
                let runs = (0..20).map(|number| {
                    let server = &server;
                    async move {
                        let answer = server.ask(&json!({"prompt": "go"})).send().await.unwrap();
                        // Some leave at once, some after a while.
                        tokio::time::sleep(std::time::Duration::from_millis((number * batch) % 60)).await;
                        drop(answer);
                    }
                });
                futures_util::future::join_all(runs).await;
            }
            eventually("every child is gone", || processes_with(&token) <= before).await;
            eventually("every grandchild is gone", || grandchildren() == 0).await;
            no_run_is_left(&server).await;
        }
    });
}

pub(crate) fn a_run_that_nobody_reads_ends_after_the_grace() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(100_000).rate(100.0)).set("RUN_GRACE_MS", "300");
        let server = place.start().await;
        let mut events = server.run(&json!({"prompt": "go"})).await;
        let run = events.run();
        let seen = events.next().await.unwrap().id;
        drop(events);
        let info = server.run_in(&run, &["cancelled", "failed"]).await;
        assert_eq!(info["error"]["message"], "stopped: no_reader");
        let rest = server.events(&run, seen).await.all().await;
        assert_eq!(crate::events::last_error(&rest), "cancelled");
    });
}
