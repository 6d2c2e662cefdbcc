//! What stands before the routes.

use claude_core::testing::StandIn;
use reqwest::Method;
use serde_json::Value;

use crate::server::{Place, block_on, code};

/// What anybody may ask for. Socket.IO brings its token once a connection stands; the tests of that ask without one.
const PUBLIC: [&str; 7] =
    ["/auth/login", "/auth/refresh", "/auth/logout", "/health", "/health/ready", "/metrics", "/socket.io/"];

pub(crate) fn every_route_wants_a_token() {
    block_on(async {
        let server = Place::new(&StandIn::new()).start().await;
        let document: Value =
            server.bare(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
        let paths = document["paths"].as_object().unwrap();
        for path in [
            "/api/chat",
            "/api/approvals",
            "/api/approvals/{id}",
            "/api/claude",
            "/api/runs",
            "/api/runs/{id}",
            "/api/runs/{id}/events",
            "/auth/me",
        ] {
            assert!(paths.contains_key(path), "{path} is described");
        }
        let mut guarded = 0;
        for (path, operations) in paths {
            if PUBLIC.contains(&path.as_str()) {
                continue;
            }
            let id = uuid::Uuid::new_v4().to_string();
            let target = path.split('/').map(|part| if part.starts_with('{') { &id } else { part });
            let target = target.collect::<Vec<_>>().join("/");
            for method in operations.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                for body in ["", "{", "{\"prompt\":\"x\"}"] {
                    let request =
                        server.bare(method.clone(), &target).header("content-type", "application/json");
                    let answer = code(request.body(body).send().await.unwrap()).await;
                    assert_eq!(answer, (401, "unauthorized".into()), "{method} {target}");
                    guarded += 1;
                }
            }
            let odd = server.bare(Method::from_bytes(b"BREW").unwrap(), &target).send().await.unwrap();
            assert_eq!(odd.status(), 401, "{target}");
        }
        assert!(guarded > 30, "{guarded}");
        let query = format!("/api/runs?token={0}&access_token={0}&key={0}", server.token);
        assert_eq!(server.bare(Method::GET, &query).send().await.unwrap().status(), 401);
        let foreign = server.request(Method::POST, "/api/claude").header("origin", "https://evil.example");
        let foreign = foreign.json(&serde_json::json!({"prompt": "x"})).send().await.unwrap();
        assert_eq!(code(foreign).await, (403, "bad_origin".into()));
        let rebound = server.request(Method::GET, "/api/runs").header("host", "evil.example");
        assert_eq!(code(rebound.send().await.unwrap()).await, (421, "bad_host".into()));
        assert_eq!(code(server.bare(Method::GET, "/api/nothing").send().await.unwrap()).await.0, 404);
    });
}

pub(crate) fn the_page_says_how_to_begin() {
    block_on(async {
        let server = Place::new(&StandIn::new()).start().await;
        let page = server.bare(Method::GET, "/").send().await.unwrap();
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let html = page.text().await.unwrap();
        assert!(html.contains(&format!("{}/api/claude", server.url)), "{html}");
        for link in ["/style.css", "/openapi.json", "/health", "/health/ready"] {
            assert!(html.contains(link), "{link}");
            assert_eq!(server.bare(Method::GET, link).send().await.unwrap().status(), 200, "{link}");
        }
        server.run(&serde_json::json!({"prompt": "go"})).await.all().await;
        let metrics = server.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        assert!(
            metrics.contains("http_requests_total{") && metrics.contains("process_resident_memory_bytes")
        );
    });
}
