//! Starts that fail, each in its own way, and what a start hands over.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use libtest_mimic::Trial;
use process_tree::{Command, Error, Grace, Reach, Resource, Status, Tree};

use crate::observe::read_all;
use crate::{ALL, each, once};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = [
        each("a_missing_program_is_told", &ALL, missing),
        each("a_missing_directory_is_told", &ALL, directory),
        each("what_cannot_be_executed_is_told", &ALL, not_executable),
        each("a_nul_byte_is_told", &ALL, nul),
        each("a_refused_limit_is_told", &ALL, refused_limit),
        each("a_file_is_no_terminal", &ALL, no_terminal),
        each("limits_hold", &ALL, limits),
        each("two_megabytes_of_environment_arrive", &ALL, big_body),
        each("too_much_is_refused", &ALL, too_big),
        each("the_directory_is_the_given_one", &ALL, cwd),
        each("a_failed_start_leaves_nothing", &ALL, nothing_left),
    ]
    .into_iter()
    .flatten()
    .collect();
    trials.push(once("auto_takes_the_strongest", auto));
    trials
}

async fn failure(command: Command) -> Error {
    match Tree::piped(command).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

fn script(directory: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join("script");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

async fn missing(reach: Reach) {
    for program in ["/no/such/program", "no-such-program", ""] {
        let error = failure(Command::new(program).reach(reach)).await;
        assert!(matches!(&error, Error::Missing { program: told } if told == program), "{error:?}");
    }
}

async fn directory(reach: Reach) {
    let error = failure(Command::new("true").cwd("/no/such/directory").reach(reach)).await;
    let Error::BadDirectory { path, source } = error else { panic!("{error:?}") };
    assert_eq!(path, PathBuf::from("/no/such/directory"));
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    let error = failure(Command::new("true").cwd("/dev/null").reach(reach)).await;
    assert!(matches!(error, Error::BadDirectory { .. }));
}

async fn not_executable(reach: Reach) {
    let directory = tempfile::tempdir().unwrap();
    for (text, mode) in
        [("#!/bin/sh\n", 0o644), ("#!/no/such/interpreter\n", 0o755), ("no program at all\n", 0o755)]
    {
        let error = failure(Command::new(script(&directory, text, mode)).reach(reach)).await;
        assert!(matches!(error, Error::NotExecutable { .. }), "{text}: {error:?}");
    }
    let error = failure(Command::new(directory.path()).reach(reach)).await;
    assert!(matches!(error, Error::NotExecutable { .. }), "{error:?}");
}

async fn nul(reach: Reach) {
    assert!(matches!(failure(Command::new("true").arg("a\0b").reach(reach)).await, Error::Nul));
    assert!(matches!(failure(Command::new("true").env("A", "\0").reach(reach)).await, Error::Nul));
}

async fn refused_limit(reach: Reach) {
    // Above what the kernel has for anybody.
    let error = failure(Command::new("true").limit(Resource::OpenFiles, 1 << 40).reach(reach)).await;
    assert!(matches!(error, Error::Limit { resource: Resource::OpenFiles, .. }), "{error:?}");
}

async fn no_terminal(reach: Reach) {
    let file = std::fs::File::open("/dev/null").unwrap();
    let result = Tree::on_terminal(Command::new("true").reach(reach), file.into()).await;
    assert!(matches!(result, Err(Error::Terminal(_))), "{result:?}");
}

async fn limits(reach: Reach) {
    let command = Command::new("sh").args(["-c", "ulimit -n; ulimit -Hn; ulimit -t; ulimit -c"]).reach(reach);
    let command = command.limit(Resource::OpenFiles, 64).limit(Resource::CpuSeconds, 9);
    let (tree, mut pipes) = Tree::piped(command.limit(Resource::CoreBytes, 0)).await.unwrap();
    assert_eq!(read_all(&mut pipes.stdout).await, b"64\n64\n9\n0\n");
    tree.end(Grace::default()).await;
}

async fn big_body(reach: Reach) {
    // One string may have 128 KiB at most, all together a quarter of the stack's limit: 2 MiB mostly.
    let mut command = Command::new("sh").args(["-c", "echo $# ${#V3}", "sh"]).reach(reach);
    for number in 0..14 {
        command = command.arg("a".repeat(70_000)).env(format!("V{number}"), "v".repeat(70_000));
    }
    let (mut tree, mut pipes) = Tree::piped(command).await.unwrap();
    assert_eq!(read_all(&mut pipes.stdout).await, b"14 70000\n");
    assert_eq!(tree.wait().await.status, Status::Code(0));
    tree.end(Grace::default()).await;
}

async fn too_big(reach: Reach) {
    for size in [200_000, 9 << 20] {
        let error = failure(Command::new("true").arg("a".repeat(size)).reach(reach)).await;
        let Error::Spawn { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.raw_os_error(), Some(libc::E2BIG));
    }
}

async fn cwd(reach: Reach) {
    let directory = tempfile::tempdir().unwrap();
    let canonical = directory.path().canonicalize().unwrap();
    for (cwd, expected) in [(Some(canonical.clone()), canonical), (None, std::env::current_dir().unwrap())] {
        let mut command = Command::new("/bin/pwd").reach(reach);
        if let Some(cwd) = cwd {
            command = command.cwd(cwd);
        }
        let (tree, mut pipes) = Tree::piped(command).await.unwrap();
        let told = String::from_utf8(read_all(&mut pipes.stdout).await).unwrap();
        assert_eq!(told.trim_end(), expected.to_str().unwrap());
        tree.end(Grace::default()).await;
    }
}

async fn nothing_left(reach: Reach) {
    let directory = tempfile::tempdir().unwrap();
    let path = script(&directory, "#!/no/such/interpreter\n", 0o755);
    for _ in 0..20 {
        failure(Command::new(&path).reach(reach)).await;
    }
    let text = path.to_str().unwrap().to_owned();
    crate::observe::eventually("no process of it", crate::observe::PATIENCE, || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        !entries.into_iter().any(|entry| {
            std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line.contains(&text))
        })
    })
    .await;
}

async fn auto() {
    let (tree, _pipes) = Tree::piped(Command::new("true")).await.unwrap();
    let expected = if crate::has_cgroups() { Reach::Cgroup } else { Reach::Supervisor };
    if std::env::var_os("PROCESS_TREE_REACH").is_none() {
        assert_eq!(tree.reach(), expected);
    }
    tree.end(Grace::default()).await;
}
