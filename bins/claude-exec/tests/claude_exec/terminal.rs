//! On a real terminal, with the real CLI: what a person types and sees.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use process_tree::{Status, Tree};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{PROGRAM, Real, eventually};

/// A program on a terminal of its own.
struct Screen {
    master: File,
    seen: Arc<Mutex<String>>,
    tree: Tree,
    runtime: tokio::runtime::Runtime,
}

impl Screen {
    fn open(real: &Real, extra: &[(&str, &str)], arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut command = process_tree::Command::new(PROGRAM).arg("run").arg("--cwd").arg(real.work.path());
        command = command.args(arguments).env("TERM", "xterm");
        for (name, value) in real.environment() {
            command = command.env(name, value);
        }
        for (name, value) in extra {
            command = command.env(name, value);
        }
        let tree = runtime.block_on(Tree::on_terminal(command, slave)).unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let mut reader = File::from(master);
        let master = reader.try_clone().unwrap();
        let collected = seen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                collected.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { master, seen, tree, runtime }
    }

    fn waits_for(&self, text: &str) {
        eventually(&format!("`{text}`, but {:?}", self.text()), || self.text().contains(text));
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn ends_with(mut self, code: i32) -> String {
        let exit = self.runtime.block_on(self.tree.wait());
        assert_eq!(exit.status, Status::Code(code), "{}", self.text());
        self.waits_for("session");
        self.text()
    }
}

const ASKED: &str = "Allow?";

pub(crate) fn an_approval_is_allowed_denied_and_changed() {
    let real = Real::new();
    let file = real.work.path().join("a.txt");
    std::fs::write(&file, "before\n").unwrap();
    let prompt = format!("scenario:tool_write path={} content=hello", file.display());

    let mut screen = Screen::open(&real, &[], &[&prompt]);
    screen.waits_for(ASKED);
    assert!(screen.text().contains("-before") && screen.text().contains("+hello"), "{}", screen.text());
    screen.types("perhaps\n");
    screen.waits_for("allow Write for this session");
    screen.types("n not on a Friday\n");
    assert!(screen.ends_with(0).contains("not on a Friday"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before\n");

    // The CLI writes over a file only once the model has read it, so the next ones are new.
    std::fs::remove_file(&file).unwrap();
    let mut screen = Screen::open(&real, &[("EDITOR", "sed -i s/hello/changed/")], &[&prompt]);
    screen.waits_for(ASKED);
    screen.types("e\n");
    screen.waits_for("+changed");
    screen.types("y\n");
    screen.ends_with(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "changed");

    std::fs::remove_file(&file).unwrap();
    let mut screen = Screen::open(&real, &[("NO_COLOR", "1")], &[&prompt]);
    screen.waits_for(ASKED);
    screen.types("y\n");
    assert!(!screen.ends_with(0).contains('\u{1b}'));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");
}

pub(crate) fn ctrl_c_while_asked_withdraws_the_question() {
    let real = Real::new();
    let file = real.work.path().join("a.txt");
    let mut screen =
        Screen::open(&real, &[], &[&format!("scenario:tool_write path={} content=x", file.display())]);
    screen.waits_for(ASKED);
    screen.types("\u{3}");
    screen.ends_with(130);
    assert!(!file.exists());
}

pub(crate) fn the_model_s_question_is_answered() {
    let real = Real::new();
    let input = r#"{"questions":[{"question":"Which colour?","header":"Colour","multiSelect":false,"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}"#;
    let mut screen =
        Screen::open(&real, &[], &[&format!("scenario:tool name=AskUserQuestion input='{input}'")]);
    screen.waits_for("2. Blue");
    screen.waits_for("own words");
    screen.types("2\n");
    screen.ends_with(0);
    let requests = real.api.requests();
    assert!(requests.last().unwrap().body.to_string().contains("Blue"));
}
