//! The user that a child runs as, where it isn't ours.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::argument::invalid;
use crate::error::{Error, Result};

/// Variables of ours that name a user, or places that are this user's own. The child gets its own of the first
/// three and none of the others.
const OURS: [&str; 8] = [
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
];

/// A user of this machine that the CLI is to run as, for [`Command::user`](super::Command::user).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildUser {
    name: String,
    user: process_tree::User,
}

impl ChildUser {
    /// Looks a user up in `/etc/passwd`, with the groups that `/etc/group` gives it. It blocks while two files are
    /// read: do it once, at start.
    ///
    /// # Errors
    /// [`Error::Invalid`] for field `child_user` where there is no such user; [`Error::System`] where the lists
    /// can't be read.
    pub fn by_name(name: &str) -> Result<Self> {
        match process_tree::User::by_name(name) {
            Ok(user) => Ok(Self { name: name.to_owned(), user }),
            Err(process_tree::Error::Users { path, source }) => {
                let source = std::io::Error::new(source.kind(), format!("{}: {source}", path.display()));
                Err(Error::System { what: "the list of users can't be read", source })
            }
            Err(_) => Err(invalid("child_user", format!("there is no user {name:?} on this machine"))),
        }
    }

    /// The name it was looked up by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user's id.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.user.uid
    }

    /// The id of the primary group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.user.gid
    }

    /// All other groups, as after a login: the primary one is among them.
    #[must_use]
    pub fn groups(&self) -> &[u32] {
        &self.user.groups
    }

    /// The home directory. It need not exist.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.user.home.as_deref()
    }

    pub(super) fn system(&self) -> process_tree::User {
        self.user.clone()
    }

    /// Puts this user in our place in an environment: `HOME`, `USER` and `LOGNAME` become this user's, and no
    /// place that is our own stays (`TMPDIR`, `XDG_*`). Without a home directory there is no `HOME` in it then.
    pub fn adapt(&self, environment: &mut Vec<(OsString, OsString)>) {
        environment.retain(|(name, _)| !OURS.iter().any(|ours| name == ours));
        let name = OsStr::new(&self.name);
        let own = [("HOME", self.home().map(Path::as_os_str)), ("USER", Some(name)), ("LOGNAME", Some(name))];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.into(), value?.to_owned())));
        environment.extend(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_named() {
        let error = ChildUser::by_name("no-such-user").unwrap_err();
        assert!(matches!(&error, Error::Invalid { field: "child_user", .. }), "{error:?}");
        assert!(error.to_string().contains("no-such-user"), "{error}");
    }

    #[test]
    fn the_child_gets_its_own_places_and_none_of_ours() {
        let root = ChildUser::by_name("root").unwrap();
        assert_eq!((root.name(), root.uid(), root.gid()), ("root", 0, 0));
        assert_eq!(root.groups().first(), Some(&0));
        let variable = |(name, value): (&str, &str)| (OsString::from(name), OsString::from(value));
        let ours = [("USER", "ada"), ("PATH", "/bin"), ("XDG_DATA_HOME", "/home/ada/x"), ("TMPDIR", "/ada")];
        let mut environment: Vec<_> = ours.map(variable).into();
        root.adapt(&mut environment);
        let home = root.home().unwrap().to_str().unwrap();
        let own = [("PATH", "/bin"), ("HOME", home), ("USER", "root"), ("LOGNAME", "root")];
        assert_eq!(environment, own.map(variable));
    }
}
