//! The CPU clock of another process: nanoseconds, where `/proc` counts hundredths of a second.
//!
//! With the counting allocator, where this program has `unsafe`.

use std::mem::MaybeUninit;

use super::Pid;

/// Seconds of CPU that all threads of this process took, ended ones included; none if it is gone.
pub(crate) fn cpu_seconds(pid: Pid) -> Option<f64> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut clock: libc::clockid_t = 0;
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: both pointers are to live values of the right type, and all zeroes is a valid `timespec`.
    let time = unsafe {
        let failed = libc::clock_getcpuclockid(pid, &raw mut clock) != 0
            || libc::clock_gettime(clock, time.as_mut_ptr()) != 0;
        if failed {
            return None;
        }
        time.assume_init()
    };
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_moves_our_clock_and_who_is_gone_has_none() {
        let own = std::process::id();
        let before = cpu_seconds(own).unwrap();
        let sum = (0..3_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        assert!(cpu_seconds(own).unwrap() > before, "{sum}");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(cpu_seconds(child.id()), None);
    }
}
