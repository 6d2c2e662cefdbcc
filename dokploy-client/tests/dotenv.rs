//! The text of an environment, read by the rules of dotenv, gives each value back. The reader is that of the loopback
//! server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dokploy_client::{Environment, Error};
use proptest::prelude::*;
use secrecy::ExposeSecret;

#[path = "../src/testing/dotenv.rs"]
mod dotenv;

use dotenv::read;

#[test]
fn the_reader_reads_as_the_package_does() {
    for (text, expected) in [
        ("A=1", "1"),
        ("A=1 # x", "1"),
        ("A='1 # x' # y", "1 # x"),
        ("A=\"a\\nb\\tc\"", "a\nb\\tc"),
        ("A='a\\nb'", "a\\nb"),
        ("A=`it's \"x\"`", "it's \"x\""),
        ("A=it's", "it's"),
        ("A=", ""),
        ("A=\nB='x'", ""),
        ("A=''", ""),
        ("A='it\\'s'", "it\\'s"),
        // The closing quote is taken for a part of the value, and the next line's opening one closes.
        ("A='a\\'\nB='", "a\\'\nB="),
        ("A='a\\'\nB='x'", "a\\"),
        ("A='a", "'a"),
        ("A='a' b", "'a' b"),
    ] {
        assert_eq!(read(text)[0].1, expected, "{text}");
    }
}

/// Values with much of what is hard.
fn values() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z'\"`#$\\\\ {}=nr\u{a0}\u{feff}é😀]{0,12}", "\\PC{0,20}", "[ -~]{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn each_value_is_read_back_exactly(values in prop::collection::vec(values(), 1..6)) {
        let mut environment = Environment::new();
        let mut expected = Vec::new();
        for (number, value) in values.iter().enumerate() {
            let name = format!("V_{number}");
            if let Ok(with) = environment.clone().with(&name, value.as_str()) {
                environment = with;
                expected.push((name, value.clone()));
            }
        }
        prop_assert_eq!(read(environment.to_dotenv().expose_secret()), expected);
    }

    #[test]
    fn only_what_cannot_be_written_is_refused(value in values()) {
        if let Err(error) = Environment::new().with("V", value.as_str()) {
            let is_invalid = matches!(error, Error::Invalid { field: "environment", .. });
            prop_assert!(is_invalid);
            let has_all_quotes = ['\'', '`'].iter().all(|quote| value.contains(*quote))
                && (value.contains('"') || value.contains("\\n") || value.contains("\\r"));
            let is_hidden = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
            prop_assert!(value.contains("${{") || has_all_quotes || value.contains(is_hidden), "{}", value);
        }
    }
}
