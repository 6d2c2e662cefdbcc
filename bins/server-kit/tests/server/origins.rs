//! Foreign pages, foreign names, and what every answer tells a browser.

use server_kit::server::Server;
use server_kit::settings::ServerSettings;

use crate::support::{App, Ask, json, page};

const ORDER: &str = "{\"name\":\"a\"}";

fn open(server: Server, _: u16) -> Server {
    server.settings(&settings(&[
        "--public-url=https://claude.example.org",
        "--allowed-origins=https://pages.example.org,http://localhost:5173",
    ]))
}

fn settings(arguments: &[&str]) -> ServerSettings {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        server: ServerSettings,
    }
    let arguments = ["test"].iter().chain(arguments);
    <Cli as clap::Parser>::try_parse_from(arguments).unwrap().server
}

/// CS-01.
#[tokio::test]
async fn a_foreign_page_writes_nothing() {
    let app = App::with(open).await;
    let port = app.address.port();
    let foreign = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        "http://claude.example.org".to_owned(),
        "https://claude.example.org.evil.example".to_owned(),
        "https://claude.example.org:8443".to_owned(),
        "https://xclaude.example.org".to_owned(),
        "https://pages.example.org:444".to_owned(),
        "http://localhost:5174".to_owned(),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port.wrapping_add(1)),
        "http://127.0.0.1".to_owned(),
        "file://".to_owned(),
        "chrome-extension://abcdefgh".to_owned(),
        String::new(),
    ];
    for origin in foreign {
        for method in ["POST", "PUT", "PATCH", "DELETE", "X"] {
            let ask = Ask::new(method, "/public/echo").header("origin", &origin);
            assert_eq!(
                ask.json(ORDER).of(&app).await.refusal(),
                json(403, "bad_origin"),
                "{method} {origin}"
            );
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let ask = Ask::new("POST", "/public/echo").header("origin", &origin).body(kind, ORDER);
            assert_eq!(ask.of(&app).await.refusal(), json(403, "bad_origin"), "{kind} {origin}");
        }
    }
}

