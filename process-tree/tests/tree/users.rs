//! Children of another user. Only root can have them; without it, each of these checks the refusal alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use process_tree::{Command, Error, Grace, Reach, Resource, Status, Tree, User};
use tempfile::TempDir;

use crate::observe::{PATIENCE, Up, eventually, read_all, role, wait_for_lines};
use crate::{ALL, STRONG, each, once, owners, processes};

/// Numbers that no process of this machine has, but for the user: that is `nobody`.
pub(crate) const UID: u32 = 65_534;
pub(crate) const GID: u32 = 64_123;
const GROUPS: [u32; 2] = [64_124, 64_126];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![once("a_user_is_found_by_name", by_name), once("a_number_that_is_no_id", no_id)];
    trials.extend(as_root("the_child_is_exactly_that_user", &ALL, exactly));
    trials.extend(as_root("what_is_roots_is_out_of_reach", &ALL, out_of_reach));
    trials.extend(as_root("an_unreachable_place_is_told", &ALL, unreachable));
    trials.extend(as_root("standard_streams_can_be_opened_again", &ALL, reopened));
    trials.extend(as_root("a_terminal_serves_another_user", &ALL, terminal));
    trials.extend(as_root("limits_hold_for_another_user", &ALL, limits));
    trials.extend(as_root("another_users_daemon_ends_with_the_tree", &ALL, daemon));
    trials.extend(as_root("another_users_daemon_without_a_mark_ends_too", &STRONG, bare_daemon));
    trials.extend(as_root("the_keeper_is_out_of_reach", &STRONG, keeper));
    trials.extend(as_root("another_users_child_dies_with_the_owner", &ALL, killed_owner));
    trials.extend(as_root("a_sweep_ends_another_users_leftovers", &[Reach::Cgroup, Reach::Marker], sweep));
    trials.extend(each("a_refused_switch_is_told", &ALL, refused));
    trials
}

