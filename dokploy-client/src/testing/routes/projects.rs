//! `project.*`

use serde_json::{Value, json};

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check};
use super::super::rows::{Row, pick, row, text};
use super::super::state::{ORGANIZATION, State};
use super::environments::PRODUCTION;
use super::{Outcome, Route, get, given, post};

const ID: Rule<'_> = Rule::required("projectId", Kind::Name);

pub(super) fn find(procedure: &str) -> Option<Route> {
    match procedure {
        "all" => get(all),
        "one" => get(one),
        "create" => post(create),
        "update" => post(update),
        "remove" => post(remove),
        _ => None,
    }
}

/// Newest first.
fn all(state: &mut State, _: &Row) -> Outcome {
    let mut projects: Vec<&Row> = state.projects.all().collect();
    projects.sort_by_key(|project| std::cmp::Reverse(text(project, "createdAt")));
    let told = projects.into_iter().map(|project| state.told_project(project, Depth::List));
    Ok(Reply::Json(Value::Array(told.collect())))
}

fn one(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let project = state.projects.get(given(input, "projectId"));
    let project = project.ok_or_else(|| Refusal::not_found("Project"))?;
    Ok(Reply::Json(state.told_project(project, Depth::One)))
}

fn create(state: &mut State, input: &Row) -> Outcome {
    let rules = [
        Rule::required("name", Kind::Name),
        Rule::nullable("description", Kind::Text),
        Rule::optional("env", Kind::Text),
    ];
    check(state.version, input, &rules)?;
    let (id, created) = (state.id(), state.stamp());
    if given(input, "name").contains('\0') {
        return Err(refused_by_database(state, input, [&id, created.as_str().unwrap_or_default()]));
    }
    let project = row([
        ("projectId", id.clone().into()),
        ("name", given(input, "name").into()),
        ("description", input.get("description").cloned().unwrap_or_default()),
        ("createdAt", created),
        ("organizationId", ORGANIZATION.into()),
        ("env", given(input, "env").into()),
    ]);
    state.projects.insert(project.clone());
    if !state.version.has_environments() {
        return Ok(Reply::Json(project.into()));
    }
    let environment = state.make_environment(&id, PRODUCTION, "Production environment".into());
    Ok(Reply::Json(json!({ "project": project, "environment": environment })))
}

/// The database takes no NUL. Since 0.30 the message shows the statement with all that was given.
fn refused_by_database(state: &State, input: &Row, [id, created]: [&str; 2]) -> Refusal {
    let cause = if state.version.is_strict() {
        let columns = r#""projectId", "name", "description", "createdAt", "organizationId", "env""#;
        let name = given(input, "name");
        format!(
            "Failed query: insert into \"project\" ({columns}) values ($1, $2, default, $3, $4, default) returning \
             {columns}\nparams: {id},{name},{created},{ORGANIZATION}"
        )
    } else {
        "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned()
    };
    Refusal::bad_request(format!("Error creating the project: {cause}"))
}

fn update(state: &mut State, input: &Row) -> Outcome {
    let rules = [
        ID,
        Rule::optional("name", Kind::Name),
        Rule::nullable("description", Kind::Text),
        Rule::optional("env", Kind::Text),
    ];
    check(state.version, input, &rules)?;
    let changes = pick(input, &["name", "description", "env"]);
    let project = state.projects.update(given(input, "projectId"), changes);
    project.map(|project| Reply::Json(project.into())).ok_or_else(|| Refusal::not_found("Project"))
}

/// Removes rows. Services, Traefik files and the running job stay.
fn remove(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let id = given(input, "projectId");
    let applications = state.applications_of(id);
    let project = state.projects.remove(id).ok_or_else(|| Refusal::not_found("Project"))?;
    for application in applications {
        state.remove_application_rows(text(&application, "applicationId"));
    }
    state.environments.remove_of("projectId", id);
    Ok(Reply::Json(project.into()))
}

/// Where a project is shown.
#[derive(Clone, Copy)]
enum Depth {
    List,
    One,
}

impl State {
    fn told_project(&self, project: &Row, depth: Depth) -> Value {
        let id = text(project, "projectId");
        let mut told = project.clone();
        if !self.version.has_environments() {
            told.insert("applications".into(), self.applications_of(id).into());
            return self.template.with_kinds(told).into();
        }
        let environments = self.environments.of("projectId", id);
        let environments: Vec<_> = environments.map(|it| self.told_with_project(it, depth)).collect();
        told.insert("environments".into(), environments.into());
        if self.version.is_strict() {
            told.insert("projectTags".into(), json!([]));
        }
        told.into()
    }

    fn told_with_project(&self, environment: &Row, depth: Depth) -> Row {
        let is_strict = self.version.is_strict();
        let (mut told, columns): (_, &[&str]) = match depth {
            Depth::List if is_strict => (
                pick(environment, &["name", "environmentId", "isDefault"]),
                &["applicationId", "name", "applicationStatus"],
            ),
            Depth::List | Depth::One => (environment.clone(), SUMMARY),
        };
        let applications = self.applications.of("environmentId", text(environment, "environmentId"));
        let applications: Vec<Row> = applications
            .map(|application| if is_strict { summary(application, columns) } else { application.clone() })
            .collect();
        told.insert("applications".into(), applications.into());
        self.template.with_kinds(told)
    }
}

/// What is shown of an application in its project and its environment.
pub(super) const SUMMARY: &[&str] = &[
    "name",
    "description",
    "appName",
    "createdAt",
    "serverId",
    "applicationStatus",
    "applicationId",
    "icon",
    "server",
];

/// Some columns of an application, of which `server` is a relation.
pub(super) fn summary(application: &Row, columns: &[&str]) -> Row {
    let mut told = pick(application, columns);
    if columns.contains(&"server") {
        told.insert("server".into(), Value::Null);
    }
    told
}
