//! Nothing that is typed is lost or comes in another order.

use serde_json::{Value, json};

use super::driver::drive;
use super::{CAT, TRANSPORTS, place};
use crate::server::block_on;

/// Bursts, and inputs of each.
const BURSTS: u32 = 200;

pub(crate) fn bursts_of_input_keep_their_order() {
    block_on(async {
        let server = place(CAT).start().await;
        for (client, transports) in [
            (4, TRANSPORTS[0]),
            (4, TRANSPORTS[1]),
            (4, TRANSPORTS[2]),
            (3, TRANSPORTS[0]),
            (3, TRANSPORTS[1]),
        ] {
            let options =
                json!({"client": client, "transports": transports, "bursts": BURSTS, "size": BURSTS});
            let seen = drive(&server, "order", options.clone()).await;
            assert_eq!((&seen["parting"], &seen["errors"]), (&Value::Null, &json!([])), "{options}");
            assert_eq!(seen["transport"], *transports.last().unwrap());
        }
    });
}

pub(crate) fn who_types_during_the_upgrade_loses_nothing() {
    block_on(async {
        let server = place(CAT).set("SOCKETIO_GRACE_MS", "0").start().await;
        for (client, connections) in [(4, 100), (3, 32)] {
            let options = json!({"client": client, "connections": connections, "at_once": 4, "size": 10});
            let seen = drive(&server, "fresh", options).await;
            assert_eq!(
                (&seen["count"], &seen["partings"]),
                (&json!(connections), &json!([])),
                "client {client}"
            );
            let upgraded = seen["upgraded"].as_u64().unwrap();
            assert!(upgraded * 2 > seen["count"].as_u64().unwrap(), "{upgraded} have changed to WebSocket");
        }
    });
}
