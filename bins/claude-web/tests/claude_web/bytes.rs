//! What the reader gets is what the CLI wrote.

use claude_core::testing::StandIn;
use serde_json::json;

use crate::events::{assert_numbered, lines};
use crate::server::{Place, block_on, names};

/// A CLI that also writes all it says into a file of its own.
fn tee(place: &Place) -> std::path::PathBuf {
    let kept = place.data.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let script = place.data.path().join("claude");
    let cli = std::env::current_exe().unwrap();
    let text = format!("#!/bin/sh\n'{}' \"$@\" | tee '{}'/$$\n", cli.display(), kept.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    kept
}

pub(crate) fn twenty_runs_at_once_are_what_the_cli_wrote() {
    block_on(async {
        let plan = StandIn::new().echo_prompt().lines(3_000).size(1_000).big_line(3_000_000).text("done");
        let place = Place::new(&plan);
        let kept = tee(&place);
        let script = place.data.path().join("claude").display().to_string();
        let server = place.set("CLAUDE_CODE_PATH", &script).start().await;
        let runs = (0..20).map(|number| {
            let server = &server;
            async move {
                let mut events = server.run(&json!({"prompt": format!("number {number}")})).await;
                let all = events.all().await;
                assert!(!events.is_cut);
                assert_numbered(&all, 1);
                assert!(all.iter().all(|event| event.name.is_none()), "nothing is added");
                lines(&all)
            }
        });
        let mut told = futures_util::future::join_all(runs).await;
        let mut wrote: Vec<Vec<u8>> =
            names(&kept).iter().map(|name| std::fs::read(kept.join(name)).unwrap()).collect();
        told.sort();
        wrote.sort();
        assert_eq!(told.len(), wrote.len());
        assert!(told == wrote, "what was told differs from what the CLI wrote");
    });
}

pub(crate) fn lines_of_every_size_come_as_they_are() {
    block_on(async {
        let largest = 16 << 20;
        for size in [300, 4_096, 16_384, 65_536, 1 << 20, largest] {
            let place = Place::new(&StandIn::new().big_line(size + 1).text("done"));
            let server = place.start().await;
            let all = server.run(&json!({"prompt": "go"})).await.all().await;
            assert_eq!(all[1].data.len(), size, "without its LF");
            assert!(serde_json::from_slice::<serde_json::Value>(&all[1].data).is_ok());
            assert_eq!(all.last().unwrap().json()["type"], "result");
        }
    });
}
