//! A CLI that does not behave, and what the reader sees of it.

use claude_core::testing::StandIn;
use serde_json::json;

use crate::events::{Event, last_error};
use crate::server::{Place, block_on};

/// What a reader of one run gets, and the run's end.
async fn told(place: Place) -> (Vec<Event>, serde_json::Value) {
    let server = place.start().await;
    let mut events = server.run(&json!({"prompt": "go"})).await;
    let (run, all) = (events.run(), events.all().await);
    assert!(!events.is_cut, "every run has its end");
    if let Some(error) = all.iter().find(|event| event.name.is_some()) {
        assert_eq!(error.json()["error"]["request_id"], events.request().as_str());
    }
    let info = server.get(&format!("/api/runs/{run}")).await;
    (all, info)
}

pub(crate) fn what_is_no_text_is_told_at_the_end() {
    block_on(async {
        let (all, info) = told(Place::new(&StandIn::new().garbage().text("after it"))).await;
        assert_eq!(last_error(&all), "bad_line");
        let texts: Vec<String> =
            all.iter().map(|event| String::from_utf8(event.data.clone()).unwrap()).collect();
        assert!(texts.iter().all(|text| !text.contains(['\r', '\0'])));
        assert!(texts.iter().any(String::is_empty), "an empty line is a line: {texts:?}");
        assert!(texts.iter().any(|text| text.contains("after it")), "the rest is told");
        assert_eq!(all[all.len() - 2].json()["type"], "result");
        assert_eq!(info["state"], "completed");
    });
}

pub(crate) fn a_line_beyond_the_limit_ends_the_run() {
    block_on(async {
        let (all, info) =
            told(Place::new(&StandIn::new().text("before").big_line(17 << 20).text("no"))).await;
        assert_eq!(last_error(&all), "line_too_long");
        assert_eq!(all.len(), 3, "init, text, error");
        assert_eq!((&info["state"], &info["error"]["code"]), (&json!("failed"), &json!("line_too_long")));
    });
}

pub(crate) fn a_silent_cli_is_ended() {
    block_on(async {
        let (all, info) = told(Place::new(&StandIn::new().silent()).set("RUN_IDLE_TIMEOUT", "1")).await;
        assert_eq!((last_error(&all).as_str(), all.len()), ("timed_out", 1));
        assert_eq!(info["state"], "failed");
        let plan = StandIn::new().lines(5).stall_after(3).ignore_sigint();
        let (all, _) = told(Place::new(&plan).set("RUN_IDLE_TIMEOUT", "1")).await;
        assert_eq!((last_error(&all).as_str(), all.len()), ("timed_out", 4));
        // Told to stop, this one still tells its result: nothing is added, and the run failed all the same.
        let plan = StandIn::new().lines(10_000).rate(20.0);
        let (all, info) = told(Place::new(&plan).set("RUN_TIMEOUT", "1")).await;
        assert_eq!(all.last().unwrap().json()["type"], "result");
        assert_eq!((&info["state"], &info["error"]["code"]), (&json!("failed"), &json!("timed_out")));
    });
}

pub(crate) fn an_end_in_mid_line_or_without_a_result_is_told() {
    block_on(async {
        let cases = [
            (StandIn::new().text("a").die_in_mid_line().exit_code(0), "incomplete", true),
            (StandIn::new().text("a").die_in_mid_line(), "incomplete", true),
            (StandIn::new().text("a").no_result(), "no_result", false),
            (StandIn::new().text("a").die(9), "killed", false),
        ];
        for (plan, code, is_cut) in cases {
            let (all, info) = told(Place::new(&plan)).await;
            assert_eq!(last_error(&all), code, "{plan:?}");
            let before = &all[all.len() - 2].data;
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(before).is_err(),
                is_cut,
                "half a line is told"
            );
            assert_eq!((&info["state"], &info["error"]["code"]), (&json!("failed"), &json!(code)));
        }
    });
}

pub(crate) fn a_cli_that_is_missing_or_fails_is_told() {
    block_on(async {
        let (all, info) = told(Place::with_cli("/nowhere/claude")).await;
        assert_eq!((last_error(&all).as_str(), all.len()), ("cli_missing", 1));
        assert_eq!(info["state"], "failed");
        let (all, _) = told(Place::with_cli("/bin/false")).await;
        assert_eq!(last_error(&all), "no_result");
        let (all, _) = told(Place::new(&StandIn::new().refused_as_root())).await;
        assert_eq!(last_error(&all), "refused_as_root");
        // Its own result says what went wrong: nothing is added.
        let (all, info) = told(Place::new(&StandIn::new().not_logged_in())).await;
        assert_eq!((all.last().unwrap().name.as_deref(), &info["state"]), (None, &json!("failed")));
        assert_eq!(info["error"]["code"], "not_logged_in");
        let plan = StandIn::new().api_error(529);
        let (all, info) = told(Place::new(&plan).set("CLAUDE_CODE_MAX_RETRIES", "1")).await;
        assert_eq!(
            (all.last().unwrap().name.as_deref(), &info["error"]["code"]),
            (None, &json!("overloaded"))
        );
    });
}
