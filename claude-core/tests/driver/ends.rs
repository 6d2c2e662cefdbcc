//! However a run ends, nobody is left.

use std::time::Duration;

use claude_core::TurnEvent;
use claude_core::testing::{StandIn, grandchildren, processes_with};
use futures_core::Stream;

use crate::support::{command, eventually, see};

pub(crate) async fn an_interrupt_ends_with_a_result() {
    let mut process = command(&StandIn::new().lines(10_000).rate(50.0)).spawn().await.unwrap();
    let control = process.control();
    process.next().await.unwrap().unwrap();
    control.interrupt();
    let seen = see(process).await;
    assert!(
        seen.outcome.as_ref().is_some_and(|it| it.interrupted && it.result.is_some()),
        "{:?}",
        seen.error
    );
    assert!(matches!(seen.end(), TurnEvent::Cancelled { by } if *by == "user"), "{:?}", seen.end());
}

pub(crate) async fn a_cancelled_run_tells_by_whom() {
    let process = command(&StandIn::new().lines(10).stall_after(2)).spawn().await.unwrap();
    let control = process.control();
    control.cancel("shutdown");
    let seen = see(process).await;
    assert!(matches!(seen.end(), TurnEvent::Cancelled { by } if *by == "shutdown"), "{:?}", seen.end());
}

pub(crate) async fn a_child_that_ignores_signals_ends_all_the_same() {
    let plan = StandIn::new().ignore_sigint().ignore_sigterm().lines(10).stall_after(2);
    let mut process = command(&plan).spawn().await.unwrap();
    let control = process.control();
    process.next().await.unwrap().unwrap();
    control.cancel("user");
    let seen = see(process).await;
    let exit = seen.outcome.unwrap().exit;
    assert_eq!((exit.signal, exit.left), (Some(9), 0));
}

pub(crate) async fn a_grandchild_ends_with_the_run() {
    let before = grandchildren();
    let process = command(&StandIn::new().grandchild().text("Bye.")).spawn().await.unwrap();
    let seen = see(process).await;
    assert_eq!(seen.text(), "Bye.");
    eventually("the grandchild is gone", || grandchildren() <= before).await;
}

pub(crate) async fn a_dropped_process_leaves_nobody() {
    let token = uuid::Uuid::new_v4().to_string();
    let plans = [
        StandIn::new().grandchild().lines(100_000).rate(1000.0),
        StandIn::new().ignore_sigterm().ignore_sigint().grandchild().lines(5).stall_after(1),
        StandIn::new().silent(),
        StandIn::new().lines(1_000_000).size(5_000),
    ];
    for (round, plan) in plans.iter().cycle().take(24).enumerate() {
        let mut process = command(plan).env("CLAUDE_TEST_TOKEN", &token).spawn().await.unwrap();
        let pause = Duration::from_micros(u64::try_from(round * round * 300).unwrap());
        let _ = tokio::time::timeout(pause, async { while process.next().await.is_some() {} }).await;
        drop(process);
    }
    eventually("every child is gone", || processes_with(&token) == 0).await;
    eventually("every grandchild is gone", || grandchildren() == 0).await;
}

pub(crate) async fn a_stream_gives_what_next_gives() {
    let mut process = command(&StandIn::new().text("Hello.")).spawn().await.unwrap();
    let mut count = 0;
    while let Some(output) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut process).poll_next(cx)).await {
        count += usize::from(output.unwrap().line.is_some());
    }
    assert_eq!(count, 3);
}
