use crate::support::{Reader, read_all, shell, spawn, terminals, trials, writer};

trials![
    a_child_starts_with_defaults_and_nothing_of_ours,
    the_terminal_is_the_childs_controlling_one,
    a_child_that_closes_the_terminal_lives_on,
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
    let terminal = spawn("echo $(ps -o sid= -p $$) $$; echo through > /dev/tty; ps -o tpgid= -p $$").await;
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
