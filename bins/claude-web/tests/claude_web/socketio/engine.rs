//! Engine.IO: who may begin a session, and whose it is.

use reqwest::Method;
use serde_json::{Value, json};

use super::driver::drive;
use super::wire::{POLLING, Said, WEBSOCKET, Wire, begin, begin_connected, handshake, poll, post};
use super::{CAT, place};
use crate::server::{Server, block_on, code};

/// The server serves others as ever.
async fn assert_serves(server: &Server) {
    let seen = drive(server, "leave", json!({"shows": "ready|"})).await;
    assert_eq!(seen["first"], "opened");
}

pub(crate) fn requests_that_are_none_are_refused_by_name() {
    block_on(async {
        let server = place(CAT).start().await;
        let long = "x".repeat(4000);
        for (method, query, number) in [
            (Method::GET, "", 0),
            (Method::GET, "?EIO=4", 0),
            (Method::GET, "?EIO=4&transport=flashsocket", 0),
            (Method::GET, "?EIO=4&transport=__proto__", 0),
            (Method::GET, "?EIO=3&transport=polling", 5),
            (Method::GET, "?transport=polling", 5),
            (Method::GET, "?EIO=4&transport=polling&sid=", 1),
            (Method::GET, "?EIO=4&transport=polling&sid=none", 1),
            (Method::GET, "?EIO=4&transport=polling&sid=%00%ff", 1),
            (Method::POST, "?EIO=4&transport=polling&sid=none", 1),
            (Method::GET, "?EIO=4&transport=websocket&sid=none", 1),
            (Method::GET, &format!("?EIO=4&transport=polling&sid={long}"), 1),
            (Method::POST, "?EIO=4&transport=polling", 2),
            (Method::GET, "?EIO=4&transport=polling&j=0", 3),
        ] {
            let answer = server.bare(method.clone(), &format!("/socket.io/{query}")).send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let told: Value =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {query}: {text}"));
            assert_eq!((status, &told["code"]), (400, &json!(number)), "{method} {query}: {text}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = server.bare(method, POLLING).send().await.unwrap();
            assert_eq!(code(answer).await, (405, "method_not_allowed".into()));
        }
        let plain = server.bare(Method::GET, WEBSOCKET).send().await.unwrap();
        assert!([400, 426].contains(&plain.status().as_u16()), "no upgrade: {}", plain.status());
        assert_serves(&server).await;
    });
}

pub(crate) fn another_origin_or_host_is_refused_before_anything() {
    block_on(async {
        let server = place(CAT).start().await;
        let sid = begin_connected(&server).await;
        let known = [format!("{POLLING}&sid={sid}"), format!("{WEBSOCKET}&sid={sid}")];
        for (name, value, status) in [
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
            ("origin", "http://localhost:1", 403),
            ("host", "evil.example", 421),
            ("host", "169.254.169.254", 421),
        ] {
            for path in [POLLING, WEBSOCKET, &known[0], &known[1]] {
                let polled = server.bare(Method::GET, path).header(name, value).send().await.unwrap();
                assert_eq!(polled.status(), status, "GET {path} {value}");
                assert!(!polled.headers().contains_key("access-control-allow-origin"));
                let mut request = handshake(&server, path);
                request.headers_mut().insert(name, value.parse().unwrap());
                assert_eq!(
                    Wire::try_open(&server, request).await.err(),
                    Some(status),
                    "upgrade {path} {value}"
                );
            }
            let typed = server.bare(Method::POST, &known[0]).header(name, value).body("42[\"x\"]");
            assert_eq!(typed.send().await.unwrap().status(), status, "POST {value}");
        }
        assert_eq!(post(&server, &sid, "42[\"unknown\"]").await, 200, "the session itself goes on");
    });
}

pub(crate) fn who_is_refused_or_silent_is_hung_up_on() {
    block_on(async {
        let server = place(CAT).start().await;
        for connect in ["40", "40{}", "40{\"token\":\"none\"}", "40{\"token\":null,\"start\":false}"] {
            let mut wire = Wire::open(&server).await;
            wire.send(connect).await;
            let told = wire.text().await;
            assert!(told.starts_with("44{\"message\":") || told.starts_with("44{"), "{connect}: {told}");
            // This client stays: it is the server that hangs up.
            wire.close().await;

            let sid = begin(&server).await;
            assert_eq!(post(&server, &sid, connect).await, 200);
            let (_, told) = poll(&server, &sid).await;
            assert!(told.starts_with("44{"), "{connect}: {told}");
            while poll(&server, &sid).await.0 == 200 {}
            assert_eq!(post(&server, &sid, "42[\"input\",{\"data\":\"x\"}]").await, 400);
        }
        let mut silent = Wire::open(&server).await;
        silent.close().await;
        let mut elsewhere = Wire::open(&server).await;
        elsewhere.send("40/foreign,{}").await;
        let told = elsewhere.text().await;
        assert!(told.starts_with("44/foreign,") && told.contains("Invalid namespace"), "{told}");
        elsewhere.close().await;
        assert_eq!(server.get("/api/terminals").await["items"], json!([]), "nothing was started");
    });
}

pub(crate) fn what_comes_before_the_connect_does_nothing() {
    block_on(async {
        let server = place(CAT).start().await;
        for packet in [
            "42[\"start\",{\"command\":\"bash\"}]",
            "42[\"input\",{\"data\":\"x\"}]",
            "42[\"attach\",{\"id\":\"x\",\"from\":0}]",
            "451-[\"start\",{\"_placeholder\":true,\"num\":0}]",
        ] {
            let mut wire = Wire::open(&server).await;
            wire.send(packet).await;
            wire.close().await;
            let sid = begin(&server).await;
            assert_eq!(post(&server, &sid, packet).await, 400, "{packet}");
        }
        // Let in once, it is refused as itself whatever it says later.
        let mut twice = Wire::connected(&server, false).await;
        twice.send("40{\"token\":\"none\"}").await;
        twice.send("420[\"start\",{\"command\":\"none\"}]").await;
        twice.until("invalid_request").await;
        assert_eq!(server.get("/api/terminals").await["items"], json!([]));
    });
}

pub(crate) fn a_polling_session_is_one_clients_and_has_limits() {
    block_on(async {
        let server = place(CAT).start().await;
        let sid = begin_connected(&server).await;
        assert!(sid.len() >= 22, "128 random bits: {sid}");
        assert_ne!(sid, begin(&server).await);
        // The largest request there may be is one, and one byte more is none.
        let frame = |bytes: usize| format!("42[\"unknown\",\"{}\"]", "x".repeat(bytes - 16));
        assert_eq!(post(&server, &sid, frame(1 << 20)).await, 200);
        assert_eq!(post(&server, &sid, frame((1 << 20) + 1)).await, 413);
        let torn = ["b", "b!", "42[\"x\"]\u{1e}", "\u{1e}", "bAAAA", "4\u{1e}42[\"x\"]"];
        for body in torn {
            let sid = begin_connected(&server).await;
            assert_eq!(post(&server, &sid, body).await, 400, "{body:?}");
            let told = poll(&server, &sid).await;
            assert!(told.0 == 400 || told == (200, "1".into()), "{body:?}: it has ended: {told:?}");
        }
        let sid = begin_connected(&server).await;
        assert_eq!(post(&server, &sid, vec![0x34, 0x32, 0xff]).await, 400, "no UTF-8");
        // Two at once have no order: the session ends.
        let sid = begin_connected(&server).await;
        let (one, other) = tokio::join!(poll(&server, &sid), poll(&server, &sid));
        assert!(one.0 == 400 || other.0 == 400, "{one:?} {other:?}");
        assert_eq!(post(&server, &sid, "42[\"x\"]").await, 400);
        assert_serves(&server).await;
    });
}

pub(crate) fn an_upgrade_is_for_one_and_only_once() {
    block_on(async {
        let server = place(CAT).start().await;
        let upgrade = |sid: &str| handshake(&server, &format!("{WEBSOCKET}&sid={sid}"));
        // Several try: one gets it, and the session goes on over that one.
        let sid = begin_connected(&server).await;
        let mut wires = Vec::new();
        for _ in 0..3 {
            wires.extend(Wire::try_open(&server, upgrade(&sid)).await.ok());
        }
        let polled = tokio::spawn({
            let request = server.bare(Method::GET, &format!("{POLLING}&sid={sid}"));
            async move { request.send().await.unwrap().text().await.unwrap() }
        });
        for wire in &mut wires {
            wire.send("2probe").await;
        }
        let mut probed = Vec::new();
        for mut wire in wires {
            if wire.next().await == Said::Text("3probe".into()) {
                probed.push(wire);
            }
        }
        assert_eq!(probed.len(), 1, "one of them is answered");
        assert_eq!(polled.await.unwrap(), "6", "the poll ends");
        let mut wire = probed.remove(0);
        wire.send("5").await;
        wire.send("42[\"start\",{\"command\":\"claude\"}]").await;
        wire.until("ready|").await;
        assert_eq!(poll(&server, &sid).await.0, 400, "there is no polling any more");
        assert_eq!(post(&server, &sid, "42[\"x\"]").await, 400);
        assert_eq!(Wire::try_open(&server, upgrade(&sid)).await.err(), Some(400), "nor another upgrade");
        wire.send("42[\"input\",{\"data\":\"still here\"}]").await;
        wire.until("still here").await;
        // Who tries and says something else has tried in vain, and polling goes on.
        let sid = begin_connected(&server).await;
        for first in ["42[\"start\",{\"command\":\"bash\"}]", "3probe", "5", "2"] {
            let mut wire = Wire::try_open(&server, upgrade(&sid)).await.unwrap();
            wire.send(first).await;
            wire.close().await;
        }
        assert_eq!(post(&server, &sid, "420[\"unknown\"]").await, 200);
        assert_eq!(poll(&server, &sid).await, (200, "430[]".into()));
    });
}
