//! Who is let in: before a body is read, and whatever the way of asking.

use serde_json::Value;
use server_kit::server::Server;

use crate::support::{App, Ask, json, page};

/// AU-01.
#[tokio::test]
async fn every_operation_of_the_document_that_is_not_public_needs_a_token() {
    let app = App::start().await;
    let document: Value = serde_json::from_str(&Ask::get("/openapi.json").of(&app).await.body).unwrap();
    let mut guarded = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().expect("each operation states its access");
            if security.is_empty() {
                continue;
            }
            guarded += 1;
            let target = path.replace("{id}", "no-such-id");
            let ask = || Ask::new(&method.to_uppercase(), &target);
            let asked = [
                ask(),
                ask().json("{\"no\":\"such\"}"),
                ask().json("not json"),
                ask().body("text/plain", "x"),
                ask().token("nobody"),
                ask().token(""),
                ask().header("authorization", "Basic YWRhOmFkYQ=="),
                ask().header("authorization", "bearer"),
                ask().header("x-api-key", "nothing"),
                ask().header("cookie", "token=admin"),
            ];
            for ask in asked {
                let reply = ask.of(&app).await;
                assert_eq!(reply.refusal(), json(401, "unauthorized"), "{method} {path}");
                assert_eq!(reply.header("www-authenticate"), Some("bearer"));
            }
        }
    }
    assert_eq!(guarded, 6);
}

#[tokio::test]
async fn the_document_names_the_server_and_its_schemes() {
    let app = App::start().await;
    let reply = Ask::get("/openapi.json").of(&app).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let document: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(document["info"]["title"], "test");
    assert_eq!(document["info"]["version"], crate::support::VERSION);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["name"], "x-api-key");
    assert!(document["components"]["schemas"]["Order"].is_object());
    for path in ["/health", "/health/ready", "/metrics", "/public/marker"] {
        assert_eq!(document["paths"][path]["get"]["security"], serde_json::json!([]), "{path}");
    }
    let order = &document["paths"]["/api/things"]["post"];
    assert_eq!(order["security"], serde_json::json!([{"bearer": []}, {"api_key": []}]));
    assert_eq!(order["description"], "Needs the role user or above; a key, the scope chat.");
    let ticketed = &document["paths"]["/api/ws"]["get"];
    assert_eq!(ticketed["security"], serde_json::json!([{"ticket": []}, {"bearer": []}]));
    assert_eq!(ticketed["description"], "Needs a ticket or a token.");
    let scheme = &document["components"]["securitySchemes"]["ticket"];
    assert_eq!((&scheme["in"], &scheme["name"]), (&"query".into(), &"ticket".into()));
}

#[tokio::test]
async fn a_body_nobody_may_send_is_not_waited_for() {
    let app = App::start().await;
    let ask = Ask::new("POST", "/api/things").header("content-type", "application/json");
    let reply = ask.header("content-length", "1000").of(&app).await;
    assert_eq!(reply.refusal(), json(401, "unauthorized"));
}

#[tokio::test]
async fn roles_and_scopes_decide_what_one_may() {
    let app = App::start().await;
    let order = "{\"name\":\"a\"}";
    let ask = |method, target, token| Ask::new(method, target).token(token);
    assert_eq!(ask("GET", "/api/things/7", "viewer").of(&app).await.body, "7 for vera");
    assert_eq!(ask("POST", "/api/things", "user").json(order).of(&app).await.status, 200);
    assert_eq!(ask("DELETE", "/api/things/7", "admin").of(&app).await.status, 200);
    for (method, target, token) in [
        ("POST", "/api/things", "viewer"),
        ("DELETE", "/api/things/7", "viewer"),
        ("DELETE", "/api/things/7", "user"),
    ] {
        let reply = ask(method, target, token).json("not json").of(&app).await;
        assert_eq!(reply.refusal(), json(403, "forbidden"), "{method} {target} {token}");
    }
    let key = |key| Ask::new("POST", "/api/things").header("x-api-key", key).json(order);
    assert_eq!(key("chat").of(&app).await.status, 200);
    assert_eq!(key("read").of(&app).await.refusal(), json(403, "forbidden"));
}

