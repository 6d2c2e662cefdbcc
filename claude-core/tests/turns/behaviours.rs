//! What every backend keeps to.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use claude_core::approval::approver::Asked;
use claude_core::messages::Role;
use claude_core::turn::{Decision, Usage};
use claude_core::{Json, TurnEvent};
use serde_json::Value;

use crate::scene::{ASKED, Model, Set, WHOLE, at, eventually, result, see, see_after, text, until_text};

type Behaviour = fn(Set) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! behaviours {
    ($($name:ident,)*) => {
        /// All of them by name.
        pub(crate) const ALL: &[(&str, Behaviour)] = &[$((stringify!($name), |set| Box::pin($name(set)))),*];
    };
}

behaviours![
    text_comes_in_pieces_that_join_to_the_whole,
    a_finished_message_tells_role_content_model_and_usage,
    a_finished_turn_is_an_answer,
    a_permitted_tool_is_told_from_its_call_to_its_result,
    a_denied_tool_returns_why,
    an_edited_input_is_what_runs,
    a_refused_request_fails_once,
    a_turn_that_can_not_start_fails_once,
    an_interrupt_keeps_what_came,
    an_interrupt_withdraws_the_question,
    a_cancelled_turn_tells_by_whom,
    a_stop_before_the_first_poll_is_the_end,
    a_stop_after_the_end_changes_nothing,
    time_that_is_used_up_ends_the_turn,
    usage_adds_up_over_the_turn,
    a_dropped_turn_leaves_nothing_running,
];

async fn text_comes_in_pieces_that_join_to_the_whole(set: Set) {
    let events = see(set(Model::Says).await.start()).await;
    assert_eq!(text(&events), WHOLE);
    let pieces = events.iter().filter(|it| it.name() == "text_delta").count();
    assert_eq!(pieces, WHOLE.split(' ').count(), "{events:?}");
    let last_piece = events.iter().rposition(|it| it.name() == "text_delta").unwrap();
    assert!(last_piece < at(&events, "message"), "{events:?}");
    assert!(
        matches!(events.last(), Some(TurnEvent::Completed { stop_reason: Some(it) }) if *it == "end_turn")
    );
    match &events[0] {
        TurnEvent::Started { turn_id, backend, model, .. } => {
            assert!(!turn_id.is_empty() && !backend.is_empty() && !model.is_empty(), "{:?}", events[0]);
        }
        other => panic!("{other:?}"),
    }
}

async fn a_finished_message_tells_role_content_model_and_usage(set: Set) {
    let events = see(set(Model::Says).await.start()).await;
    let messages: Vec<_> = events.iter().filter(|it| it.name() == "message").collect();
    let [TurnEvent::Message { role, content, model: Some(model), usage: Some(usage) }] = messages[..] else {
        panic!("{messages:?}");
    };
    assert_eq!(*role, "assistant");
    assert!(!model.is_empty());
    let blocks: Vec<Value> = content.read().unwrap();
    assert!(blocks.iter().any(|it| it["type"] == "text" && it["text"] == WHOLE), "{content}");
    let usage: Value = usage.read().unwrap();
    assert!(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64(), "{usage}");
}

async fn a_finished_turn_is_an_answer(set: Set) {
    let answer = set(Model::Says).await.start().finish().await;
    assert_eq!((answer.text.as_str(), answer.is_complete()), (WHOLE, true), "{answer:?}");
    assert!(matches!(&answer.messages[..], [it] if it.role == Role::Assistant), "{answer:?}");
    assert!(answer.usage.is_some_and(|it| it.output_tokens > 0), "{answer:?}");
}

async fn a_permitted_tool_is_told_from_its_call_to_its_result(set: Set) {
    let events = set(Model::Writes).await.answered(Asked::allow).await;
    let names = ["tool_call", "tool_input", "approval_required", "approval_resolved", "tool_result"];
    // Where the input is complete at the call, it does not follow.
    let known = |it: &&&str| **it != "tool_input" || events.iter().any(|event| event.name() == **it);
    let order: Vec<_> = names.iter().filter(known).map(|name| at(&events, name)).collect();
    assert!(order.is_sorted(), "{order:?}: {events:?}");

    let call = match &events[order[0]] {
        TurnEvent::ToolCall { tool_call_id, name, .. } => {
            assert_eq!(*name, "Write");
            tool_call_id
        }
        other => panic!("{other:?}"),
    };
    for event in &events {
        let (TurnEvent::ToolInput { tool_call_id, .. }
        | TurnEvent::ApprovalRequired { tool_call_id, .. }
        | TurnEvent::ToolResult { tool_call_id, .. }) = event
        else {
            continue;
        };
        assert_eq!(tool_call_id, call, "{event:?}");
    }
    let is_results = |event: &TurnEvent| matches!(event, TurnEvent::Message { role, .. } if *role == "user");
    let results = events.iter().position(is_results).expect("the results are a message of their own");
    let last = events.iter().rposition(|it| it.name() == "message").unwrap();
    assert!(results > *order.last().unwrap() && last > results, "{events:?}");
    assert!(!result(&events).1, "{events:?}");
    assert!(matches!(events.last(), Some(TurnEvent::Completed { .. })), "{events:?}");
}

async fn a_denied_tool_returns_why(set: Set) {
    let events = set(Model::Writes).await.answered(|asked| asked.deny("not on a Friday")).await;
    let (why, is_error) = result(&events);
    assert!(is_error && why.contains("not on a Friday"), "{events:?}");
    assert_eq!(decisions(&events), [Decision::Deny]);
    assert!(matches!(events.last(), Some(TurnEvent::Completed { .. })), "{events:?}");
}

