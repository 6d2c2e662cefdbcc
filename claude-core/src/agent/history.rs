//! What comes next, decided from the conversation alone: the loop has no other state to lose.

use std::collections::HashSet;

use super::output::string;
use crate::error::{Error, Result};
use crate::messages::{Content, ContentBlock, MessageParam, Role, ToolInput};
use crate::object::Object;
use crate::text::{Json, Text};

/// What the model is told of calls that the conversation left behind.
const LEFT_BEHIND: &str = "not run: the conversation went on";

/// A call of a tool that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) input: Json,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The model is asked.
    Ask,
    /// These calls have no result yet.
    Run(Vec<Call>),
    /// Nothing.
    Done,
}

/// What comes next in a history that [`prepare`] made, or that grew from one.
pub(super) fn next(messages: &[MessageParam]) -> Step {
    let calls = dangling(messages);
    if !calls.is_empty() {
        return Step::Run(calls);
    }
    match messages.last() {
        Some(last) if last.role == Role::Assistant && !waits_for_the_api(&last.content) => Step::Done,
        _ => Step::Ask,
    }
}

/// A history that the API takes, made of a stored one and what the user says now:
/// - blocks that may not go back are dropped: empty texts, thinking that is unsigned or that nothing follows, calls
///   whose input did not end;
/// - results stand directly behind their calls, once; those without a call are dropped;
/// - calls without a result get an error as one, unless they are the last thing in the history.
///
/// # Errors
/// [`Error::Invalid`] where there is nothing to answer, or where the model is the first to speak.
pub(super) fn prepare(history: Vec<MessageParam>, said: Option<Content>) -> Result<Vec<MessageParam>> {
    let mut messages: Vec<MessageParam> = history.into_iter().filter_map(clean).collect();
    if let Some(said) = said {
        let said = clean(MessageParam::user(said));
        messages.push(said.ok_or_else(|| invalid("message", "it is empty"))?);
    }
    let messages = pair_all(messages);
    match messages.first().map(|first| first.role) {
        None => Err(invalid("message", "there is nothing to answer")),
        Some(Role::Assistant) => Err(invalid("history", "it must begin with what the user says")),
        Some(_) => Ok(messages),
    }
}

/// The blocks of an answer that may go back to the API and be stored: see [`prepare`].
pub(super) fn keep(blocks: &mut Vec<ContentBlock>) {
    let mut ids = HashSet::new();
    blocks.retain(|block| match block {
        ContentBlock::Text(it) => !it.text.trim().is_empty(),
        ContentBlock::Thinking(it) => !it.signature.is_empty(),
        // A second call of the same id could never be told from the first.
        ContentBlock::ToolUse(it) => is_object(&it.input) && ids.insert(it.id.clone()),
        ContentBlock::ServerToolUse(it) => is_object(&it.input),
        ContentBlock::Other(it) => !matches!(it.read::<Text>("type").as_deref(), None | Some("tool_use")),
        _ => true,
    });
    drop_last_thoughts(blocks);
}

/// A message may not end with thinking. At the end of an answer that broke off its signature may be a part, too.
fn drop_last_thoughts(blocks: &mut Vec<ContentBlock>) {
    let is_thought =
        |block: &ContentBlock| matches!(block, ContentBlock::Thinking(_) | ContentBlock::RedactedThinking(_));
    while blocks.pop_if(|block| is_thought(block)).is_some() {}
}

fn is_object(input: &ToolInput) -> bool {
    input.complete().is_some_and(|input| input.as_str().trim_start().starts_with('{'))
}

/// Drops the calls of the API's own tools that have no result in the same message. Only the last message of a
/// paused turn may have such.
pub(super) fn drop_unanswered_server_calls(blocks: &mut Vec<ContentBlock>) {
    let answered: HashSet<Text> = blocks.iter().filter_map(server_result).collect();
    blocks.retain(|block| !matches!(block, ContentBlock::ServerToolUse(it) if !answered.contains(&it.id)));
    drop_last_thoughts(blocks);
}

/// The call whose result a block of the API's own tools is.
pub(super) fn server_result(block: &ContentBlock) -> Option<Text> {
    let ContentBlock::Other(it) = block else { return None };
    let kind: Text = it.read("type")?;
    if kind.ends_with("_tool_result") { it.read("tool_use_id") } else { None }
}

/// The block that tells a result.
pub(super) fn result(id: &Text, content: Json, is_error: bool) -> ContentBlock {
    let mut members = Object::default();
    members.set("type", string(&"tool_result".into()));
    members.set("tool_use_id", string(id));
    members.set("content", content);
    if is_error {
        members.set("is_error", true_json());
    }
    ContentBlock::Other(members)
}

/// The calls of a message.
pub(super) fn calls(blocks: &[ContentBlock]) -> Vec<Call> {
    let calls = blocks.iter().filter_map(|block| match block {
        ContentBlock::ToolUse(it) => match &it.input {
            ToolInput::Complete(input) => {
                Some(Call { id: it.id.clone(), name: it.name.clone(), input: input.clone() })
            }
            ToolInput::Unfinished { .. } => None,
        },
        _ => None,
    });
    calls.collect()
}

