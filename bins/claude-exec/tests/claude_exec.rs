//! The binary as a person and as a script use it: with a stand-in, with the real CLI, on a real terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "claude_exec/api.rs"]
mod api;
#[path = "claude_exec/codes.rs"]
mod codes;
#[path = "claude_exec/killed.rs"]
mod killed;
#[path = "claude_exec/real.rs"]
mod real;
#[path = "claude_exec/support.rs"]
mod support;
#[path = "claude_exec/terminal.rs"]
mod terminal;

use std::process::ExitCode;

use claude_core::testing::stand_in;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    process_tree::init();
    stand_in::become_if_asked();
    let trials = claude_core::trials![
        call;
        api::an_answer_of_the_api_comes_in_each_form,
        api::what_is_asked_of_the_api_is_what_was_said,
        api::failures_of_the_api_end_with_their_codes,
        api::what_the_api_has_no_use_for_is_refused,
        api::ctrl_c_interrupts_the_api_and_keeps_what_came,
        api::a_reader_that_leaves_ends_the_call,
        codes::each_way_to_end_has_its_code,
        codes::prompts_come_by_argument_or_pipe,
        codes::stream_json_is_the_cli_s_own_output,
        codes::json_is_one_object_also_of_a_failure,
        codes::text_goes_to_stdout_and_all_else_to_stderr,
        codes::colours_are_for_terminals,
        codes::a_closed_stdout_ends_the_run,
        codes::what_can_not_be_written_does_not_panic,
        codes::waiting_for_a_prompt_counts_as_time,
        codes::doctor_tells_what_it_found,
        codes::completions_are_printed,
        killed::a_hundred_killed_runs_leave_nobody,
        killed::ctrl_c_interrupts_and_a_second_one_ends,
        real::an_answer_comes_in_each_form,
        real::a_session_is_resumed_forked_and_continued,
        real::approvals_without_a_terminal_are_denied_unless_a_rule_allows,
        real::odd_and_large_prompts_reach_the_model,
        real::rules_with_commas_reach_the_cli,
        real::failures_of_the_api_have_their_codes,
        real::killed_runs_leave_no_tool_behind,
        terminal::an_approval_is_allowed_denied_and_changed,
        terminal::ctrl_c_while_asked_withdraws_the_question,
        terminal::the_model_s_question_is_answered,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn call(test: fn()) {
    test();
}