async fn an_edited_input_is_what_runs(set: Set) {
    let events = set(Model::Writes)
        .await
        .answered(|asked| {
            let input = asked.question().input().as_str().replace(ASKED, "edited.txt");
            asked.allow_edited(Json::parse(input).unwrap());
        })
        .await;
    let (content, is_error) = result(&events);
    assert!(!is_error && content.contains("edited.txt") && !content.contains(ASKED), "{content}");
}

async fn a_refused_request_fails_once(set: Set) {
    let events = see(set(Model::Refuses).await.start()).await;
    let Some(TurnEvent::Failed(failed)) = events.last() else { panic!("{events:?}") };
    assert_eq!(failed.code, "rejected");
    assert!(!failed.is_retryable() && !failed.message.is_empty(), "{failed:?}");
    assert_eq!(text(&events), "", "an error is no answer");
}

async fn a_turn_that_can_not_start_fails_once(set: Set) {
    let scene = set(Model::CanNotStart).await;
    for _ in 0..2 {
        let events = see(scene.start()).await;
        assert!(matches!(events.last(), Some(TurnEvent::Failed(it)) if !it.code.is_empty()), "{events:?}");
        assert!(!events.iter().any(|it| it.name() == "message"), "{events:?}");
    }
}

async fn an_interrupt_keeps_what_came(set: Set) {
    let mut turn = set(Model::Talks).await.start_kept();
    let events = until_text(&mut turn.0).await;
    turn.0.handle().interrupt();
    let events = see_after(events, turn.0).await;
    assert!(
        matches!(events.last(), Some(TurnEvent::Cancelled { by }) if *by == "user"),
        "{:?}",
        events.last()
    );
    assert!(!text(&events).is_empty());
}

async fn an_interrupt_withdraws_the_question(set: Set) {
    let mut scene = set(Model::Writes).await;
    let turn = scene.start();
    let handle = turn.handle();
    let events = see(turn);
    tokio::pin!(events);
    let mut asked = tokio::select! {
        asked = scene.questions.recv() => asked.unwrap(),
        events = &mut events => panic!("nobody was asked: {events:?}"),
    };
    // The question is told before anybody can know that it is void.
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
        events = &mut events => panic!("nobody answered: {events:?}"),
    }
    handle.interrupt();
    let events = events.await;
    asked.withdrawn().await;
    assert_eq!(decisions(&events), [Decision::Withdrawn]);
    assert!(matches!(events.last(), Some(TurnEvent::Cancelled { .. })), "{events:?}");
}

async fn a_cancelled_turn_tells_by_whom(set: Set) {
    let mut turn = set(Model::Talks).await.start_kept();
    let events = until_text(&mut turn.0).await;
    turn.0.handle().cancel("no_reader");
    let events = see_after(events, turn.0).await;
    assert!(matches!(events.last(), Some(TurnEvent::Cancelled { by }) if *by == "no_reader"), "{events:?}");
}

async fn a_stop_before_the_first_poll_is_the_end(set: Set) {
    let scene = set(Model::Talks).await;
    for by_interrupt in [true, false] {
        let turn = scene.start();
        if by_interrupt {
            turn.handle().interrupt();
        } else {
            turn.handle().cancel("user");
        }
        let events = see(turn).await;
        assert!(matches!(events.last(), Some(TurnEvent::Cancelled { by }) if *by == "user"), "{events:?}");
        assert_eq!(text(&events), "");
    }
}

async fn a_stop_after_the_end_changes_nothing(set: Set) {
    let mut turn = set(Model::Says).await.start_kept();
    let handle = turn.0.handle();
    let mut last = None;
    while let Some(event) = turn.0.next().await {
        last = Some(event);
    }
    handle.interrupt();
    handle.cancel("user");
    assert!(turn.0.next().await.is_none());
    assert!(matches!(last, Some(TurnEvent::Completed { .. })), "{last:?}");
}

async fn time_that_is_used_up_ends_the_turn(set: Set) {
    let mut scene = set(Model::Talks).await;
    scene.request = scene.request.limits(|limits| limits.time = Some(Duration::from_millis(300)));
    let events = see(scene.start()).await;
    assert!(
        matches!(events.last(), Some(TurnEvent::Failed(it)) if it.code == "limit_reached"),
        "{:?}",
        events.last()
    );
    eventually("nothing runs any more", &*scene.is_over).await;
}

async fn usage_adds_up_over_the_turn(set: Set) {
    let events = set(Model::Writes).await.answered(Asked::allow).await;
    let told: Vec<Usage> = events.iter().filter_map(usage).collect();
    assert!(told.is_sorted_by_key(|it| it.output_tokens), "{told:?}");
    let last = told.last().expect("usage is told");
    assert!(last.input_tokens > 0 && last.output_tokens > 0, "{last:?}");
    // Unknown is null and never nothing.
    assert!(last.cost_usd.is_none_or(|usd| usd > 0.0), "{last:?}");
}

async fn a_dropped_turn_leaves_nothing_running(set: Set) {
    let scene = set(Model::Talks).await;
    let mut turn = scene.start();
    until_text(&mut turn).await;
    assert!(!(scene.is_over)(), "it runs");
    drop(turn);
    eventually("nothing runs any more", &*scene.is_over).await;
}

fn usage(event: &TurnEvent) -> Option<Usage> {
    match event {
        TurnEvent::Usage(usage) => Some(*usage),
        _ => None,
    }
}

fn decisions(events: &[TurnEvent]) -> Vec<Decision> {
    let decision = |event: &TurnEvent| match event {
        TurnEvent::ApprovalResolved { decision, .. } => Some(*decision),
        _ => None,
    };
    events.iter().filter_map(decision).collect()
}
