//! Terminals over WebSocket: `opskit.pty.v1` to the letter.

use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{Place, block_on, code, eventually};
use crate::viewer::{PROTOCOL, Said};

fn place() -> Place {
    Place::new(&StandIn::new())
}

pub(crate) fn who_may_not_view_is_refused_before_the_upgrade() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("sleep 600").await;
        let ticket = server.ticket(&id, &json!({})).await;
        assert!(ticket.len() >= 22, "128 random bits");
        server.connect(server.handshake(&id, &format!("?ticket={ticket}"))).await.unwrap();
        for query in ["", "?ticket=", "?ticket=x", &format!("?ticket={ticket}"), "?token=x", "?from=x"] {
            assert_eq!(server.connect(server.handshake(&id, query)).await.err(), Some(401), "{query}");
        }
        let token = format!("?token={0}&access_token={0}", server.token);
        assert_eq!(server.connect(server.handshake(&id, &token)).await.err(), Some(401));
        for origin in ["https://evil.example", "null", "http://localhost:1", "file://"] {
            let mut request = server.signed(&id, "");
            request.headers_mut().insert("origin", origin.parse().unwrap());
            assert_eq!(server.connect(request).await.err(), Some(403), "{origin}");
        }
        let mut own = server.signed(&id, "");
        own.headers_mut().insert("origin", server.url.parse().unwrap());
        server.connect(own).await.unwrap();
        assert_eq!(
            server.connect(server.signed(&uuid::Uuid::new_v4().to_string(), "")).await.err(),
            Some(404)
        );
        for from in ["x", "", "-1", "+1", "1.5", "18446744073709551616", "0x10", " 1"] {
            let query = format!("?from={}", from.replace(' ', "%20").replace('+', "%2b"));
            assert_eq!(server.connect(server.signed(&id, &query)).await.err(), Some(400), "{from:?}");
        }
        assert_eq!(server.connect(server.signed(&id, "?mode=both")).await.err(), Some(400));
        let mut other = server.signed(&id, "");
        other.headers_mut().insert("sec-websocket-protocol", "opskit.pty.v2".parse().unwrap());
        assert_eq!(server.connect(other).await.err(), Some(400));
        let plain = server.request(Method::GET, &format!("/api/terminals/{id}/ws")).send().await.unwrap();
        assert_eq!(code(plain).await, (426, "upgrade_required".into()));
        // A ticket is spent by the attempt, whatever was wrong with it.
        let spent = server.ticket(&id, &json!({"mode": "write"})).await;
        let query = format!("?ticket={spent}");
        assert_eq!(server.connect(server.handshake(&id, &format!("{query}&from=x"))).await.err(), Some(400));
        assert_eq!(server.connect(server.handshake(&id, &query)).await.err(), Some(401));
        let spent = server.ticket(&id, &json!({})).await;
        let query = format!("?ticket={spent}&from=1&from=2");
        assert_eq!(server.connect(server.handshake(&id, &query)).await.err(), Some(400));
        assert_eq!(server.connect(server.handshake(&id, &format!("?ticket={spent}"))).await.err(), Some(401));
        let body = server
            .request(Method::POST, &format!("/api/terminals/{id}/ticket"))
            .json(&json!({"mode": "own"}));
        assert_eq!(body.send().await.unwrap().status(), 400);
    });
}

pub(crate) fn a_ticket_grants_its_mode_and_no_more() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("cat").await;
        let watch = server.ticket(&id, &json!({"mode": "watch"})).await;
        let mut watcher =
            server.connect(server.handshake(&id, &format!("?ticket={watch}&mode=write"))).await.unwrap();
        assert_eq!(watcher.hello["mode"], "watch");
        watcher.input(b"x").await;
        assert_eq!(watcher.error().await, "read_only");
        watcher.resize(90, 30).await;
        assert_eq!(watcher.error().await, "read_only");
        watcher.send(*b"\x14INT").await;
        assert_eq!(watcher.error().await, "read_only");
        let bare = server.request(Method::POST, &format!("/api/terminals/{id}/ticket")).send().await.unwrap();
        let answer: Value = bare.json().await.unwrap();
        assert!(answer["expires_in"].as_u64().unwrap() <= 30);
        let query = format!("?ticket={}&mode=watch", answer["ticket"].as_str().unwrap());
        assert_eq!(server.connect(server.handshake(&id, &query)).await.unwrap().hello["mode"], "watch");
    });
}

