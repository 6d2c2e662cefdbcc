//! From what a turn is asked to a command of Claude Code.

use crate::cli::argument::{ModelName, ToolRule, invalid};
use crate::cli::command::Command;
use crate::cli::translator::Detail;
use crate::error::Result;
use crate::messages::{Content, ContentBlock};
use crate::text::Text;
use crate::turn::{Origin, ToolSet, TurnLimits, TurnRequest};

/// The template with what the request says.
pub(super) fn command(template: Command, request: TurnRequest) -> Result<Command> {
    let TurnRequest { model, history, message, system, tools, limits, origin, cwd, permission_mode } =
        request;
    if !history.is_empty() {
        return Err(invalid("history", "Claude Code keeps its own: go on with a session"));
    }
    let message = message.ok_or_else(|| invalid("message", "Claude Code goes on with a message only"))?;
    let mut command = template.content(as_text(message)).partial_messages().detail(Detail::Full);
    if let Some(model) = model {
        command = command.model(ModelName::parse(&model)?);
    }
    if let Some(system) = system {
        command = command.append_system_prompt_too(&system);
    }
    if let Some(directory) = cwd {
        command = command.cwd(directory);
    }
    if let Some(mode) = permission_mode {
        command = command.permission_mode(mode);
    }
    command = match origin {
        Origin::New => command,
        Origin::Resume(session) => command.resume(session),
        Origin::Fork(session) => command.resume(session).fork(),
    };
    if let ToolSet::Only(names) = &tools {
        command = command.only_tools(built_in(names)?).without_mcp();
    }
    Ok(within(command, &limits))
}

/// A lone text goes in as text, which needs no control protocol.
fn as_text(message: Content) -> Content {
    match &message {
        Content::Blocks(blocks) => match &blocks[..] {
            [ContentBlock::Text(block)] => Content::Text(block.text.clone()),
            _ => message,
        },
        Content::Text(_) => message,
    }
}

fn built_in(names: &[Text]) -> Result<Vec<ToolRule>> {
    let named = names.iter().map(|name| match ToolRule::parse(name) {
        Ok(rule) if rule.is_name() && !name.starts_with("mcp__") => Ok(rule),
        Ok(_) => Err(invalid("tools", format!("`{}` is no built-in tool", name.escape_debug()))),
        Err(error) => Err(error),
    });
    named.collect()
}

fn within(command: Command, limits: &TurnLimits) -> Command {
    let command = command.at_most_turns(limits.model_requests);
    match limits.cost_usd {
        Some(dollars) => command.at_most_usd(dollars),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::MessageParam;
    use crate::object::Object;

    const SESSION: &str = "297969ae-4a7b-4bdd-9780-b641d125eef6";

    fn line(template: Command, request: TurnRequest) -> Vec<String> {
        let command = command(template, request).unwrap();
        command.arguments().into_iter().map(|it| it.into_string().unwrap()).collect()
    }

    fn has(line: &[String], wanted: &str) -> bool {
        line.iter().any(|it| it == wanted)
    }

    #[test]
    fn what_the_request_says_becomes_flags() {
        let mut request = TurnRequest::new("opus", "hi").system("Be brief.").limits(|l| {
            l.model_requests = 7;
            l.cost_usd = Some(0.5);
        });
        request.origin = Origin::Fork(SESSION.parse().unwrap());
        request.tools = ToolSet::Only(vec!["Read".into(), "Grep".into()]);
        request.permission_mode = Some(crate::cli::PermissionMode::Plan);
        let template = Command::new("claude").append_system_prompt("You are careful.").max_turns(9);
        let line = line(template.max_budget_usd(0.25).mcp_config("servers.json"), request);
        for flag in [
            "--model=opus",
            "--append-system-prompt=You are careful.\n\nBe brief.",
            "--max-turns=7",
            "--max-budget-usd=0.25",
            &format!("--resume={SESSION}"),
            "--fork-session",
            "--tools=Read,Grep",
            "--strict-mcp-config",
            "--permission-mode=plan",
            "--include-partial-messages",
        ] {
            assert!(has(&line, flag), "{flag}: {line:?}");
        }
        assert!(!line.iter().any(|it| it.starts_with("--mcp-config")), "{line:?}");
    }

    #[test]
    fn no_tools_at_all_are_an_empty_list() {
        let mut request = TurnRequest::new("opus", "hi");
        request.tools = ToolSet::Only(Vec::new());
        assert!(has(&line(Command::new("claude"), request), "--tools="));
    }

    #[test]
    fn blocks_go_in_as_a_message_and_a_lone_text_as_text() {
        let text = || ContentBlock::text("hi");
        let lone = line(Command::new("claude"), TurnRequest::new("opus", vec![text()]));
        assert!(!has(&lone, "--input-format=stream-json"), "{lone:?}");
        let image: Object = serde_json::from_str(r#"{"type":"image","source":{}}"#).unwrap();
        let both = vec![text(), ContentBlock::Other(image)];
        let both = line(Command::new("claude"), TurnRequest::new("opus", both));
        assert!(has(&both, "--input-format=stream-json"), "{both:?}");
        assert!(!both.iter().any(|it| it.starts_with("--permission-prompt-tool")), "nobody is there to ask");
    }

    #[test]
    fn what_can_not_be_passed_on_is_named() {
        let request = || TurnRequest::new("opus", "hi");
        let with_tools = |names: &[&str]| {
            let mut request = request();
            request.tools = ToolSet::Only(names.iter().map(|it| (*it).into()).collect());
            request
        };
        let bad = [
            (request().history(vec![MessageParam::user("before")]), "history"),
            (TurnRequest::going_on(Vec::new()), "message"),
            (TurnRequest::new("--settings={}", "hi"), "model"),
            (with_tools(&["Read", "--settings={}"]), "tools"),
            (with_tools(&["Bash(ls *)"]), "tools"),
            (with_tools(&["mcp__disk__free"]), "tools"),
        ];
        for (request, expected) in bad {
            match command(Command::new("claude"), request) {
                Err(crate::Error::Invalid { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
