//! Whom a child runs as, and what the system's files say of them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::error::Error;
use crate::kernel::identity::Identity;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// Whom a child runs as, for [`Command::user`](crate::Command::user).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The user's id.
    pub uid: u32,
    /// The primary group's id.
    pub gid: u32,
    /// All other groups of the child. None of the owner's is kept.
    pub groups: Vec<u32>,
    /// The name, where it was looked up by one.
    pub name: Option<String>,
    /// The home directory, where it was looked up and has one.
    pub home: Option<PathBuf>,
}

impl User {
    /// By number, in no further group. There need be no entry in any list of users.
    pub fn new(uid: u32, gid: u32) -> Self {
        User { uid, gid, groups: Vec::new(), name: None, home: None }
    }

    /// Sets the supplementary groups.
    #[must_use]
    pub fn groups(mut self, groups: impl IntoIterator<Item = u32>) -> Self {
        self.groups = groups.into_iter().collect();
        self
    }

    /// Looks a user up in `/etc/passwd`, and the groups in `/etc/group`; the primary one is among them, as after
    /// a login. Other sources of users that the system may be set up with (LDAP, systemd's dynamic users) aren't
    /// asked: give their numbers to [`new`](Self::new). Reads two files, and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownUser`], or [`Error::Users`] when a list is there but can't be read.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let user = find(name, &read(USERS)?).ok_or_else(|| Error::UnknownUser { name: name.to_owned() })?;
        let groups = groups_of(&user, name, &read(GROUPS)?);
        Ok(user.groups(groups))
    }

    /// As the kernel takes it; `None` when an id is none.
    pub(crate) fn identity(&self) -> Option<Identity> {
        Identity::new(self.uid, self.gid, &self.groups)
    }

    /// All numbers of it: user, primary group, the others.
    pub(crate) fn ids(&self) -> Vec<u32> {
        [self.uid, self.gid].into_iter().chain(self.groups.iter().copied()).collect()
    }
}

/// A list that isn't there, as in small containers, is an empty one.
fn read(path: &str) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| Error::Users { path: path.into(), source }),
    }
}

/// The first line of that name that makes sense: `name:password:uid:gid:comment:home:shell`.
fn find(name: &str, users: &[u8]) -> Option<User> {
    lines(users).find_map(|line| {
        let [found, _, uid, gid, _, home, ..] = line[..] else { return None };
        if found.is_empty() || found != name.as_bytes() {
            return None;
        }
        let home = (!home.is_empty()).then(|| OsStr::from_bytes(home).into());
        Some(User { name: Some(name.to_owned()), home, ..User::new(id(uid)?, id(gid)?) })
    })
}

/// The primary group, then those that list the name: `group:password:gid:name,name`.
fn groups_of(user: &User, name: &str, groups: &[u8]) -> Vec<u32> {
    let listing = lines(groups).filter_map(|line| {
        let [_, _, gid, members] = line[..] else { return None };
        members.split(|byte| *byte == b',').any(|member| member == name.as_bytes()).then(|| id(gid))?
    });
    let mut found = vec![user.gid];
    for gid in listing {
        if !found.contains(&gid) {
            found.push(gid);
        }
    }
    found
}

fn lines(list: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    list.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == b':').collect())
}

/// The highest number is none: it means "leave as it is" to the kernel.
fn id(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n\
        # a comment\n\
        broken:x:1\n\
        broken:x:many:7::/:/bin/sh\n\
        kept:x:4294967295:0::/:/bin/sh\n\
        ada:x:1000:1000:Ad\xe9:/home/ada:/bin/sh\n\
        ada:x:1:1::/second:/bin/sh\n\
        bare:x:1001:100\n\
        homeless:x:1002:100:::\n\
        :x:0:0::/:\n";
    const GROUPS: &[u8] = b"root:x:0:\nadm:x:4:ada,bare\nada:x:1000:ada\n\
        broken:x:many:ada\nadas:x:7:adas,xada\ndocker:x:999:bare,ada";

    #[test]
    fn the_first_sound_line_of_a_name_tells_who_it_is() {
        let ada = find("ada", USERS).unwrap();
        assert_eq!((ada.uid, ada.gid), (1000, 1000));
        assert_eq!((ada.name.as_deref(), ada.home), (Some("ada"), Some("/home/ada".into())));
        assert_eq!(find("homeless", USERS).unwrap().home, None);
    }

    #[test]
    fn what_makes_no_sense_is_nobody() {
        for name in ["", "ad", "adas", "broken", "kept", "bare", "# a comment", "ada:x", "ada\nroot", "ada\0"]
        {
            assert_eq!(find(name, USERS), None, "{name:?}");
        }
    }

    #[test]
    fn groups_are_those_of_a_login() {
        let groups = |name: &str, gid: u32| groups_of(&User::new(1, gid), name, GROUPS);
        assert_eq!(groups("ada", 1000), [1000, 4, 999]);
        assert_eq!(groups("nobody", 65534), [65534]);
    }

    #[test]
    fn the_system_knows_root() {
        let root = User::by_name("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(matches!(User::by_name("no such user"), Err(Error::UnknownUser { .. })));
    }
}
