//! SPDX licence expressions, as manifests write them: `MIT OR (Apache-2.0 AND ISC)`,
//! `Apache-2.0 WITH LLVM-exception`, and the old `MIT/Apache-2.0`, which means OR.

use std::iter::Peekable;
use std::vec::IntoIter;

/// Whether the expression can be fulfilled by accepted licences alone. `accepted` is asked for a licence
/// together with its exception, if it has one. An error says where the expression is malformed.
pub(crate) fn fulfils(expression: &str, accepted: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let mut reader = Reader { words: words(expression).into_iter().peekable(), accepted };
    let fulfilled = reader.any_of()?;
    match reader.words.next() {
        None => Ok(fulfilled),
        Some(word) => Err(format!("unexpected `{word}`")),
    }
}

fn words(expression: &str) -> Vec<String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Recursive descent: WITH binds tighter than AND, AND tighter than OR.
struct Reader<'a> {
    words: Peekable<IntoIter<String>>,
    accepted: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn any_of(&mut self) -> Result<bool, String> {
        let mut fulfilled = self.all_of()?;
        while self.took("OR") {
            fulfilled |= self.all_of()?;
        }
        Ok(fulfilled)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut fulfilled = self.one()?;
        while self.took("AND") {
            fulfilled &= self.one()?;
        }
        Ok(fulfilled)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.took("(") {
            let fulfilled = self.any_of()?;
            return if self.took(")") { Ok(fulfilled) } else { Err("`)` is missing".to_owned()) };
        }
        let licence = self.name()?;
        if !self.took("WITH") {
            return Ok((self.accepted)(&licence));
        }
        let exception = self.name()?;
        Ok((self.accepted)(&format!("{licence} WITH {exception}")))
    }

    fn name(&mut self) -> Result<String, String> {
        match self.words.next() {
            Some(word) if !["OR", "AND", "WITH", "(", ")"].contains(&word.as_str()) => Ok(word),
            Some(word) => Err(format!("a licence is missing before `{word}`")),
            None => Err("a licence is missing at the end".to_owned()),
        }
    }

    fn took(&mut self, word: &str) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }
}

fn permissive(expression: &str) -> Result<bool, String> {
    fulfils(expression, &|licence| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence))
}

#[test]
fn one_accepted_alternative_is_enough() {
    assert_eq!(permissive("MIT"), Ok(true));
    assert_eq!(permissive("GPL-3.0-only OR MIT"), Ok(true));
    assert_eq!(permissive("MIT/GPL-3.0"), Ok(true));
    assert_eq!(permissive("GPL-3.0 / LGPL-3.0"), Ok(false));
}

#[test]
fn all_joined_licences_must_be_accepted() {
    assert_eq!(permissive("MIT AND ISC"), Ok(true));
    assert_eq!(permissive("MIT AND MPL-2.0"), Ok(false));
    assert_eq!(permissive("MIT OR ISC AND MPL-2.0"), Ok(true), "AND binds tighter");
    assert_eq!(permissive("(MIT OR ISC) AND MPL-2.0"), Ok(false));
    assert_eq!(permissive("(GPL-2.0 OR MIT) AND (ISC)"), Ok(true));
}

#[test]
fn an_exception_is_part_of_the_licence() {
    assert_eq!(permissive("Apache-2.0 WITH LLVM-exception"), Ok(true));
    assert_eq!(permissive("Apache-2.0"), Ok(false));
    assert_eq!(permissive("GPL-2.0 WITH Classpath-exception-2.0"), Ok(false));
}

#[test]
fn malformed_expressions_are_errors() {
    for malformed in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()", "MIT//ISC"] {
        assert!(permissive(malformed).is_err(), "{malformed}");
    }
}
