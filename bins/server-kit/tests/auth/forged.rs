//! Tokens and headers that must not count.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use server_kit::auth::Role;

use super::support::{App, SECRET, SignedIn, read, sign};

struct Forger {
    app: App,
    session: SignedIn,
    header: Value,
    claims: Value,
}

impl Forger {
    async fn new() -> Self {
        let app = App::new().await;
        app.user("ada", Role::User).await;
        let session = app.sign_in("ada").await;
        let (header, claims) = read(&session.token);
        let forger = Self { app, session, header, claims };
        let same = sign(&forger.header.to_string(), &forger.claims.to_string(), SECRET);
        assert_eq!(forger.app.me(&same).await.status, StatusCode::OK, "else the tests below prove nothing");
        forger
    }

    async fn refused(&self, token: &str, what: &str) {
        let reply = self.app.me(token).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, "unauthorized"), "{what}");
    }

    fn with_header(&self, change: Value) -> String {
        sign(&merged(&self.header, change), &self.claims.to_string(), SECRET)
    }

    fn with_claims(&self, change: Value) -> String {
        sign(&self.header.to_string(), &merged(&self.claims, change), SECRET)
    }
}

fn merged(base: &Value, change: Value) -> String {
    let mut base = base.as_object().unwrap().clone();
    base.extend(change.as_object().unwrap().clone());
    Value::Object(base).to_string()
}

#[tokio::test]
async fn no_other_algorithm_counts() {
    let forger = Forger::new().await;
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        "hs256",
        "Hs256",
        "HS256 ",
        "HS256\u{0}",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "ES256",
        "ES384",
        "PS256",
        "EdDSA",
        "A256KW",
        "dir",
    ] {
        let signed = forger.with_header(json!({ "alg": alg }));
        forger.refused(&signed, alg).await;
        let unsigned = signed.rsplit_once('.').unwrap().0;
        forger.refused(&format!("{unsigned}."), alg).await;
        forger.refused(unsigned, alg).await;
    }
    for alg in [json!(null), json!(256), json!(["HS256"]), json!({"HS256": true})] {
        forger.refused(&forger.with_header(json!({ "alg": alg })), "alg of another type").await;
    }
}

