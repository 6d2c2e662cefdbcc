//! Whether a file is a whole database of ours, by its first 100 bytes; it is only read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::fault;
use crate::error::{Error, Result};

/// Marks a database file as this crate's: `opks`.
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"opks");

const LENGTH: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What stands in the directory where the database should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing: it may be made.
    Nothing,
    /// A database of ours that was closed.
    Closed,
    /// A database of ours with a log that was not written back: in use, or its owner died.
    Unfinished,
}

/// Looks at the file and its log.
pub(super) fn look(database: &Path) -> Result<Found> {
    let log = std::fs::metadata(beside(database, "-wal")).is_ok_and(|log| log.len() > 0);
    let mut file = match File::open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && log => {
            return Err(Error::corrupt("the database is missing, its log is there"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(fault::of_file(database, error)),
    };
    let length = file.metadata().map_err(|error| fault::of_file(database, error))?.len();
    let mut header = [0; LENGTH];
    file.read_exact(&mut header).map_err(|_| Error::corrupt(format!("it has {length} bytes")))?;
    judge(&header, (!log).then_some(length)).map_err(Error::corrupt)?;
    Ok(if log { Found::Unfinished } else { Found::Closed })
}

/// The length counts only where no log may hold the rest.
fn judge(header: &[u8; LENGTH], length: Option<u64>) -> Result<(), &'static str> {
    if !header.starts_with(MAGIC) {
        return Err("it is no SQLite database");
    }
    if number(header, 68) != APPLICATION_ID {
        return Err("it belongs to another program");
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        _ => return Err("its page size is impossible"),
    };
    if length.is_some_and(|length| length < page * u64::from(number(header, 28))) {
        return Err("it is cut short");
    }
    Ok(())
}

fn number(header: &[u8; LENGTH], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// A file whose name is the database's and more.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> [u8; LENGTH] {
        let mut header = [0; LENGTH];
        header[..16].copy_from_slice(MAGIC);
        header[16..18].copy_from_slice(&4096_u16.to_be_bytes());
        header[28..32].copy_from_slice(&10_u32.to_be_bytes());
        header[68..72].copy_from_slice(&APPLICATION_ID.to_be_bytes());
        header
    }

    #[test]
    fn only_a_whole_database_of_ours_passes() {
        assert_eq!(judge(&good(), Some(40_960)), Ok(()));
        assert_eq!(judge(&good(), Some(40_959)), Err("it is cut short"));
        assert_eq!(judge(&good(), None), Ok(()), "the log may hold the rest");
        for (at, sentence) in [
            (0, "it is no SQLite database"),
            (17, "its page size is impossible"),
            (70, "it belongs to another program"),
        ] {
            let mut bad = good();
            bad[at] ^= 0x55;
            assert_eq!(judge(&bad, None), Err(sentence));
        }
    }
}