#[tokio::test]
async fn our_own_pages_and_allowed_ones_write() {
    let app = App::with(open).await;
    let own = format!("http://{}", app.address);
    for origin in
        [own.as_str(), "https://claude.example.org", "https://pages.example.org", "http://localhost:5173"]
    {
        let reply = Ask::new("POST", "/public/echo").header("origin", origin).json(ORDER).of(&app).await;
        assert_eq!(reply.status, 200, "{origin} {reply:?}");
    }
    let twice =
        Ask::new("POST", "/public/echo").header("origin", &own).header("origin", "https://evil.example");
    assert_eq!(twice.json(ORDER).of(&app).await.refusal(), json(403, "bad_origin"));
    let cross = Ask::new("POST", "/public/echo").header("sec-fetch-site", "cross-site").json(ORDER);
    assert_eq!(cross.of(&app).await.refusal(), json(403, "bad_origin"));
    let reads = Ask::get("/public/marker").header("origin", "https://evil.example").of(&app).await;
    assert_eq!((reads.status, reads.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn an_upgrade_is_refused_to_foreign_pages_though_it_is_a_get() {
    let app = App::with(open).await;
    let ask = || Ask::get("/api/socket").token("user");
    assert_eq!(ask().of(&app).await.status, 200);
    assert_eq!(ask().header("origin", "https://claude.example.org").of(&app).await.status, 200);
    for origin in ["https://evil.example", "null"] {
        let reply = ask().header("origin", origin).of(&app).await;
        assert_eq!(reply.refusal(), json(403, "bad_origin"), "{origin}");
    }
}

/// CS-02.
#[tokio::test]
async fn preflights_are_answered_to_allowed_origins_alone() {
    let preflight = |origin: &str| {
        Ask::new("OPTIONS", "/api/things")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, content-type")
    };
    let app = App::with(open).await;
    let reply = preflight("https://pages.example.org").of(&app).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://pages.example.org"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    for origin in [
        "https://evil.example",
        "null",
        "https://pages.example.org.evil.example",
        "https://pages.example.org:8443",
        "http://pages.example.org",
        "*",
    ] {
        let reply = preflight(origin).of(&app).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
    }
    let posted = Ask::new("POST", "/public/echo")
        .header("origin", "https://pages.example.org")
        .json(ORDER)
        .of(&app)
        .await;
    assert_eq!(posted.header("access-control-allow-origin"), Some("https://pages.example.org"));
    let closed = App::start().await;
    let reply = preflight("https://pages.example.org").of(&closed).await;
    assert_eq!(reply.status, 401);
    assert!(!reply.head.contains("access-control"));
}

/// CS-03.
#[tokio::test]
async fn other_names_get_no_answer() {
    let app = App::with(open).await;
    let port = app.address.port();
    let names = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "169.254.169.254".to_owned(),
        format!("localhost:{}", port.wrapping_add(1)),
        "localhost".to_owned(),
        format!("localhost.:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("localhost:{port}@evil.example"),
        format!("localhost:{port}, evil.example"),
        "pages.example.org".to_owned(),
        "caf\u{e9}.example".to_owned(),
        String::new(),
    ];
    for name in names {
        for target in ["/public/marker", "/api/things/7", "/health", "/metrics", "/"] {
            let reply = Ask::get(target).header("host", &name).of(&app).await;
            assert_eq!(reply.refusal(), json(421, "bad_host"), "{name:?} {target}");
        }
        let absolute =
            Ask::get(&format!("http://{name}/public/marker")).header("host", &app.address.to_string());
        assert!((400..500).contains(&absolute.of(&app).await.status), "{name:?}");
    }
    assert_eq!(app.marker(), 0);
    for name in [
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        "claude.example.org".into(),
        "Claude.example.org:443".into(),
    ] {
        assert_eq!(Ask::get("/public/marker").header("host", &name).of(&app).await.status, 200, "{name}");
    }
    let absolute = Ask::get(&format!("http://{}/public/marker", app.address)).of(&app).await;
    assert_eq!(absolute.status, 200);
}

#[tokio::test]
async fn a_request_has_one_host() {
    let app = App::start().await;
    let host = app.address.to_string();
    let twice = Ask::get("/public/marker").header("host", &host).header("host", &host).of(&app).await;
    assert_eq!(twice.refusal(), json(400, "invalid_request"));
}

/// CS-08, CS-05.
#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let app = App::with(|server, _| server.page(page())).await;
    for ask in [
        Ask::get("/public/marker"),
        Ask::get("/api/things/7"),
        Ask::get("/api/nothing"),
        Ask::get("/health"),
        Ask::get("/"),
        Ask::get("/public/marker").header("host", "evil.example"),
        Ask::new("POST", "/public/echo").body("text/plain", "x"),
    ] {
        let reply = ask.of(&app).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "deny"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name} {reply:?}");
        }
        assert!(reply.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(reply.header("server"), None);
    }
    assert_eq!(Ask::get("/public/cached").of(&app).await.header("cache-control"), Some("max-age=60"));
}

/// CS-11.
#[tokio::test]
async fn what_a_proxy_would_say_counts_from_a_proxy_alone() {
    let ask = || Ask::get("/public/asks").header("x-forwarded-for", "203.0.113.9");
    let app = App::start().await;
    assert_eq!(ask().of(&app).await.body, "127.0.0.1");
    let told = ask().header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "https");
    assert_eq!(
        told.header("forwarded", "for=203.0.113.9;host=evil.example").of(&app).await.body,
        "127.0.0.1"
    );
    let behind = App::with(|server, _| server.settings(&settings(&["--trusted-proxies=127.0.0.0/8"]))).await;
    assert_eq!(ask().of(&behind).await.body, "203.0.113.9");
    let chain = Ask::get("/public/asks").header("x-forwarded-for", "127.0.0.1, 203.0.113.9, 127.0.0.3");
    assert_eq!(chain.of(&behind).await.body, "203.0.113.9");
}
