use pty_core::{Error, Size, Spec, User};

use crate::support::{Reader, read_all, shell, spawn, terminals, trials, writer};

trials![
    what_a_child_writes_comes_whole_and_then_its_exit,
    a_signal_is_told_by_name,
    what_is_missing_is_told_apart,
    a_child_works_where_it_shall,
    the_size_is_there_from_the_start,
    another_user_owns_its_terminal,
];

async fn what_a_child_writes_comes_whole_and_then_its_exit() {
    let terminal = spawn("echo one; echo two >&2; exit 7").await;
    let (bytes, exit) = read_all(writer(&terminal)).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), "one\r\ntwo\r\n");
    assert_eq!((exit.code, exit.signal, exit.head), (Some(7), None, 10));
    // Who comes later gets the same again.
    let (again, later) = read_all(writer(&terminal)).await;
    assert_eq!((again.len(), later.code), (10, Some(7)));
    assert_eq!(terminal.exited().await.unwrap().code, Some(7));
    assert_eq!(terminal.info().phase.as_str(), "exited");
}

async fn a_signal_is_told_by_name() {
    let terminal = spawn("kill -USR1 $$").await;
    let (_, exit) = read_all(writer(&terminal)).await;
    assert_eq!((exit.code, exit.signal.as_deref()), (None, Some("USR1")));
    assert!(exit.peak_rss_bytes > 100_000);
}

async fn what_is_missing_is_told_apart() {
    let terminals = terminals();
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().join("plain");
    std::fs::write(&plain, "text").unwrap();
    for program in [std::ffi::OsStr::new("no-such-program"), "".as_ref(), "a\0b".as_ref(), plain.as_os_str()]
    {
        let error = terminals.spawn(Spec::new(program).env("PATH", "/bin")).await.unwrap_err();
        assert!(matches!(error, Error::CommandMissing { .. }), "{program:?}: {error:?}");
    }
    for cwd in ["/no/such/directory", "/bin/sh"] {
        let error = terminals.spawn(shell("true").cwd(cwd)).await.unwrap_err();
        assert!(matches!(error, Error::BadDirectory { .. }), "{cwd}: {error:?}");
    }
    let error = terminals.spawn(shell("true").cwd("..").root(place.path())).await.unwrap_err();
    assert!(matches!(error, Error::BadDirectory { .. }), "{error:?}");
    assert_eq!(terminals.stats().active, 0, "nothing counts that did not start");
    assert!(terminals.list(&pty_core::Filter::All).is_empty());
}

async fn a_child_works_where_it_shall() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("inside")).unwrap();
    let terminal = terminals().spawn(shell("pwd").cwd("inside").root(root.path())).await.unwrap();
    let (bytes, _) = read_all(writer(&terminal)).await;
    let wanted = root.path().canonicalize().unwrap().join("inside");
    assert_eq!(String::from_utf8(bytes).unwrap().trim(), wanted.to_str().unwrap());
}

async fn the_size_is_there_from_the_start() {
    let terminal = terminals().spawn(shell("stty size").size(Size::new(133, 41).unwrap())).await.unwrap();
    let (bytes, _) = read_all(writer(&terminal)).await;
    assert_eq!(String::from_utf8(bytes).unwrap().trim(), "41 133");
}

async fn another_user_owns_its_terminal() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: it takes root to become another user");
        return;
    }
    let nobody = User { uid: 65534, gid: 65534, groups: vec![] };
    let text = "id -u; id -G; tty; echo opened > $(tty); stat -c %u $(tty); read line";
    let terminal = terminals().spawn(shell(text).user(nobody).cwd("/")).await.unwrap();
    let mut reader = Reader::new(writer(&terminal));
    let seen = reader.until("opened\r\n65534\r\n").await;
    assert!(seen.starts_with("65534\r\n65534\r\n/dev/pts/"), "{seen:?}");
    reader.viewer.input.send("\n").await.unwrap();
    while reader.more().await {}
}
