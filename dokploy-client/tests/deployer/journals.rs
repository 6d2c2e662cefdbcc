//! What each journal must do, also when it is stopped at any of its writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use dokploy_client::deployer::{
    Clock, DeploymentId, Effect, End, Event, FileJournal, Holder, Journal, JournalError, Machine,
    MemoryJournal, NewDeployment, Next, Operation, Plan, Record, Seen, State, Timestamp,
};
use dokploy_client::{Image, StackName};

const LEASE: Duration = Duration::from_secs(30);
const PLANTED: &str = "planted-value-0123";

/// A clock that a test moves.
#[derive(Clone, Default)]
struct Seconds(Arc<AtomicU64>);

impl Seconds {
    fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed)))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn new(number: u128, name: &str, key: Option<&str>) -> NewDeployment {
    let nothing: [&str; 0] = [];
    let name = StackName::parse(name, &nothing).unwrap();
    let plan = Plan::new(name, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap();
    let plan = plan.variable("TOKEN", PLANTED).unwrap();
    NewDeployment { id: id(number), key: key.map(Into::into), plan }
}

fn id(number: u128) -> DeploymentId {
    DeploymentId::new(Timestamp::from_millis(1), number)
}

fn saw() -> Record {
    Record::Saw(Event::new(Timestamp::from_millis(5), Seen::Done))
}

fn asked(operation: Operation) -> Record {
    Record::Asked { operation, at: Timestamp::from_millis(9) }
}

fn failed(leaks: &str) -> End {
    let text = format!(r#"{{"failed":{{"step":"deploying","reason":"timed_out","leaks":[{leaks}]}}}}"#);
    serde_json::from_str(&text).unwrap()
}

/// What every journal must do.
async fn contract(journal: &dyn Journal, seconds: &Seconds) {
    names_and_keys(journal).await;
    positions(journal).await;
    leases(journal, seconds).await;
    leaks(journal).await;
}

async fn names_and_keys(journal: &dyn Journal) {
    let a = Holder::new("a");
    journal.create(&new(1, "alpha", Some("k1")), &a, LEASE).await.unwrap();
    let same = journal.create(&new(2, "alpha", Some("k1")), &a, LEASE).await.unwrap_err();
    assert!(matches!(same, JournalError::SameKey(known) if known == id(1)));
    let reused = journal.create(&new(2, "beta", Some("k1")), &a, LEASE).await.unwrap_err();
    assert!(matches!(reused, JournalError::KeyReused));
    let taken = journal.create(&new(2, "alpha", Some("k2")), &a, LEASE).await.unwrap_err();
    assert!(matches!(taken, JournalError::NameTaken));
    journal.finish(&id(1), &End::Completed).await.unwrap();
    let taken = journal.create(&new(2, "alpha", None), &a, LEASE).await.unwrap_err();
    assert!(matches!(taken, JournalError::NameTaken));
    journal.append(&id(1), 1, &asked(Operation::Destroy)).await.unwrap();
    let taken = journal.create(&new(2, "alpha", None), &a, LEASE).await.unwrap_err();
    assert!(matches!(taken, JournalError::NameTaken));
    journal.finish(&id(1), &End::Destroyed).await.unwrap();
    journal.create(&new(2, "alpha", None), &a, LEASE).await.unwrap();
    journal.finish(&id(2), &failed("")).await.unwrap();
    journal.create(&new(3, "alpha", Some("k3")), &a, LEASE).await.unwrap();
}

async fn positions(journal: &dyn Journal) {
    let lost = |error| matches!(error, JournalError::Lost);
    journal.append(&id(3), 1, &Record::Began(Effect::CreateProject)).await.unwrap();
    assert!(lost(journal.append(&id(3), 1, &saw()).await.unwrap_err()));
    assert!(lost(journal.append(&id(3), 3, &saw()).await.unwrap_err()));
    journal.append(&id(3), 2, &saw()).await.unwrap();
    let records = journal.load(&id(3)).await.unwrap();
    assert!(matches!(
        &*records,
        [Record::Planned { .. }, Record::Began(Effect::CreateProject), Record::Saw(_)]
    ));
    let missing = journal.load(&id(99)).await.unwrap_err();
    assert!(matches!(missing, JournalError::NotFound));
    assert!(lost(journal.append(&id(1), 2, &saw()).await.unwrap_err()), "it has ended");
}

async fn leases(journal: &dyn Journal, seconds: &Seconds) {
    let (a, b) = (Holder::new("a"), Holder::new("b"));
    assert_eq!(journal.claim(&b, LEASE).await.unwrap(), []);
    assert!(matches!(journal.renew(&id(3), &b, LEASE).await.unwrap_err(), JournalError::Lost));
    seconds.pass(20);
    journal.renew(&id(3), &a, LEASE).await.unwrap();
    seconds.pass(20);
    assert_eq!(journal.claim(&b, LEASE).await.unwrap(), []);
    seconds.pass(10);
    assert_eq!(journal.claim(&b, LEASE).await.unwrap(), [id(3)]);
    assert!(matches!(journal.renew(&id(3), &a, LEASE).await.unwrap_err(), JournalError::Lost));
    journal.finish(&id(3), &End::Completed).await.unwrap();
    assert_eq!(journal.claim(&a, LEASE).await.unwrap(), []);
}

async fn leaks(journal: &dyn Journal) {
    let (a, b) = (Holder::new("a"), Holder::new("b"));
    journal.create(&new(4, "gamma", None), &a, LEASE).await.unwrap();
    journal.finish(&id(4), &failed(r#"{"project":"p1"}"#)).await.unwrap();
    journal.create(&new(5, "gamma", None), &a, LEASE).await.unwrap();
    assert_eq!(journal.claim(&b, LEASE).await.unwrap(), [id(4)], "it left something behind");
    journal.append(&id(4), 1, &asked(Operation::Tidy)).await.unwrap();
    journal.finish(&id(4), &failed(r#"{"service":"app-1"}"#)).await.unwrap();
    assert_eq!(journal.claim(&b, LEASE).await.unwrap(), [], "nothing can be done about it");
    let taken = journal.create(&new(6, "gamma", None), &a, LEASE).await.unwrap_err();
    assert!(matches!(taken, JournalError::NameTaken), "the name is the second one's");
}

#[tokio::test]
async fn the_journal_in_memory_does_what_a_journal_must() {
    let seconds = Seconds::default();
    contract(&MemoryJournal::new(seconds.clock()), &seconds).await;
}

#[tokio::test]
async fn the_journal_in_a_file_does_what_a_journal_must() {
    let (folder, seconds) = (Folder::new("contract"), Seconds::default());
    contract(&FileJournal::open(&folder.file(), seconds.clock()).unwrap(), &seconds).await;
}

/// What a small story writes: six lines.
async fn story(journal: &dyn Journal) -> Result<(), JournalError> {
    let a = Holder::new("a");
    journal.create(&new(1, "alpha", Some("k")), &a, LEASE).await?;
    journal.append(&id(1), 1, &Record::Began(Effect::CreateProject)).await?;
    journal.append(&id(1), 2, &saw()).await?;
    journal.finish(&id(1), &failed("")).await?;
    journal.create(&new(2, "alpha", None), &a, LEASE).await?;
    journal.append(&id(2), 1, &Record::Began(Effect::CreateProject)).await
}

/// The file of the story as it was written, which is not written anew.
async fn line_by_line(folder: &Folder) -> Vec<u8> {
    std::fs::create_dir(folder.beside()).unwrap();
    let journal = FileJournal::open(&folder.file(), Seconds::default().clock()).unwrap();
    story(&journal).await.unwrap();
    std::fs::remove_dir(folder.beside()).unwrap();
    std::fs::read(folder.file()).unwrap()
}

/// What is known of the story after so many of its writes.
async fn knows(journal: &dyn Journal, writes: usize) {
    let count = |records: Result<Vec<Record>, JournalError>| records.map_or(0, |records| records.len());
    let expected = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 0), (3, 1), (3, 2)][writes];
    let found = (count(journal.load(&id(1)).await), count(journal.load(&id(2)).await));
    assert_eq!(found, expected, "after {writes} writes");
    let open = match writes {
        0 | 4 => vec![],
        1..4 => vec![id(1)],
        _ => vec![id(2)],
    };
    assert_eq!(journal.claim(&Holder::new("b"), LEASE).await.unwrap(), open, "after {writes} writes");
}

#[tokio::test]
async fn a_stop_at_each_write_loses_nothing_before_it() {
    for writes in 0..=6 {
        let journal = MemoryJournal::new(Seconds::default().clock());
        journal.stop_after(writes);
        assert_eq!(story(&journal).await.is_ok(), writes == 6);
        assert_eq!(journal.writes(), writes);
        journal.restart();
        knows(&journal, writes).await;
    }
}

#[tokio::test]
async fn a_file_cut_at_each_byte_keeps_all_whole_lines_and_says_what_it_drops() {
    let folder = Folder::new("cut");
    let clock = Seconds::default().clock();
    let whole = line_by_line(&folder).await;
    for length in 0..=whole.len() {
        std::fs::write(folder.file(), &whole[..length]).unwrap();
        let journal = FileJournal::open(&folder.file(), Arc::clone(&clock)).unwrap();
        let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        let sound = whole[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        assert_eq!(journal.cut_bytes(), (length - sound) as u64);
        knows(&journal, lines).await;
        let next = new(7, "other", None);
        journal.create(&next, &Holder::new("a"), LEASE).await.unwrap();
        drop(journal);
        let again = FileJournal::open(&folder.file(), Arc::clone(&clock)).unwrap();
        assert_eq!((again.cut_bytes(), again.load(&next.id).await.unwrap().len()), (0, 1));
    }
}

#[tokio::test]
async fn a_second_opener_is_refused_and_a_broken_line_is_told() {
    let folder = Folder::new("refused");
    let clock = Seconds::default().clock();
    let text = String::from_utf8(line_by_line(&folder).await).unwrap();
    let first = FileJournal::open(&folder.file(), Arc::clone(&clock)).unwrap();
    let second = FileJournal::open(&folder.file(), Arc::clone(&clock));
    assert!(matches!(second.err(), Some(JournalError::InUse)));
    drop(first);
    let lines: Vec<_> = text.lines().collect();
    let without_second = [lines[0], lines[2]].map(|line| format!("{line}\n")).concat();
    for (broken, line) in [(text.replacen("{\"appended", "{appended", 1), 2), (without_second, 2)] {
        std::fs::write(folder.file(), broken).unwrap();
        let error = FileJournal::open(&folder.file(), Arc::clone(&clock)).err();
        assert!(matches!(error, Some(JournalError::Corrupt { line: it }) if it == line), "{error:?}");
    }
}

#[tokio::test]
async fn of_what_is_gone_the_oldest_is_forgotten() {
    let journal = MemoryJournal::new(Seconds::default().clock());
    let a = Holder::new("a");
    for number in 1..=1001 {
        assert!(journal.load(&id(1)).await.is_ok() || number == 1, "{number}");
        journal.create(&new(number, "alpha", Some(&number.to_string())), &a, LEASE).await.unwrap();
        journal.finish(&id(number), &End::Destroyed).await.unwrap();
    }
    assert!(matches!(journal.load(&id(1)).await.unwrap_err(), JournalError::NotFound));
    let known = journal.create(&new(2000, "alpha", Some("2")), &a, LEASE).await.unwrap_err();
    assert!(matches!(known, JournalError::SameKey(known) if known == id(2)));
    journal.create(&new(2000, "alpha", Some("1")), &a, LEASE).await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_written_anew_goes_on_as_it_is() {
    let folder = Folder::new("anew");
    let clock = Seconds::default().clock();
    line_by_line(&folder).await;
    let lines = || std::fs::read_to_string(folder.file()).unwrap().lines().count();
    std::fs::create_dir(folder.beside()).unwrap();
    let journal = FileJournal::open(&folder.file(), Arc::clone(&clock)).unwrap();
    assert_eq!(lines(), 6);
    drop(journal);
    std::fs::remove_dir(folder.beside()).unwrap();
    // What a crash left in the midst of it.
    std::fs::write(folder.beside(), "{\"kept\":").unwrap();
    let journal = FileJournal::open(&folder.file(), clock).unwrap();
    assert!(!folder.beside().exists());
    assert_eq!((lines(), journal.cut_bytes()), (2, 0));
    knows(&journal, 6).await;
}

/// Whoever waits for the lock of a file that is replaced meanwhile has the new one, or is told that it is in use.
#[test]
fn of_many_openers_each_finds_all_that_was_answered_for() {
    let folder = Arc::new(Folder::new("openers"));
    let opener = |number: u128| {
        let folder = Arc::clone(&folder);
        let work = async move {
            let a = Holder::new("a");
            for turn in 0..40 {
                let journal = loop {
                    match FileJournal::open(&folder.file(), Seconds::default().clock()) {
                        Err(JournalError::InUse) => tokio::task::yield_now().await,
                        opened => break opened.unwrap(),
                    }
                };
                let new = new(number * 1000 + turn, "alpha", None);
                journal.create(&new, &a, LEASE).await.unwrap();
                journal.finish(&new.id, &End::Destroyed).await.unwrap();
            }
        };
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::thread::spawn(move || runtime().block_on(work))
    };
    for thread in [opener(1), opener(2), opener(3)] {
        thread.join().unwrap();
    }
    let kept = std::fs::read_to_string(folder.file()).unwrap();
    assert_eq!(kept.lines().count(), 120, "{kept}");
}

#[tokio::test]
async fn what_is_no_journal_is_refused_and_left_as_it_is() {
    let folder = Folder::new("foreign");
    let open = || FileJournal::open(&folder.file(), Seconds::default().clock()).err().unwrap();
    story(&FileJournal::open(&folder.file(), Seconds::default().clock()).unwrap()).await.unwrap();
    drop(FileJournal::open(&folder.file(), Seconds::default().clock()).unwrap());
    let kept = std::fs::read(folder.file()).unwrap();
    // The last line holds a deployment, and was written whole.
    for content in [&b"my thesis"[..], b"{}", &kept[..kept.len() - 1], &kept[..kept.len() - 40]] {
        std::fs::write(folder.file(), content).unwrap();
        assert!(matches!(open(), JournalError::Corrupt { .. }));
        assert_eq!(std::fs::read(folder.file()).unwrap(), content);
    }
    std::fs::remove_file(folder.file()).unwrap();
    std::fs::create_dir(folder.file()).unwrap();
    assert!(matches!(open(), JournalError::Unavailable { .. }));
}

#[tokio::test]
async fn a_file_is_of_one_server() {
    let folder = Folder::new("server");
    let open = |server| FileJournal::open_of(&folder.file(), server, Seconds::default().clock());
    story(&FileJournal::open(&folder.file(), Seconds::default().clock()).unwrap()).await.unwrap();
    drop(open("https://a.test").unwrap());
    let other = open("https://b.test").err().unwrap();
    assert!(matches!(&other, JournalError::OtherServer { server } if server == "https://a.test"), "{other}");
    let journal = open("https://a.test").unwrap();
    knows(&journal, 6).await;
}

#[tokio::test]
async fn an_end_that_the_records_do_not_tell_is_refused() {
    let journal = MemoryJournal::new(Seconds::default().clock());
    journal.create(&new(1, "alpha", None), &Holder::new("a"), LEASE).await.unwrap();
    let taken = Seen::Projects(serde_json::from_str(r#"{"ours":[],"others":1}"#).unwrap());
    let taken = Record::Saw(Event::new(Timestamp::from_millis(5), taken));
    journal.append(&id(1), 1, &taken).await.unwrap();
    let refused = journal.finish(&id(1), &End::Completed).await.unwrap_err();
    assert!(matches!(refused, JournalError::Lost), "{refused}");
    let text = r#"{"failed":{"step":"initializing","reason":"name_taken","leaks":[]}}"#;
    journal.finish(&id(1), &serde_json::from_str(text).unwrap()).await.unwrap();
}

/// What was written stays readable: this is a file of the first release.
#[tokio::test]
async fn a_journal_of_the_first_release_is_read() {
    let folder = Folder::new("release");
    std::fs::write(folder.file(), include_str!("first_release.jsonl")).unwrap();
    let clock = Seconds::default().clock();
    let journal = FileJournal::open_of(&folder.file(), "https://dokploy.example.org", clock).unwrap();
    let id = |text| DeploymentId::parse(text).unwrap();
    let (alpha, beta) = (
        id("dep_1795973026145_0d1ff33b98d006627c94ec458ae859ef"),
        id("dep_1795973028173_576821771a0200b9a65628b0c9a6ded9"),
    );
    let records = journal.load(&alpha).await.unwrap();
    assert_eq!(Machine::replay(&records).unwrap().next, Next::Ended(End::Completed));
    let records = journal.load(&beta).await.unwrap();
    let replayed = Machine::replay(&records).unwrap();
    assert_eq!((replayed.machine.progress().status, replayed.position), (State::Deploying, records.len()));
    assert_eq!(journal.claim(&Holder::new("b"), LEASE).await.unwrap(), [beta]);
}

#[tokio::test]
async fn variables_are_in_the_file_for_its_owner_only_and_are_printed_nowhere() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("secret");
    let journal = FileJournal::open(&folder.file(), Seconds::default().clock()).unwrap();
    let new = new(1, "alpha", None);
    journal.create(&new, &Holder::new("a"), LEASE).await.unwrap();
    assert_eq!(std::fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(folder.file()).unwrap().contains(PLANTED), "a resume needs it");
    let records = journal.load(&id(1)).await.unwrap();
    let Record::Planned { plan, .. } = &records[0] else { panic!("{records:?}") };
    let sent = plan.environment().to_dotenv();
    assert!(secrecy::ExposeSecret::expose_secret(&sent).contains(PLANTED));
    assert!(!format!("{new:?} {records:?} {plan:#?}").contains(PLANTED));
}

/// A folder of a test, which goes with it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(name: &str) -> Self {
        Self(tempfile::Builder::new().prefix(name).tempdir().unwrap())
    }

    fn file(&self) -> std::path::PathBuf {
        Path::new(self.0.path()).join("deployments.jsonl")
    }

    /// Where it is written anew.
    fn beside(&self) -> std::path::PathBuf {
        Path::new(self.0.path()).join("deployments.jsonl.new")
    }
}
