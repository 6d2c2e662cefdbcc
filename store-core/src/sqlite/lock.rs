//! The lock file beside a database: who holds it owns the database.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::fault;
use super::header::beside;
use crate::error::{Error, Result};

/// How long an owner waits for the lock: a command beside may hold it for a moment.
const WAIT: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);

/// Held as long as it lives, at most until the process ends: the system frees it.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the lock, or says who has it.
pub(super) async fn own(database: &Path) -> Result<Lock> {
    let mut waited = Duration::ZERO;
    loop {
        match take(database)? {
            Ok(lock) => return Ok(lock),
            Err(pid) if waited >= WAIT => return Err(Error::InUse { pid }),
            Err(_) => tokio::time::sleep(STEP).await,
        }
        waited += STEP;
    }
}

/// Takes the lock now; the inner error is the holder's process id, where it can be read.
pub(super) fn take(database: &Path) -> Result<Result<Lock, Option<u32>>> {
    let path = beside(database, ".lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(|error| fault::of_file(&path, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Err(holder(&mut file))),
        Err(error) => return Err(fault::of_file(&path, error.into())),
    }
    // The number is only for messages: a full disk must not keep the server from reading.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(Ok(Lock { _file: file }))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
