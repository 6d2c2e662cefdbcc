//! Turns: what every backend keeps to, what the stream itself keeps to, and how events look on the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "turns/api.rs"]
mod api;
#[path = "turns/behaviours.rs"]
mod behaviours;
#[path = "turns/claude_code.rs"]
mod claude_code;
#[path = "turns/scene.rs"]
mod scene;
#[path = "turns/scripted.rs"]
mod scripted;
#[path = "turns/stream.rs"]
mod stream;
#[path = "turns/wire.rs"]
mod wire;

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use claude_core::testing::stand_in;
use libtest_mimic::{Arguments, Trial};

/// No test takes this long, unless something hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Who is tried. Each keeps to every behaviour.
const BACKENDS: &[(&str, scene::Set)] = &[
    ("api", api::api),
    ("stand_in", claude_code::stand_in),
    ("real_cli", claude_code::real),
    ("scripted", scripted::scripted),
];

fn main() -> ExitCode {
    claude_core::init();
    stand_in::become_if_asked();
    let mut trials = claude_core::trials![
        run;
        stream::what_was_not_read_waits,
        stream::a_task_beside_the_work_is_heard_in_order,
        stream::a_task_beside_the_work_does_not_wait_for_a_dropped_turn,
        stream::work_that_waits_in_parts_goes_on,
        stream::an_end_told_as_an_event_is_none,
        stream::a_panic_of_the_work_is_a_failed_end,
        stream::a_reading_that_was_given_up_loses_nothing,
        stream::a_dropped_turn_drops_its_work,
        stream::a_cancellation_is_not_weakened,
        scripted::turns_are_played_one_after_the_other,
        scripted::a_script_thinks_calls_pauses_and_fails,
        scripted::a_paused_clock_is_all_the_time_it_takes,
        claude_code::a_process_is_a_turn,
        claude_code::a_process_that_fails_is_a_turn_with_one_end,
        claude_code::a_missing_program_is_the_end,
        claude_code::what_can_not_be_passed_on_is_the_end,
        claude_code::an_image_reaches_the_model,
        claude_code::only_the_named_tools_are_on_offer,
        claude_code::a_session_goes_on_and_is_forked,
        claude_code::the_time_of_an_answer_is_not_the_turns,
        wire::every_event_has_its_members,
        wire::every_event_comes_back_as_it_was,
    ];
    let mut counts = String::new();
    for (backend, set) in BACKENDS {
        let before = trials.len();
        trials.extend(behaviours::ALL.iter().map(|(name, behaviour)| {
            Trial::test(format!("{backend}::{name}"), move || {
                run(|| behaviour(*set));
                Ok(())
            })
        }));
        counts += &format!(" {backend} {},", trials.len() - before);
    }
    let _ = writeln!(std::io::stderr(), "behaviours:{}", counts.trim_end_matches(','));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(HANGS, test()).await.expect("it hangs") });
}
