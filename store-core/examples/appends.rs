//! Durable appends per second, by one writer and by 64: `cargo run --release -p store-core --example appends`.
//! The database is made in the directory given, else in the current one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use store_core::run::{EventRow, NewRun};
use store_core::user::{NewUser, PasswordHash, Role};
use store_core::{Durability, Result, Store, UserId};

const FOR: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for durability in [Durability::Fsync, Durability::Relaxed] {
        for writers in [1, 64] {
            let path = format!("{directory}/appends-{}.db", std::process::id());
            measure(&path, durability, writers).await?;
            for suffix in ["", "-wal", "-shm", ".lock"] {
                let _ = std::fs::remove_file(format!("{path}{suffix}")); // not all of them are there
            }
        }
    }
    Ok(())
}

async fn measure(path: &str, durability: Durability, writers: usize) -> Result<()> {
    let store = Store::builder(&format!("sqlite://{path}")).durability(durability).open().await?;
    let new = NewUser { name: "writer".into(), password_hash: PasswordHash::new("x"), role: Role::User };
    let owner = store.system().users().create(new).await?.id;
    let before = store.statistics();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..writers).map(|_| tokio::spawn(append(store.clone(), owner, begun))).collect();
    let mut appends = 0;
    for task in tasks {
        appends += task.await.unwrap_or(Ok(0))?;
    }
    let rate = u128::from(appends) * 1000 / begun.elapsed().as_millis();
    let commits = store.statistics().commits - before.commits;
    println!("{durability:?}, {writers} writers: {rate} appends/s, {appends} in {commits} commits");
    store.close().await;
    Ok(())
}

async fn append(store: Store, owner: UserId, begun: Instant) -> Result<u64> {
    let runs = store.of(&owner).runs();
    let run = runs.open(NewRun::new("chat")).await?.id;
    let mut seq = 0;
    while begun.elapsed() < FOR {
        seq += 1;
        runs.append(run, &[EventRow { seq, bytes: Bytes::from_static(&[b'x'; 200]) }]).await?;
    }
    Ok(seq)
}
