//! What may run on a terminal: the setting `TERMINAL_COMMANDS` as a type.
//!
//! Its text is items between semicolons. An item with `=` names a command line, split as a shell does it but with
//! nothing expanded; any other is a list of programs between commas. `@role` behind a name says from which role on:
//!
//! ```text
//! bash,claude;top=htop -d 5;logs@admin=journalctl -f
//! ```

use std::ffi::OsString;
use std::fmt;

use server_kit::auth::Role;

/// The setting's text where it isn't set.
pub const DEFAULT: &str = "bash,claude";

/// How many there may be. More is [`ProfileError::TooMany`].
pub(super) const PROFILES_MAX: usize = 32;

/// Characters of a name.
const NAME_MAX: usize = 32;

/// The program that stands for Claude Code.
const CLAUDE_CODE: &str = "claude";

/// The characters that end an item or a name in a list.
const BETWEEN_ITEMS: char = ';';
const BETWEEN_NAMES: char = ',';

/// What may run on a terminal, in the order of the setting. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles(Vec<Profile>);

/// One thing that may run on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What it is asked for by: 1 to 32 of `a-z0-9_-`, the first a letter or digit. Fit to label a metric.
    pub name: String,
    /// What runs.
    pub program: Program,
    /// With what arguments.
    pub args: Vec<String>,
    /// The lowest role that may run it; `None` where the name says nothing.
    pub role: Option<Role>,
}

/// What a profile runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Claude Code, wherever `CLAUDE_CODE_PATH` has it. It is written `claude`.
    ClaudeCode,
    /// A path, or a name to look up in the child's `PATH`.
    Named(OsString),
}

/// What is wrong with the setting, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// There is none.
    Empty,
    /// There are more than `PROFILES_MAX`.
    TooMany,
    /// This name is none.
    Name(String),
    /// This is the name of two.
    Duplicate(String),
    /// There is no such role; the name that asks for it.
    Role(String),
    /// This item's command line has a quote that isn't closed.
    Quote(String),
    /// This item has no program.
    NoProgram(String),
}

impl Profiles {
    /// Reads the setting.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut profiles = Vec::new();
        for item in items(text) {
            match item.split_once('=') {
                Some((name, line)) => profiles.push(with_line(item, name.trim(), line)?),
                None => {
                    let names = item.split(BETWEEN_NAMES).map(str::trim).filter(|name| !name.is_empty());
                    for name in names {
                        profiles.push(bare(name)?);
                    }
                }
            }
        }
        check(&profiles)?;
        Ok(Self(profiles))
    }

    /// The one of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.0.iter().find(|profile| profile.name == name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|profile| profile.name.as_str())
    }
}

/// What lies between semicolons that aren't quoted. Empty ones are none: the last may have its semicolon too.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = Quote::None;
    let parts = text.split(move |character| {
        let is_bare = quote == Quote::None;
        quote = quote.after(character);
        is_bare && character == BETWEEN_ITEMS
    });
    parts.map(str::trim).filter(|item| !item.is_empty())
}

/// Where in a shell's quoting a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Escaped,
    Single,
    Double,
    DoubleEscaped,
}

impl Quote {
    fn after(self, character: char) -> Self {
        match (self, character) {
            (Self::None, '\\') => Self::Escaped,
            (Self::None, '\'') => Self::Single,
            (Self::None, '"') | (Self::DoubleEscaped, _) => Self::Double,
            (Self::Double, '\\') => Self::DoubleEscaped,
            (Self::Escaped, _) | (Self::Single, '\'') | (Self::Double, '"') => Self::None,
            (state, _) => state,
        }
    }
}

fn bare(text: &str) -> Result<Profile, ProfileError> {
    let (name, role) = name_and_role(text)?;
    Ok(Profile { program: program(name.clone()), name, args: Vec::new(), role })
}

fn with_line(item: &str, name: &str, line: &str) -> Result<Profile, ProfileError> {
    let (name, role) = name_and_role(name)?;
    let words = shell_words::split(line).map_err(|_| ProfileError::Quote(item.to_owned()))?;
    let mut words = words.into_iter();
    let word = words.next().filter(|word| !word.is_empty());
    let word = word.ok_or_else(|| ProfileError::NoProgram(item.to_owned()))?;
    Ok(Profile { name, program: program(word), args: words.collect(), role })
}

fn program(word: String) -> Program {
    if word == CLAUDE_CODE { Program::ClaudeCode } else { Program::Named(word.into()) }
}

fn name_and_role(text: &str) -> Result<(String, Option<Role>), ProfileError> {
    let (name, role) = match text.split_once('@') {
        None => (text, None),
        Some((name, role)) => {
            let known = [Role::Viewer, Role::User, Role::Admin].into_iter().find(|it| it.as_str() == role);
            (name, Some(known.ok_or_else(|| ProfileError::Role(text.to_owned()))?))
        }
    };
    if is_name(name) { Ok((name.to_owned(), role)) } else { Err(ProfileError::Name(text.to_owned())) }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= NAME_MAX
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().all(|byte| is_plain(byte) || byte == b'_' || byte == b'-')
}

