//! What a change changes, in the unified form.

use anstyle::AnsiColor;
use similar::{ChangeTag, TextDiff};

use crate::terminal::{painted, visible};

/// Lines around a change.
const CONTEXT: usize = 3;

/// The most lines shown.
const LINES: usize = 400;

/// The change from `before` to `after`, one indented line each.
pub(crate) fn unified(before: &str, after: &str, colours: bool) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let old = span(first.old_range().start, last.old_range().end);
        let new = span(first.new_range().start, last.new_range().end);
        lines.push(painted(&format!("@@ -{old} +{new} @@"), AnsiColor::Cyan, colours));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push(line(change.tag(), change.value(), colours));
        }
    }
    let left_out = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if left_out > 0 {
        lines.push(format!("… {left_out} more lines"));
    }
    lines.into_iter().map(|line| format!("  {line}\n")).collect()
}

fn line(tag: ChangeTag, text: &str, colours: bool) -> String {
    // A tab is a blank here as in any diff.
    let text = visible(&text.trim_end_matches('\n').replace('\t', "    "));
    match tag {
        ChangeTag::Delete => painted(&format!("-{text}"), AnsiColor::Red, colours),
        ChangeTag::Insert => painted(&format!("+{text}"), AnsiColor::Green, colours),
        ChangeTag::Equal => format!(" {text}"),
    }
}

/// `start,count` as diffs write it, counted from 1; an empty range names the line before it.
fn span(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_surroundings() {
        let before: String = (1..=9).map(|n| format!("{n}\n")).collect();
        let after = before.replace("5\n", "five\n");
        let expected = "  @@ -2,7 +2,7 @@\n   2\n   3\n   4\n  -5\n  +five\n   6\n   7\n   8\n";
        assert_eq!(unified(&before, &after, false), expected);
    }

    #[test]
    fn a_new_file_is_all_additions_and_escapes_are_shown() {
        assert_eq!(unified("", "a\u{1b}[2J\n", false), "  @@ -0,0 +1 @@\n  +a␛[2J\n");
    }

    #[test]
    fn a_long_change_says_what_is_left_out() {
        let after = "x\n".repeat(1000);
        assert!(unified("", &after, false).ends_with("  … 601 more lines\n"));
    }
}
