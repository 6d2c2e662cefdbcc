//! The model's own questions (`AskUserQuestion`): options to choose from, or an answer in words.

use std::collections::BTreeMap;
use std::io;

use anstyle::AnsiColor;
use claude_core::Json;
use claude_core::approval::{Question, Verdict};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::terminal::{Terminal, painted, visible};

/// The tool's name.
pub(crate) const TOOL: &str = "AskUserQuestion";

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    questions: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    #[serde(default)]
    options: Vec<Choice>,
    #[serde(default, rename = "multiSelect")]
    multi_select: bool,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    #[serde(default)]
    description: String,
}

/// Asks each question; the answers go back in the input.
pub(crate) async fn ask(terminal: &mut Terminal, question: &Question) -> io::Result<Verdict> {
    let asked: Input = question.input().read().map_err(io::Error::other)?;
    let mut answers = BTreeMap::new();
    for one in &asked.questions {
        terminal.write(&describe(one, terminal.colours))?;
        // Before it is asked for the answer: what comes from then on is one.
        terminal.forget_typed();
        terminal.write(prompt(one))?;
        let Some(line) = terminal.line().await? else {
            return Ok(Verdict::Deny(question.deny("nobody answered", "user")));
        };
        answers.insert(one.question.clone(), chosen(one, &line));
    }
    let mut input: Map<String, Value> = question.input().read().map_err(io::Error::other)?;
    input.insert("answers".into(), serde_json::to_value(answers)?);
    Ok(Verdict::Allow(question.allow_edited(Json::from(Value::Object(input)), "user")))
}

fn describe(asked: &Asked, colours: bool) -> String {
    let title = painted(&format!("? {}", visible(&asked.question)), AnsiColor::Yellow, colours);
    let options = asked.options.iter().zip(1..).map(|(option, number)| {
        format!("  {number}. {} — {}\n", visible(&option.label), visible(&option.description))
    });
    format!("\n{title}\n{}", options.collect::<String>())
}

fn prompt(asked: &Asked) -> &'static str {
    if asked.multi_select {
        "Answer (numbers with commas, or your own words): "
    } else {
        "Answer (a number, or your own words): "
    }
}

/// The labels chosen by number; anything else is an answer in words.
fn chosen(asked: &Asked, line: &str) -> String {
    let label = |word: &str| {
        let number: usize = word.trim().parse().ok()?;
        Some(asked.options.get(number.checked_sub(1)?)?.label.clone())
    };
    let labels: Option<Vec<_>> = line.split(',').map(label).collect();
    match labels {
        Some(labels) if labels.len() == 1 || asked.multi_select => labels.join(", "),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_chosen_by_number_or_answered_in_words() {
        let option = |label: &str| Choice { label: label.into(), description: String::new() };
        let mut asked =
            Asked { question: "?".into(), options: vec![option("Red"), option("Blue")], multi_select: false };
        assert_eq!(chosen(&asked, "2"), "Blue");
        assert_eq!(chosen(&asked, "1,2"), "1,2");
        assert_eq!(chosen(&asked, "3"), "3");
        assert_eq!(chosen(&asked, "neither"), "neither");
        asked.multi_select = true;
        assert_eq!(chosen(&asked, "1, 2"), "Red, Blue");
    }
}
