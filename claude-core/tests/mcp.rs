//! MCP servers as tools: this very program, started again as a server on pipes, and a server on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "mcp/http.rs"]
mod http;
#[path = "mcp/server.rs"]
mod server;
#[path = "mcp/stdio.rs"]
mod stdio;
#[path = "mcp/support.rs"]
mod support;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    claude_core::init();
    if server::become_if_asked() {
        return ExitCode::SUCCESS;
    }
    let trials = claude_core::trials![
        support::run;
        stdio::its_tools_come_from_all_pages_with_schema_and_effect,
        stdio::a_call_answers_with_text_images_and_structure,
        stdio::errors_of_tools_and_of_the_server_are_told_apart,
        stdio::a_number_that_would_change_is_not_sent,
        stdio::a_slow_call_ends_in_time_and_the_server_hears_of_it,
        stdio::a_cancelled_call_ends_at_once,
        stdio::calls_run_side_by_side,
        stdio::a_server_that_dies_costs_the_call_and_is_started_again,
        stdio::no_secret_of_this_environment_reaches_it,
        stdio::what_is_no_server_is_told_with_its_last_words,
        stdio::a_silent_program_is_given_up,
        stdio::odd_tools_are_left_out_by_name,
        stdio::too_many_tools_are_refused,
        stdio::nothing_is_left_once_the_tools_are_dropped,
        http::its_tools_are_called_with_the_credentials,
        http::wrong_credentials_are_told_without_showing_them,
        http::a_server_that_is_not_there_is_told,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
