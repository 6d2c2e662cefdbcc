//! Variables, read as Dokploy reads them: by the regular expression of the JavaScript package `dotenv`, with its
//! alternatives in their order.
//!
//! ```text
//! ^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)
//! (\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?
//! \s*(?:#.*)?$
//! ```
//!
//! Names with a `:` behind them are not read.

/// Names and values, in their order.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, Vec::new());
    while at < text.len() {
        let found = name(&text, at).and_then(|(name, from)| Some((name, value(&text, from)?)));
        if let Some((name, (value, end))) = found {
            read.push((name, unquoted(value.trim_matches(is_js_blank))));
            at = end + 1;
        } else {
            at += text[at..].iter().position(|it| *it == '\n').map_or(text.len() - at, |end| end + 1);
        }
    }
    read
}

/// A name, and where its value may begin.
fn name(text: &[char], from: usize) -> Option<(String, usize)> {
    let mut at = skip(text, from, is_js_blank);
    let export: Vec<char> = "export".chars().collect();
    if text[at..].starts_with(&export) && text.get(at + export.len()).is_some_and(|it| is_js_blank(*it)) {
        at = skip(text, at + export.len(), is_js_blank);
    }
    let end = skip(text, at, |it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-'));
    let equals = skip(text, end, is_js_blank);
    let is_named = end > at && text.get(equals) == Some(&'=');
    is_named.then(|| (text[at..end].iter().collect(), equals + 1))
}

fn skip(text: &[char], from: usize, of: impl Fn(char) -> bool) -> usize {
    from + text.iter().skip(from).take_while(|it| of(**it)).count()
}

/// The first alternative behind which the line may end, and where that is.
fn value(text: &[char], from: usize) -> Option<(String, usize)> {
    let open = skip(text, from, is_js_blank);
    let quote = text.get(open).filter(|it| matches!(it, '\'' | '"' | '`'));
    let quoted = quote.map(|quote| closings(text, open, *quote)).unwrap_or_default();
    let line = skip(text, from, |it| !matches!(it, '#' | '\r' | '\n'));
    // Backtracking gives single characters up, down to none.
    let ends = quoted.into_iter().map(|closing| closing + 1).chain((from..=line).rev());
    let found = ends.map(|end| (end, end_of_line(text, end)));
    found.into_iter().find_map(|(end, line_end)| Some((text[from..end].iter().collect(), line_end?)))
}

/// Where a quoted value may close, in the order in which the expression tries: behind a `\` a quote is first taken as part
/// of the value.
fn closings(text: &[char], open: usize, quote: char) -> Vec<usize> {
    let mut found = Vec::new();
    for at in (open + 1..text.len()).filter(|at| text[*at] == quote) {
        found.push(at);
        if text[at - 1] != '\\' || at - 1 == open {
            break;
        }
    }
    found.reverse();
    found
}

/// `\s*(?:#.*)?$`, of which the blanks may be line ends.
fn end_of_line(text: &[char], from: usize) -> Option<usize> {
    let blanks = skip(text, from, is_js_blank);
    (from..=blanks).rev().find_map(|at| match text.get(at) {
        None | Some('\n' | '\r') => Some(at),
        Some('#') => Some(skip(text, at, |it| !matches!(it, '\n' | '\r'))),
        Some(_) => None,
    })
}

fn unquoted(value: &str) -> String {
    let quote = value.chars().next().filter(|it| matches!(it, '\'' | '"' | '`'));
    let inner = quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    match quote {
        Some('"') => inner.replace("\\n", "\n").replace("\\r", "\r"),
        _ => inner.to_owned(),
    }
}

/// `\s` of JavaScript.
fn is_js_blank(it: char) -> bool {
    it == '\u{feff}' || (it.is_whitespace() && it != '\u{85}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_recorded() {
        let text = "NAME=alpha\nQUOTED=\"a b # c\" # comment\nSINGLE='x$y'\nexport EXPORTED=1\n\
                    MULTI=\"l1\\nl2\"\nEMPTY=\nLAST=1";
        let read: Vec<_> = read(text).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected =
            ["NAME=alpha", "QUOTED=a b # c", "SINGLE=x$y", "EXPORTED=1", "MULTI=l1\nl2", "EMPTY=", "LAST=1"];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_variable_is_passed_over() {
        assert_eq!(read("# A=1\nno\nB=2"), [("B".to_owned(), "2".to_owned())]);
        assert!(read("").is_empty());
        assert_eq!(read("A='a\\'\nB='x'")[0].1, "a\\");
    }
}
