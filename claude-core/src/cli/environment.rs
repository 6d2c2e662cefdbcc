//! What the child gets to see of our environment: a list of names, nothing else.

use std::ffi::{OsStr, OsString};

/// Variables that pass to any child.
const NAMES: [&str; 26] = [
    "HOME",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLORTERM",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
];

/// One that tells Claude Code what it may do as root.
const SANDBOX: &str = "IS_SANDBOX";

/// Variables that pass only where the caller says so: keys, base URL, models, a login of its own.
const ANTHROPIC: [&str; 2] = ["ANTHROPIC_", "CLAUDE_CODE_OAUTH_"];

/// Whether a variable of ours may pass to a child, whatever it runs: places, languages, proxies, certificates. None
/// of them is a login or a key.
#[must_use]
pub fn passes_to_anyone(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| NAMES.contains(&name) || name.starts_with("LC_"))
}

/// Whether a variable is a setting or the login of Claude Code itself, and no other program's business. Those that
/// begin with `ANTHROPIC_` are not: they are the login of whoever speaks to the API.
#[must_use]
pub fn is_claude_codes(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name == SANDBOX || ["CLAUDE_", "DISABLE_"].iter().any(|prefix| name.starts_with(prefix))
    })
}

/// Those of `variables` that pass.
pub(crate) fn allowed(
    variables: impl Iterator<Item = (OsString, OsString)>,
    anthropic: bool,
) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter(move |(name, _)| is_allowed(name, anthropic))
}

/// Those that pass to a program that is not Claude Code: its settings are no business of others.
#[cfg(feature = "mcp")]
pub(crate) fn allowed_to_others(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    allowed(variables, false).filter(|(name, _)| !name.to_string_lossy().starts_with("CLAUDE_"))
}

fn is_allowed(name: &OsStr, anthropic: bool) -> bool {
    if name.to_str().is_some_and(|name| ANTHROPIC.iter().any(|prefix| name.starts_with(prefix))) {
        return anthropic;
    }
    passes_to_anyone(name) || is_claude_codes(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_others_do_not_pass() {
        for name in
            ["JWT_SECRET", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV"]
        {
            assert!(!is_allowed(OsStr::new(name), true), "{name}");
        }
        for name in
            ["HOME", "LC_ALL", "CLAUDE_CODE_MAX_RETRIES", "DISABLE_TELEMETRY", "https_proxy", "IS_SANDBOX"]
        {
            assert!(is_allowed(OsStr::new(name), false), "{name}");
        }
        for name in ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] {
            assert!(is_allowed(OsStr::new(name), true) && !is_allowed(OsStr::new(name), false), "{name}");
        }
    }

    #[test]
    fn what_passes_to_anyone_is_none_of_claude_codes() {
        for name in ["HOME", "LC_CTYPE", "NO_PROXY", "XDG_CACHE_HOME"] {
            assert!(passes_to_anyone(OsStr::new(name)) && !is_claude_codes(OsStr::new(name)), "{name}");
        }
        for name in ["CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "DISABLE_TELEMETRY", "IS_SANDBOX"] {
            assert!(is_claude_codes(OsStr::new(name)) && !passes_to_anyone(OsStr::new(name)), "{name}");
        }
        for name in ["ANTHROPIC_API_KEY", "JWT_SECRET"] {
            assert!(!is_claude_codes(OsStr::new(name)) && !passes_to_anyone(OsStr::new(name)), "{name}");
        }
    }

    #[cfg(feature = "mcp")]
    #[test]
    fn settings_of_claude_code_do_not_pass_to_others() {
        let names = ["PATH", "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE", "CLAUDE_CODE_OAUTH_TOKEN", "JWT_SECRET"];
        let passing = allowed_to_others(names.into_iter().map(|name| (name.into(), "x".into())));
        assert_eq!(passing.map(|(name, _)| name).collect::<Vec<_>>(), ["PATH"]);
    }
}
