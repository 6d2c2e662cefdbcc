//! Shows what spawner and supervisors weigh: `cargo run --release -p process-tree --example memory [trees]`, as
//! root.

use process_tree::{Command, Grace, Reach, Tree};

#[tokio::main(flavor = "current_thread")]
async fn measure(trees: usize) -> Result<(), process_tree::Error> {
    let mut held = Vec::new();
    for _ in 0..trees {
        held.push(Tree::piped(Command::new("sleep").arg("600").reach(Reach::Supervisor)).await?);
    }
    for (tree, _pipes) in &held {
        if let Some(supervisor) = tree.supervisor_pid() {
            println!("supervisor {supervisor}: {}", weight(supervisor));
        }
    }
    for (tree, _pipes) in held {
        tree.end(Grace::kill()).await;
    }
    Ok(())
}

fn weight(pid: u32) -> String {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let wanted = ["Pss:", "Pss_Anon:", "Pss_File:", "Private_Dirty:"];
    let lines = rollup.lines().filter(|line| wanted.iter().any(|key| line.starts_with(key)));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}

fn main() -> Result<(), process_tree::Error> {
    process_tree::init();
    measure(std::env::args().nth(1).and_then(|trees| trees.parse().ok()).unwrap_or(1))
}
