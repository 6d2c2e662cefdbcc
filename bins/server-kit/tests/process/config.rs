//! UP-03: what can't be meant is refused by its name, and `--check-config` tells what counts.

use std::process::Command;

use crate::child::server;

fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

fn is_refused(command: &mut Command, parts: &[&str]) {
    let (code, text) = said(command);
    assert_eq!(code, Some(2), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    is_refused(server("").env("JWT_SECERT", "hunter2"), &["JWT_SECERT", "did you mean JWT_SECRET?"]);
    is_refused(server("").env("PUBLIC_URI", "https://x"), &["PUBLIC_URI", "did you mean PUBLIC_URL?"]);
    is_refused(server("").env("REDIS_URL", "redis://hunter2@x"), &["REDIS_URL", "not supported yet"]);
    is_refused(&mut server("--prot=1"), &["--prot", "--port"]);
    is_refused(server("").env("PORT", "70000"), &["70000", "--port"]);
    is_refused(server("").env("JWT_TTL", "600"), &["600", "--jwt-ttl"]);
    is_refused(server("").env("ALLOWED_ORIGINS", "*"), &["*", "--allowed-origins", "write an origin"]);
    is_refused(server("").env("TRUSTED_PROXIES", "proxy"), &["proxy", "--trusted-proxies"]);
    is_refused(server("").env("HOST", "example.org"), &["example.org", "--host"]);
    is_refused(
        server("").env("JWT_SECRET", "hunter2").env("JWT_SECRET_FILE", "/x"),
        &["JWT_SECRET and JWT_SECRET_FILE"],
    );
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        is_refused(server("").env("HOST", host), &[host, "PUBLIC_URL"]);
    }
}

#[test]
fn the_effective_settings_are_shown_without_secrets() {
    let mut command = server("--check-config --port=1234 --metrics-token=hunter2");
    command
        .env("JWT_SECRET", "hunter2")
        .env("ADMIN_PASSWORD", "hunter2")
        .env("DATABASE_URL", "postgres://a:hunter2@b/c");
    command
        .env("HOST", "0.0.0.0")
        .env("PUBLIC_URL", "https://claude.example.org")
        .env("PORT", "99")
        .env("LOG_LEVEL", "");
    let (code, text) = said(&mut command);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "HOST=0.0.0.0 (variable)",
        "PORT=1234 (flag)",
        "PUBLIC_URL=https://claude.example.org (variable)",
        "JWT_SECRET=*** (variable)",
        "ADMIN_PASSWORD=*** (variable)",
        "DATABASE_URL=*** (variable)",
        "METRICS_TOKEN=*** (flag)",
        "LOG_LEVEL=info (default)",
        "MAX_BODY_BYTES=16777216 (default)",
        "JWT_SECRET_FILE= (unset)",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn help_shows_no_secret() {
    let (code, text) = said(server("--help").env("JWT_SECRET", "hunter2").env("METRICS_TOKEN", "hunter2"));
    assert_eq!(code, Some(0));
    assert!(text.contains("JWT_SECRET") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_env_file_is_read_in_development_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), "PORT=1234\nLOG_LEVEL=debug\nJWT_SECRET=hunter2\n")
        .unwrap();
    let check = || {
        let mut command = server("--check-config");
        command.current_dir(directory.path()).env("LOG_LEVEL", "warn");
        command
    };
    let (_, text) = said(check().env("APP_ENV", "development"));
    assert!(text.contains("PORT=1234 (variable)") && text.contains("LOG_LEVEL=warn"), "{text}");
    let (_, text) = said(&mut check());
    assert!(text.contains("PORT=0 (default)"), "{text}");
    std::fs::write(directory.path().join(".env"), "PROT=hunter2\n").unwrap();
    is_refused(check().env("APP_ENV", "development"), &["PROT", "PORT"]);
}
