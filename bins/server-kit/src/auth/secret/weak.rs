//! Which secrets somebody could guess.

use std::collections::HashMap;

/// Fewest bytes of a secret: what HMAC-SHA-256 is worth (RFC 7518, section 3.2).
const MIN: usize = 32;
/// Fewest different bytes of a secret. 32 random hexadecimal digits have fewer once in a million.
const MIN_DIFFERENT: usize = 8;

/// Why a secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// It has fewer than 32 bytes.
    Short,
    /// It stands in the documentation or the code of a well-known project.
    Known,
    /// It repeats itself, or counts.
    Pattern,
}

impl std::fmt::Display for Weakness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Short => "is shorter than 32 bytes",
            Self::Known => "is a well-known one or a placeholder",
            Self::Pattern => "repeats or counts",
        })
    }
}

/// Secrets of 32 bytes and more that others ship as examples or defaults.
const KNOWN: [&str; 7] = [
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "claude-ui-dev-secret-change-in-production",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "16f8c0ef4a5d391b26034086c628469d3f9f497f08163ab9b40137092f2909ef",
    "eaa5191f2914e30b9387fd84e254e4ba6fc51b4654968a9b0803b456a54b8418",
    "f34be427ebb29de8d88c107a71546019685ed8b241d8f2ed00c3df97ad2566f0",
];

/// Words of placeholders, without regard to case and to what stands between the words.
const PLACEHOLDERS: [&str; 14] = [
    "changeme",
    "changethis",
    "changeinproduction",
    "changeit",
    "replaceme",
    "replacethis",
    "yoursecret",
    "yoursupersecret",
    "yourjwt",
    "your256bit",
    "supersecret",
    "secretkey",
    "mysecret",
    "devsecret",
];

/// Why `secret` is refused, if it is.
pub(super) fn weakness(secret: &str) -> Option<Weakness> {
    let plain: String = secret.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let placeholder = PLACEHOLDERS.iter().any(|word| plain.contains(word));
    if placeholder || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(secret)) {
        Some(Weakness::Known)
    } else if secret.len() < MIN {
        Some(Weakness::Short)
    } else if has_pattern(secret.as_bytes()) {
        Some(Weakness::Pattern)
    } else {
        None
    }
}

fn has_pattern(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let repeats = (1..MIN).any(|period| bytes.iter().zip(&bytes[period..]).all(|(a, b)| a == b));
    different < MIN_DIFFERENT || repeats || counts(bytes)
}

/// Whether most steps from byte to byte are the same one: `abcdef…`, `987654…`.
fn counts(bytes: &[u8]) -> bool {
    let mut steps: HashMap<u8, usize> = HashMap::new();
    for pair in bytes.windows(2) {
        *steps.entry(pair[1].wrapping_sub(pair[0])).or_default() += 1;
    }
    steps.values().any(|times| *times * 2 > bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn famous_short_and_patterned_secrets_are_refused() {
        use Weakness::{Known, Pattern, Short};
        let a = "a".repeat(64);
        let zeros = "0".repeat(32);
        let ab = "ab".repeat(20);
        let digits = "0123456789abcdef".repeat(4);
        for (secret, expected) in [
            ("x", Short),
            ("secret", Short),
            ("keyboard cat", Short),
            ("t0p-s3cr3t", Short),
            ("p7Hq2mVx9TzLw4Rk8Nc1Yb6Js3Fd5Ga", Short),
            ("changeme", Known),
            ("Change-Me-Change-Me-Change-Me-Change-Me", Known),
            ("your-secret-key", Known),
            ("your-256-bit-secret", Known),
            ("your-super-secret-jwt-key-change-this-in-production", Known),
            ("your-super-secret-jwt-token-with-at-least-32-characters-long", Known),
            ("claude-ui-dev-secret-change-in-production", Known),
            ("A-STRING-SECRET-AT-LEAST-256-BITS-LONG", Known),
            ("16f8c0ef4a5d391b26034086c628469d3f9f497f08163ab9b40137092f2909ef", Known),
            ("my_secret_my_secret_my_secret_my_secret", Known),
            (&a, Pattern),
            (&zeros, Pattern),
            (&ab, Pattern),
            (&digits, Pattern),
            ("abcdefghijklmnopqrstuvwxyz0123456789", Pattern),
            ("zyxwvutsrqponmlkjihgfedcba9876543210", Pattern),
            ("qwertyuiopasdfghqwertyuiopasdfgh", Pattern),
            ("12345678901234567890123456789012", Pattern),
        ] {
            assert_eq!(weakness(secret), Some(expected), "{secret}");
        }
    }

    #[test]
    fn random_ones_and_long_sentences_pass() {
        for secret in [
            "p7Hq2mVx9TzLw4Rk8Nc1Yb6Js3Fd5Ga0",
            "9f86d081884c7d659a2feaa0c55ad015",
            "nine purple otters juggle forty lemons",
        ] {
            assert_eq!(weakness(secret), None, "{secret}");
        }
        for _ in 0..200 {
            use secrecy::ExposeSecret;
            let drawn = super::super::random::secret("").unwrap();
            assert_eq!(weakness(drawn.expose_secret()), None, "{}", drawn.expose_secret());
        }
    }
}
