//! Control requests of whoever holds stdin.

use serde_json::{Value, json};

use super::permission;
use super::session::{At, By, Session, Stop};
use super::shapes::{self, text};

const PERMISSION_MODES: [&str; 6] =
    ["acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan"];

/// Answers a `control_request`; an interrupt is returned as the end of the turn.
pub(super) fn answer(session: &mut Session, message: &Value) -> Result<(), Stop> {
    let id = message["request_id"].as_str().unwrap_or_default();
    let request = &message["request"];
    match request["subtype"].as_str().unwrap_or_default() {
        "initialize" => {
            let line = session.line(shapes::INITIALIZED, &[text("request_id", id)]);
            session.output.line(&line);
        }
        "interrupt" => {
            permission::withdraw(session);
            succeed(session, id, &json!({"still_queued": []}));
            return Err(Stop { by: By::Request, at: At::Streaming });
        }
        "set_model" => set_model(session, id, request["model"].as_str()),
        "set_permission_mode" => set_permission_mode(session, id, request["mode"].as_str()),
        other => {
            let error = format!("Unsupported control request subtype: {other}");
            fail(session, id, &error, "unsupported_request");
        }
    }
    Ok(())
}

fn set_model(session: &mut Session, id: &str, model: Option<&str>) {
    if let Some(model) = model {
        model.clone_into(&mut session.model);
    }
    let notice = format!("<local-command-stdout>Set model to `{}`</local-command-stdout>", session.model);
    let line = session.line(shapes::USER_REPLAY, &[text("text", &notice)]);
    session.output.line(&line);
    let model = session.model.clone();
    succeed(session, id, &json!({"model": model}));
}

fn set_permission_mode(session: &mut Session, id: &str, mode: Option<&str>) {
    let Some(mode) = mode.filter(|mode| PERMISSION_MODES.contains(mode)) else {
        let modes = PERMISSION_MODES.join(", ");
        return fail(
            session,
            id,
            &format!("Cannot set permission mode: must be one of {modes}"),
            "invalid_mode",
        );
    };
    mode.clone_into(&mut session.permission_mode);
    succeed(session, id, &json!({"mode": mode}));
    let status = session.line(shapes::STATUS_MODE, &[]);
    session.output.line(&status);
}

fn succeed(session: &mut Session, id: &str, response: &Value) {
    let id = shapes::quoted(id);
    session.output.line(&format!(
        r#"{{"type":"control_response","response":{{"subtype":"success","request_id":{id},"response":{response}}}}}"#
    ));
}

fn fail(session: &mut Session, id: &str, error: &str, code: &str) {
    let (id, error) = (shapes::quoted(id), shapes::quoted(error));
    session.output.line(&format!(
        r#"{{"type":"control_response","response":{{"subtype":"error","request_id":{id},"error":{error},"error_code":"{code}"}}}}"#
    ));
}
