//! One object at the end.

use claude_core::Json;
use claude_core::cli::RunResult;
use serde::Serialize;

use super::End;
use crate::exit::Code;

#[derive(Serialize)]
struct Object<'a> {
    result: Option<&'a str>,
    is_error: bool,
    session_id: Option<&'a str>,
    usage: Option<&'a Json>,
    cost_usd: Option<f64>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

pub(super) fn object(result: Option<&RunResult>, end: &End<'_>) -> String {
    let interrupted = || Failure { code: "interrupted", message: "somebody stopped it".into() };
    let failure = end.error.map(|error| Failure { code: error.code(), message: error.to_string() });
    let object = Object {
        result: result.map(RunResult::text),
        is_error: end.code != Code::Fine,
        session_id: result.and_then(|it| it.session_id.as_deref()),
        usage: result.and_then(|it| it.usage.as_ref()),
        cost_usd: result.and_then(|it| it.total_cost_usd),
        duration_ms: u64::try_from(end.elapsed.as_millis()).unwrap_or(u64::MAX),
        error: failure.or_else(|| (end.code == Code::Interrupted).then(interrupted)),
    };
    serde_json::to_string(&object).map(|line| line + "\n").unwrap_or_default()
}
