//! The server as its users meet it: the real binary on a port, with a stand-in CLI or the real one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "claude_web/aborted.rs"]
mod aborted;
#[path = "claude_web/approvals.rs"]
mod approvals;
#[path = "claude_web/bytes.rs"]
mod bytes;
#[path = "claude_web/chat.rs"]
mod chat;
#[path = "claude_web/chat_code.rs"]
mod chat_code;
#[path = "claude_web/chat_requests.rs"]
mod chat_requests;
#[path = "claude_web/events.rs"]
mod events;
#[path = "claude_web/full.rs"]
mod full;
#[path = "claude_web/guarded.rs"]
mod guarded;
#[path = "claude_web/killed.rs"]
mod killed;
#[path = "claude_web/odd.rs"]
mod odd;
#[path = "claude_web/readers.rs"]
mod readers;
#[path = "claude_web/real.rs"]
mod real;
#[path = "claude_web/requests.rs"]
mod requests;
#[path = "claude_web/rights.rs"]
mod rights;
#[path = "claude_web/server.rs"]
mod server;
#[path = "claude_web/sessions.rs"]
mod sessions;
#[path = "claude_web/socketio.rs"]
mod socketio;
#[path = "claude_web/sockets.rs"]
mod sockets;
#[path = "claude_web/starts.rs"]
mod starts;
#[path = "claude_web/terminal_claude.rs"]
mod terminal_claude;
#[path = "claude_web/terminals.rs"]
mod terminals;
#[path = "claude_web/viewer.rs"]
mod viewer;

use std::process::ExitCode;