/// The calls of the last message of the model that have no result, as long as nothing else was said behind it.
fn dangling(messages: &[MessageParam]) -> Vec<Call> {
    let (answer, results) = match messages {
        [.., answer, results] if results.role == Role::User => (answer, results.content.blocks()),
        [.., answer] => (answer, Vec::new()),
        [] => return Vec::new(),
    };
    if answer.role != Role::Assistant {
        return Vec::new();
    }
    let answered: HashSet<Text> = results.iter().filter_map(tool_result).collect();
    let mut calls = calls(&answer.content.blocks());
    calls.retain(|call| !answered.contains(&call.id));
    calls
}

fn waits_for_the_api(content: &Content) -> bool {
    let mut blocks = content.blocks();
    let all = blocks.len();
    drop_unanswered_server_calls(&mut blocks);
    blocks.len() < all
}

/// The message without what may not go back; `None` where nothing is left.
fn clean(mut message: MessageParam) -> Option<MessageParam> {
    match &mut message.content {
        Content::Text(text) if text.trim().is_empty() => return None,
        Content::Text(_) => {}
        Content::Blocks(blocks) => {
            keep(blocks);
            if blocks.is_empty() {
                return None;
            }
        }
    }
    Some(message)
}

fn pair_all(messages: Vec<MessageParam>) -> Vec<MessageParam> {
    let mut paired = Vec::with_capacity(messages.len());
    let mut rest = messages.into_iter().peekable();
    while let Some(message) = rest.next() {
        let before = match message.role {
            Role::User => {
                paired.extend(pair(&[], vec![message], Missing::Filled));
                continue;
            }
            _ => message,
        };
        let mut users = Vec::new();
        while let Some(user) = rest.next_if(|next| next.role == Role::User) {
            users.push(user);
        }
        let calls: Vec<Text> = calls(&before.content.blocks()).into_iter().map(|call| call.id).collect();
        let is_last = rest.peek().is_none();
        let missing = if is_last { Missing::MayRun } else { Missing::Filled };
        let users = pair(&calls, users, missing);
        paired.extend(settled(before, is_last && users.iter().all(only_tells_results)));
        paired.extend(users);
    }
    paired
}

fn only_tells_results(message: &MessageParam) -> bool {
    message.content.blocks().iter().all(|block| tool_result(block).is_some())
}

/// What the conversation left behind waits for nothing any more.
fn settled(mut message: MessageParam, is_open: bool) -> Option<MessageParam> {
    if let (false, Role::Assistant, Content::Blocks(blocks)) = (is_open, message.role, &mut message.content) {
        drop_unanswered_server_calls(blocks);
        if blocks.is_empty() {
            return None;
        }
    }
    Some(message)
}

/// What becomes of calls without a result.
#[derive(PartialEq, Eq)]
enum Missing {
    /// They run, unless the user said something else since.
    MayRun,
    /// They get an error.
    Filled,
}

/// The user's messages behind an answer, with the results of its calls in front.
fn pair(calls: &[Text], users: Vec<MessageParam>, missing: Missing) -> Vec<MessageParam> {
    if is_paired(calls, &users) {
        return users;
    }
    let mut results: Vec<Option<ContentBlock>> = vec![None; calls.len()];
    let mut others: Vec<MessageParam> = Vec::new();
    for mut user in users {
        if let Content::Blocks(blocks) = &mut user.content {
            blocks.retain(|block| {
                let Some(id) = tool_result(block) else { return true };
                // Without a call, or told before: it goes.
                let place = calls.iter().position(|call| *call == id).and_then(|at| results.get_mut(at));
                if let Some(empty @ None) = place {
                    *empty = Some(block.clone());
                }
                false
            });
            if blocks.is_empty() {
                continue;
            }
        }
        others.push(user);
    }
    let may_run = missing == Missing::MayRun && others.is_empty();
    let mut first: Vec<ContentBlock> = results
        .into_iter()
        .zip(calls)
        .filter_map(|(told, id)| told.or_else(|| (!may_run).then(|| left_behind(id))))
        .collect();
    if first.is_empty() {
        return others;
    }
    if !others.is_empty() {
        first.extend(others.remove(0).content.blocks());
    }
    others.insert(0, MessageParam::user(first));
    others
}

/// Whether the first message begins with the results of these calls, and there are no others.
fn is_paired(calls: &[Text], users: &[MessageParam]) -> bool {
    let blocks: Vec<ContentBlock> = users.iter().flat_map(|user| user.content.blocks()).collect();
    let told: Vec<Option<Text>> = blocks.iter().map(tool_result).collect();
    let in_first = users.first().map_or(0, |first| first.content.blocks().len());
    in_first >= calls.len()
        && told.iter().take(calls.len()).eq(&calls.iter().cloned().map(Some).collect::<Vec<_>>())
        && told.iter().skip(calls.len()).all(Option::is_none)
}

fn left_behind(id: &Text) -> ContentBlock {
    result(id, string(&LEFT_BEHIND.into()), true)
}

/// The call whose result a block is.
fn tool_result(block: &ContentBlock) -> Option<Text> {
    let ContentBlock::Other(it) = block else { return None };
    let kind: Text = it.read("type")?;
    if kind == "tool_result" { Some(it.read("tool_use_id").unwrap_or_default()) } else { None }
}

fn true_json() -> Json {
    Json::of(&true).unwrap_or_else(|_| Json::null())
}

fn invalid(field: &'static str, reason: &str) -> Error {
    Error::Invalid { field, reason: reason.into() }
}

#[cfg(test)]
mod tests;
