//! Children that behave.

use libtest_mimic::Trial;
use process_tree::{Command, Error, Grace, Reach, Signal, Status, Tree};
use tokio::io::AsyncWriteExt;

use crate::observe::{Up, read_all, role};
use crate::{ALL, each};

pub(crate) fn trials() -> Vec<Trial> {
    [
        each("tells_the_exit_code", &ALL, exit_code),
        each("tells_the_signal", &ALL, signal),
        each("tells_the_usage", &ALL, usage),
        each("output_is_there_after_the_end", &ALL, output),
        each("input_reaches_the_child", &ALL, input),
        each("waiting_twice_tells_the_same", &ALL, wait_twice),
        each("a_cancelled_wait_loses_nothing", &ALL, cancelled_wait),
        each("signals_reach_the_child", &ALL, signals_reach),
        each("a_signal_after_the_end_is_refused", &ALL, signal_after_end),
        each("a_hundred_trees_at_once", &ALL, hundred),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shell(script: &str, reach: Reach) -> Command {
    Command::new("sh").args(["-c", script]).env("PATH", "/usr/bin:/bin").reach(reach)
}

async fn exit_code(reach: Reach) {
    for code in [0, 1, 7, 127, 255] {
        let (mut tree, _pipes) = Tree::piped(shell(&format!("exit {code}"), reach)).await.unwrap();
        assert_eq!(tree.wait().await.status, Status::Code(code));
        let exit = tree.end(Grace::default()).await;
        assert_eq!((exit.status, exit.left), (Status::Code(code), 0));
    }
}

async fn signal(reach: Reach) {
    let (mut tree, _pipes) = Tree::piped(role("killed", reach)).await.unwrap();
    assert_eq!(tree.wait().await.status, Status::Signal(libc::SIGKILL));
    tree.end(Grace::default()).await;
}

async fn usage(reach: Reach) {
    let (mut tree, _pipes) = Tree::piped(role("spender", reach)).await.unwrap();
    let usage = tree.wait().await.usage;
    assert!((usage.user + usage.system).as_millis() >= 50, "{usage:?}");
    assert!(usage.max_rss_bytes >= 64 << 20, "{usage:?}");
    tree.end(Grace::default()).await;
}

async fn output(reach: Reach) {
    let script = "head -c 60000 /dev/zero; echo problem >&2";
    let (mut tree, mut pipes) = Tree::piped(shell(script, reach)).await.unwrap();
    tree.wait().await;
    tree.end(Grace::default()).await;
    assert_eq!(read_all(&mut pipes.stdout).await.len(), 60000);
    assert_eq!(read_all(&mut pipes.stderr).await, b"problem\n");
}

async fn input(reach: Reach) {
    let (mut tree, mut pipes) = Tree::piped(Command::new("cat").reach(reach)).await.unwrap();
    pipes.stdin.write_all(b"hello").await.unwrap();
    drop(pipes.stdin);
    assert_eq!(read_all(&mut pipes.stdout).await, b"hello");
    assert!(tree.wait().await.status.is_success());
    tree.end(Grace::default()).await;
}

async fn wait_twice(reach: Reach) {
    let (mut tree, _pipes) = Tree::piped(shell("exit 3", reach)).await.unwrap();
    let exit = tree.wait().await;
    assert_eq!(tree.wait().await, exit);
    assert_eq!(tree.end(Grace::default()).await, exit);
}

async fn cancelled_wait(reach: Reach) {
    let (mut tree, pipes) = Tree::piped(shell("read line; exit 5", reach)).await.unwrap();
    for _ in 0..20 {
        let brief = std::time::Duration::from_millis(1);
        assert!(tokio::time::timeout(brief, tree.wait()).await.is_err());
    }
    drop(pipes.stdin);
    assert_eq!(tree.wait().await.status, Status::Code(5));
    tree.end(Grace::default()).await;
}

async fn signals_reach(reach: Reach) {
    let script = "trap 'echo usr1; exit 9' USR1; echo up; while :; do sleep 0.01; done";
    let (mut tree, mut pipes) = Tree::piped(shell(script, reach)).await.unwrap();
    crate::observe::wait_for_lines(&mut pipes.stdout, 1).await;
    tree.signal(Signal::User1).unwrap();
    assert_eq!(tree.wait().await.status, Status::Code(9));
    tree.end(Grace::default()).await;
    assert_eq!(read_all(&mut pipes.stdout).await, b"usr1\n");
}

async fn signal_after_end(reach: Reach) {
    let (mut tree, _pipes) = Tree::piped(shell("exit 0", reach)).await.unwrap();
    tree.wait().await;
    assert!(matches!(tree.signal(Signal::Terminate), Err(Error::Ended)));
    tree.end(Grace::default()).await;
}

async fn hundred(reach: Reach) {
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(Tree::piped(shell("echo up; sleep 600 & sleep 600", reach)).await.unwrap());
    }
    for (_, pipes) in &mut all {
        crate::observe::wait_for_lines(&mut pipes.stdout, 1).await;
    }
    let mut ending = tokio::task::JoinSet::new();
    for (tree, mut pipes) in all {
        ending.spawn(async move {
            let exit = tree.end(Grace::default()).await;
            Up::assert_nobody(&mut pipes);
            exit.left
        });
    }
    assert_eq!(ending.join_all().await, [0; 100]);
}
