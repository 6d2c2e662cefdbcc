//! Lines, from a byte to megabytes, and prompts.

use std::time::Duration;

use claude_core::cli::Detail;
use claude_core::testing::StandIn;
use claude_core::{Error, TurnEvent};

use crate::support::{command, see, see_run};

pub(crate) async fn every_line_comes_as_it_was_written() {
    for (count, size) in [(1, 300), (20_000, 400), (200, 100_000)] {
        let process =
            command(&StandIn::new().lines(count).size(size)).detail(Detail::Outcome).spawn().await.unwrap();
        let seen = see(process).await;
        let of_size = seen.lines.iter().filter(|line| line.len() + 1 == size).count();
        assert_eq!(of_size as u64, count, "lines of {size} bytes");
        assert!(seen.outcome.is_some(), "{:?}", seen.error);
    }
}

pub(crate) async fn a_line_of_16_mib_passes() {
    // The limit does not count the LF, the stand-in's size does.
    let seen = see_run(&StandIn::new().big_line((16 << 20) + 1)).await;
    assert!(seen.lines.iter().any(|line| line.len() == 16 << 20));
    assert!(seen.outcome.is_some(), "{:?}", seen.error);
}

pub(crate) async fn a_line_of_17_mib_is_an_error() {
    let seen = see_run(&StandIn::new().big_line(17 << 20)).await;
    assert!(matches!(seen.error, Some(Error::LineTooLong { max }) if max == 16 << 20), "{:?}", seen.error);
    assert!(matches!(seen.end(), TurnEvent::Failed(it) if it.code == "line_too_long"));
    assert!(!seen.lines.is_empty(), "what came before is passed on");
}

pub(crate) async fn what_is_no_json_comes_through() {
    let seen = see_run(&StandIn::new().garbage()).await;
    assert!(seen.lines.iter().any(|line| std::str::from_utf8(line).is_err()));
    assert!(seen.lines.iter().any(bytes::Bytes::is_empty));
    assert!(seen.lines.iter().any(|line| line.contains(&0)));
    assert!(seen.outcome.is_some(), "{:?}", seen.error);
}

pub(crate) async fn a_slow_reader_stops_the_child_and_loses_nothing() {
    let mut process = command(&StandIn::new().lines(2_000).size(10_000)).spawn().await.unwrap();
    let first = process.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    assert!(!stat.contains(") Z "), "it waits for its reader: {stat}");
    let seen = see(process).await;
    assert!(first.line.is_some());
    assert_eq!(seen.lines.iter().filter(|line| line.len() + 1 == 10_000).count(), 2_000);
}

pub(crate) async fn a_prompt_of_2_mb_arrives() {
    let prompt = "é".repeat(1 << 20);
    let process = command(&StandIn::new().echo_prompt()).prompt(prompt.as_str()).spawn().await.unwrap();
    let seen = see(process).await;
    assert_eq!(seen.text().trim(), prompt);
}

pub(crate) async fn odd_prompts_arrive_as_prompts() {
    for prompt in
        ["--version", "-p", "--settings={}", "\u{feff}a\r\nb", "\"quoted\" \\ $HOME `id`", "\u{2028}"]
    {
        let prompt = format!("{prompt}.");
        let process = command(&StandIn::new().echo_prompt()).prompt(prompt.as_str()).spawn().await.unwrap();
        assert_eq!(see(process).await.text(), prompt);
    }
    for (prompt, reason) in [("", "empty"), (" \n", "empty"), ("a\0b", "NUL")] {
        let error = command(&StandIn::new()).prompt(prompt).spawn().await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field: "prompt", .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
