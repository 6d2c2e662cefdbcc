//! `environment.*`, which 0.24 does not have.

use serde_json::Value;

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check};
use super::super::rows::{Row, pick, row, text};
use super::super::state::State;
use super::projects::{SUMMARY, summary};
use super::{Outcome, Route, get, given, post};

const ID: Rule<'_> = Rule::required("environmentId", Kind::Name);

/// The environment that each project is made with.
pub(super) const PRODUCTION: &str = "production";

/// In the words of 0.25.
const NOT_PRODUCTION: &str = "Environment name cannot be production";

pub(super) fn find(procedure: &str) -> Option<Route> {
    match procedure {
        "byProjectId" => get(by_project),
        "one" => get(one),
        "create" => post(create),
        "update" => post(update),
        "remove" => post(remove),
        _ => None,
    }
}

fn by_project(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[Rule::required("projectId", Kind::Name)])?;
    let columns = &["name", "description", "environmentId", "isDefault"];
    let environments = state.environments.of("projectId", given(input, "projectId"));
    let told = environments.map(|environment| state.told_environment(environment, columns, SUMMARY));
    Ok(Reply::Json(Value::Array(told.collect())))
}

fn one(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let environment = state.environments.get(given(input, "environmentId"));
    let environment = environment.ok_or_else(|| Refusal::not_found("Environment"))?;
    let columns = &["name", "description", "environmentId", "isDefault", "projectId", "env"];
    // Without its name on the server.
    let of_application: Vec<_> = SUMMARY.iter().copied().filter(|column| *column != "appName").collect();
    let mut told = state.told_environment(environment, columns, &of_application);
    if !state.version.is_strict() {
        for application in told["applications"].as_array_mut().into_iter().flatten() {
            application["server"] = Value::Null;
            let id = application["applicationId"].as_str().unwrap_or_default();
            application["deployments"] = state.told_deployments(id).into();
        }
    }
    Ok(Reply::Json(told))
}

fn create(state: &mut State, input: &Row) -> Outcome {
    let rules = [
        Rule::required("projectId", Kind::Name),
        Rule::required("name", Kind::Name),
        Rule::nullable("description", Kind::Text),
    ];
    check(state.version, input, &rules)?;
    let (project, name) = (given(input, "projectId"), given(input, "name"));
    if name == PRODUCTION {
        return Err(Refusal::bad_request(if state.version.marks_default_environments() {
            "You cannot create a environment with the name 'production'"
        } else {
            NOT_PRODUCTION
        }));
    }
    if state.projects.get(project).is_none() {
        return Err(refused_by_database(state, name, project));
    }
    let description = input.get("description").cloned().unwrap_or_default();
    Ok(Reply::Json(state.make_environment(project, name, description).into()))
}

fn refused_by_database(state: &mut State, name: &str, project: &str) -> Refusal {
    let (id, created) = (state.id(), state.stamp());
    let created = created.as_str().unwrap_or_default();
    let cause = if state.version.is_strict() {
        let columns =
            r#""environmentId", "name", "description", "createdAt", "env", "projectId", "isDefault""#;
        format!(
            "Failed query: insert into \"environment\" ({columns}) values ($1, $2, default, $3, default, $4, default) \
             returning {columns}\nparams: {id},{name},{created},{project}"
        )
    } else {
        let constraint = "environment_projectId_project_projectId_fk";
        format!("insert or update on table \"environment\" violates foreign key constraint \"{constraint}\"")
    };
    Refusal::bad_request(format!("Error creating the environment: {cause}"))
}

fn update(state: &mut State, input: &Row) -> Outcome {
    let rules = [
        ID,
        Rule::optional("name", Kind::Name),
        Rule::nullable("description", Kind::Text),
        Rule::optional("env", Kind::Text),
    ];
    check(state.version, input, &rules)?;
    let refused = |why: &str| Err(Refusal::bad_request(format!("Error updating the environment: {why}")));
    if !state.version.marks_default_environments() && given(input, "name") == PRODUCTION {
        return refused(NOT_PRODUCTION);
    }
    let id = given(input, "environmentId");
    let Some(environment) = state.environments.get(id) else { return refused("Environment not found") };
    if is_marked(environment) && input.contains_key("name") {
        return refused("You cannot rename the default environment");
    }
    let changes = pick(input, &["name", "description", "env"]);
    Ok(Reply::Json(state.environments.update(id, changes).unwrap_or_default().into()))
}

fn remove(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let id = given(input, "environmentId");
    let environment = state.environments.get(id).ok_or_else(|| Refusal::not_found("Environment"))?;
    if is_marked(environment) {
        return Err(Refusal::bad_request("You cannot delete the default environment"));
    }
    if !state.version.marks_default_environments() && text(environment, "name") == PRODUCTION {
        return Err(Refusal::bad_request("You cannot delete the production environment"));
    }
    let applications: Vec<Row> = state.applications.of("environmentId", id).cloned().collect();
    if state.version.is_strict() && !applications.is_empty() {
        let why = "Cannot delete environment: it has active services. Delete all services first.";
        return Err(Refusal::bad_request(why));
    }
    // Before, by the source: their rows go with it, and nothing else of them.
    for application in applications {
        state.remove_application_rows(text(&application, "applicationId"));
    }
    Ok(Reply::Json(state.environments.remove(id).unwrap_or_default().into()))
}

/// Whether it says that it is the default one.
fn is_marked(environment: &Row) -> bool {
    environment.get("isDefault") == Some(&Value::Bool(true))
}

impl State {
    /// Makes an environment. That of the name `production` is the default one.
    pub(super) fn make_environment(&mut self, project: &str, name: &str, description: Value) -> Row {
        let mut environment = row([
            ("environmentId", self.id().into()),
            ("name", name.into()),
            ("description", description),
            ("createdAt", self.stamp()),
            ("env", "".into()),
            ("projectId", project.into()),
        ]);
        if self.version.marks_default_environments() {
            environment.insert("isDefault".to_owned(), (name == PRODUCTION).into());
        }
        self.environments.insert(environment.clone());
        environment
    }

    /// With these columns and these of its applications; with all where the version shows rows.
    fn told_environment(&self, environment: &Row, columns: &[&str], of_application: &[&str]) -> Value {
        let is_strict = self.version.is_strict();
        let mut told = if is_strict { pick(environment, columns) } else { environment.clone() };
        let applications = self.applications.of("environmentId", text(environment, "environmentId"));
        let applications: Vec<Row> = applications
            .map(|row| if is_strict { summary(row, of_application) } else { row.clone() })
            .collect();
        told.insert("applications".into(), applications.into());
        let project = self.projects.get(text(environment, "projectId")).cloned();
        told.insert("project".into(), project.map_or(Value::Null, Value::from));
        self.template.with_kinds(told).into()
    }
}
