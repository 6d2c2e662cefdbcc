//! A disk without space.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use serde_json::json;

use crate::server::{Place, Server, block_on, code, no_run_is_left};

/// A small file system of its own, as long as this lives.
struct Small(PathBuf);

impl Small {
    fn on(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(directory).status();
        assert!(mounted.unwrap().success(), "this test mounts a small tmpfs, which takes root");
        Self(directory.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What still has files open is let go later.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

pub(crate) fn a_full_disk_is_told_and_no_end_is_lost() {
    block_on(async {
        let place = Place::new(&StandIn::new().lines(30).rate(20.0));
        let small = Small::on(&place.data.path().join("data"));
        let server = place.start().await;
        let go = json!({"prompt": "go"});
        let mut events = server.run(&go).await;
        let later = server.ask(&go).header("prefer", "respond-async").send().await.unwrap();
        let runs = [events.run(), later.headers()["x-run-id"].to_str().unwrap().to_owned()];
        events.next().await.unwrap();
        small.fill();
        assert_eq!(code(server.ask(&go).send().await.unwrap()).await, (507, "storage_full".into()));
        events.all().await;
        assert!(!events.is_cut, "the stream has its end");
        std::fs::remove_file(small.filler()).unwrap();
        no_run_is_left(&server).await;
        assert_eq!(
            server.run(&go).await.all().await.last().unwrap().json()["type"],
            "result",
            "it works again"
        );
        let mut listed = ended(&server).await;
        for run in &runs {
            let info = server.run_in(run, &["completed", "failed"]).await;
            assert!(info["ended_at"].is_string(), "{info}");
        }
        // Once the store lists them as ended, so does a server that never had them in memory.
        let started = Instant::now();
        while !runs.iter().all(|run| listed.contains(run)) {
            assert!(started.elapsed() < Duration::from_secs(30), "their ends are not stored: {listed:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            listed = ended(&server).await;
        }
        server.kill();
        let server = place.start().await;
        for run in &runs {
            server.run_in(run, &["completed", "failed"]).await;
        }
        drop(server);
    });
}

/// The runs that the store has as ended.
async fn ended(server: &Server) -> Vec<String> {
    let mut ids = Vec::new();
    for state in ["completed", "failed"] {
        let page = server.get(&format!("/api/runs?state={state}")).await;
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()),
        );
    }
    ids
}
