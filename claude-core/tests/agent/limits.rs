//! Where a turn ends by itself.

use std::sync::Arc;
use std::time::Duration;

use claude_core::Backend;
use claude_core::agent::{AgentLoop, ToolOutput, ToolRegistry};
use claude_core::testing::{LoopbackApi, Plan};
use claude_core::turn::TurnLimits;
use serde_json::json;

use super::approvals::Clerk;
use super::support::{Act, Diary, Events, answer, api, ask, calls, client, rest, turn, two_tools, until};

/// A model that never stops calling a tool.
async fn endless(change: impl FnOnce(&mut TurnLimits)) -> (Events, usize) {
    let plan = Plan::by(|request| {
        let id = format!("t{}", request.messages().len());
        answer([calls(&id, "look", json!({"at": "x"}))], "tool_use")
    });
    let api = LoopbackApi::start(plan.strict()).await.unwrap();
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&Diary::default()));
    let events = turn(&agent, ask("go").limits(change)).await;
    (events, api.requests().len())
}

#[tokio::test]
async fn a_model_that_never_stops_ends_at_the_limit() {
    let (events, requests) = endless(|it| it.model_requests = 3).await;
    assert_eq!(requests, 3);
    assert_eq!(events.end()["code"], "limit_reached");
    assert!(events.end()["message"].as_str().unwrap().contains("model_requests"), "{events:?}");
    // Each call has its result, so that the conversation can go on.
    assert_eq!((events.of("tool_call").len(), events.of("tool_result").len()), (3, 3));
    assert_eq!(events.of("message").last().unwrap()["role"], "user");
}

#[tokio::test]
async fn tokens_are_counted_over_all_answers() {
    let (events, requests) = endless(|it| it.output_tokens = Some(14)).await;
    assert_eq!(requests, 2);
    assert!(events.end()["message"].as_str().unwrap().contains("output_tokens"), "{events:?}");
}

#[tokio::test]
async fn money_is_counted_over_all_answers() {
    let (events, requests) = endless(|it| it.cost_usd = Some(0.000_1)).await;
    let costs: Vec<f64> = events.of("usage").iter().map(|it| it["cost_usd"].as_f64().unwrap()).collect();
    assert!(costs.is_sorted_by(|one, next| one < next), "{costs:?}");
    assert!(costs[requests - 1] >= 0.000_1 && costs[requests - 2] < 0.000_1, "{costs:?}");
    assert!(events.end()["message"].as_str().unwrap().contains("cost_usd"), "{events:?}");
}

#[tokio::test]
async fn without_a_price_a_turn_with_a_limit_on_cost_does_not_begin() {
    let api = api([]).await;
    let agent = AgentLoop::new(client(&api));
    let mut request = ask("go").limits(|it| it.cost_usd = Some(1.0));
    request.model = Some("a-model-without-a-price".into());
    let events = turn(&agent, request).await;
    assert_eq!((events.kinds(), &events.end()["code"]), (vec!["failed"], &json!("not_configured")));
    assert_eq!(api.requests().len(), 0);
}

#[tokio::test]
async fn the_time_of_a_turn_is_limited() {
    let tool = Act::read("tool", |_, _| async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(ToolOutput::text(""))
    });
    let api = api([answer([calls("t1", "tool", json!({}))], "tool_use")]).await;
    let agent = AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool));
    let events = turn(&agent, ask("go").limits(|it| it.time = Some(Duration::from_millis(300)))).await;
    assert!(events.end()["message"].as_str().unwrap().contains("time"), "{events:?}");
    assert_eq!(
        (&events.end()["code"], &events.result("t1")["is_error"]),
        (&json!("limit_reached"), &json!(true))
    );
    assert_eq!(events.of("message").last().unwrap()["content"][0]["tool_use_id"], "t1");
}

#[tokio::test]
async fn waiting_for_a_decision_is_not_counted() {
    let diary = Diary::default();
    let api = api([answer([calls("t1", "act", json!({}))], "tool_use")]).await;
    let agent = AgentLoop::new(client(&api))
        .tools(two_tools(&diary))
        .approver(Arc::new(Clerk::new(&diary, |_| None)));
    let mut turn = agent.start(ask("go").limits(|it| it.time = Some(Duration::from_secs(2))));
    until(&mut turn, "approval_required").await;
    assert!(tokio::time::timeout(Duration::from_secs(3), turn.next()).await.is_err());
    turn.handle().cancel("user");
    assert_eq!(rest(&mut turn).await.end()["type"], "cancelled");
}