/// Without root there is nothing to see but the refusal.
fn as_root<F>(name: &'static str, reaches: &[Reach], test: F) -> Vec<Trial>
where
    F: AsyncFn(Reach) + Send + Copy + 'static,
{
    each(name, reaches, async move |reach| {
        if is_root() {
            return test(reach).await;
        }
        println!("{name}: not root, so nobody else can be become; only the refusal is tested");
        assert_refused(reach).await;
    })
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn other() -> User {
    User::new(UID, GID).groups(GROUPS)
}

fn shell(script: &str, reach: Reach) -> Command {
    Command::new("sh").args(["-c", script]).env("PATH", "/usr/bin:/bin").cwd("/").reach(reach).user(other())
}

async fn output(command: Command) -> String {
    let (tree, mut pipes) = Tree::piped(command).await.unwrap();
    let output = read_all(&mut pipes.stdout).await;
    tree.end(Grace::default()).await;
    String::from_utf8(output).unwrap()
}

async fn failure(command: Command) -> Error {
    Tree::piped(command).await.expect_err("it doesn't start")
}

/// A directory that everybody may enter, wherever this program was built.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        Place(directory)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A copy of this program that everybody may run.
    pub(crate) fn exe(&self) -> PathBuf {
        let path = self.path().join("tree");
        fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// A role of the other user, that is up.
async fn start(place: &Place, name: &str, reach: Reach, members: usize) -> Up {
    let command = Command::new(place.exe()).args(["--be", name]).env("PATH", "/usr/bin:/bin");
    let (tree, mut pipes) = Tree::piped(command.cwd("/").reach(reach).user(other())).await.unwrap();
    assert_eq!(tree.reach(), reach);
    wait_for_lines(&mut pipes.stdout, members).await;
    Up { tree, pipes }
}

async fn by_name() {
    let nobody = User::by_name("nobody").unwrap();
    assert!(nobody.uid != 0 && nobody.home.is_some(), "{nobody:?}");
    assert_eq!((nobody.name.as_deref(), nobody.groups.first()), (Some("nobody"), Some(&nobody.gid)));
    let error = User::by_name("no-such-user").unwrap_err();
    assert!(matches!(&error, Error::UnknownUser { name } if name == "no-such-user"), "{error:?}");
}

/// With these the kernel changes nothing and says that all is well.
async fn no_id() {
    for user in [User::new(u32::MAX, GID), User::new(UID, u32::MAX), other().groups([u32::MAX])] {
        let error = failure(Command::new("true").user(user)).await;
        assert!(matches!(error, Error::User { .. }), "{error:?}");
    }
}

async fn exactly(reach: Reach) {
    for (user, groups) in [(other(), "64124 64126"), (User::new(UID, GID), "")] {
        let status = output(shell("exec cat /proc/self/status", reach).user(user)).await;
        let of = |key: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            value.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("Uid:"), "65534 65534 65534 65534");
        assert_eq!(of("Gid:"), "64123 64123 64123 64123");
        assert_eq!(of("Groups:"), groups);
        for key in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(of(key), "0000000000000000", "{key}");
        }
    }
}

async fn out_of_reach(reach: Reach) {
    let place = Place::new();
    let secret = place.file("secret", "secret", 0o600);
    let (own, spawner) = (std::process::id(), crate::observe::children(std::process::id()));
    let mut paths = vec![secret, format!("/proc/{own}/environ").into(), format!("/proc/{own}/mem").into()];
    paths.extend(spawner.iter().map(|pid| format!("/proc/{pid}/environ").into()));
    for path in paths {
        let script = format!("cat {0} 2>&1 && echo read; ls -l {0} >&2", path.display());
        let said = output(shell(&script, reach)).await;
        assert!(said.contains("Permission denied") && !said.contains("read"), "{path:?}: {said}");
    }
}

async fn unreachable(reach: Reach) {
    let place = Place::new();
    let program = place.file("closed/program", "#!/bin/sh\n", 0o755);
    let closed = program.parent().unwrap().to_owned();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();

    let Error::BadDirectory { path, source } = failure(shell("true", reach).cwd(&closed)).await else {
        panic!("the directory isn't told");
    };
    assert_eq!((path, source.kind()), (closed, std::io::ErrorKind::PermissionDenied));
    let hidden = Command::new(&program).cwd("/").reach(reach).user(other());
    assert!(matches!(failure(hidden).await, Error::NotExecutable { program: told, .. } if told == program));
    // The owner itself may.
    let (tree, _pipes) = Tree::piped(Command::new(&program).reach(reach)).await.unwrap();
    tree.end(Grace::default()).await;
    // One's own directory shows only to its owner.
    let own = place.file("own/file", "", 0o644).parent().unwrap().to_owned();
    fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&own, Some(UID), Some(GID)).unwrap();
    assert_eq!(output(shell("ls", reach).cwd(&own)).await, "file\n");
}

async fn reopened(reach: Reach) {
    let script = "cat /dev/stdin; echo out >/dev/stdout; echo err >/proc/self/fd/2";
    let (mut tree, mut pipes) = Tree::piped(shell(script, reach)).await.unwrap();
    drop(pipes.stdin);
    assert_eq!(read_all(&mut pipes.stdout).await, b"out\n");
    assert_eq!(read_all(&mut pipes.stderr).await, b"err\n");
    assert_eq!(tree.wait().await.status, Status::Code(0));
    tree.end(Grace::default()).await;
}

async fn terminal(reach: Reach) {
    let (mut master, slave) = crate::terminal::open();
    let before = device(&slave);
    let script = "test -t 0 && id -u && echo said >/dev/tty";
    let mut tree = Tree::on_terminal(shell(script, reach), slave.try_clone().unwrap()).await.unwrap();
    assert!(tree.wait().await.status.is_success());
    let mut shown = [0; 256];
    let count = std::io::Read::read(&mut master, &mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown[..count]).into_owned();
    assert!(shown.contains("65534"), "{shown}");
    // Whose the device is, is the caller's to say.
    assert_eq!(device(&slave), before);
    tree.end(Grace::hangup()).await;
}

fn device(slave: &std::os::fd::OwnedFd) -> (u32, u32) {
    let facts = rustix::fs::fstat(slave).unwrap();
    (facts.st_uid, facts.st_gid)
}

