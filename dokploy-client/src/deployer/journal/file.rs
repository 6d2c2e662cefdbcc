//! A journal in one file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::book::{Book, Lease, Line, unwritable};
use super::{Clock, Holder, Journal, JournalError, NewDeployment, Record};
use crate::deployer::Timestamp;
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;

/// The file is for its owner: it holds the values of variables.
const MODE: u32 = 0o600;

/// A journal in one file of JSON lines, each of which is on disk (fsync) before its method returns. Only one process has
/// it, by a lock (flock). All of it is held in memory too: it is for a small number of deployments.
///
/// Whenever a deployment ends, the file is written anew beside itself and renamed, with what is of use: how each ended,
/// and all of those that have not. So it doesn't grow with time, and the values of variables leave it as soon as nothing
/// needs them. Where that can't be done, since the disk is full, say, the file stays as it is until it can. Of those
/// of which nothing is left, failed or destroyed, the newest 1,000 are remembered; a key of an older one is a new key.
///
/// A crash may cut the last line short. That line was never answered for; the next start cuts it off, and
/// [`FileJournal::cut_bytes`] says so.
pub struct FileJournal {
    state: Arc<Mutex<State>>,
    clock: Clock,
    cut_bytes: u64,
}

struct State {
    /// Where the file is, whatever the working directory becomes.
    path: PathBuf,
    file: File,
    /// Up to here the file is sound.
    length: u64,
    /// Whether its folder has to be written before anything is answered for.
    is_moved: bool,
    book: Book,
}

impl FileJournal {
    /// Opens the file, or makes it with mode 0600. It blocks on the disk.
    ///
    /// # Errors
    /// [`JournalError::InUse`] where another has it, [`JournalError::Corrupt`] where a line other than a cut last one
    /// can't be read, [`JournalError::Unavailable`].
    pub fn open(path: &Path, clock: Clock) -> Result<Self, JournalError> {
        let mut file = open(path)?;
        // A symbolic link is followed once, now.
        let path = path.canonicalize().map_err(unavailable("opening it"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unavailable("reading it"))?;
        let (book, length) = read(&bytes)?;
        let cut_bytes = bytes.len() as u64 - length;
        let mut state = State { path, file, length, is_moved: true, book };
        state.cut().map_err(unavailable("cutting its last line off"))?;
        state.sync_folder().map_err(unavailable("writing its folder"))?;
        state.tidy();
        Ok(Self { state: Arc::new(Mutex::new(state)), clock, cut_bytes })
    }

    /// The same for the deployments on this server only: a journal tells nothing of any other. A file that doesn't say of
    /// which one it is takes this one. The server is named as the caller likes, by its URL for example.
    ///
    /// # Errors
    /// As [`FileJournal::open`], and [`JournalError::OtherServer`].
    pub fn open_of(path: &Path, server: &str, clock: Clock) -> Result<Self, JournalError> {
        let journal = Self::open(path, clock)?;
        {
            let mut state = journal.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.book.server() != Some(server) {
                state.write(Line::Server(server.to_owned()))?;
            }
        }
        Ok(journal)
    }

    /// How many bytes of a last line that a crash had cut short were dropped at the start.
    #[must_use]
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Works on the state where the disk may be waited for. A future that is dropped leaves the work to be done.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let state = Arc::clone(&self.state);
        let work = move || work(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = spawn_blocking(work).await;
        joined.map_err(|error| JournalError::Unavailable { what: "writing it", source: Box::new(error) })?
    }

    fn lease(&self, by: &Holder, length: Duration) -> Lease {
        Lease { holder: by.clone(), now: Timestamp::from((self.clock)()), length }
    }
}

impl State {
    fn write(&mut self, line: Line) -> Result<(), JournalError> {
        self.book.check(&line)?;
        let mut bytes = serde_json::to_vec(&line).map_err(unwritable)?;
        bytes.push(b'\n');
        self.append(&bytes).map_err(unavailable("writing it"))?;
        self.book.take(line)
    }

    /// Writes the file anew, with what is of use. All of it is on disk as it is, so a failure can wait.
    fn tidy(&mut self) {
        if let Err(error) = self.write_anew() {
            tracing::warn!(%error, "the journal can't be written anew, and grows until it can");
        }
    }

    fn write_anew(&mut self) -> io::Result<()> {
        let beside = self.path.with_added_extension("new");
        // What a crash left there is no journal yet.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&beside)?;
        let moved = fill(&file, &self.book).and_then(|length| {
            file.try_lock()?;
            fs::rename(&beside, &self.path).map(|()| length)
        });
        match moved {
            Ok(length) => {
                (self.file, self.length, self.is_moved) = (file, length, true);
                self.sync_folder()
            }
            Err(error) => {
                // The first failure tells more.
                let _ = fs::remove_file(&beside);
                Err(error)
            }
        }
    }

