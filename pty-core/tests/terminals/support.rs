//! What the trials share.

use std::time::Duration;

use libtest_mimic::Trial;
use pty_core::{Attach, Exit, Frame, Spec, Terminal, Terminals, Viewer};

/// How long anything may take before a trial fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A trial that runs in a runtime of its own.
pub(crate) fn trial<F: Future<Output = ()>>(name: &str, run: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name.to_owned(), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(PATIENCE, run()).await.expect("it takes too long") });
        Ok(())
    })
}

/// A list of trials, each named by its function.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn all() -> Vec<libtest_mimic::Trial> {
            let module = module_path!().rsplit("::").next().unwrap();
            vec![$($crate::support::trial(&format!("{module}::{}", stringify!($name)), $name)),*]
        }
    };
}
pub(crate) use trials;

pub(crate) fn terminals() -> Terminals {
    Terminals::builder().build()
}

/// A shell that runs this text.
pub(crate) fn shell(text: &str) -> Spec {
    Spec::new("sh")
        .args(["-c", text])
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "xterm-256color")
}

pub(crate) async fn spawn(text: &str) -> Terminal {
    terminals().spawn(shell(text)).await.unwrap()
}

pub(crate) fn writer(terminal: &Terminal) -> Viewer {
    terminal.attach(Attach::writer()).unwrap()
}

/// Everything up to the end, acknowledged as it comes.
pub(crate) async fn read_all(viewer: Viewer) -> (Vec<u8>, Exit) {
    let mut reader = Reader::new(viewer);
    while reader.more().await {}
    (reader.bytes, reader.exit.expect("no exit"))
}

/// A client that keeps what it gets.
pub(crate) struct Reader {
    pub(crate) viewer: Viewer,
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: u64,
    pub(crate) exit: Option<Exit>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Reader {
    pub(crate) fn new(viewer: Viewer) -> Self {
        let at = viewer.start.from;
        Self { viewer, bytes: Vec::new(), at, exit: None, gaps: Vec::new() }
    }

    /// Takes one frame; `false` after the end.
    pub(crate) async fn more(&mut self) -> bool {
        match self.viewer.output.next().await {
            Some(Frame::Output { offset, data }) => {
                assert_eq!(offset, self.at, "output follows on");
                assert!(!data.is_empty() && data.len() <= 64 << 10);
                self.at += data.len() as u64;
                self.bytes.extend_from_slice(&data);
                self.viewer.input.ack(self.at).unwrap();
            }
            Some(Frame::Gap { from, to }) => {
                assert_eq!(from, self.at);
                self.gaps.push((from, to));
                self.at = to;
            }
            Some(Frame::Exit(exit)) => {
                assert_eq!(exit.head, self.at, "all of it came before the exit");
                self.exit = Some(exit);
            }
            Some(other) => panic!("{other:?}"),
            None => return false,
        }
        true
    }

    /// Reads until the text is there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.bytes).into_owned();
            if seen.contains(text) {
                return seen;
            }
            assert!(self.more().await, "{text:?} never came: {seen:?}");
        }
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Waits for a file that holds a number.
pub(crate) async fn number_in(path: &std::path::Path) -> u32 {
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        match text.trim().parse() {
            Ok(number) if text.ends_with('\n') => return number,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
