//! The calls: who may make them, and which code carries them out.

mod application_inputs;
mod applications;
mod deployments;
mod domains;
mod environments;
mod jobs;
mod projects;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LOCATION, REFRESH};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Reply};
use super::keys::{Role, permit};
use super::request::Request;
use super::rows::Row;
use super::state::State;
use super::versions::Version;

/// What comes of a call.
type Outcome = Result<Reply, Refusal>;

/// A call that a version has.
#[derive(Clone, Copy)]
struct Route {
    method: &'static str,
    run: fn(&mut State, &Row) -> Outcome,
}

/// A query: by GET, with parameters.
const fn get(run: fn(&mut State, &Row) -> Outcome) -> Option<Route> {
    Some(Route { method: "GET", run })
}

/// A mutation: by POST, with a body.
const fn post(run: fn(&mut State, &Row) -> Outcome) -> Option<Route> {
    Some(Route { method: "POST", run })
}

impl State {
    /// Carries a request out, all at once.
    pub(super) fn handle(&mut self, request: &Request) -> Answer {
        if let Some(path) = request.path.strip_suffix('/') {
            let answer = Answer::of(StatusCode::PERMANENT_REDIRECT).text(path).with(LOCATION, path);
            return answer.with(REFRESH, &format!("0;url={path}"));
        }
        match &*request.call.name {
            "health" => return Answer::ok().plain_json(&json!({ "ok": true })),
            "trpc/settings.health" => {
                let health = health(self.version);
                return Answer::ok().json(&json!({ "result": { "data": { "json": health } } }));
            }
            _ => {}
        }
        if let Some(answer) = request.unreadable() {
            return answer;
        }
        match self.keys.check(request.key.as_deref()) {
            Some(role) => self.answer(request, role),
            None => Answer::bad_key(),
        }
    }

    fn answer(&mut self, request: &Request, role: Role) -> Answer {
        let (version, name, method) = (self.version, &*request.call.name, &*request.call.method);
        if method == "HEAD" {
            return Answer::of(StatusCode::NO_CONTENT).with(CONTENT_TYPE, "application/json");
        }
        let Some(route) = find(version, name).filter(|route| route.method == method) else {
            return Refusal::no_call().answer(version, None);
        };
        match self.carry_out(request, role, route) {
            Ok(reply) => reply.into(),
            Err(refusal) => refusal.answer(version, Some(name)),
        }
    }

    fn carry_out(&mut self, request: &Request, role: Role, route: Route) -> Outcome {
        let input = match route.method {
            "GET" => request.query(self.version),
            _ => request.body(self.version)?,
        };
        permit(role, &request.call.name)?;
        if role == Role::Member && request.call.name == "project.all" {
            return Ok(Reply::Json(json!([])));
        }
        (route.run)(self, &input)
    }
}

fn find(version: Version, name: &str) -> Option<Route> {
    let (router, procedure) = name.split_once('.')?;
    match router {
        "settings" => settings(procedure),
        "project" => projects::find(procedure),
        "environment" if version.has_environments() => environments::find(procedure),
        "application" => applications::find(procedure).or_else(|| jobs::find(version, procedure)),
        "domain" => domains::find(procedure),
        "deployment" => deployments::find(version, procedure),
        _ => None,
    }
}

fn settings(procedure: &str) -> Option<Route> {
    match procedure {
        "health" => get(|state, _| Ok(Reply::Json(health(state.version)))),
        "getDokployVersion" => get(|state, _| Ok(Reply::Json(state.version.to_string().into()))),
        _ => None,
    }
}

fn health(version: Version) -> Value {
    json!({ "status": if version.is_strict() { "ok" } else { "not_cloud" } })
}

/// A field that was checked to be a text; empty where it was left out.
fn given<'a>(input: &'a Row, name: &str) -> &'a str {
    super::rows::text(input, name)
}