fn check(profiles: &[Profile]) -> Result<(), ProfileError> {
    if profiles.is_empty() {
        return Err(ProfileError::Empty);
    }
    if profiles.len() > PROFILES_MAX {
        return Err(ProfileError::TooMany);
    }
    let is_again = |at: usize| profiles[..at].iter().any(|earlier| earlier.name == profiles[at].name);
    match (0..profiles.len()).find(|at| is_again(*at)) {
        Some(at) => Err(ProfileError::Duplicate(profiles[at].name.clone())),
        None => Ok(()),
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "no command: write at least one, such as {DEFAULT}"),
            Self::TooMany => write!(f, "more than {PROFILES_MAX} commands: leave some out"),
            Self::Name(name) => write!(
                f,
                "{name:?} is no name: write 1 to {NAME_MAX} of a-z, 0-9, _ and -, the first a letter or digit, \
                 and ; before a name with a command line of its own"
            ),
            Self::Duplicate(name) => write!(f, "{name:?} is there twice: give one of them another name"),
            Self::Role(name) => {
                write!(f, "{name:?} asks for no known role: write viewer, user or admin after the @")
            }
            Self::Quote(item) => write!(f, "{item:?} has an open quote: close it, or write \\ before it"),
            Self::NoProgram(item) => write!(f, "{item:?} runs nothing: write a command line after the ="),
        }
    }
}

impl std::error::Error for ProfileError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, program: &str, args: &[&str], role: Option<Role>) -> Profile {
        let args = args.iter().map(ToString::to_string).collect();
        Profile { name: name.to_owned(), program: Program::Named(program.into()), args, role }
    }

    fn parsed(text: &str) -> Vec<Profile> {
        Profiles::parse(text).unwrap().0
    }

    #[test]
    fn the_default_is_a_shell_and_claude_code() {
        let profiles = Profiles::parse(DEFAULT).unwrap();
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["bash", "claude"]);
        assert_eq!(profiles.get("bash"), Some(&named("bash", "bash", &[], None)));
        assert_eq!(profiles.get("claude").unwrap().program, Program::ClaudeCode);
        assert_eq!(profiles.get("sh"), None);
    }

    #[test]
    fn both_forms_mix_and_keep_their_order() {
        let profiles = parsed(" bash , fish@user ; top = htop -d 5 ;logs@admin=journalctl -f;zsh;");
        let expected = [
            named("bash", "bash", &[], None),
            named("fish", "fish", &[], Some(Role::User)),
            named("top", "htop", &["-d", "5"], None),
            named("logs", "journalctl", &["-f"], Some(Role::Admin)),
            named("zsh", "zsh", &[], None),
        ];
        assert_eq!(profiles, expected);
    }

    #[test]
    fn a_command_line_is_split_as_a_shell_does_and_nothing_is_expanded() {
        let profiles = parsed(r#"x=sh -c 'a; b=1' "c;\"d" e\;f $HOME * '';y@viewer=/bin/y,z"#);
        let args = ["-c", "a; b=1", "c;\"d", "e;f", "$HOME", "*", ""];
        assert_eq!(
            profiles,
            [named("x", "sh", &args, None), named("y", "/bin/y,z", &[], Some(Role::Viewer))]
        );
    }

    #[test]
    fn the_word_claude_means_claude_code_with_arguments_too() {
        let profiles = parsed("plan=claude --permission-mode plan;other=/opt/claude");
        assert_eq!(profiles[0].program, Program::ClaudeCode);
        assert_eq!(profiles[0].args, ["--permission-mode", "plan"]);
        assert_eq!(profiles[1].program, Program::Named("/opt/claude".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "a".repeat(NAME_MAX + 1);
        let many = (0..=PROFILES_MAX).map(|number| format!("n{number}")).collect::<Vec<_>>().join(",");
        for (text, error) in [
            ("", ProfileError::Empty),
            (" ; ,", ProfileError::Empty),
            ("Bash", ProfileError::Name("Bash".to_owned())),
            ("-x", ProfileError::Name("-x".to_owned())),
            ("=ls", ProfileError::Name(String::new())),
            ("/bin/sh", ProfileError::Name("/bin/sh".to_owned())),
            ("bash,top=htop", ProfileError::Name("bash,top".to_owned())),
            (long.as_str(), ProfileError::Name(long.clone())),
            (many.as_str(), ProfileError::TooMany),
            ("bash;bash@admin", ProfileError::Duplicate("bash".to_owned())),
            ("bash@root", ProfileError::Role("bash@root".to_owned())),
            ("bash@", ProfileError::Role("bash@".to_owned())),
            ("a;x=sh -c 'b", ProfileError::Quote("x=sh -c 'b".to_owned())),
            ("x=", ProfileError::NoProgram("x=".to_owned())),
            ("x=''", ProfileError::NoProgram("x=''".to_owned())),
        ] {
            assert_eq!(Profiles::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_error_says_what_to_write() {
        let said = |text: &str| Profiles::parse(text).unwrap_err().to_string();
        assert!(said("").contains("bash,claude"));
        assert!(
            said("bash@root").contains("bash@root") && said("bash@root").contains("viewer, user or admin")
        );
        assert!(said("A").contains("a-z"));
    }

    #[test]
    fn names_of_the_longest_length_and_the_most_profiles_pass() {
        assert_eq!(parsed(&"a".repeat(NAME_MAX)).len(), 1);
        let many = (0..PROFILES_MAX).map(|number| format!("n{number}")).collect::<Vec<_>>().join(",");
        assert_eq!(parsed(&many).len(), PROFILES_MAX);
    }
}