pub(crate) fn frames_are_to_the_letter() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("printf 'ready'; cat; exit 3").await;
        let mut other = server.view(&id, "").await;
        let mut viewer = server.view(&id, "").await;
        let hello = viewer.hello.clone();
        assert_eq!(
            (&hello["v"], &hello["id"], &hello["mode"]),
            (&1.into(), &id.as_str().into(), &"write".into())
        );
        assert_eq!(
            (&hello["cols"], &hello["rows"], &hello["state"]),
            (&80.into(), &24.into(), &"running".into())
        );
        assert_eq!((&hello["window"], &hello["max_frame"]), (&(256 << 10).into(), &(1 << 20).into()));
        assert_eq!((&hello["from"], &hello["base"]), (&0.into(), &0.into()));
        viewer.until("ready").await;
        viewer.send(*b"\x1312345678").await;
        assert_eq!(viewer.follow().await, Said::Pong(b"12345678".into()));
        viewer.resize(120, 40).await;
        while other.follow().await != Said::Resized(120, 40) {}
        viewer.input("ünï\n".as_bytes()).await;
        viewer.until("ünï\r\nünï\r\n").await;
        viewer.send(*b"\x14INT").await;
        let exit = viewer.exit().await;
        assert_eq!((&exit["code"], &exit["signal"]), (&Value::Null, &"INT".into()));
        assert!(exit["cpu_ms"].is_u64() && exit["peak_rss_kib"].as_u64().unwrap() > 100);
        other.exit().await;
        // Later it is all told again.
        let path = format!("/api/terminals/{id}");
        while server.get(&path).await["state"] != "exited" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut late = server.view(&id, "?from=5").await;
        assert_eq!((&late.hello["state"], &late.hello["from"]), (&"exited".into(), &5.into()));
        late.exit().await;
    });
}

pub(crate) fn a_frame_that_is_none_is_answered_and_the_session_lives_on() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("echo ready; cat").await;
        let mut viewer = server.view(&id, "").await;
        viewer.until("ready").await;
        for (message, wanted) in [
            (&b""[..], "bad_frame"),
            (b"\x00hello", "bad_frame"),
            (b"\x01", "bad_frame"),
            (b"\x7f", "bad_frame"),
            (b"\xff\xff", "bad_frame"),
            (b"\x11\x00", "bad_frame"),
            (b"\x11\0\0\0\0", "bad_resize"),
            (b"\x11\xff\xff\xff\xff", "bad_resize"),
            (b"\x11\0\x50\0\0", "bad_resize"),
            (b"\x11\x03\xe9\0\x18", "bad_resize"),
            (b"\x12\0", "bad_frame"),
            (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff", "bad_ack"),
            (b"\x12\0\0\0\0\0\x01\0\0", "bad_ack"),
            (b"\x13", "bad_frame"),
            (b"\x14", "bad_signal"),
            (b"\x14SIGINT", "bad_signal"),
            (b"\x14\xff\xfe", "bad_frame"),
            (b"\x15x", "bad_frame"),
        ] {
            viewer.send(message).await;
            assert_eq!(viewer.error().await, wanted, "{message:?}");
        }
        viewer.ack(0).await;
        viewer.input(b"still here\n").await;
        viewer.until("still here\r\nstill here\r\n").await;
    });
}

pub(crate) fn who_breaks_the_rules_is_closed_and_the_session_lives_on() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("echo ready; cat").await;
        let mut text = server.view(&id, "").await;
        text.raw(Message::text("hello")).await;
        assert_eq!(text.farewell().await, ("text_frame".into(), Some(1003)));
        let mut large = server.view(&id, "").await;
        // The header alone says so: 1 MiB and one byte.
        let mut header = vec![0x82, 0xff];
        header.extend(((1_u64 << 20) + 1).to_be_bytes());
        header.extend([0; 4]);
        large.stream().write_all(&header).await.unwrap();
        assert_eq!(large.farewell().await, ("too_large".into(), Some(1009)));
        for bytes in [
            &[0x82, 0x01, 0x10][..],         // not masked
            &[0xc2, 0x81, 0, 0, 0, 0, 0x10], // a reserved bit
            &[0x80, 0x81, 0, 0, 0, 0, 0x10], // a continuation of nothing
            &[0x83, 0x80, 0, 0, 0, 0],       // a reserved type
            &[0x09, 0x80, 0, 0, 0, 0],       // a ping in fragments
        ] {
            let mut broken = server.view(&id, "").await;
            broken.stream().write_all(bytes).await.unwrap();
            assert_eq!(broken.farewell().await, (String::new(), Some(1002)), "{bytes:?}");
        }
        let mut after = server.view(&id, "").await;
        after.input(b"on\n").await;
        after.until("on\r\non\r\n").await;
        // The largest message there may be is one.
        let raw = server.shell("stty raw -echo; echo ready; cat").await;
        let mut whole = server.view(&raw, "").await;
        whole.until("ready").await;
        let mut most = vec![b'x'; 1 << 20];
        (most[0], most[(1 << 20) - 1]) = (0x10, b'!');
        whole.send(most).await;
        while !whole.bytes.ends_with(b"!") {
            assert!(!matches!(whole.follow().await, Said::Closed(_)));
        }
        assert_eq!(whole.bytes.len(), "ready\n".len() + (1 << 20) - 1);
    });
}

