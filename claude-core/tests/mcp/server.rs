//! A small MCP server: what it answers to each request, and its life on standard input and output.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

/// Makes this program a server; the value is how it behaves.
pub(crate) const ROLE: &str = "MCP_TEST_SERVER";

/// Serves on standard input and output, where that was asked for.
pub(crate) fn become_if_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    match role.as_str() {
        "silent" => std::thread::sleep(Duration::from_secs(600)),
        "broken" => {
            eprintln!("no database with {}", std::env::var("TEST_API_KEY").unwrap());
            println!("this is no JSON");
        }
        _ => serve(&role),
    }
    true
}

fn serve(role: &str) {
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if request["method"] == "notifications/cancelled" {
            std::fs::write(std::env::var("MCP_TEST_CANCELLED").unwrap(), request.to_string()).unwrap();
        }
        let role = role.to_owned();
        // Each request by itself: a slow one holds up none.
        std::thread::spawn(move || {
            if let Some(answer) = answer(&request, &role) {
                let mut output = std::io::stdout().lock();
                writeln!(output, "{answer}").and_then(|()| output.flush()).unwrap();
            }
        });
    }
}

/// The answer; notifications have none.
pub(crate) fn answer(request: &Value, role: &str) -> Option<Value> {
    let id = request.get("id")?;
    let params = &request["params"];
    let result = match request["method"].as_str()? {
        "initialize" => Ok(json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "test", "version": "1"},
            "instructions": "Call echo."
        })),
        "tools/list" => Ok(tools(params["cursor"].as_str(), role)),
        "tools/call" => call(params["name"].as_str()?, &params["arguments"]),
        other => Err(json!({"code": -32601, "message": format!("no method {other}")})),
    };
    Some(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    })
}

fn tools(cursor: Option<&str>, role: &str) -> Value {
    let tool = |name: &str| {
        let properties = json!({"text": {"type": "string"}});
        json!({"name": name, "description": format!("Does {name}."),
            "inputSchema": {"type": "object", "properties": properties}})
    };
    let mut hinted = tool("env");
    hinted["annotations"] = json!({"readOnlyHint": true});
    match (role, cursor) {
        ("odd", _) => {
            let mut shapeless = tool("shapeless");
            shapeless["inputSchema"] = json!({});
            json!({"tools": [tool("echo"), shapeless, tool("echo"), tool(&"x".repeat(129)), tool("mixed")]})
        }
        ("many", _) => json!({"tools": [tool("echo")], "nextCursor": "more"}),
        (_, None) => json!({"tools": [tool("echo"), hinted], "nextCursor": "2"}),
        _ => json!({"tools": [tool("mixed"), tool("fail"), tool("refuse"), tool("die"), tool("wait/long")]}),
    }
}

fn call(name: &str, arguments: &Value) -> Result<Value, Value> {
    let text = |text: String| json!([{"type": "text", "text": text}]);
    match name {
        "echo" => Ok(json!({"content": text(arguments.to_string())})),
        "env" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            Ok(json!({"content": text(names.join(" "))}))
        }
        "mixed" => Ok(json!({"content": [
            {"type": "text", "text": "see"}, {"type": "image", "data": "aGk=", "mimeType": "image/png"}],
            "structuredContent": {"seen": true}})),
        "fail" => Ok(json!({"content": text("the disk is full".to_owned()), "isError": true})),
        "wait/long" => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(json!({"content": []}))
        }
        "die" => {
            eprintln!("panicked: it was too much");
            #[allow(clippy::disallowed_methods)] // a crash has no destructors
            std::process::exit(7)
        }
        _ => Err(json!({"code": -32602, "message": "refused by the server"})),
    }
}
