//! A use of a tool: allowed by mode, asked about, or denied.

use serde_json::{Value, json};

use super::inbox::Event;
use super::session::{At, By, Session, Stop};
use super::shapes::{self, json as field, text};
use super::turn::id;

/// Tools that the mode `acceptEdits` allows.
const EDITS: [&str; 3] = ["Write", "Edit", "NotebookEdit"];

const STDIN_ENDED: &str = "AbortError: Tool permission stream closed before response received";
const REJECTED: &str = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if \
    it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the \
    user to tell you how to proceed.";

/// A question on its way.
#[derive(Debug)]
pub(super) struct Asked {
    request_id: String,
    answer: Option<Value>,
}

impl Asked {
    /// Takes the answer of a `control_response`, if it is for this question.
    pub(super) fn take(&mut self, response: &Value) {
        if response["request_id"] == *self.request_id {
            self.answer = Some(response.clone());
        }
    }
}

/// One call of a tool.
struct Call<'a> {
    id: String,
    tool: &'a str,
    input: &'a Value,
}

enum Verdict {
    Allow {
        input: Value,
        decision: Value,
    },
    Deny {
        message: String,
    },
    /// Denied, and the turn is over.
    Interrupt,
    /// Nobody could answer.
    Failed {
        error: String,
    },
    NobodyToAsk,
}

/// Uses the tool, as far as it is allowed, and writes what came of it.
pub(super) fn ask(session: &mut Session, tool: &str, input: &Value) -> Result<(), Stop> {
    let call = Call { id: id("toolu"), tool, input };
    let message_id = id("msg");
    session.assistant(&message_id, &json!({"type": "text", "text": "I will use a tool."}))?;
    let block = format!(
        r#"{{"type":"tool_use","id":"{}","name":{},"input":{input}}}"#,
        call.id,
        shapes::quoted(tool)
    );
    let line = session.line(
        shapes::ASSISTANT,
        &[text("message_id", &message_id), ("block", block), text("request_id", &id("req"))],
    );
    session.emit(&line)?;
    match decide(session, &call) {
        Ok(Verdict::Allow { input, decision }) => run(session, &call, &input, &decision),
        Ok(Verdict::Deny { message }) => {
            let decision = json!({"decision": "reject", "source": "user_reject"});
            deny(session, &call, &message, &decision)
        }
        Ok(Verdict::Failed { error }) => {
            let message = format!("Tool permission request failed: {error}");
            let decision = json!({"decision": "reject", "source": "config", "reason_type": "other"});
            deny(session, &call, &message, &decision)
        }
        Ok(Verdict::NobodyToAsk) => nobody_to_ask(session, &call),
        Ok(Verdict::Interrupt) => {
            reject(session, &call);
            Err(Stop { by: By::Request, at: At::Tool })
        }
        Err(stop) => {
            withdraw(session);
            reject(session, &call);
            Err(Stop { at: At::Tool, ..stop })
        }
    }
}

fn decide(session: &mut Session, call: &Call<'_>) -> Result<Verdict, Stop> {
    let by_mode = match session.permission_mode.as_str() {
        "bypassPermissions" => true,
        "acceptEdits" => EDITS.contains(&call.tool),
        _ => false,
    };
    if by_mode {
        let decision = json!({"decision": "accept", "source": "config", "reason_type": "mode"});
        return Ok(Verdict::Allow { input: call.input.clone(), decision });
    }
    if !session.arguments.asks_by_stdio() {
        return Ok(Verdict::NobodyToAsk);
    }
    let request_id = uuid::Uuid::new_v4().to_string();
    let line = session.line(
        shapes::CAN_USE_TOOL,
        &[
            text("request_id", &request_id),
            text("tool", call.tool),
            field("input", call.input),
            text("description", &describe(call.input)),
            text("tool_use_id", &call.id),
        ],
    );
    session.emit(&line)?;
    session.asked = Some(Asked { request_id, answer: None });
    wait(session, call)
}

fn wait(session: &mut Session, call: &Call<'_>) -> Result<Verdict, Stop> {
    loop {
        if let Some(answer) = session.asked.as_mut().and_then(|asked| asked.answer.take()) {
            session.asked = None;
            return Ok(verdict(call, &answer));
        }
        match session.inbox.next() {
            Event::End => {
                session.asked = None;
                return Ok(Verdict::Failed { error: STDIN_ENDED.to_owned() });
            }
            event => session.hear(event)?,
        }
    }
}

