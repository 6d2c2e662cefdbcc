//! Kill -9 in a loop: under writes, while the database is made, while it is migrated. What was acknowledged is
//! there, nothing is half there, and the next start needs no help. The program runs itself as the victim.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "faults/file.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which use all of it")]
mod file;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use file::{Database, downgrade};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use store_core::run::{EventRow, NewRun};
use store_core::user::{NewUser, PasswordHash, Role};
use store_core::{Paging, RunId, Store, UserId};

const VICTIM: &str = "STORE_CORE_KILL_VICTIM";
const URL: &str = "STORE_CORE_KILL_URL";
const ROUNDS_OF_WRITES: u64 = 120;
const ROUNDS_OF_STARTS: u64 = 40;
/// Writers of a victim, so that commits are shared.
const WRITERS: usize = 8;
/// Events of one batch: all or none of them is there.
const BATCH: u64 = 3;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match std::env::var(VICTIM).as_deref() {
        Ok("write") => runtime.block_on(write_until_killed()),
        Ok(_) => runtime.block_on(start()),
        Err(_) => {
            runtime.block_on(killed_under_writes());
            runtime.block_on(killed_while_it_starts());
        }
    }
}

/// Says each write on stdout once it is acknowledged.
async fn write_until_killed() {
    let store = Store::open(&std::env::var(URL).unwrap()).await.unwrap();
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(store.clone()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write(store: Store) {
    let name = UserId::new().to_string();
    let new = NewUser { name, password_hash: PasswordHash::new("x"), role: Role::User };
    let owner = store.system().users().create(new).await.unwrap().id;
    let runs = store.of(&owner).runs();
    let run = runs.open(NewRun::new("chat")).await.unwrap().id;
    for batch in 0.. {
        let numbers = batch * BATCH + 1..=(batch + 1) * BATCH;
        let events: Vec<EventRow> =
            numbers.map(|seq| EventRow { seq, bytes: Bytes::from(vec![b'e'; 300]) }).collect();
        runs.append(run, &events).await.unwrap();
        writeln!(std::io::stdout().lock(), "{owner} {run} {}", (batch + 1) * BATCH).unwrap();
    }
}

async fn start() {
    let store = Store::open(&std::env::var(URL).unwrap()).await.unwrap();
    store.close().await;
}

/// Runs this program as a victim, kills it after the delay, and gives the whole lines it wrote.
fn kill_one(victim: &str, url: &str, delay: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(VICTIM, victim)
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let (mut lines, mut line) = (Vec::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.ends_with('\n') {
                lines.push(line.trim().to_owned());
            }
            line.clear();
        }
        lines
    });
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

async fn killed_under_writes() {
    let database = Database::nowhere();
    Store::open(&database.url).await.unwrap().close().await;
    let mut acknowledged = 0;
    for round in 0..ROUNDS_OF_WRITES {
        let delay = Duration::from_millis(15 + round * 7 % 90);
        let lines = kill_one("write", &database.url, delay);
        acknowledged += lines.len();
        let store = Store::open(&database.url).await.unwrap();
        for line in &lines {
            is_there(&store, line).await;
        }
        nothing_is_half_there(&store).await;
        store.system().runs().recover().await.unwrap();
        store.close().await;
    }
    // Fewer than one a round would test nothing, however slow the disk.
    assert!(acknowledged as u64 > ROUNDS_OF_WRITES, "only {acknowledged} writes were acknowledged");
    is_sound(&database.path).await;
    println!(
        "killed under writes: {ROUNDS_OF_WRITES} rounds, {acknowledged} acknowledged batches, all there"
    );
}

async fn is_there(store: &Store, line: &str) {
    let parts: Vec<&str> = line.split(' ').collect();
    let (owner, run) = (UserId::parse(parts[0]).unwrap(), RunId::parse(parts[1]).unwrap());
    let last: u64 = parts[2].parse().unwrap();
    let events = store.of(&owner).runs().read(run, last - BATCH, 900).await.unwrap();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [last - 2, last - 1, last], "{line}");
}

async fn nothing_is_half_there(store: &Store) {
    let runs = store.system().runs();
    for run in runs.unfinished(Paging::first().limit(200)).await.unwrap().items {
        assert_eq!(run.last_seq % BATCH, 0);
        let behind = runs.read(run.id, run.last_seq, 900).await.unwrap();
        assert!(behind.is_empty(), "events behind the last number");
    }
}

async fn killed_while_it_starts() {
    let (mut whole, mut unmade, mut unmigrated) = (0, 0, 0);
    for round in 0..ROUNDS_OF_STARTS {
        let database = Database::nowhere();
        let migrates = round % 2 == 0;
        if migrates {
            Store::open(&database.url).await.unwrap().close().await;
            downgrade(&database.path).await;
        }
        kill_one("start", &database.url, Duration::from_millis(round / 2));
        match steps(&database.path).await {
            4 => whole += 1,
            0 => unmade += 1,
            _ => unmigrated += 1,
        }
        let store = Store::open(&database.url).await.unwrap();
        store_core::testing::conformance(&store).await;
        store.close().await;
        assert_eq!(steps(&database.path).await, 4);
        is_sound(&database.path).await;
    }
    assert!(unmade > 0 && unmigrated > 0, "no kill came in time: nothing was tested");
    println!(
        "killed at start: {unmade} not made, {unmigrated} not migrated, {whole} whole; all started again"
    );
}

/// Steps of the schema a file has, 0 without a file.
async fn steps(path: &Path) -> i64 {
    if !path.exists() {
        return 0;
    }
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    count.unwrap()
}

async fn is_sound(path: &Path) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let lines: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await.unwrap();
    assert_eq!(lines, ["ok"]);
    connection.close().await.unwrap();
}
