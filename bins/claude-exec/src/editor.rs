//! A tool's input in the user's own editor.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::Stdio;

use claude_core::Json;
use tokio::process::Command;

/// The most bytes read back.
const INPUT_BYTES: u64 = 10 << 20;

/// Opens `input` in `$VISUAL`, else `$EDITOR`, else `vi`, and reads it back.
///
/// # Errors
/// When no editor runs, or when what comes back is no JSON object.
pub(crate) async fn edit(input: &Json) -> io::Result<Json> {
    let edited = edit_text(&indented(input.as_str())).await?;
    let json = Json::parse(edited).map_err(|error| invalid(&format!("that is no JSON: {error}")))?;
    if json.as_str().trim_start().starts_with('{') {
        Ok(json)
    } else {
        Err(invalid("that is no JSON object"))
    }
}

/// Cancelled, as when the question is withdrawn, the editor is ended.
async fn edit_text(text: &str) -> io::Result<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    // Readable by its owner only, and gone when dropped.
    let mut file = tempfile::Builder::new().prefix("claude-exec-").suffix(".json").tempfile()?;
    file.write_all(text.as_bytes())?;
    let terminal = || File::options().read(true).write(true).open("/dev/tty").map(Stdio::from);
    // An editor's variable may hold arguments: the shell splits it, the path stays one word.
    let status = Command::new("sh")
        .args(["-c", &format!("exec {editor} \"$1\""), "sh"])
        .arg(file.path())
        .stdin(terminal()?)
        .stdout(terminal()?)
        .stderr(terminal()?)
        .kill_on_drop(true)
        .status()
        .await?;
    if !status.success() {
        return Err(invalid(&format!("the editor failed ({status})")));
    }
    // By its path: some editors write a new file in place of the old one.
    let mut edited = String::new();
    File::open(file.path())?.take(INPUT_BYTES).read_to_string(&mut edited)?;
    Ok(edited)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// JSON with a line for each member. Works on the text, so that order and digits stay.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), 0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    for it in json.chars() {
        if in_string {
            out.push(it);
            (in_string, escaped) = (escaped || it != '"', !escaped && it == '\\');
            continue;
        }
        match it {
            '"' => (in_string, _) = (true, out.push(it)),
            '{' | '[' => {
                out.push(it);
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(it);
            }
            ',' => {
                out.push(it);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_keeps_order_digits_and_strings() {
        let json = r#"{"b":"x, {\"y\": [\\","a":[9007199254740993123,null]}"#;
        let expected =
            "{\n  \"b\": \"x, {\\\"y\\\": [\\\\\",\n  \"a\": [\n    9007199254740993123,\n    null\n  ]\n}\n";
        assert_eq!(indented(json), expected);
    }
}