use claude_core::testing::stand_in;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    process_tree::init();
    stand_in::become_if_asked();
    // Once, before the first client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trials = claude_core::trials![
        call;
        aborted::three_hundred_aborted_requests_leave_nobody,
        aborted::a_run_that_nobody_reads_ends_after_the_grace,
        approvals::what_was_allowed_runs_as_it_was_asked,
        approvals::a_no_is_told_with_its_reason,
        approvals::an_edited_input_is_what_runs,
        approvals::two_deciders_make_one_decision,
        approvals::a_yes_for_the_session_needs_an_offer,
        approvals::only_the_owner_sees_and_decides,
        approvals::users_run_without_writes,
        approvals::an_interrupt_takes_its_questions_back,
        bytes::twenty_runs_at_once_are_what_the_cli_wrote,
        bytes::lines_of_every_size_come_as_they_are,
        chat::a_message_is_answered_as_a_turn,
        chat::a_chat_ends_with_its_owners_account,
        chat::a_reader_may_leave_and_come_back_anywhere,
        chat::a_chat_goes_on_without_a_reader,
        chat::an_interrupt_ends_the_turn,
        chat::what_the_api_says_no_to_is_the_end_of_the_turn,
        chat::an_error_that_repeats_the_key_does_not_show_it,
        chat::without_a_key_the_turn_fails_and_the_server_runs,
        chat::attachments_reach_the_model,
        chat::a_killed_server_leaves_an_end,
        chat::a_server_that_is_told_to_stop_ends_its_turns,
        chat_code::claude_code_answers_in_a_chat,
        chat_code::a_session_goes_on_in_both_ways,
        chat_code::a_busy_session_makes_a_chat_wait,
        chat_requests::what_may_not_be_asked_is_refused_by_name,
        chat_requests::rights_are_those_of_the_account_and_the_key,
        chat_requests::a_repeated_request_finds_its_run,
        chat_requests::a_chat_that_answers_later_says_where,
        full::a_full_disk_is_told_and_no_end_is_lost,
        guarded::every_route_wants_a_token,
        guarded::the_page_says_how_to_begin,
        killed::a_killed_server_leaves_no_child_and_its_sessions_go_on,
        killed::what_was_told_is_there_after_a_hundred_kills,
        killed::sigterm_ends_fifty_runs_in_good_order,
        odd::what_is_no_text_is_told_at_the_end,
        odd::a_line_beyond_the_limit_ends_the_run,
        odd::a_silent_cli_is_ended,
        odd::an_end_in_mid_line_or_without_a_result_is_told,
        odd::a_cli_that_is_missing_or_fails_is_told,
        readers::a_reader_that_stops_leaves_and_comes_back_misses_nothing,
        readers::a_run_that_answers_later_needs_no_reader,
        readers::a_run_is_read_as_a_turn,
        readers::an_interrupt_ends_the_run,
        readers::a_busy_session_waits_its_turn,
        readers::a_busy_session_refuses_where_it_shall,
        readers::a_token_that_ends_takes_its_streams_along,
        real::the_three_examples_work,
        real::odd_prompts_reach_the_model_and_grant_nothing,
        real::what_is_approved_is_what_claude_code_writes,
        real::nobody_becomes_an_admin_by_reading,
        requests::malformed_requests_get_our_answer,
        requests::what_may_not_be_asked_is_refused_by_name,
        rights::only_admins_may_what_is_dangerous,
        rights::runs_and_sessions_are_their_owners,
        sessions::a_session_is_kept_named_and_deleted,
        socketio::access::who_may_not_connect_is_told_and_starts_nothing,
        socketio::access::another_origin_is_refused_on_each_transport,
        socketio::access::anothers_terminal_is_not_there,
        socketio::access::a_signed_out_client_is_told_and_its_terminal_waits,
        socketio::access::a_token_that_ends_ends_its_connection,
        socketio::access::a_revoked_key_ends_its_connection,
        socketio::access::who_is_disabled_loses_connection_and_terminal,
        socketio::ends::all_output_comes_before_the_end_is_told,
        socketio::ends::a_killed_child_is_told_with_its_signal,
        socketio::ends::a_deleted_terminal_is_told_as_such,
        socketio::ends::a_server_that_stops_says_so_and_leaves_nobody,
        socketio::engine::requests_that_are_none_are_refused_by_name,
        socketio::engine::another_origin_or_host_is_refused_before_anything,
        socketio::engine::who_is_refused_or_silent_is_hung_up_on,
        socketio::engine::what_comes_before_the_connect_does_nothing,
        socketio::engine::a_polling_session_is_one_clients_and_has_limits,
        socketio::engine::an_upgrade_is_for_one_and_only_once,
        socketio::flow::a_busy_client_costs_little_and_loses_nothing,
        socketio::flow::ctrl_c_in_a_flood_is_answered_before_a_mebibyte_more,
        socketio::flow::who_acknowledges_is_sent_a_window_at_most,
        socketio::flow::input_that_nobody_reads_has_an_end,
        socketio::frames::packets_that_are_none_end_their_connection_alone,
        socketio::frames::frames_that_break_the_rules_close_with_their_code,
        socketio::frames::fragments_and_pings_without_end_do_no_harm,
        socketio::grace::a_flood_that_is_cut_again_and_again_is_whole,
        socketio::grace::after_the_grace_the_whole_tree_is_gone,
        socketio::grace::without_a_grace_a_child_ends_at_once,
        socketio::grace::within_the_grace_a_child_waits_for_its_client,
        socketio::grace::what_came_while_nobody_was_there_is_told_later,
        socketio::grace::a_terminal_that_has_ended_is_not_found,
        socketio::order::bursts_of_input_keep_their_order,
        socketio::order::who_types_during_the_upgrade_loses_nothing,
        socketio::rules::half_a_character_ends_no_connection,
        socketio::rules::malformed_payloads_are_told_and_do_nothing,
        socketio::rules::what_is_unknown_is_ignored_and_answers_are_empty,
        socketio::sessions::a_shell_is_used_and_left_by_both_clients,
        socketio::sessions::the_first_events_are_never_missed,
        socketio::sessions::a_second_client_takes_the_terminal_over,
        socketio::sessions::there_are_only_so_many_terminals,
        socketio::sessions::a_start_says_what_runs_where_and_how_large,
        socketio::storm::a_thousand_connections_leave_nothing_behind,
        socketio::text::characters_survive_however_they_are_split,
        socketio::text::clipboard_writes_are_removed_unless_they_are_wanted,
        sockets::who_may_not_view_is_refused_before_the_upgrade,
        sockets::a_ticket_grants_its_mode_and_no_more,
        sockets::frames_are_to_the_letter,
        sockets::a_frame_that_is_none_is_answered_and_the_session_lives_on,
        sockets::who_breaks_the_rules_is_closed_and_the_session_lives_on,
        sockets::what_was_printed_survives_twenty_cuts,
        sockets::offsets_beyond_what_is_there_are_told,
        sockets::who_leaves_in_order_is_not_waited_for_and_who_is_cut_is,
        sockets::a_signed_out_viewer_is_told_and_the_terminal_goes_on,
        sockets::half_open_sockets_and_floods_leave_the_session_alone,
        sockets::a_stopped_client_costs_its_window_and_loses_nothing,
        sockets::a_killed_server_leaves_no_terminal_behind,
        sockets::sigterm_closes_viewers_and_ends_trees,
        starts::what_contradicts_itself_is_refused_by_name,
        starts::a_second_server_and_a_damaged_database_are_refused,
        starts::the_first_start_makes_an_admin_and_tells_its_password_once,
        starts::the_cli_runs_as_another_user_where_it_shall,
        terminal_claude::claude_code_opens_ready_to_use_and_answers,
        terminal_claude::a_viewer_of_claude_code_that_is_cut_misses_nothing,
        terminals::a_terminal_is_started_listed_and_deleted,
        terminals::what_may_not_be_asked_of_a_terminal_is_refused_by_name,
        terminals::terminals_are_their_owners_and_for_roles_that_may,
        terminals::without_terminal_roles_they_are_for_admins,
        terminals::a_child_sees_nothing_of_the_servers_secrets,
        terminals::a_terminal_works_below_its_roots_alone,
        terminals::there_are_only_so_many_terminals,
        terminals::a_recording_outlives_its_terminal,
        terminals::what_happens_to_terminals_is_counted_and_audited,
        terminals::terminals_end_with_their_owners_account,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn call(test: fn()) {
    test();
}
