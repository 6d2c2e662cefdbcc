//! The stand-in for the CLI: this very program, started again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "stand_in/arguments.rs"]
mod arguments;
#[path = "stand_in/child.rs"]
mod child;
#[path = "stand_in/control.rs"]
mod control;
#[path = "stand_in/ends.rs"]
mod ends;
#[path = "stand_in/output.rs"]
mod output;
#[path = "stand_in/recordings.rs"]
mod recordings;

use std::process::ExitCode;

use claude_core::testing::stand_in;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    stand_in::become_if_asked();
    let trials = claude_core::trials![
        call;
        arguments::tells_its_version,
        arguments::answers_with_the_prompt_of_stdin,
        arguments::joins_argument_and_stdin,
        arguments::keeps_the_session_id_of_resume,
        arguments::refuses_stream_json_without_verbose,
        output::writes_lines_of_the_exact_size,
        output::writes_lines_at_the_rate,
        output::writes_garbage,
        output::shows_partial_messages,
        ends::goes_silent_and_answers_sigint,
        ends::ends_with_143_on_sigterm,
        ends::ends_with_129_on_sighup,
        ends::ignores_signals_if_told_to,
        ends::works_on_without_a_reader,
        ends::dies_in_mid_line,
        ends::dies_by_a_signal,
        ends::leaves_a_grandchild,
        control::takes_back_a_changed_input,
        control::tells_a_denial,
        control::withdraws_its_question_when_interrupted,
        control::ends_the_turn_on_deny_with_interrupt,
        control::goes_on_when_nobody_can_answer_any_more,
        control::denies_where_nobody_can_be_asked,
        control::obeys_set_model_and_set_permission_mode,
        control::ends_on_a_line_that_is_no_json,
        control::ends_with_the_outcome_of_the_last_turn,
        recordings::replays_every_recording_byte_for_byte,
        recordings::replays_with_the_recorded_timing,
        recordings::has_the_shapes_of_the_recordings,
        recordings::refuses_a_plan_it_cannot_read,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn call(test: fn()) {
    test();
}
