use std::time::Duration;

use pty_core::{Attach, Error, Frame, Limit, Owner, Reason, Terminals};

use crate::support::{read_all, shell, terminals, trials, writer};

trials![
    there_are_only_so_many_overall_and_for_each_owner,
    a_terminal_has_only_so_many_viewers,
    a_silent_terminal_is_ended,
    a_terminal_lives_only_so_long,
    a_terminal_writes_only_so_much,
    resources_are_limited,
    a_limit_that_cannot_be_set_is_refused_by_name,
];

async fn there_are_only_so_many_overall_and_for_each_owner() {
    let terminals =
        Terminals::builder().limits(|limits| (limits.sessions, limits.per_owner) = (3, 2)).build();
    let of = |owner: &str| shell("sleep 600").owner(Owner::new(owner));
    let first = terminals.spawn(of("a")).await.unwrap();
    terminals.spawn(of("a")).await.unwrap();
    let refused = terminals.spawn(of("a")).await.unwrap_err();
    assert!(matches!(refused, Error::LimitReached { limit: Limit::SessionsOfOwner, max: 2 }), "{refused:?}");
    terminals.spawn(of("b")).await.unwrap();
    let refused = terminals.spawn(of("c")).await.unwrap_err();
    assert!(
        matches!(refused, Error::LimitReached { limit: Limit::Sessions, max: 3 }) && refused.is_retryable()
    );
    first.end().await.unwrap();
    terminals.spawn(of("a")).await.unwrap();
    terminals.shutdown(Duration::from_secs(6)).await.unwrap();
}

async fn a_terminal_has_only_so_many_viewers() {
    let terminals = Terminals::builder().limits(|limits| limits.viewers = 2).build();
    let terminal = terminals.spawn(shell("sleep 600")).await.unwrap();
    let (one, _other) = (writer(&terminal), writer(&terminal));
    assert!(matches!(terminal.attach(Attach::watcher()), Err(Error::LimitReached { max: 2, .. })));
    one.input.detach();
    terminal.attach(Attach::watcher()).unwrap();
    terminal.end().await.unwrap();
}

async fn ended_by(change: impl FnOnce(&mut pty_core::Limits), text: &str) -> Reason {
    let terminals = Terminals::builder().limits(change).build();
    let terminal = terminals.spawn(shell(text)).await.unwrap();
    let mut viewer = writer(&terminal);
    let reason = loop {
        match viewer.output.next().await {
            Some(Frame::Output { offset, data }) => viewer.input.ack(offset + data.len() as u64).unwrap(),
            Some(Frame::Closed(reason)) => break reason,
            other => panic!("{other:?}"),
        }
    };
    terminal.exited().await.unwrap();
    reason
}

async fn a_silent_terminal_is_ended() {
    let idle = Some(Duration::from_millis(300));
    let text = "for i in 1 2 3 4 5; do sleep 0.15; echo $i; done; sleep 600";
    assert_eq!(ended_by(|limits| limits.idle = idle, text).await, Reason::Idle);
}

async fn a_terminal_lives_only_so_long() {
    let lifetime = Some(Duration::from_millis(300));
    assert_eq!(ended_by(|limits| limits.lifetime = lifetime, "yes").await, Reason::Lifetime);
}

async fn a_terminal_writes_only_so_much() {
    let reason = ended_by(|limits| limits.output_bytes = Some(100_000), "yes").await;
    assert_eq!(reason, Reason::OutputLimit);
}

async fn resources_are_limited() {
    let spec = shell("ulimit -t; ulimit -v; ulimit -n").resources(|resources| {
        resources.cpu = Some(Duration::from_secs(7));
        resources.memory_bytes = Some(512 << 20);
        resources.files = Some(64);
    });
    let terminal = terminals().spawn(spec).await.unwrap();
    let (bytes, _) = read_all(writer(&terminal)).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), "7\r\n524288\r\n64\r\n");
}

async fn a_limit_that_cannot_be_set_is_refused_by_name() {
    let spec = shell("true").resources(|resources| resources.files = Some(u64::MAX - 1));
    let refused = terminals().spawn(spec).await.unwrap_err();
    assert!(matches!(refused, Error::LimitRefused { limit: "files", .. }), "{refused:?}");
}
