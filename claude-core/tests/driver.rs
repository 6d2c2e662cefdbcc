//! The driver against the stand-in: this very program, started again in place of the CLI.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "driver/control.rs"]
mod control;
#[path = "driver/ends.rs"]
mod ends;
#[path = "driver/failures.rs"]
mod failures;
#[path = "driver/lines.rs"]
mod lines;
#[path = "driver/odd.rs"]
mod odd;
#[path = "driver/recordings.rs"]
mod recordings;
#[path = "driver/support.rs"]
mod support;
#[path = "driver/users.rs"]
mod users;

use std::process::ExitCode;

use claude_core::testing::stand_in;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    claude_core::init();
    stand_in::become_if_asked();
    let trials = claude_core::trials![
        support::run;
        recordings::every_recording_comes_through_with_its_outcome,
        recordings::events_of_a_recording_end_once_and_count_text_once,
        lines::every_line_comes_as_it_was_written,
        lines::a_line_of_16_mib_passes,
        lines::a_line_of_17_mib_is_an_error,
        lines::what_is_no_json_comes_through,
        lines::a_slow_reader_stops_the_child_and_loses_nothing,
        lines::a_prompt_of_2_mb_arrives,
        lines::odd_prompts_arrive_as_prompts,
        failures::a_missing_program_is_named,
        failures::a_program_that_is_none_is_unusable,
        failures::a_missing_directory_is_not_a_missing_program,
        failures::each_refusal_has_its_own_error,
        failures::a_cut_line_is_passed_on_and_told,
        failures::an_end_without_a_result_is_told,
        failures::a_killed_child_is_told,
        failures::silence_times_out,
        failures::a_long_run_times_out,
        failures::stderr_is_bounded_and_holds_no_key,
        control::an_allowed_tool_runs_with_its_input,
        control::a_changed_input_is_what_runs,
        control::a_denied_tool_is_told_why,
        control::a_denial_that_ends_the_turn_says_by_whom,
        control::without_an_answer_the_question_is_denied,
        control::an_interrupt_withdraws_the_question,
        control::an_approver_that_fails_denies,
        control::settings_are_changed_or_refused,
        control::a_dropped_process_withdraws_its_question,
        odd::half_a_surrogate_pair_loses_neither_text_nor_end,
        odd::a_request_that_nobody_knows_is_refused,
        odd::an_answer_for_another_call_is_no,
        odd::an_approver_that_is_stuck_does_not_hold_up_the_end,
        odd::a_question_in_a_line_without_its_end_is_withdrawn,
        odd::a_process_that_stays_after_its_result_is_dismissed,
        odd::a_grandchild_that_writes_for_ever_does_not_hold_up_the_end,
        odd::keys_in_the_environment_do_not_show_in_errors,
        ends::an_interrupt_ends_with_a_result,
        ends::a_cancelled_run_tells_by_whom,
        ends::a_child_that_ignores_signals_ends_all_the_same,
        ends::a_grandchild_ends_with_the_run,
        ends::a_dropped_process_leaves_nobody,
        ends::a_stream_gives_what_next_gives,
        users::a_run_as_nobody_tells_its_lines_and_has_nobodys_home,
        users::what_is_set_for_the_run_wins_over_the_users_own,
        users::what_the_user_can_not_reach_is_told,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
