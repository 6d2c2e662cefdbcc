//! The variables that an application is started with.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::name::is_one_line;

/// Variables of a container, in the order in which they were set.
///
/// Dokploy keeps them as one text that it reads as dotenv, and in which it replaces `${{…}}`. Here they are names and
/// values; the text is made so that each value is read back exactly: quotes, `#`, `\`, `$`, blanks and all of Unicode.
/// What can't be written so is refused: control characters and other line ends, `${{`, and the few values that have all
/// three kinds of quotes and also need quoting.
///
/// ```
/// use dokploy_client::Environment;
///
/// let environment = Environment::new().with("GREETING", "it's # 1")?.with("PORT", "8080")?;
/// assert_eq!(environment.names().collect::<Vec<_>>(), ["GREETING", "PORT"]);
/// # Ok::<(), dokploy_client::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: Vec<(Box<str>, SecretString)>,
}

impl Environment {
    /// Without variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this variable; a name that is there already gets the new value.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is not `[A-Za-z_][A-Za-z0-9_]*`, and for a value that can't be written. It
    /// tells the name, but not the value.
    pub fn with(mut self, name: &str, value: impl Into<SecretString>) -> Result<Self> {
        let value = value.into();
        check_name(name)?;
        check_value(name, value.expose_secret())?;
        match self.variables.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.into(), value)),
        }
        Ok(self)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| &**name)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// The text for Dokploy: one line for each variable.
    #[must_use]
    pub fn to_dotenv(&self) -> SecretString {
        let lines = self.variables.iter().map(|(name, value)| {
            // Each value was checked when it was set.
            let written = write(value.expose_secret()).unwrap_or_default();
            format!("{name}={written}")
        });
        lines.collect::<Vec<_>>().join("\n").into()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment ")?;
        f.debug_list().entries(self.names()).finish()
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    // The reader is JavaScript: it can't set a member of this name.
    let is_lost = name == "__proto__";
    if is_lost
        || name.is_empty()
        || name.starts_with(|first: char| first.is_ascii_digit())
        || !name.bytes().all(is_of_name)
    {
        let reason = "a variable's name must be of letters, digits and `_`, and not begin with a digit";
        return Err(Error::invalid("environment", reason));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<()> {
    let invalid = |reason: &str| Err(Error::invalid("environment", format!("the value of {name} {reason}")));
    if !is_one_line(value) {
        return invalid("must be one line without control characters");
    }
    if value.contains("${{") {
        return invalid("must not hold `${{`, which Dokploy would replace");
    }
    if write(value).is_none() {
        return invalid("has all three kinds of quotes and can't be written");
    }
    Ok(())
}

/// A value as dotenv reads it back. `None` where there is no way.
///
/// The rules, as the reader's one regular expression has them: between `'` or `` ` `` everything is literal, between `"`
/// the pairs `\n` and `\r` are replaced, and a quote inside ends it but for a `\` before it. Without quotes a value ends
/// at `#`, and blanks at its ends are lost.
fn write(value: &str) -> Option<String> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_./:@%+,-".contains(it);
    if !value.is_empty() && value.chars().all(is_plain) {
        return Some(value.to_owned());
    }
    let has_escape = value.contains("\\n") || value.contains("\\r");
    let quote =
        ['\'', '`', '"'].into_iter().find(|quote| !value.contains(*quote) && (*quote != '"' || !has_escape));
    match quote {
        // The last `\` would hide the closing quote behind it, up to the next one of its kind, which may be lines
        // away. So there is one in a comment right behind, and text after it, by which only the first can close.
        Some(quote) if value.ends_with('\\') => Some(format!("{quote}{value}{quote} #{quote}.")),
        Some(quote) => Some(format!("{quote}{value}{quote}")),
        None => is_literal_without_quotes(value).then(|| value.to_owned()),
    }
}

fn is_literal_without_quotes(value: &str) -> bool {
    // JavaScript also trims the byte order mark.
    let is_blank = |it: char| it.is_whitespace() || it == '\u{feff}';
    !value.is_empty()
        && !value.contains('#')
        && !value.starts_with(is_blank)
        && !value.ends_with(is_blank)
        && !value.starts_with(['\'', '"', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(variables: &[(&str, &str)]) -> String {
        let set =
            |environment: Environment, (name, value): &(&str, &str)| environment.with(name, *value).unwrap();
        variables.iter().fold(Environment::new(), set).to_dotenv().expose_secret().to_owned()
    }

    #[test]
    fn quotes_only_what_needs_it() {
        for (value, written) in [
            ("alpha", "alpha"),
            ("http://log-ingest:3000/ingest", "http://log-ingest:3000/ingest"),
            ("", "''"),
            ("a b # c", "'a b # c'"),
            ("x$y", "'x$y'"),
            ("it's", "`it's`"),
            ("it's `1`", "\"it's `1`\""),
            (r"it's `1` in C:\new", r"it's `1` in C:\new"),
            ("it's `1` \"x\"", "it's `1` \"x\""),
            ("C:\\", "'C:\\' #'."),
        ] {
            assert_eq!(text(&[("V", value)]), format!("V={written}"));
        }
        assert_eq!(text(&[("A", "1"), ("B", "2"), ("A", "3")]), "A=3\nB=2");
    }

    #[test]
    fn what_would_be_read_as_something_else_is_refused() {
        for bad in [
            "a\nb",
            "a\rb",
            "a\0b",
            "a\tb",
            "\u{2028}",
            "${{project.X}}",
            "a${{b",
            "'\"`#",
            "'\"`",
            " a'\"`",
            "a'\"` ",
            "it's `1` \\n \"#",
        ] {
            let error = Environment::new().with("NAME", bad).unwrap_err();
            assert!(error.to_string().contains("NAME") && !error.to_string().contains(bad), "{error}");
        }
        for bad in ["", "1A", "A-B", "A.B", "A B", "A=B", "É", "A\n", "__proto__"] {
            assert!(Environment::new().with(bad, "x").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let environment = Environment::new().with("TOKEN", "planted").unwrap();
        let shown = format!("{environment:?} {:?}", environment.to_dotenv());
        assert!(shown.contains("TOKEN") && !shown.contains("planted"), "{shown}");
    }
}