#[tokio::test]
async fn a_header_that_changes_the_rules_or_brings_a_key_is_refused() {
    let forger = Forger::new().await;
    let octets = json!({"kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode(SECRET)});
    let members = json!({
        "jwk": octets, "jku": "https://evil.example/jwks.json", "x5u": "file:///etc/passwd", "x5c": ["MIIB"],
        "crit": ["exp"], "b64": false, "zip": "DEF", "enc": "A256GCM", "cty": "JWT", "x5t": "x", "x": 1,
        "KID": "x", "url": "http://127.0.0.1/", "nonce": "x", "epk": {},
    });
    for (name, value) in members.as_object().unwrap() {
        forger.refused(&forger.with_header(json!({ (name): value })), name).await;
    }
    for (name, value) in
        [("crit", json!([])), ("crit", json!(["b64"])), ("b64", json!(true)), ("typ", json!("JWE"))]
    {
        forger.refused(&forger.with_header(json!({ (name): value })), name).await;
    }
    let kid = forger.header["kid"].as_str().unwrap();
    let claims = forger.claims.to_string();
    for header in [
        format!(r#"{{"alg":"none","alg":"HS256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS256","kid":"x","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS256","kid":"{kid}"}} "x""#),
        format!(r#"["HS256","{kid}","JWT"]"#),
        r#"{"alg":"HS256"}"#.into(),
        r#"{}"#.into(),
        "null".into(),
        "x".into(),
        "[".repeat(4000),
        r#"{"alg":"#.repeat(800),
    ] {
        forger.refused(&sign(&header, &claims, SECRET), &header).await;
    }
}

#[tokio::test]
async fn a_kid_is_only_compared() {
    let forger = Forger::new().await;
    for kid in [
        "",
        "0",
        "x",
        "../../../../dev/null",
        "/dev/null",
        "/etc/hostname",
        "file:///etc/passwd",
        "jwt-secret",
        "' OR '1'='1",
        "x' UNION SELECT 'secret'--",
        "x; DROP TABLE users",
        "|touch /tmp/kid-was-run",
        "$(id)",
        "`id`",
        "http://127.0.0.1:1/key",
        "\u{0}",
        "%00",
        "${jndi:ldap://x}",
        &"k".repeat(4000),
    ] {
        for secret in [SECRET, "", "\0", "secret"] {
            let header = merged(&forger.header, json!({ "kid": kid }));
            forger.refused(&sign(&header, &forger.claims.to_string(), secret), kid).await;
        }
    }
    for kid in [json!(null), json!(0), json!([forger.header["kid"]]), json!({"kid": forger.header["kid"]})] {
        forger.refused(&forger.with_header(json!({ "kid": kid })), "kid of another type").await;
    }
    assert!(!std::path::Path::new("/tmp/kid-was-run").exists());
}

#[tokio::test]
async fn only_our_secret_signs() {
    let forger = Forger::new().await;
    let upper = SECRET.to_uppercase();
    let padded = format!("{SECRET}\n");
    for secret in [
        "secret",
        "changeme",
        "your-256-bit-secret",
        "claude-ui-dev-secret-change-in-production",
        "",
        " ",
        &upper,
        &SECRET[1..],
        &padded,
    ] {
        forger.refused(&sign(&forger.header.to_string(), &forger.claims.to_string(), secret), secret).await;
    }
    let (head, signature) = forger.session.token.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let raised = BASE64_URL_SAFE_NO_PAD.encode(merged(&forger.claims, json!({"role": "admin"})));
    for token in [
        format!("{header}.{raised}.{signature}"),
        format!("{header}.{raised}."),
        format!("{header}.{claims}.{}", &signature[1..]),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{}", "A".repeat(43)),
        format!("{header}.{claims}"),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        format!("{header}.{claims}.{signature}."),
        format!("..{head}"),
        "..".into(),
        "...".into(),
        ".".into(),
        format!("{header} .{claims}.{signature}"),
        format!(
            r#"{{"payload":"{claims}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
        ),
    ] {
        forger.refused(&token, &token).await;
    }
    // A changed last character may decode to the same bytes: then it is no canonical base64url.
    for last in 'A'..='Z' {
        if !signature.ends_with(last) {
            forger.refused(&format!("{head}.{}{last}", &signature[..42]), "the last character").await;
        }
    }
}

#[tokio::test]
async fn claims_of_other_times_and_types_are_refused() {
    let forger = Forger::new().await;
    let now = forger.app.now();
    for change in [
        json!({"exp": null}),
        json!({"exp": (now + 600).to_string()}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": (now + 600) * 1000}),
        json!({"exp": 1.5}),
        json!({"exp": (now + 600) as f64}),
        json!({"exp": true}),
        json!({"exp": [now + 600]}),
        json!({"exp": u64::MAX}),
        json!({"exp": i64::MAX}),
        json!({"exp": now}),
        json!({"exp": now - 1}),
        json!({"exp": now + 1801}),
        json!({"exp": "NaN"}),
        json!({"iat": null}),
        json!({"iat": now.to_string()}),
        json!({"iat": now - 1}),
        json!({"iat": 0}),
        json!({"iat": now + 61, "exp": now + 900}),
        json!({"iat": now + 900}),
        json!({"iat": now + 1801}),
        json!({"iat": -1}),
        json!({"iat": now as f64}),
        json!({"iat": u64::MAX, "exp": u64::MAX}),
        json!({"nbf": now + 1}),
        json!({"nbf": now + 900}),
        json!({"nbf": "0"}),
        json!({"nbf": -1}),
        json!({"nbf": 0.5}),
        json!({"nbf": u64::MAX}),
        json!({"sub": null}),
        json!({"sub": 1}),
        json!({"sub": ""}),
        json!({"sub": "ada"}),
        json!({"sub": ["x"]}),
        json!({"sub": "00000000-0000-0000-0000-000000000000"}),
        json!({"sub": "' OR 1=1 --"}),
        json!({"jti": null}),
        json!({"jti": 1}),
        json!({"jti": ""}),
        json!({"jti": "x"}),
        json!({"jti": "."}),
        json!({"jti": "00000000-0000-0000-0000-000000000000.x"}),
        json!({"role": "root"}),
        json!({"role": null}),
        json!({"role": ["admin"]}),
        json!({"aud": "x"}),
        json!({"scope": "admin"}),
        json!({"admin": true}),
    ] {
        forger.refused(&forger.with_claims(change.clone()), &change.to_string()).await;
    }
    for missing in ["exp", "iat", "sub", "jti", "role"] {
        let mut claims = forger.claims.clone();
        claims.as_object_mut().unwrap().remove(missing);
        forger.refused(&sign(&forger.header.to_string(), &claims.to_string(), SECRET), missing).await;
    }
    for fine in [json!({"nbf": now}), json!({"nbf": 0}), json!({"iat": now + 60}), json!({"exp": now + 1})] {
        assert_eq!(forger.app.me(&forger.with_claims(fine)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn claims_that_are_odd_json_are_refused() {
    let forger = Forger::new().await;
    let (header, claims) = (forger.header.to_string(), forger.claims.to_string());
    let inner = &claims[1..claims.len() - 1];
    for odd in [
        format!(r#"{{{inner},"exp":{}}}"#, u64::MAX),
        format!(r#"{{"sub":"x",{inner}}}"#),
        format!(r#"{{{inner},"role":"admin"}}"#),
        format!(r#"{{{inner},"\u0065xp":1}}"#),
        claims.replace(r#""exp":"#, r#""exp":1e400,"x":"#),
        claims.replace(r#""exp":"#, &format!(r#""exp":1{},"x":"#, "0".repeat(400))),
        claims.replace(r#""exp":"#, r#""exp":NaN,"x":"#),
        claims.replace(r#""exp":"#, r#""exp":Infinity,"x":"#),
        format!("[{claims}]"),
        format!("{claims}{claims}"),
        format!("{claims}\0"),
        format!(r#"{{{inner},"x":{}}}"#, "[".repeat(5000)),
        format!(r#"{{{inner},"x":{}{}}}"#, "[".repeat(2000), "]".repeat(2000)),
        "[".repeat(5000),
        "\"".into(),
        "null".into(),
        "0".into(),
    ] {
        let shown: String = odd.chars().take(80).collect();
        forger.refused(&sign(&header, &odd, SECRET), &shown).await;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.encode(b"{\"sub\":\"\xff\"}");
    forger.refused(&format!("{}.{bytes}.x", BASE64_URL_SAFE_NO_PAD.encode(header)), "no UTF-8").await;
}

#[tokio::test]
async fn what_is_far_too_large_is_refused_unread() {
    let forger = Forger::new().await;
    for size in [8 * 1024, 64 * 1024, 1024 * 1024] {
        let filler = "x".repeat(size);
        let padded = format!("{}{}", forger.header, " ".repeat(size));
        let padded = sign(&padded, &forger.claims.to_string(), SECRET);
        forger.refused(&padded, "all is right but its size").await;
        forger.refused(&forger.with_claims(json!({ "x": filler })), "large claims").await;
        forger.refused(&forger.with_header(json!({ "kid": filler })), "large header").await;
        forger.refused(&filler, "no token at all").await;
        forger.refused(&".".repeat(size), "nothing but dots").await;
        forger.refused(&format!("{}{filler}", forger.session.token), "a large signature").await;
        forger.refused(&sign(&"[".repeat(size), "{}", SECRET), "deep nesting").await;
    }
}

#[tokio::test]
async fn one_credential_in_one_header() {
    let forger = Forger::new().await;
    let (app, token) = (&forger.app, forger.session.token.as_str());
    let bearer = format!("Bearer {token}");
    let lower = format!("bEARER {token}");
    assert_eq!(
        app.ask("GET /auth/me").header("authorization", lower.as_bytes()).send().await.status,
        StatusCode::OK
    );
    for value in [
        token.to_owned(),
        format!("Bearer  {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} "),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Basic {token}"),
        format!("Token {token}"),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer null".into(),
        "Bearer undefined".into(),
        String::new(),
        " ".into(),
    ] {
        // A server trims what stands around a value, so a trailing blank is seen by this test alone.
        let reply = app.ask("GET /auth/me").header("authorization", value.as_bytes()).send().await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{value:?}");
    }
    let latin = app.ask("GET /auth/me").header("authorization", b"Bearer \xff\xfe.a.b").send().await;
    assert_eq!(latin.status, StatusCode::UNAUTHORIZED);
    let twice = app.ask("GET /auth/me").bearer(token).bearer(token).send().await;
    assert_eq!(twice.status, StatusCode::UNAUTHORIZED);
    let both = app.ask("GET /auth/me").bearer(token).header("x-api-key", b"x").send().await;
    assert_eq!(both.status, StatusCode::UNAUTHORIZED);
    let as_key = app.ask("GET /auth/me").header("x-api-key", token.as_bytes()).send().await;
    assert_eq!(as_key.status, StatusCode::UNAUTHORIZED);
    for query in ["token", "access_token", "authorization", "api_key", "key", "jwt"] {
        for value in [token, &bearer.replace(' ', "%20")] {
            let reply = app.ask(&format!("GET /auth/me?{query}={value}")).send().await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{query}");
        }
    }
    for cookie in [format!("token={token}"), format!("authorization={token}"), forger.session.cookie.clone()]
    {
        assert_eq!(app.ask("GET /auth/me").cookie(&cookie).send().await.status, StatusCode::UNAUTHORIZED);
    }
}
