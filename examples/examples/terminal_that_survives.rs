//! A terminal that outlives its viewer: one is cut off in the middle of a long output, comes back where it was, and
//! has missed nothing. Then the terminal ends, and nobody of it is left.
//!
//! ```sh
//! cargo run -p examples --example terminal_that_survives
//! ```

use std::time::Duration;

use pty_core::{Attach, Frame, Spec, Terminal, Terminals, Viewer};

/// Makes 17 MB. Half of it is more than a terminal keeps: were the place of the viewer not kept, bytes would be gone.
const LINES: u32 = 2_000_000;

/// A variable by which every process of the terminal is known again.
const MARK: &str = "A_TERMINAL_THAT_SURVIVES";

fn main() -> anyhow::Result<()> {
    // Before any thread: what will own the children is forked here.
    pty_core::init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(survive())
}

async fn survive() -> anyhow::Result<()> {
    let expected: String = (1..=LINES).map(|number| format!("{number}\r\n")).collect();
    let mut seen = Vec::new();
    let terminals = Terminals::builder().build();
    let terminal = terminals.spawn(shell()).await?;

    // From the first byte on. As long as nobody looks, the shell waits for nobody.
    let first = terminal.attach(Attach::writer().from(0))?;
    read(first, &mut seen, expected.len() / 2).await?;
    println!("a viewer is cut off after {} of {} bytes", seen.len(), expected.len());

    // Nobody looks. The shell writes on until as much is kept as may be, and then it waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("meanwhile the shell has written up to {}, and waits", terminal.info().head);

    // Whoever comes back says how far it got.
    let second = terminal.attach(Attach::writer().from(seen.len() as u64))?;
    read(second, &mut seen, expected.len()).await?;
    anyhow::ensure!(seen == expected.as_bytes(), "something is missing, or there twice");
    println!("it came back and has all {LINES} lines: nothing is missing, nothing is there twice");

    end(terminal).await
}

/// It counts, then waits to be told something. Beside it sleeps a process in a session of its own, whose parent is gone:
/// who only ends the shell leaves that one behind.
fn shell() -> Spec {
    let text = format!("setsid -f sleep 600; seq {LINES}; read line");
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A child sees the variables it is given, and no others.
    Spec::new("sh").args(["-c", &text]).env("PATH", path).env(MARK, std::process::id().to_string())
}

/// Reads until so many bytes are seen. At its end the viewer is dropped, as when a connection breaks.
async fn read(viewer: Viewer, seen: &mut Vec<u8>, until: usize) -> anyhow::Result<()> {
    let Viewer { mut output, input, .. } = viewer;
    while seen.len() < until {
        match output.next().await {
            Some(Frame::Output { offset, data }) => {
                anyhow::ensure!(offset == seen.len() as u64, "bytes are missing before {offset}");
                seen.extend_from_slice(&data);
                // Without it no more than a window would come, and the shell would wait.
                input.ack(offset + data.len() as u64)?;
            }
            other => anyhow::bail!("output was to come, not {other:?}"),
        }
    }
    Ok(())
}

async fn end(terminal: Terminal) -> anyhow::Result<()> {
    println!("{} processes belong to the terminal", processes());
    terminal.end().await?;
    println!("it has ended, and {} are left", processes());
    Ok(())
}

/// How many processes were started on the terminal.
fn processes() -> usize {
    let mark = format!("{MARK}={}", std::process::id());
    let environments = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let environments = environments.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments.filter(|all| all.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())).count()
}