pub(crate) fn what_was_printed_survives_twenty_cuts() {
    block_on(async {
        let server = place().start().await;
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("random");
        let make = format!("head -c 20000000 /dev/urandom > {}", file.display());
        assert!(std::process::Command::new("sh").args(["-c", &make]).status().unwrap().success());
        let id = server.shell(&format!("stty raw -echo; cat {}", file.display())).await;
        let mut viewer = server.view(&id, "").await;
        let mut all = Vec::new();
        for cut in 1..=20 {
            while viewer.at < cut * 950_000 {
                assert!(!matches!(viewer.follow().await, Said::Closed(_)));
            }
            let at = viewer.at;
            all.append(&mut viewer.bytes);
            // Sometimes in order, as a reloading browser, sometimes not.
            if cut % 2 == 0 {
                drop(viewer);
            } else {
                viewer.close(1001).await;
            }
            viewer = server.view(&id, &format!("?from={at}")).await;
            assert_eq!(viewer.hello["from"], at);
        }
        viewer.exit().await;
        all.append(&mut viewer.bytes);
        assert!(all == std::fs::read(file).unwrap(), "{} bytes", all.len());
    });
}

pub(crate) fn offsets_beyond_what_is_there_are_told() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("head -c 5000000 /dev/zero | tr '\\0' 'x'; sleep 600").await;
        let head = loop {
            let info = server.get(&format!("/api/terminals/{id}")).await;
            if info["head"] == 5_000_000 {
                break info;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let base = head["base"].as_u64().unwrap();
        assert_eq!(base, 5_000_000 - (4 << 20));
        let mut early = server.view(&id, "?from=7").await;
        assert_eq!((&early.hello["from"], &early.hello["base"]), (&7.into(), &base.into()));
        assert_eq!(early.next().await, Said::Gap { from: 7, to: base });
        assert!(matches!(early.follow().await, Said::Output { offset, .. } if offset == base));
        let mut ahead = server.view(&id, "?from=18446744073709551615").await;
        assert_eq!(ahead.hello["from"], 5_000_000);
        assert_eq!(ahead.error().await, "offset_ahead");
        ahead.send(*b"\x1312345678").await;
        assert_eq!(ahead.next().await, Said::Pong(b"12345678".into()));
    });
}

pub(crate) fn who_leaves_in_order_is_not_waited_for_and_who_is_cut_is() {
    block_on(async {
        let server = place().start().await;
        for (leave, waits) in [(0, false), (1, false), (2, true), (3, true), (4, true)] {
            let id = server.shell("yes").await;
            let mut viewer = server.view(&id, "").await;
            viewer.follow().await;
            match leave {
                0 => {
                    viewer.send(*b"\x15").await;
                    while !matches!(viewer.next().await, Said::Closed(Some(1000))) {}
                }
                1 => viewer.close(1000).await,
                2 => viewer.close(1001).await,
                4 => {
                    viewer.raw(Message::Close(None)).await;
                    while !matches!(viewer.next().await, Said::Closed(Some(1000))) {}
                }
                _ => drop(viewer),
            }
            let path = format!("/api/terminals/{id}");
            let head = |info: &Value| info["head"].as_u64().unwrap();
            if waits {
                // Up to a ring beyond what was acknowledged, and then not a byte.
                loop {
                    let before = head(&server.get(&path).await);
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let after = head(&server.get(&path).await);
                    assert!(after <= (4 << 20) + (1 << 20), "{after}");
                    if before == after && after >= 4 << 20 {
                        break;
                    }
                }
            } else {
                let started = Instant::now();
                while head(&server.get(&path).await) < 6 << 20 {
                    assert!(started.elapsed() < Duration::from_secs(20), "the child is waiting");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            server.request(Method::DELETE, &path).send().await.unwrap();
        }
    });
}

pub(crate) fn a_signed_out_viewer_is_told_and_the_terminal_goes_on() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("echo ready; cat").await;
        let token = server.sign_in("admin", crate::server::PASSWORD).await;
        let mut request = server.handshake(&id, "");
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut viewer = server.connect(request).await.unwrap();
        viewer.until("ready").await;
        let out = server.request_as(&token, Method::POST, "/auth/logout").send().await.unwrap();
        assert!(out.status().is_success());
        assert_eq!(viewer.farewell().await, ("unauthorized".into(), Some(4001)));
        let mut again = server.view(&id, "").await;
        again.input(b"on\n").await;
        again.until("on\r\non\r\n").await;
    });
}

