//! `application.*` that queues jobs, or acts on the service.

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind as Of, Rule, check};
use super::super::jobs::{Kind, Order};
use super::super::rows::{Row, text};
use super::super::state::State;
use super::super::versions::Version;
use super::application_inputs::ID;
use super::applications::application;
use super::{Outcome, Route, given, post};

pub(super) fn find(version: Version, procedure: &str) -> Option<Route> {
    match procedure {
        "deploy" => post(|state, input| queue(state, input, Kind::Deploy)),
        "redeploy" => post(|state, input| queue(state, input, Kind::Redeploy)),
        "cleanQueues" => post(clean_queues),
        "cancelDeployment" if version.has_environments() => post(cancel_deployment),
        "stop" => post(stop),
        "start" => post(start),
        "reload" => post(reload),
        _ => None,
    }
}

/// Tells neither a job nor a deployment.
fn queue(state: &mut State, input: &Row, kind: Kind) -> Outcome {
    let rules = [ID, Rule::optional("title", Of::Text), Rule::optional("description", Of::Text)];
    check(state.version, input, &rules)?;
    application(state, input)?;
    let order = Order { kind, title: given(input, "title"), description: given(input, "description") };
    state.enqueue(given(input, "applicationId"), order);
    Ok(Reply::Nothing)
}

/// The waiting ones; the one that runs stays.
fn clean_queues(state: &mut State, input: &Row) -> Outcome {
    application(state, input)?;
    state.queue.clean(given(input, "applicationId"));
    Ok(Reply::Nothing)
}

fn cancel_deployment(state: &mut State, input: &Row) -> Outcome {
    application(state, input)?;
    Err(Refusal::bad_request("Deployment cancellation only available in cloud version"))
}

/// Tells the row as it was before.
fn stop(state: &mut State, input: &Row) -> Outcome {
    scale(state, input, 0, "idle")
}

fn start(state: &mut State, input: &Row) -> Outcome {
    let app_name = text(&application(state, input)?, "appName").to_owned();
    if !state.services.contains_key(&app_name) {
        let prefix = if state.version.has_environments() { "Command execution failed: " } else { "" };
        return Err(Refusal::internal(format!(
            "{prefix}Command failed: docker service scale {app_name}=1 \nno such service: {app_name}\n"
        )));
    }
    scale(state, input, 1, "done")
}

fn reload(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[Rule::required("appName", Of::Text), ID])?;
    start(state, input)?;
    Ok(Reply::Json(true.into()))
}

fn scale(state: &mut State, input: &Row, replicas: u32, status: &str) -> Outcome {
    let application = application(state, input)?;
    let told = state.told_without_access(&application);
    if let Some(service) = state.services.get_mut(text(&application, "appName")) {
        service.replicas = replicas;
    }
    state.set_status(given(input, "applicationId"), status);
    Ok(Reply::Json(told.into()))
}
