//! Runs that somebody stops, kindly or not.

use std::process::Stdio;
use std::time::Duration;

use claude_core::testing::{StandIn, grandchildren, processes_with};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{eventually, with_stand_in};

pub(crate) fn a_hundred_killed_runs_leave_nobody() {
    let token = uuid::Uuid::new_v4().to_string();
    let plans = [
        StandIn::new().grandchild().lines(100_000).rate(1000.0),
        StandIn::new().ignore_sigterm().ignore_sigint().grandchild().lines(5).stall_after(1),
        StandIn::new().silent(),
        StandIn::new().lines(1_000_000).size(5_000),
    ];
    for (round, plan) in plans.iter().cycle().take(100).enumerate() {
        let mut command = with_stand_in(plan);
        command.env("CLAUDE_TEST_TOKEN", &token).args(["run", "--output=stream-json", "hi"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From before the child exists to well into its work.
        let mixed = (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        std::thread::sleep(Duration::from_micros(mixed % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eventually("every child is gone", || processes_with(&token) == 0);
    eventually("every grandchild is gone", || grandchildren() == 0);
}

pub(crate) fn ctrl_c_interrupts_and_a_second_one_ends() {
    let plans = [
        (StandIn::new().lines(10_000).rate(50.0), 1, "interrupted"),
        (StandIn::new().ignore_sigint().lines(10_000).rate(50.0), 2, ""),
        (StandIn::new().ignore_sigint().ignore_sigterm().lines(5).stall_after(1), 2, ""),
    ];
    for (plan, times, said) in plans {
        let token = uuid::Uuid::new_v4().to_string();
        let mut command = with_stand_in(&plan);
        command.env("CLAUDE_TEST_TOKEN", &token).args([
            "run",
            "--approve=deny",
            "--dangerously-skip-permissions",
            "hi",
        ]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        eventually("the child runs", || processes_with(&token) >= 2);
        std::thread::sleep(Duration::from_millis(200));
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        for _ in 0..times {
            kill_process(pid, Signal::INT).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{plan:?}: {err}");
        assert!(err.contains(said), "{err}");
        eventually("nobody is left", || processes_with(&token) == 0);
    }
}
