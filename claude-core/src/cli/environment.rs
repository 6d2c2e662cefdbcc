//! What the child gets to see of our environment: a list of names, nothing else.

use std::ffi::{OsStr, OsString};

/// Variables that pass.
const NAMES: [&str; 27] = [
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
    "IS_SANDBOX",
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

/// Variables that pass by how they begin.
const PREFIXES: [&str; 3] = ["LC_", "CLAUDE_", "DISABLE_"];

/// Variables that pass only where the caller says so: keys, base URL, models, a login of its own.
const ANTHROPIC: [&str; 2] = ["ANTHROPIC_", "CLAUDE_CODE_OAUTH_"];

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
    let Some(name) = name.to_str() else { return false };
    if ANTHROPIC.iter().any(|prefix| name.starts_with(prefix)) {
        return anthropic;
    }
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
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

    #[cfg(feature = "mcp")]
    #[test]
    fn settings_of_claude_code_do_not_pass_to_others() {
        let names = ["PATH", "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE", "CLAUDE_CODE_OAUTH_TOKEN", "JWT_SECRET"];
        let passing = allowed_to_others(names.into_iter().map(|name| (name.into(), "x".into())));
        assert_eq!(passing.map(|(name, _)| name).collect::<Vec<_>>(), ["PATH"]);
    }
}
