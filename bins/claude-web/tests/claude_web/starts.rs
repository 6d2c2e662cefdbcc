//! Starts that are refused, and the first one.

use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};

use claude_core::testing::StandIn;
use rustix::process::geteuid;
use serde_json::json;

use crate::server::{Place, block_on};

fn refused(place: &Place) -> String {
    let Output { status, stderr, .. } = place.command().output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

pub(crate) fn what_contradicts_itself_is_refused_by_name() {
    let cases = [
        ("HOST", "0.0.0.0", "PUBLIC_URL"),
        ("RUN_GRACE_MSS", "1", "RUN_GRACE_MS"),
        ("SESSION_BUSY", "maybe", "SESSION_BUSY"),
        ("JWT_SECRET", "secret", "JWT_SECRET"),
        ("JWT_SECRET", "changeme-changeme-changeme-changeme", "JWT_SECRET"),
        ("MAX_RUNS", "0", "MAX_RUNS"),
        ("REDIS_URL", "redis://localhost", "REDIS_URL"),
        ("CHILD_USER", "no-such-user", "CHILD_USER"),
        ("CHILD_USER", "root", "CHILD_USER"),
        ("DATABASE_URL", "mysql://localhost/x", "database"),
        ("TERMINAL_COMMANDS", "Bash!", "TERMINAL_COMMANDS"),
        ("TERMINAL_COMMANDS", "a=b;a=c", "TERMINAL_COMMANDS"),
        ("TERMINAL_ROLES", "viewer", "TERMINAL_ROLES"),
        ("TERMINAL_ROLES", "everybody", "TERMINAL_ROLES"),
        ("CLAUDE_WORKING_DIR", "/dev/null", "CLAUDE_WORKING_DIR"),
        ("MAX_SESSIONS", "0", "MAX_SESSIONS"),
        ("SESSION_TIMEOUT", "soon", "SESSION_TIMEOUT"),
    ];
    for (name, value, named) in cases {
        let said = refused(&Place::new(&StandIn::new()).set(name, value));
        assert!(said.to_uppercase().contains(&named.to_uppercase()), "{name}={value}: {said}");
    }
    let secret = "a-planted-secret-value";
    let said = refused(&Place::new(&StandIn::new()).set("JWT_SECRET", secret).set("PORT", "none"));
    assert!(!said.contains(secret), "{said}");
}

pub(crate) fn a_second_server_and_a_damaged_database_are_refused() {
    block_on(async {
        let place = Place::new(&StandIn::new());
        let server = place.start().await;
        let said = refused(&place);
        assert!(said.contains(&server.pid().to_string()), "it names the other one: {said}");
        server.kill();
        let database = place.data.path().join("data/claude-web.db");
        for wal in ["claude-web.db-wal", "claude-web.db-shm"] {
            let _ = std::fs::remove_file(place.data.path().join("data").join(wal));
        }
        let garbage = vec![0x5a; 8192];
        std::fs::write(&database, &garbage).unwrap();
        let said = refused(&place);
        assert!(said.contains("damaged"), "{said}");
        assert_eq!(std::fs::read(&database).unwrap(), garbage, "it is left as it is");
    });
}

pub(crate) fn the_first_start_makes_an_admin_and_tells_its_password_once() {
    let place = Place::new(&StandIn::new()).set("ADMIN_PASSWORD", "");
    let said = |place: &Place| {
        let mut child = place.command().stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("listens on") {
            assert!(out.read_line(&mut text).unwrap() > 0, "it ended before it listened: {text}");
        }
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        out.read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success());
        text
    };
    let first = said(&place);
    let password = first.split_whitespace().last().unwrap().to_owned();
    assert!(first.contains("user name admin") && password.len() >= 16, "{first}");
    assert!(!said(&place).contains("password"), "it is told once");
    block_on(async move {
        let server = place.start_unsigned();
        server.sign_in("admin", &password).await;
    });
}

pub(crate) fn the_cli_runs_as_another_user_where_it_shall() {
    if !geteuid().is_root() {
        println!("not root: switching users can't be tried, only that it is refused");
        let said = refused(&Place::new(&StandIn::new()).set("CHILD_USER", "nobody"));
        assert!(said.contains("may not switch users"), "{said}");
        return;
    }
    block_on(async {
        let inside = refused(&Place::new(&StandIn::new()).set("CHILD_USER", "nobody"));
        assert!(inside.contains("WORKSPACES_DIR"), "{inside}");
        let outside = tempfile::tempdir().unwrap();
        std::fs::set_permissions(outside.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let cli = outside.path().join("claude");
        let place = Place::with_cli(&cli.display().to_string())
            .set("CHILD_USER", "nobody")
            .set("WORKSPACES_DIR", &outside.path().join("work").display().to_string());
        let secret = place.data.path().join("data/jwt-secret");
        let script = format!(
            "#!/bin/sh\necho \"$(id -u) $(id -G) $HOME\"\ntouch mine && ls -ld . | cut -c1-10\ncat {}\n\
             cat /proc/$PPID/environ\ncat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep ADMIN_PASSWORD\nls ..\nexit 0\n",
            secret.display()
        );
        std::fs::write(&cli, script).unwrap();
        std::fs::set_permissions(&cli, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let server = place.start().await;
        let all = server.run(&json!({"prompt": "go"})).await.all().await;
        let lines: Vec<String> = all.iter().map(|it| String::from_utf8(it.data.clone()).unwrap()).collect();
        assert_eq!(lines[0].split(' ').next(), Some("65534"), "{lines:?}");
        assert_eq!(lines[1], "drwx------");
        assert_eq!(lines.len(), 3, "no secret and no other workspace is told: {lines:?}");
        assert_eq!(crate::events::last_error(&all), "no_result");
        assert!(secret.is_file());
    });
}