pub(crate) fn half_open_sockets_and_floods_leave_the_session_alone() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("echo ready; cat").await;
        let address = server.url.trim_start_matches("http://").to_owned();
        let mut open = Vec::new();
        for index in 0..500 {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            let head = format!(
                "GET /api/terminals/{id}/ws HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: upgrade\r\n\
                 upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: {PROTOCOL}\r\n",
                server.token
            );
            // Some stop in mid-handshake, some after it, some in mid-frame.
            let rest = match index % 3 {
                0 => "",
                1 => "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                _ => "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u{2}",
            };
            stream.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
            open.push(stream);
        }
        drop(open.split_off(250));
        // Those that stay count as viewers of this terminal; others are served as ever.
        let other = server.shell("echo fine; cat").await;
        let mut viewer = server.view(&other, "").await;
        viewer.until("fine").await;
        for _ in 0..5_000 {
            viewer.send(*b"\x11\0\x50\0\x18").await;
        }
        viewer.input(b"on\n").await;
        viewer.until("on\r\non\r\n").await;
        drop(open);
        let path = format!("/api/terminals/{id}");
        let started = Instant::now();
        while server.get(&path).await["viewers"] != 0 {
            assert!(started.elapsed() < Duration::from_secs(30), "viewers stay");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut viewer = server.view(&id, "").await;
        viewer.until("ready").await;
    });
}

pub(crate) fn a_stopped_client_costs_its_window_and_loses_nothing() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("stty raw -echo; head -c 30000000 /dev/zero | tr '\\0' 'x'").await;
        let before = resident(server.pid());
        let mut viewer = server.view(&id, "").await;
        // It reads nothing for a while: the child stands.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let grown = resident(server.pid()).saturating_sub(before);
        assert!(grown < 4 << 20, "{grown} bytes");
        viewer.exit().await;
        assert_eq!(viewer.bytes.len(), 30_000_000);
    });
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

pub(crate) fn a_killed_server_leaves_no_terminal_behind() {
    block_on(async {
        let place = place();
        let server = place.start().await;
        let pids = tempfile::tempdir().unwrap();
        for index in 0..50 {
            let file = pids.path().join(index.to_string());
            let text = format!(
                "trap '' HUP TERM; (setsid env -i sh -c 'echo $$ > {}; exec sleep 600' </dev/null >/dev/null 2>&1 &); sleep 600",
                file.display()
            );
            server.shell(&text).await;
        }
        let started = || {
            let written = |index: &i32| {
                std::fs::read_to_string(pids.path().join(index.to_string()))
                    .is_ok_and(|text| text.ends_with('\n'))
            };
            (0..50).all(|index| written(&index))
        };
        eventually("all daemons run", started).await;
        let daemons: Vec<u32> = (0..50)
            .map(|index| {
                std::fs::read_to_string(pids.path().join(index.to_string())).unwrap().trim().parse().unwrap()
            })
            .collect();
        server.kill();
        let again = place.start().await;
        let alive = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.contains("(sleep)") && !stat.contains(") Z")
        };
        eventually("nobody is left", || !daemons.iter().any(alive)).await;
        assert_eq!(again.get("/api/terminals").await["items"], json!([]));
    });
}

pub(crate) fn sigterm_closes_viewers_and_ends_trees() {
    block_on(async {
        let server = place().start().await;
        let id = server.shell("trap '' HUP TERM; echo ready; while :; do sleep 600; done").await;
        let mut viewer = server.view(&id, "").await;
        viewer.until("ready").await;
        let pid = server.get(&format!("/api/terminals/{id}")).await["pid"].as_u64().unwrap();
        let ask = || server.request(Method::POST, "/api/terminals").json(&json!({"command": "bash"})).send();
        let started = Instant::now();
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(viewer.farewell().await, ("shutting_down".into(), Some(1012)));
        // The first may take a connection that is being closed as idle.
        let refused = match ask().await {
            Ok(refused) => refused,
            Err(_) => ask().await.unwrap(),
        };
        assert_eq!(refused.status(), 503);
        eventually("the tree ends", || !std::path::Path::new(&format!("/proc/{pid}")).exists()).await;
        assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
        assert!(server.ended().await.success());
    });
}
