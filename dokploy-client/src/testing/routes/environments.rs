//! `environment.*`, which 0.24 does not have.

use serde_json::Value;

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check};
use super::super::rows::{Row, pick, row, text};
use super::super::state::State;
use super::projects::{SUMMARY, summary};
use super::{Outcome, Route, get, given, post};

const ID: Rule<'_> = Rule::required("environmentId", Kind::Name);

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
    if name == "production" {
        return Err(Refusal::bad_request("You cannot create a environment with the name 'production'"));
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
    let id = given(input, "environmentId");
    let environment = state.environments.get(id).ok_or_else(|| Refusal::not_found("Environment"))?;
    if is_default(environment) && input.contains_key("name") {
        let why = "Error updating the environment: You cannot rename the default environment";
        return Err(Refusal::bad_request(why));
    }
    let changes = pick(input, &["name", "description", "env"]);
    Ok(Reply::Json(state.environments.update(id, changes).unwrap_or_default().into()))
}

fn remove(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let id = given(input, "environmentId");
    let environment = state.environments.get(id).ok_or_else(|| Refusal::not_found("Environment"))?;
    if is_default(environment) {
        return Err(Refusal::bad_request("You cannot delete the default environment"));
    }
    if state.applications.of("environmentId", id).next().is_some() {
        let why = "Cannot delete environment: it has active services. Delete all services first.";
        return Err(Refusal::bad_request(why));
    }
    Ok(Reply::Json(state.environments.remove(id).unwrap_or_default().into()))
}

fn is_default(environment: &Row) -> bool {
    environment.get("isDefault") == Some(&Value::Bool(true))
}

impl State {
    /// Makes an environment. That named `production` is the default one.
    pub(super) fn make_environment(&mut self, project: &str, name: &str, description: Value) -> Row {
        let environment = row([
            ("environmentId", self.id().into()),
            ("name", name.into()),
            ("description", description),
            ("createdAt", self.stamp()),
            ("env", "".into()),
            ("projectId", project.into()),
            ("isDefault", (name == "production").into()),
        ]);
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
