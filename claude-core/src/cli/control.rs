//! The control protocol: lines to the CLI's stdin, and the handle that asks for them.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::argument::{ModelName, PermissionMode};
use crate::approval::{Denial, Permit, Scope};
use crate::error::{Error, Result};
use crate::messages::Content;
use crate::text::{Json, Text};
use crate::turn::{Stops, TurnHandle};

/// Requests that wait for the process to be polled; asking waits beyond it.
const REQUESTS: usize = 16;

/// Steers a running process from anywhere: `Clone`, `Send`, `Sync`. Dropping it does nothing. What it asks is
/// done while the process is polled.
#[derive(Debug, Clone)]
pub struct Control {
    requests: mpsc::Sender<Request>,
    handle: TurnHandle,
}

/// What a [`Control`] can ask of its process.
#[derive(Debug)]
pub(super) enum Request {
    SetModel(ModelName, Answer),
    SetPermissionMode(PermissionMode, Answer),
}

pub(super) type Answer = oneshot::Sender<Result<()>>;

/// The other half of a [`Control`].
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) stops: Stops,
}

impl Control {
    /// With the two halves of a handle, which may be the turn's that the process works for.
    pub(super) fn new((handle, stops): (TurnHandle, Stops)) -> (Self, Requests) {
        let (requests, received) = mpsc::channel(REQUESTS);
        (Self { requests, handle }, Requests { requests: received, stops })
    }

    /// Asks the CLI to stop what it does; it ends with a result. May be called twice.
    pub fn interrupt(&self) {
        self.handle.interrupt();
    }

    /// Ends the process, its children included: INT, TERM, KILL. `by` stands in the turn's end.
    pub fn cancel(&self, by: &str) {
        self.handle.cancel(by);
    }

    /// The half of it that any turn has.
    #[must_use]
    pub fn handle(&self) -> TurnHandle {
        self.handle.clone()
    }

    /// Changes the model for what follows.
    ///
    /// # Errors
    /// [`Error::Refused`] by the CLI, or because the run has no approver and so no control protocol;
    /// [`Error::Ended`] after the end.
    pub async fn set_model(&self, model: ModelName) -> Result<()> {
        self.ask(|answer| Request::SetModel(model, answer)).await
    }

    /// Changes who decides about tools.
    ///
    /// # Errors
    /// As [`Control::set_model`].
    pub async fn set_permission_mode(&self, mode: PermissionMode) -> Result<()> {
        self.ask(|answer| Request::SetPermissionMode(mode, answer)).await
    }

    async fn ask(&self, request: impl FnOnce(Answer) -> Request) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| Error::Ended)?;
        answered.await.map_err(|_| Error::Ended)?
    }
}

/// The prompt as a message.
pub(super) fn user_message(prompt: &Content) -> Bytes {
    // A line break can only stand between the tokens of JSON; here it would end the line.
    let content = serde_json::to_string(prompt).unwrap_or_default().replace(['\n', '\r'], " ");
    Bytes::from(format!(
        "{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":{content}}},\
         \"parent_tool_use_id\":null,\"session_id\":\"\"}}\n"
    ))
}

pub(super) fn interrupt(request_id: &str) -> Bytes {
    request(request_id, json!({"subtype": "interrupt"}))
}

pub(super) fn set_model(request_id: &str, model: &ModelName) -> Bytes {
    request(request_id, json!({"subtype": "set_model", "model": model.as_str()}))
}

pub(super) fn set_permission_mode(request_id: &str, mode: PermissionMode) -> Bytes {
    request(request_id, json!({"subtype": "set_permission_mode", "mode": mode.as_str()}))
}

/// Yes. The input goes back as it was permitted, digit for digit.
pub(super) fn allow(request_id: &Text, permit: &Permit, rule: Option<&SessionRule>) -> Bytes {
    let updates = match (permit.scope(), rule) {
        (Scope::Session, Some(rule)) => format!(",\"updatedPermissions\":{}", rule.updates),
        _ => String::new(),
    };
    let id = json!(request_id);
    // A line break can only stand between the tokens of JSON; here it would end the line.
    let input = permit.input().as_str().replace(['\n', '\r'], " ");
    let text = format!(
        "{{\"type\":\"control_response\",\"response\":{{\"subtype\":\"success\",\"request_id\":{id},\
         \"response\":{{\"behavior\":\"allow\",\"updatedInput\":{input}{updates}}}}}}}\n"
    );
    Bytes::from(text)
}

/// We can't answer this.
pub(super) fn refuse(request_id: &Text) -> Bytes {
    let error = "this client does not know the request";
    line(&json!({
        "type": "control_response",
        "response": {"subtype": "error", "request_id": request_id, "error": error},
    }))
}

/// No, with the reason that the model is told.
pub(super) fn deny(request_id: &Text, denial: &Denial) -> Bytes {
    let answer = json!({"behavior": "deny", "message": denial.reason, "interrupt": denial.interrupt});
    line(&json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": request_id, "response": answer},
    }))
}

