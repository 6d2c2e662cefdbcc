//! What was left on the server's machine, recorded beside the exchanges: services, and files for Traefik.

use std::collections::BTreeMap;

use dokploy_client::testing::{Dokploy, Version};
use serde::Deserialize;

use super::compare::Ids;

#[derive(Debug, Deserialize)]
struct Recorded {
    /// One service of those that there were.
    app_name: Option<String>,
    image: Option<String>,
    env: Option<Vec<String>>,
    /// All services, by name.
    services: Option<Vec<String>>,
    /// All files, but for those of Dokploy itself.
    traefik: Option<Vec<String>>,
}

/// The exchange after which each was recorded.
const AFTER: [(&str, &str); 9] = [
    ("deployment.all after a good deploy", "service_after_good_deploy"),
    ("setup application.update", "service_env_with_project_reference"),
    ("application.delete while deploying", "after_delete_while_deploying_at_once"),
    ("application.delete again", "after_delete_while_deploying_10s_later"),
    ("setup application.deploy", "before_project_remove"),
    ("project.remove with an application still in it", "after_project_remove"),
    ("application.delete of a deployed application", "after_application_delete"),
    ("application.one of the queued one 10 s later", "services_after_restart"),
    ("queueList 10 s later", "after_project_remove_while_deploying"),
];

/// What was recorded of a version and is still to come.
pub(crate) struct SideEffects(BTreeMap<String, Recorded>);

impl SideEffects {
    pub(crate) fn of(version: Version) -> Self {
        let text = include_str!("side_effects.json");
        let mut versions: BTreeMap<String, BTreeMap<String, Recorded>> = serde_json::from_str(text).unwrap();
        Self(versions.remove(&version.to_string()).unwrap())
    }

    /// How many are still to come.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    /// Looks at the machine after an exchange, at the first one of its label.
    pub(crate) fn look(&mut self, label: &str, ids: &Ids, dokploy: &Dokploy) -> Result<(), String> {
        let Some((_, name)) = AFTER.iter().find(|(after, _)| *after == label) else { return Ok(()) };
        let Some(recorded) = self.0.remove(*name) else { return Ok(()) };
        if *name == "before_project_remove" {
            // The job of this very exchange had ended.
            dokploy.finish_jobs();
        }
        let is_same = recorded.is_same(ids, dokploy);
        if is_same { Ok(()) } else { Err(format!("{name}: {recorded:?}, but {:?}", dokploy.services())) }
    }
}

impl Recorded {
    fn is_same(&self, ids: &Ids, dokploy: &Dokploy) -> bool {
        let sorted = |names: &[String]| {
            let mut names: Vec<_> = names.iter().map(|name| ids.translate(name)).collect();
            names.sort();
            names
        };
        let services = dokploy.services();
        let names: Vec<_> = services.iter().map(|service| service.app_name.clone()).collect();
        let files: Vec<_> = dokploy.traefik_files().into_keys().collect();
        let one = self.app_name.as_ref().map(|name| ids.translate(name));
        let one = services.iter().find(|service| Some(&service.app_name) == one.as_ref());
        self.services.as_ref().is_none_or(|recorded| sorted(recorded) == names)
            && self.traefik.as_ref().is_none_or(|recorded| sorted(recorded) == files)
            && self.image.as_ref().is_none_or(|image| one.is_some_and(|service| service.image == *image))
            && self.env.as_ref().is_none_or(|env| one.is_some_and(|service| service.env == *env))
    }
}
