//! `deployment.*`

use serde_json::Value;

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check, number};
use super::super::rows::{Row, text};
use super::super::state::State;
use super::super::versions::Version;
use super::{Outcome, Route, get, given};

/// How many lines of a log are read where no number is given.
const LINES_USUAL: usize = 100;

pub(super) fn find(version: Version, procedure: &str) -> Option<Route> {
    match procedure {
        "all" => get(all),
        "readLogs" if version.is_strict() => get(read_logs),
        "queueList" if version.is_strict() => get(|state, _| Ok(Reply::Json(state.jobs().into()))),
        _ => None,
    }
}

fn all(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[Rule::required("applicationId", Kind::Name)])?;
    let id = given(input, "applicationId");
    if !state.version.is_strict() && state.applications.get(id).is_none() {
        return Err(Refusal::not_found("Application"));
    }
    Ok(Reply::Json(state.told_deployments(id).into()))
}

fn read_logs(state: &mut State, input: &Row) -> Outcome {
    let rules = [Rule::required("deploymentId", Kind::Name), Rule::optional("tail", Kind::NumberLike)];
    check(state.version, input, &rules)?;
    let log = state.logs.get(given(input, "deploymentId"));
    let log = log.ok_or_else(|| Refusal::not_found("Deployment"))?;
    let tail = input.get("tail").and_then(number).as_ref().and_then(Value::as_u64);
    let tail = tail.and_then(|tail| tail.try_into().ok()).unwrap_or(LINES_USUAL);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    Ok(Reply::Json(lines[lines.len().saturating_sub(tail)..].concat().into()))
}

impl State {
    /// An application's deployments, newest first.
    pub(in super::super) fn told_deployments(&self, application: &str) -> Vec<Row> {
        let mut deployments: Vec<&Row> = self.deployments.of("applicationId", application).collect();
        deployments.sort_by_key(|row| std::cmp::Reverse(text(row, "createdAt")));
        deployments.into_iter().cloned().collect()
    }
}
