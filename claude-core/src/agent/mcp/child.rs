//! A server that is a child of this process.

use std::sync::Arc;
use std::time::Duration;

use process_tree::Tree;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::server::Program;
use crate::cli::environment;
use crate::cli::secrets::Secrets;
use crate::cli::stderr::Stderr;

/// What a server that ended wrote last has this long to arrive.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The child; dropping it ends it and all that descends from it.
#[derive(Debug)]
pub(super) struct Child {
    _tree: Tree,
    pub(super) stderr: Tail,
}

/// The end of a child's stderr, as far as it was read.
#[derive(Debug, Clone)]
pub(super) struct Tail(watch::Receiver<Arc<str>>);

/// Starts the program; the ends that it reads and writes come with it.
pub(super) async fn start(
    program: &Program,
    stderr_bytes: usize,
) -> Result<(Child, pipe::Receiver, pipe::Sender), process_tree::Error> {
    let mut command = process_tree::Command::new(&program.program).args(&program.arguments);
    if let Some(directory) = &program.directory {
        command = command.cwd(directory);
    }
    for (name, value) in environment::allowed_to_others(std::env::vars_os()) {
        command = command.env(name, value);
    }
    for (name, value) in &program.environment {
        command = command.env(name, value);
    }
    let (tree, pipes) = Tree::piped(command).await?;
    let (sender, receiver) = watch::channel(Arc::from(""));
    let secrets = Secrets::of(&program.environment);
    // Ends with the pipe, which the tree's end closes.
    tokio::spawn(listen(Stderr::new(pipes.stderr, stderr_bytes), secrets, sender));
    Ok((Child { _tree: tree, stderr: Tail(receiver) }, pipes.stdout, pipes.stdin))
}

async fn listen(mut stderr: Stderr, secrets: Secrets, tail: watch::Sender<Arc<str>>) {
    while stderr.is_open() {
        stderr.read_some().await;
        tail.send_replace(stderr.tail(&secrets).into());
    }
}

impl Tail {
    /// `: ` and the end, once the child closed it; nothing where it wrote nothing.
    pub(super) async fn last_words(mut self) -> String {
        let closed = async { while self.0.changed().await.is_ok() {} };
        // What is there counts, even where a grandchild keeps the pipe open.
        _ = tokio::time::timeout(LAST_WORDS, closed).await;
        let tail = Arc::clone(&self.0.borrow());
        if tail.is_empty() { String::new() } else { format!(": {tail}") }
    }
}
