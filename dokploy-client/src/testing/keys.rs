//! API keys, and what their users may do.

use super::answer::Refusal;

/// How many calls a key with the limit that Dokploy gives by default answers: ten verifications a day, two a call.
pub const DEFAULT_KEY_CALLS: u32 = 5;

/// Whose key a call came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// May do all.
    Owner,
    /// Was granted nothing.
    Member,
}

/// The keys of a server.
#[derive(Debug)]
pub(super) struct Keys {
    /// Without limit.
    pub(super) owner: String,
    /// With the default limit.
    pub(super) limited: String,
    pub(super) member: String,
    limited_left: u32,
}

impl Keys {
    pub(super) fn new(owner: String, name: impl Fn(&str) -> String) -> Self {
        Self { owner, limited: name("limited"), member: name("member"), limited_left: DEFAULT_KEY_CALLS }
    }

    /// Who calls; `None` without a key, with an unknown one, or with one that is used up.
    pub(super) fn check(&mut self, key: Option<&str>) -> Option<Role> {
        let key = key?;
        if key == self.limited {
            self.limited_left = self.limited_left.checked_sub(1)?;
            return Some(Role::Owner);
        }
        match key {
            _ if key == self.owner => Some(Role::Owner),
            _ if key == self.member => Some(Role::Member),
            _ => None,
        }
    }
}

/// Refuses what a member without grants may not do. The version, its health and the list of its own projects, which is
/// empty, it may see.
pub(super) fn permit(role: Role, call: &str) -> Result<(), Refusal> {
    let of_service = || Err(Refusal::unauthorized("unauthorized to access resource \"service\""));
    let of_project = "unauthorized to access resource \"project\"";
    match (role, call.split_once('.').unwrap_or_default()) {
        (Role::Owner, _) | (Role::Member, ("settings", _) | ("project", "all")) => Ok(()),
        (Role::Member, ("project", "create")) => {
            Err(Refusal::bad_request(format!("Error creating the project: {of_project}")))
        }
        (Role::Member, ("project", "remove")) => Err(Refusal::unauthorized(of_project)),
        (Role::Member, ("project" | "environment", _)) => {
            Err(Refusal::unauthorized("You don't have access to this project"))
        }
        (Role::Member, _) => of_service(),
    }
}