/// Processes are counted per user, where no cgroup counts them: beside the first one there may be no second.
async fn limits(reach: Reach) {
    assert_eq!(output(shell("ulimit -Hn", reach).limit(Resource::OpenFiles, 64)).await, "64\n");
    let (first, _pipes) = Tree::piped(shell("exec sleep 600", reach)).await.unwrap();
    match Tree::piped(shell("true", reach).limit(Resource::Processes, 0)).await {
        Ok((second, _pipes)) => {
            assert!(reach == Reach::Cgroup && processes::has_pids_max());
            second.end(Grace::kill()).await;
        }
        Err(Error::Spawn { step, source }) => {
            assert_eq!((step, source.raw_os_error()), ("exec", Some(libc::EAGAIN)));
        }
        Err(error) => panic!("the limit isn't told: {error:?}"),
    }
    first.end(Grace::kill()).await;
}

async fn daemon(reach: Reach) {
    let place = Place::new();
    let Up { mut tree, mut pipes } = start(&place, "daemon", reach, 1).await;
    assert_eq!(tree.wait().await.status, Status::Code(0));
    assert_eq!(tree.end(Grace::default()).await.left, 0);
    Up::assert_nobody(&mut pipes);
}

async fn bare_daemon(reach: Reach) {
    let place = Place::new();
    let Up { tree, mut pipes } = start(&place, "bare-daemon", reach, 1).await;
    assert_eq!(tree.end(Grace::default()).await.left, 0);
    Up::assert_nobody(&mut pipes);
}

/// What a child of the owner's own user may do to its keeper, this one may not.
async fn keeper(reach: Reach) {
    for name in ["kills-keeper", "stops-keeper"] {
        let place = Place::new();
        let Up { tree, mut pipes } = start(&place, name, reach, 2).await;
        let exit = tree.end(Grace::default()).await;
        assert_eq!((exit.status, exit.left), (Status::Signal(libc::SIGKILL), 0));
        Up::assert_nobody(&mut pipes);
    }
}

async fn killed_owner(reach: Reach) {
    let mut owner = owners::owner("--own", &["hold-other", &format!("{reach:?}")]);
    let mut owner = owner.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = std::io::BufReader::new(owner.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let child: u32 = line.trim().parse().unwrap();
    assert_eq!(uid_of(child), Some(UID));
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the child goes too", PATIENCE, || uid_of(child) != Some(UID)).await;
}

/// The user of a living process.
fn uid_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
    (of("State:") != Some("Z")).then_some(())?;
    of("Uid:")?.parse().ok()
}

/// An owner with one child of the other user.
pub(crate) async fn hold_other(reach: Reach) {
    let (tree, _pipes) = Tree::piped(shell("exec sleep 600", reach)).await.unwrap();
    println!("{}", tree.pid());
    std::future::pending::<()>().await;
}

async fn sweep(reach: Reach) {
    owners::sweep_of(reach, owners::Whose::Anothers).await;
}

/// An owner without any right tries.
async fn refused(reach: Reach) {
    if !is_root() {
        return assert_refused(reach).await;
    }
    let place = Place::new();
    let mut owner = std::process::Command::new(place.exe());
    owner.args(["--own", "refused", &format!("{reach:?}")]).current_dir("/").uid(UID).gid(GID);
    let output = owner.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) async fn assert_refused(reach: Reach) {
    assert!(!is_root());
    for user in [User::new(0, 0), User::new(1, 1), User::new(UID, GID)] {
        let uid = user.uid;
        let error = failure(Command::new("true").cwd("/").reach(reach).user(user)).await;
        let Error::User { uid: told, source } = error else {
            // Who may not make cgroups can't be refused in one.
            assert!(matches!(error, Error::ReachUnavailable(Reach::Cgroup)), "{error:?}");
            continue;
        };
        assert_eq!((told, source.kind()), (uid, std::io::ErrorKind::PermissionDenied));
    }
    // And nothing is in the way of the next.
    let (mut tree, _pipes) = Tree::piped(role("killed", Reach::Auto).cwd("/")).await.unwrap();
    assert_eq!(tree.wait().await.status, Status::Signal(libc::SIGKILL));
    tree.end(Grace::default()).await;
}
