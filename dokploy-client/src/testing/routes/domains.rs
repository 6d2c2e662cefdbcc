//! `domain.*`. A change is written to the application's Traefik file at once.

use serde_json::{Value, json};

use super::super::answer::{Refusal, Reply};
use super::super::checks::{Kind, Rule, check, number};
use super::super::rows::{Row, pick, row, text};
use super::super::state::State;
use super::{Outcome, Route, get, given, post};

const ID: Rule<'_> = Rule::required("domainId", Kind::Name);
const CERTIFICATES: Kind = Kind::OneOf(&["letsencrypt", "none", "custom"]);

/// What may be given of a domain.
const FIELDS: [Rule<'_>; 6] = [
    Rule::required("host", Kind::Host),
    Rule::nullable("path", Kind::Text),
    Rule::nullable("port", Kind::Port),
    Rule::optional("https", Kind::Flag),
    Rule::optional("certificateType", CERTIFICATES),
    Rule::nullable("customCertResolver", Kind::Text),
];

pub(super) fn find(procedure: &str) -> Option<Route> {
    match procedure {
        "byApplicationId" => get(by_application),
        "one" => get(one),
        "create" => post(create),
        "update" => post(update),
        "delete" => post(delete),
        "validateDomain" => post(validate),
        _ => None,
    }
}

fn by_application(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[Rule::required("applicationId", Kind::Name)])?;
    let id = given(input, "applicationId");
    if !state.version.is_strict() && state.applications.get(id).is_none() {
        return Err(Refusal::not_found("Application"));
    }
    let domains = state.domains.of("applicationId", id);
    let told: Vec<Row> = domains.map(|domain| state.told_domain(domain)).collect();
    Ok(Reply::Json(told.into()))
}

fn one(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let domain = state.domains.get(given(input, "domainId"));
    let domain = domain.ok_or_else(|| Refusal::not_found("Domain"))?;
    Ok(Reply::Json(state.told_domain(domain).into()))
}

/// Hosts are not unique, and a domain needs no application.
fn create(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &FIELDS)?;
    let application = input.get("applicationId").and_then(Value::as_str);
    let is_known = application.is_none_or(|id| state.applications.get(id).is_some());
    if !is_known && !state.version.is_strict() {
        return Err(Refusal::bad_request("Application not found"));
    }
    state.domains_made += 1;
    let mut domain = state.template.domain.clone();
    domain.extend(changes(input));
    domain.extend(row([
        ("domainId", state.id().into()),
        ("uniqueConfigKey", state.domains_made.into()),
        ("createdAt", state.stamp()),
        ("applicationId", application.into()),
    ]));
    if !is_known {
        return Err(refused_by_database(&domain, input));
    }
    state.domains.insert(domain.clone());
    state.write_traefik(application.unwrap_or_default());
    Ok(Reply::Json(domain.into()))
}

/// The message shows the statement with all that was given.
fn refused_by_database(domain: &Row, input: &Row) -> Refusal {
    const COLUMNS: [&str; 20] = [
        "domainId",
        "host",
        "https",
        "port",
        "customEntrypoint",
        "path",
        "serviceName",
        "domainType",
        "uniqueConfigKey",
        "createdAt",
        "composeId",
        "customCertResolver",
        "applicationId",
        "previewDeploymentId",
        "certificateType",
        "internalPath",
        "stripPath",
        "middlewares",
        "forwardAuthEnabled",
        "enabled",
    ];
    let is_given = |column: &str| {
        matches!(column, "domainId" | "createdAt") || input.get(column).is_some_and(|value| !value.is_null())
    };
    let mut params = Vec::new();
    let values = COLUMNS.map(|column| {
        if !is_given(column) {
            return "default".to_owned();
        }
        let value = domain.get(column).cloned().unwrap_or_default();
        params.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        format!("${}", params.len())
    });
    let columns = COLUMNS.map(|column| format!("\"{column}\"")).join(", ");
    let (values, params) = (values.join(", "), params.join(","));
    Refusal::bad_request(format!(
        "Failed query: insert into \"domain\" ({columns}) values ({values}) returning {columns}\nparams: {params}"
    ))
}

fn update(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[&[ID], &FIELDS[..]].concat())?;
    let domain = state.domains.update(given(input, "domainId"), changes(input));
    let domain = domain.ok_or_else(|| Refusal::not_found("Domain"))?;
    state.write_traefik(text(&domain, "applicationId"));
    Ok(Reply::Json(domain.into()))
}

fn delete(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[ID])?;
    let domain = state.domains.remove(given(input, "domainId"));
    let domain = domain.ok_or_else(|| Refusal::not_found("Domain"))?;
    state.write_traefik(text(&domain, "applicationId"));
    Ok(Reply::Json(domain.into()))
}

/// As where no name server can be reached.
fn validate(state: &mut State, input: &Row) -> Outcome {
    check(state.version, input, &[Rule::required("domain", Kind::Text)])?;
    let error = format!("queryA ECONNREFUSED {}", given(input, "domain"));
    Ok(Reply::Json(json!({ "isValid": false, "error": error })))
}

/// What was given, as it is kept: a port as a number.
fn changes(input: &Row) -> Row {
    let columns = ["host", "path", "port", "https", "certificateType", "customCertResolver", "domainType"];
    let mut changes = pick(input, &columns);
    if let Some(port) = changes.get("port").and_then(number) {
        changes.insert("port".into(), port);
    }
    changes
}

impl State {
    fn told_domain(&self, domain: &Row) -> Row {
        let mut told = domain.clone();
        let application = self.applications.get(text(domain, "applicationId"));
        let application = application.map_or(Value::Null, |row| {
            let columns = ["applicationId", "appName", "name"];
            if self.version.is_strict() { pick(row, &columns).into() } else { row.clone().into() }
        });
        told.insert("application".into(), application);
        told
    }
}