/// What a yes for the rest of the session allows.
#[derive(Debug)]
pub(super) struct SessionRule {
    /// For a person: `Bash(touch a *)`, `Write`.
    pub(super) shown: Text,
    /// For the CLI.
    updates: Value,
}

impl SessionRule {
    /// The rules that the CLI suggests for the like of a call, in this session only; else one for the tool, but
    /// not for those that run commands: a yes to one command is none to all.
    pub(super) fn of(tool: &str, suggestions: &[Json]) -> Option<Self> {
        let suggested = suggestions.iter().filter_map(|it| it.read::<Value>().ok());
        let mut updates: Vec<_> =
            suggested.filter(|it| it["type"] == "addRules" && it["behavior"] == "allow").collect();
        if updates.is_empty() && !["Bash", "Monitor", "PowerShell"].contains(&tool) {
            updates.push(json!({"type": "addRules", "rules": [{"toolName": tool}], "behavior": "allow"}));
        }
        for update in &mut updates {
            update["destination"] = "session".into();
        }
        let rules = updates.iter().filter_map(|it| it["rules"].as_array()).flatten();
        let shown: Vec<_> = rules.filter_map(shown_rule).collect();
        (!shown.is_empty()).then(|| Self { shown: shown.join(", ").into(), updates: updates.into() })
    }
}

fn shown_rule(rule: &Value) -> Option<String> {
    let tool = rule["toolName"].as_str()?;
    Some(match rule["ruleContent"].as_str() {
        Some(content) => format!("{tool}({content})"),
        None => tool.to_owned(),
    })
}

fn request(request_id: &str, request: Value) -> Bytes {
    line(&json!({"type": "control_request", "request_id": request_id, "request": request}))
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Question;
    use crate::turn::Effect;

    fn question(input: &str) -> Question {
        Question::new("toolu_1".into(), "Bash".into(), Json::parse(input).unwrap(), Effect::Write)
    }

    fn sent(line: &Bytes) -> serde_json::Value {
        assert_eq!(line.last(), Some(&b'\n'));
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice::<serde_json::Value>(line).unwrap()["response"]["response"].clone()
    }

    #[test]
    fn an_allowed_input_goes_back_digit_for_digit() {
        let permit = question("{\"n\":9007199254740993123,\"b\":1.10}").allow("user");
        let line = allow(&"r\"1".into(), &permit, None);
        let text = String::from_utf8(line.to_vec()).unwrap();
        assert!(text.contains("\"updatedInput\":{\"n\":9007199254740993123,\"b\":1.10}"), "{text}");
        assert_eq!(sent(&line)["behavior"], "allow");
    }

    #[test]
    fn an_edited_input_on_several_lines_stays_one_line() {
        let edited = Json::parse("{\r\n  \"command\": \"ls\"\n}\n").unwrap();
        let permit = question("{}").allow_edited(edited, "user");
        assert_eq!(sent(&allow(&"r".into(), &permit, None))["updatedInput"]["command"], "ls");
    }

    #[test]
    fn a_session_rule_stays_in_the_session_and_is_what_was_shown() {
        let suggestion = r#"{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"ls *"}],"behavior":"allow","destination":"localSettings"}"#;
        let wider = r#"{"type":"setMode","mode":"acceptEdits","destination":"session"}"#;
        let suggestions = [suggestion, wider].map(|it| Json::parse(it).unwrap());
        let rule = SessionRule::of("Bash", &suggestions).unwrap();
        assert_eq!(rule.shown, "Bash(ls *)");

        let question = question("{}").offering(rule.shown.clone());
        let updates =
            |permit: &Permit| sent(&allow(&"r".into(), permit, Some(&rule)))["updatedPermissions"].clone();
        let sent = updates(&question.allow("user").for_session());
        assert_eq!(sent.as_array().unwrap().len(), 1);
        assert_eq!(
            (&sent[0]["destination"], &sent[0]["rules"][0]["ruleContent"]),
            (&"session".into(), &"ls *".into())
        );
        assert!(updates(&question.allow("user")).is_null());
        let edited = question.allow_edited(Json::parse("{\"command\":\"ls\"}").unwrap(), "user");
        assert!(
            updates(&edited.for_session()).is_null(),
            "the rule is for what was asked, not for what was edited"
        );
    }

    #[test]
    fn a_yes_to_one_command_is_none_to_all() {
        assert!(SessionRule::of("Bash", &[]).is_none());
        assert_eq!(SessionRule::of("Write", &[]).unwrap().shown, "Write");
    }

    #[test]
    fn a_denial_tells_why_and_may_end_the_turn() {
        let denial = question("{}").deny("not today\n\u{2028}", "user").and_interrupt();
        let answer = sent(&deny(&"r".into(), &denial));
        assert_eq!((&answer["message"], &answer["interrupt"]), (&"not today\n\u{2028}".into(), &true.into()));
    }
}