fn verdict(call: &Call<'_>, answer: &Value) -> Verdict {
    let response = &answer["response"];
    if response["behavior"] == "allow" {
        let updated = Some(&response["updatedInput"]).filter(|input| input.is_object());
        let decision = json!({"decision": "accept", "source": "user_temporary"});
        return Verdict::Allow { input: updated.unwrap_or(call.input).clone(), decision };
    }
    if let Some(error) = answer["error"].as_str() {
        return Verdict::Failed { error: format!("Error: {error}") };
    }
    if response["interrupt"] == true {
        return Verdict::Interrupt;
    }
    Verdict::Deny { message: response["message"].as_str().unwrap_or_default().to_owned() }
}

/// The result of an allowed call: it tells the input that the tool got.
fn run(session: &mut Session, call: &Call<'_>, input: &Value, decision: &Value) -> Result<(), Stop> {
    let (content, outcome) = match call.tool {
        "Write" => {
            let path = input["file_path"].as_str().unwrap_or_default();
            let done = format!(
                "File created successfully at: {path} (file state is current in your context — no need to \
                 Read it back)"
            );
            let outcome = json!({"type": "create", "filePath": path, "content": input["content"],
                "structuredPatch": [], "originalFile": null, "userModified": false});
            (done, outcome)
        }
        "Bash" => {
            let command = input["command"].as_str().unwrap_or_default();
            let outcome = json!({"stdout": command, "stderr": "", "interrupted": false, "isImage": false,
                "noOutputExpected": false});
            (command.to_owned(), outcome)
        }
        _ => (input.to_string(), input.clone()),
    };
    let mut block = json!({"tool_use_id": call.id, "type": "tool_result", "content": content});
    if call.tool == "Bash" {
        block["is_error"] = false.into();
    }
    result(session, &block, &outcome, &json!({"id": call.id, "permission_decision": decision}))
}

fn nobody_to_ask(session: &mut Session, call: &Call<'_>) -> Result<(), Stop> {
    let message =
        format!("Claude requested permissions to use {}, but you haven't granted it yet.", call.tool);
    let line = session.line(
        shapes::PERMISSION_DENIED,
        &[text("tool", call.tool), text("tool_use_id", &call.id), text("message", &message)],
    );
    session.emit(&line)?;
    session.denials.push(denial(call));
    let meta = json!({"id": call.id, "non_execution_kind": "user-rejected",
        "permission_decision": {"decision": "reject", "source": "config"}});
    result(session, &refusal(call, &message), &format!("Error: {message}").into(), &meta)
}

fn deny(session: &mut Session, call: &Call<'_>, message: &str, decision: &Value) -> Result<(), Stop> {
    session.denials.push(denial(call));
    let meta =
        json!({"id": call.id, "non_execution_kind": "permission-rule", "permission_decision": decision});
    result(session, &refusal(call, message), &format!("Error: {message}").into(), &meta)
}

fn denial(call: &Call<'_>) -> Value {
    json!({"tool_name": call.tool, "tool_use_id": call.id, "tool_input": call.input})
}

fn refusal(call: &Call<'_>, message: &str) -> Value {
    json!({"type": "tool_result", "content": message, "is_error": true, "tool_use_id": call.id})
}

fn result(session: &mut Session, block: &Value, outcome: &Value, meta: &Value) -> Result<(), Stop> {
    let line = session.line(
        shapes::USER_TOOL_RESULT,
        &[field("block", block), field("outcome", outcome), field("meta", meta)],
    );
    session.emit(&line)
}

/// The open question is void: the turn was interrupted. The real CLI says so before it answers the interrupt.
pub(super) fn withdraw(session: &mut Session) {
    if let Some(asked) = session.asked.take() {
        let id = shapes::quoted(&asked.request_id);
        session.output.line(&format!(r#"{{"type":"control_cancel_request","request_id":{id}}}"#));
    }
}

/// The call didn't happen because the turn is over; whatever message came with a denial is not told.
fn reject(session: &mut Session, call: &Call<'_>) {
    session.denials.push(denial(call));
    let meta = json!({"id": call.id, "non_execution_kind": "user-rejected"});
    let outcome = "User rejected tool use".into();
    let line = session.line(
        shapes::USER_TOOL_RESULT,
        &[field("block", &refusal(call, REJECTED)), field("outcome", &outcome), field("meta", &meta)],
    );
    session.output.line(&line);
}

/// A word on the input, as the CLI gives one: a file's name or the command's description.
fn describe(input: &Value) -> String {
    let path = input["file_path"].as_str().and_then(|path| path.rsplit('/').next());
    path.or(input["description"].as_str()).unwrap_or_default().to_owned()
}
