//! Small file systems in memory, for tests of full and read-only disks.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to `1` to leave out, knowingly, the tests that must mount something.
const LEAVE_OUT: &str = "STORE_CORE_TESTS_WITHOUT_MOUNT";

/// A mounted tmpfs, unmounted on drop.
pub(crate) struct Mount {
    pub(crate) path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Mount {
    /// Mounts one. `None` only where the environment says that nothing shall be mounted.
    pub(crate) fn tmpfs(size: &str) -> Option<Self> {
        if std::env::var(LEAVE_OUT).is_ok_and(|value| value == "1") {
            eprintln!("LEFT OUT: {LEAVE_OUT}=1, so nothing is mounted");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).status();
        let done = done.is_ok_and(|status| status.success());
        assert!(done, "mounting a tmpfs needs root; set {LEAVE_OUT}=1 to leave these tests out");
        Some(Self { path, _directory: directory })
    }

    pub(crate) fn read_only(&self) {
        self.remount("remount,ro");
    }

    pub(crate) fn writable(&self) {
        self.remount("remount,rw");
    }

    /// Takes all space that is left.
    pub(crate) fn fill(&self, ballast: &Path) {
        use std::io::Write;
        let mut file = std::fs::File::create(ballast).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", options]).arg(&self.path).status().unwrap();
        assert!(status.success(), "{options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
