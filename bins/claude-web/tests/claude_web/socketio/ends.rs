//! How terminals end, and what is told of it.

use std::time::Duration;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use super::driver::{Driver, drive};
use super::{CAT, DEAF, TRANSPORTS, end, is_alive, place};
use crate::server::{block_on, eventually};

pub(crate) fn all_output_comes_before_the_end_is_told() {
    block_on(async {
        let server = place("stty raw -echo; seq 1000000 1049999; exit 5").start().await;
        let wanted: String = (1_000_000..1_050_000).map(|number| format!("{number}\n")).collect();
        // The change to WebSocket falls into the flood, each time elsewhere.
        let changing = std::iter::repeat_n([(3, TRANSPORTS[2]), (4, TRANSPORTS[2])], 5).flatten();
        for (client, transports) in [(4, TRANSPORTS[0]), (4, TRANSPORTS[1])].into_iter().chain(changing) {
            let seen = drive(&server, "watch", json!({"client": client, "transports": transports})).await;
            let (last, left) = end(&seen);
            assert_eq!((&last["reason"], &last["code"]), (&json!("exited"), &json!(5)), "{transports:?}");
            assert!(seen["text"] == wanted.as_str(), "{transports:?}: {} bytes", seen["offset"]);
            assert_eq!((left, &seen["offset"]), ("io server disconnect", &json!(wanted.len())));
        }
    });
}

pub(crate) fn a_killed_child_is_told_with_its_signal() {
    block_on(async {
        let server = place("stty raw -echo; kill -KILL $$").start().await;
        let seen = drive(&server, "watch", json!({})).await;
        let (last, left) = end(&seen);
        let told = (&last["state"], &last["reason"], &last["code"], &last["signal"]);
        assert_eq!(told, (&json!("closed"), &json!("killed"), &json!(null), &json!("KILL")), "{seen}");
        assert_eq!(left, "io server disconnect");
    });
}

pub(crate) fn a_deleted_terminal_is_told_as_such() {
    block_on(async {
        let server = place(CAT).start().await;
        for transports in [TRANSPORTS[0], TRANSPORTS[1]] {
            let mut driver = Driver::start(&server, "watch", json!({"transports": transports}));
            let id = driver.mark("opened").await;
            let path = format!("/api/terminals/{id}");
            assert_eq!(server.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
            let seen = driver.seen().await;
            let (last, left) = end(&seen);
            assert_eq!((&last["state"], &last["reason"]), (&json!("closed"), &json!("deleted")), "{seen}");
            assert_eq!(left, "io server disconnect");
        }
    });
}

pub(crate) fn a_server_that_stops_says_so_and_leaves_nobody() {
    block_on(async {
        let server = place(DEAF).start().await;
        let mut drivers = Vec::new();
        let mut pids = Vec::new();
        for transports in TRANSPORTS {
            let mut driver = Driver::start(&server, "watch", json!({"transports": transports}));
            let id = driver.mark("opened").await;
            let info = server.get(&format!("/api/terminals/{id}")).await;
            pids.push(u32::try_from(info["pid"].as_u64().unwrap()).unwrap());
            drivers.push((transports, driver));
        }
        // The last may still be changing its transport.
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.signal(Signal::TERM);
        for (transports, driver) in drivers {
            let seen = driver.seen().await;
            let (last, left) = end(&seen);
            assert_eq!(
                (&last["state"], &last["reason"]),
                (&json!("closed"), &json!("shutting_down")),
                "{transports:?}: {seen}"
            );
            assert_eq!(left, "io server disconnect", "{transports:?}");
        }
        assert!(server.ended().await.success());
        eventually("every child is gone", || !pids.iter().any(|pid| is_alive(*pid))).await;
    });
}
