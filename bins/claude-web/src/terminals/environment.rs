//! What a terminal's child gets to see of our environment.

use std::ffi::OsString;

use claude_core::cli::{is_claude_codes, passes_to_anyone};

/// Where programs are found when nobody says.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// What any terminal emulator of ours understands, whatever the one we were started in does.
const TERMINAL: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];

/// What looks like a setting of Claude Code and is one of ours.
const OURS: [&str; 2] = ["CLAUDE_CODE_PATH", "CLAUDE_WORKING_DIR"];

/// Those of `variables` that pass, with a `PATH` in any case and the terminal's own. The settings and the login of
/// Claude Code pass to it alone, and what begins with `ANTHROPIC_` to nobody: that login is ours.
pub(crate) fn of(
    variables: impl Iterator<Item = (OsString, OsString)>,
    is_claude_code: bool,
) -> Vec<(OsString, OsString)> {
    let passes = |name: &OsString| passes_to_anyone(name) || is_claude_code && is_claude_codes(name);
    let is_set = |name: &OsString| TERMINAL.iter().map(|(own, _)| own).chain(&OURS).any(|own| name == own);
    let mut passing: Vec<_> = variables.filter(|(name, _)| passes(name) && !is_set(name)).collect();
    if !passing.iter().any(|(name, _)| name == "PATH") {
        passing.push(("PATH".into(), PATH_DEFAULT.into()));
    }
    passing.extend(TERMINAL.map(|(name, value)| (name.into(), value.into())));
    passing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(names: &[&str], is_claude_code: bool) -> Vec<String> {
        let variables = names.iter().map(|name| (OsString::from(name), OsString::from("x")));
        let passing = of(variables, is_claude_code).into_iter();
        passing.map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    const ALWAYS: [&str; 2] = ["TERM=xterm-256color", "COLORTERM=truecolor"];

    #[test]
    fn places_languages_proxies_and_certificates_pass_to_anyone() {
        let names = [
            "HOME",
            "PATH",
            "LANG",
            "LANGUAGE",
            "LC_ALL",
            "TZ",
            "USER",
            "LOGNAME",
            "SHELL",
            "TMPDIR",
            "http_proxy",
            "NO_PROXY",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "NODE_EXTRA_CA_CERTS",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_CACHE_HOME",
            "XDG_RUNTIME_DIR",
        ];
        let expected: Vec<String> =
            names.iter().map(|name| format!("{name}=x")).chain(ALWAYS.map(str::to_owned)).collect();
        assert_eq!(passing(&names, false), expected);
        assert_eq!(passing(&names, true), expected);
    }

    #[test]
    fn claude_codes_own_pass_to_it_alone() {
        let names =
            ["PATH", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "DISABLE_TELEMETRY", "IS_SANDBOX"];
        assert_eq!(passing(&names, true).len(), names.len() + ALWAYS.len());
        assert_eq!(passing(&names, false), ["PATH=x", ALWAYS[0], ALWAYS[1]]);
    }

    #[test]
    fn keys_and_secrets_pass_to_nobody() {
        let names = [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "JWT_SECRET",
            "DATABASE_URL",
            "LD_PRELOAD",
            "CLAUDE_CODE_PATH",
        ];
        for is_claude_code in [true, false] {
            let expected = [format!("PATH={PATH_DEFAULT}"), ALWAYS[0].to_owned(), ALWAYS[1].to_owned()];
            assert_eq!(passing(&names, is_claude_code), expected);
        }
    }

    #[test]
    fn the_terminal_is_ours_to_name() {
        assert_eq!(passing(&["PATH", "TERM", "COLORTERM"], true), ["PATH=x", ALWAYS[0], ALWAYS[1]]);
    }
}