/// AU-20.
#[tokio::test]
async fn other_methods_of_a_guarded_path_are_refused_like_its_own() {
    let app = App::start().await;
    let methods =
        ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "POST", "PROPFIND", "get", "X"];
    for target in ["/api/things/7", "/api/things"] {
        for method in methods {
            let reply = Ask::new(method, target).of(&app).await;
            assert_eq!(reply.status, 401, "{method} {target}");
            assert!(!reply.head.contains("allow"), "{method} {target}");
        }
        let reply = Ask::new("CONNECT", target).of(&app).await;
        assert!((400..500).contains(&reply.status), "{reply:?}");
    }
    let reply = Ask::new("PATCH", "/api/things").token("admin").of(&app).await;
    assert_eq!(reply.refusal(), json(405, "method_not_allowed"));
    assert_eq!(reply.header("allow").unwrap().split(',').count(), 3);
    let head = Ask::new("HEAD", "/api/things/7").token("viewer").of(&app).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

/// AU-19.
#[tokio::test]
async fn no_spelling_of_a_path_gets_past_the_guard() {
    let app = App::with(|server: Server, _| server.page(page())).await;
    let spellings = [
        "/API/things/7",
        "/api/Things/7",
        "//api/things/7",
        "/api//things/7",
        "/./api/things/7",
        "/x/../api/things/7",
        "/api/./things/7",
        "/api/things/../things/7",
        "/api/things/7/",
        "/api/things/7/.",
        "/%61pi/things/7",
        "/api%2fthings/7",
        "/api/things;x/7",
        "/api;x/things/7",
        "/api/things%2f7",
        "/api\\things\\7",
        "/api/things/7%00",
        "/api/things/7?",
        "/api/things/7#x",
        "/api/things/%37",
        "/api/things/7;a=b",
        "/api/%74hings/7",
        "/api/things%20/7",
        "/%2e/api/things/7",
        "/api/things/7%0d%0a",
    ];
    for target in spellings {
        for header in ["x-original-url", "x-rewrite-url", "x-forwarded-prefix", "x-http-method-override"] {
            let reply = Ask::get(target).header(header, "/public/marker").of(&app).await;
            assert!(!reply.body.contains("for vera") && !reply.body.contains("marked"), "{target} {reply:?}");
            assert!(
                matches!(reply.status, 400 | 401 | 404) || reply.body == "<p>the page</p>",
                "{target} {reply:?}"
            );
        }
    }
    let override_ =
        Ask::new("POST", "/api/things/7").token("admin").header("x-http-method-override", "DELETE");
    assert_eq!(override_.of(&app).await.refusal(), json(405, "method_not_allowed"));
}

/// AU-15.
#[tokio::test]
async fn a_token_in_the_query_counts_for_nothing() {
    let app = App::start().await;
    for name in ["token", "access_token", "api_key", "apikey", "key", "authorization", "jwt", "x-api-key"] {
        let reply = Ask::get(&format!("/api/things/7?{name}=admin")).of(&app).await;
        assert_eq!(reply.refusal(), json(401, "unauthorized"), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_as_json_and_pages_are_pages() {
    let app = App::with(|server: Server, _| server.page(page())).await;
    for target in ["/api", "/api/nothing", "/v1/nothing", "/auth/nothing", "/API/nothing", "//api/nothing"] {
        assert_eq!(Ask::get(target).of(&app).await.refusal(), json(404, "not_found"), "{target}");
    }
    for target in ["/", "/chat/7", "/apis"] {
        let reply = Ask::get(target).of(&app).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "<p>the page</p>"), "{target}");
        let policy = reply.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "object-src 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains(" ws: "), "{policy}");
    }
    let bare = App::start().await;
    assert_eq!(Ask::get("/chat/7").of(&bare).await.refusal(), json(404, "not_found"));
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_not_found() {
    let app = App::start().await;
    for id in ["x", "-1", "4294967296", "%00", "%ff", "7%2f8"] {
        let reply = Ask::get(&format!("/api/things/{id}")).token("viewer").of(&app).await;
        assert_eq!(reply.refusal(), json(404, "not_found"), "{id}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_own_request_alone() {
    let app = App::start().await;
    assert_eq!(Ask::get("/public/panics").of(&app).await.refusal(), json(500, "internal"));
    assert_eq!(Ask::get("/public/marker").of(&app).await.status, 200);
}
