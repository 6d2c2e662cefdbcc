use std::time::{Duration, Instant};

use crate::support::{Reader, read_all, shell, spawn, terminals, trials, writer};

trials![
    a_child_starts_with_defaults_and_nothing_of_ours,
    the_terminal_is_the_childs_controlling_one,
    a_child_that_closes_the_terminal_lives_on,
    a_terminal_that_was_hung_up_once_costs_nothing,
];

async fn a_child_starts_with_defaults_and_nothing_of_ours() {
    // What a server that a shell started in the background hands on otherwise.
    let text = "env | sort; grep -E 'SigIgn|SigBlk' /proc/self/status; ls /proc/$$/fd | tr '\\n' ' '";
    let terminal = terminals().spawn(shell(text).env("GIVEN", "yes")).await.unwrap();
    let (bytes, _) = read_all(writer(&terminal)).await;
    let seen = String::from_utf8(bytes).unwrap();
    let names: Vec<&str> = seen
        .lines()
        .take_while(|line| !line.starts_with("Sig"))
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    for name in &names {
        let known = ["GIVEN", "PATH", "TERM", "PWD", "OLDPWD", "SHLVL", "_", "PROCESS_TREE_MARK"];
        assert!(known.contains(name), "{name} is not for the child: {names:?}");
    }
    assert!(
        seen.contains("SigIgn:\t0000000000000000") && seen.contains("SigBlk:\t0000000000000000"),
        "{seen}"
    );
    assert!(seen.trim_end().ends_with("0 1 2"), "{seen}");
}

async fn the_terminal_is_the_childs_controlling_one() {
    let terminal =
        spawn("echo $(cut -d' ' -f6 /proc/$$/stat) $$; echo through > /dev/tty; cut -d' ' -f8 /proc/$$/stat")
            .await;
    let (bytes, _) = read_all(writer(&terminal)).await;
    let seen = String::from_utf8(bytes).unwrap();
    let words: Vec<&str> = seen.split_whitespace().collect();
    assert_eq!(words[0], words[1], "the child leads its session: {seen}");
    assert_eq!((words[2], words[3]), ("through", words[1]), "{seen}");
}

async fn a_child_that_closes_the_terminal_lives_on() {
    let terminal =
        spawn("exec sh -c 'exec </dev/null >/dev/null 2>&1; sleep 0.5; echo back > /dev/tty; exit 3'").await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("back").await;
    while reader.more().await {}
    assert_eq!(reader.exit.unwrap().code, Some(3));
}

/// What was hung up once is said to be so for ever: whoever believes it runs in circles. The terminal has a thread of its
/// own here, whose processor time is nobody else's.
async fn a_terminal_that_was_hung_up_once_costs_nothing() {
    let own_thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(hung_up_once())
    });
    let (waited, taken) = tokio::task::spawn_blocking(|| own_thread.join().unwrap()).await.unwrap();
    assert!(taken < waited / 4, "{taken:?} of processor time in {waited:?}");
}

/// How long it was looked at, and the processor time that this took.
async fn hung_up_once() -> (Duration, Duration) {
    let text = "exec </dev/null >/dev/null 2>&1; sleep 0.3; exec 3<>/dev/tty; echo open >&3; sleep 600";
    let terminal = spawn(text).await;
    let mut reader = Reader::new(writer(&terminal));
    reader.until("open").await;
    // Input that nobody reads waits to be written as well.
    for _ in 0..10 {
        reader.viewer.input.send(vec![b'x'; 10_000]).await.unwrap();
    }
    let (started, before) = (Instant::now(), own_cpu());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (waited, taken) = (started.elapsed(), own_cpu() - before);
    terminal.end().await.unwrap();
    (waited, taken)
}

fn own_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.cast_unsigned(), u32::try_from(used.tv_nsec).unwrap())
}
