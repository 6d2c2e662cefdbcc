//! `application.*`, but for what is done by jobs and services.

use serde_json::Value;

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check};
use super::super::rows::{Row, pick, row, text};
use super::super::state::State;
use super::super::traefik::file_name;
use super::application_inputs::{ID, changes, of_change, of_new};
use super::{Outcome, Route, get, given, post};

pub(super) fn find(procedure: &str) -> Option<Route> {
    match procedure {
        "one" => get(one),
        "create" => post(create),
        "update" => post(update),
        "saveDockerProvider" => post(save_docker_provider),
        "saveEnvironment" => post(save_environment),
        "delete" => post(delete),
        "readTraefikConfig" => get(read_traefik_config),
        _ => None,
    }
}

/// The application that an input names.
pub(super) fn application(state: &State, input: &Row) -> Result<Row, Refusal> {
    check(state.version, input, &[ID])?;
    let application = state.applications.get(given(input, "applicationId"));
    application.cloned().ok_or_else(|| Refusal::not_found("Application"))
}

fn one(state: &mut State, input: &Row) -> Outcome {
    let application = application(state, input)?;
    Ok(Reply::Json(state.told_application(&application).into()))
}

fn create(state: &mut State, input: &Row) -> Outcome {
    let parent = if state.version.has_environments() { "environmentId" } else { "projectId" };
    check(state.version, input, &of_new(parent, state.version.is_strict()))?;
    let parent_id = given(input, parent);
    match state.version.has_environments() {
        true if state.environments.get(parent_id).is_none() => return Err(Refusal::not_found("Environment")),
        false if state.projects.get(parent_id).is_none() => return Err(Refusal::not_found("Project")),
        _ => {}
    }
    // This server has no other.
    if !given(input, "serverId").is_empty() {
        return Err(if state.version.is_strict() {
            Refusal::unauthorized("You are not authorized to access this server")
        } else {
            Refusal::bad_request("Error creating the application")
        });
    }
    let mut application = state.template.application.clone();
    application.extend(pick(input, &["name", "description", parent]));
    if state.version.is_strict() {
        application.extend(pick(input, &["sourceType"]));
    }
    let app_name = state.app_name(given(input, "appName"));
    application.extend(row([
        ("applicationId", state.id().into()),
        ("appName", app_name.into()),
        ("createdAt", state.stamp()),
        ("refreshToken", state.id().into()),
    ]));
    state.applications.insert(application.clone());
    Ok(Reply::Json(application.into()))
}

/// Any columns; some are left as they are.
fn update(state: &mut State, input: &Row) -> Outcome {
    let fresh = &state.template.application;
    check(state.version, input, &of_change(fresh, input))?;
    let changes = changes(fresh, input);
    let id = given(input, "applicationId");
    if state.applications.get(id).is_none() {
        return Err(if state.version.is_strict() {
            Refusal::bad_request("Error updating application")
        } else {
            Refusal::not_found("Application")
        });
    }
    if changes.is_empty() {
        return Err(Refusal::internal("No values to set"));
    }
    state.applications.update(id, changes);
    Ok(Reply::Json(true.into()))
}

fn save_docker_provider(state: &mut State, input: &Row) -> Outcome {
    let columns = ["dockerImage", "username", "password", "registryUrl"];
    save(state, input, &columns.map(|column| (column, Kind::Text)), row([("sourceType", "docker".into())]))
}

fn save_environment(state: &mut State, input: &Row) -> Outcome {
    let texts = ["env", "buildArgs", "buildSecrets"].map(|column| (column, Kind::Text));
    save(state, input, &[&texts[..], &[("createEnvFile", Kind::Flag)]].concat(), Row::new())
}

/// Sets these columns, as far as the version has them. Since the line of 0.30 each must be there.
fn save(state: &mut State, input: &Row, columns: &[(&str, Kind)], always: Row) -> Outcome {
    let rule = if state.version.is_strict() { Rule::present_or_null } else { Rule::nullable };
    let known = columns.iter().filter(|(name, _)| state.template.application.contains_key(*name));
    let rules = known.map(|(name, kind)| rule(name, *kind));
    check(state.version, input, &std::iter::once(ID).chain(rules).collect::<Vec<_>>())?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut changes = changes(&state.template.application, &pick(input, &names));
    changes.extend(always);
    let saved = state.applications.update(given(input, "applicationId"), changes);
    saved.map(|_| Reply::Json(true.into())).ok_or_else(|| Refusal::not_found("Application"))
}

/// Removes it with its service, its Traefik file, its logs and its waiting jobs; the one that runs goes on, and makes the
/// service again.
fn delete(state: &mut State, input: &Row) -> Outcome {
    let application = application(state, input)?;
    let (id, app_name) = (given(input, "applicationId"), text(&application, "appName"));
    let told = if state.version.has_environments() {
        state.told_without_access(&application)
    } else {
        application.clone()
    };
    state.queue.clean(id);
    state.services.remove(app_name);
    state.traefik_files.remove(&file_name(app_name));
    state.remove_application_rows(id);
    Ok(Reply::Json(told.into()))
}

fn read_traefik_config(state: &mut State, input: &Row) -> Outcome {
    let application = application(state, input)?;
    let file = state.traefik_files.get(&file_name(text(&application, "appName")));
    Ok(Reply::Json(file.map_or(Value::Null, |text| text.as_str().into())))
}

impl State {
    /// With all that belongs to it.
    fn told_application(&self, application: &Row) -> Row {
        let mut told = application.clone();
        told.extend(self.template.relations.clone());
        let id = text(application, "applicationId");
        let domains: Vec<Row> = self.domains.of("applicationId", id).cloned().collect();
        told.insert("domains".into(), domains.into());
        // In no certain order, other than `deployment.all`.
        let deployments: Vec<Row> = self.deployments.of("applicationId", id).cloned().collect();
        told.insert("deployments".into(), deployments.into());
        let project = self.project_of(application).cloned().map_or(Value::Null, Value::from);
        if let Some(mut environment) = self.environment_of(application).cloned() {
            environment.insert("project".into(), project);
            told.insert("environment".into(), environment.into());
        } else {
            told.insert("project".into(), project);
        }
        told
    }

    /// As calls that change something tell it.
    pub(super) fn told_without_access(&self, application: &Row) -> Row {
        let mut told = self.told_application(application);
        told.remove("hasGitProviderAccess");
        told.remove("unauthorizedProvider");
        told
    }

    /// What was asked for, or words, with six characters that make it unique.
    fn app_name(&mut self, asked: &str) -> String {
        const VERBS: [&str; 4] = ["copy", "index", "parse", "quantify"];
        const ADJECTIVES: [&str; 4] = ["digital", "mobile", "online", "optical"];
        const NOUNS: [&str; 4] = ["circuit", "feed", "monitor", "sensor"];
        let name = if asked.is_empty() {
            let mut word = |words: [&'static str; 4]| words[self.random.usize(0..4)];
            format!("app-{}-{}-{}", word(VERBS), word(ADJECTIVES), word(NOUNS))
        } else {
            asked.trim().to_lowercase().replace(' ', "-")
        };
        format!("{name}-{}", self.suffix())
    }
}