    /// A new file is there after a crash only if its folder says so.
    fn sync_folder(&mut self) -> io::Result<()> {
        if self.is_moved {
            File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()?;
            self.is_moved = false;
        }
        Ok(())
    }

    /// What was written in part, or isn't known to be on disk, is cut off before anything else is written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sync_folder()?;
        self.cut()?;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() != self.length {
            self.file.set_len(self.length)?;
            self.file.sync_data()?;
        }
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// Reads all lines, and tells up to where they are whole.
fn read(bytes: &[u8]) -> Result<(Book, u64), JournalError> {
    let (mut book, mut length) = (Book::default(), 0);
    for (position, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let corrupt = || JournalError::Corrupt { line: position + 1 };
        let Some(text) = line.strip_suffix(b"\n") else {
            if is_cut(line) { break } else { return Err(corrupt()) }
        };
        let line_read: Line = serde_json::from_slice(text).map_err(|_| corrupt())?;
        book.check(&line_read).and_then(|()| book.take(line_read)).map_err(|_| corrupt())?;
        length += line.len() as u64;
    }
    Ok((book, length))
}

/// Whether a crash may have left this of a line. All others are written beside the file, whole.
fn is_cut(line: &[u8]) -> bool {
    [&b"{\"created\""[..], b"{\"appended\"", b"{\"finished\"", b"{\"server\""]
        .iter()
        .any(|beginning| line.starts_with(beginning) || beginning.starts_with(line))
}

/// Opens the file and locks it.
fn open(path: &Path) -> Result<File, JournalError> {
    // A device or a pipe would be waited for, or be replaced.
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return Err(unavailable("opening it")(io::Error::other("it is no file")));
    }
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(MODE).open(path);
        let file = file.map_err(unavailable("opening it"))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse,
            TryLockError::Error(error) => unavailable("locking it")(error),
        })?;
        // Between the two, another may have put a new one in its place.
        let is_there =
            |there: fs::Metadata, it: fs::Metadata| (there.dev(), there.ino()) == (it.dev(), it.ino());
        let there = fs::metadata(path).and_then(|there| Ok(is_there(there, file.metadata()?)));
        match there {
            Ok(true) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unavailable("opening it")(error));
            }
            _ => {}
        }
    }
}

/// Writes all of a book that is of use, and tells how long that is.
fn fill(file: &File, book: &Book) -> io::Result<u64> {
    let mut writer = BufWriter::new(file);
    for line in book.lines() {
        serde_json::to_writer(&mut writer, &line)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()?;
    file.sync_all()?;
    file.metadata().map(|it| it.len())
}

fn unavailable(what: &'static str) -> impl Fn(io::Error) -> JournalError {
    move |error| JournalError::Unavailable { what, source: Box::new(error) }
}

#[async_trait]
impl Journal for FileJournal {
    async fn create(&self, new: &NewDeployment, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        let (new, lease) = (new.clone(), self.lease(by, lease));
        self.with(move |state| {
            let id = new.id.clone();
            state.write(Line::Created(Box::new(new)))?;
            state.book.hold(&id, &lease)
        })
        .await
    }

    async fn append(&self, id: &DeploymentId, at: usize, record: &Record) -> Result<(), JournalError> {
        let line = Line::Appended { id: id.clone(), at, record: record.clone() };
        self.with(move |state| state.write(line)).await
    }

    async fn load(&self, id: &DeploymentId) -> Result<Vec<Record>, JournalError> {
        let id = id.clone();
        self.with(move |state| state.book.load(&id)).await
    }

    async fn claim(&self, by: &Holder, lease: Duration) -> Result<Vec<DeploymentId>, JournalError> {
        let lease = self.lease(by, lease);
        self.with(move |state| Ok(state.book.claim(&lease))).await
    }

    async fn renew(&self, id: &DeploymentId, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        let (id, lease) = (id.clone(), self.lease(by, lease));
        self.with(move |state| state.book.hold(&id, &lease)).await
    }

    async fn finish(&self, id: &DeploymentId, end: &End) -> Result<(), JournalError> {
        let line = Line::Finished { id: id.clone(), end: end.clone() };
        let work = |state: &mut State| {
            state.write(line)?;
            state.tidy();
            Ok(())
        };
        self.with(work).await
    }
}
