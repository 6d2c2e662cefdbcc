//! Names of variables that were probably meant to be one of ours.

/// Names shorter than this are too near to each other to be called misspelt.
const MIN: usize = 6;
/// How many slips of the pen a name may be away from the one that was meant.
const SLIPS: usize = 2;

/// Variables of others that look like ours.
const OTHERS: [&str; 3] = ["XDG_DATA_DIRS", "LOGNAME", "HOSTNAME"];

/// The known name that an unknown one was probably meant to be.
pub(super) fn meant<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    if name.len() < MIN || OTHERS.contains(&name) || known.iter().any(|known| known == name) {
        return None;
    }
    nearest(name, known)
        .filter(|(known, slips)| known.len() >= MIN && *slips <= SLIPS)
        .map(|(known, _)| known)
}

/// The known name that is nearest.
pub(super) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<(&'a str, usize)> {
    let distance = |known: &'a String| (known.as_str(), strsim::damerau_levenshtein(name, known));
    known.iter().map(distance).min_by_key(|(_, slips)| *slips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_found_and_others_left_alone() {
        let known = ["JWT_SECRET", "DATA_DIR", "HOST", "PORT", "PUBLIC_URL"].map(str::to_owned);
        assert_eq!(meant("JWT_SECRTE", &known), Some("JWT_SECRET"));
        assert_eq!(meant("JWTSECRET", &known), Some("JWT_SECRET"));
        assert_eq!(meant("PUBLIC_URLS", &known), Some("PUBLIC_URL"));
        for name in
            ["JWT_SECRET", "PATH", "PORTS", "GHOST", "HOSTNAME", "XDG_DATA_DIRS", "SHELL", "SSH_AUTH_SOCK"]
        {
            assert_eq!(meant(name, &known), None, "{name}");
        }
    }
}
