//! Projects.

use std::time::SystemTime;

use secrecy::ExposeSecret;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::Client;
use super::application::{ApplicationSummary, Place};
use super::call::Call;
use super::environment::ProjectEnvironment;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::name::{Description, Name};
use crate::time;
use crate::variables::Environment;

/// The calls about projects.
#[derive(Debug, Clone, Copy)]
pub struct Projects<'a> {
    pub(super) client: &'a Client,
}

/// A project. What a call does not tell is empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Project {
    /// Its id.
    #[serde(rename = "projectId")]
    pub id: ProjectId,
    /// Its name; others may have the same.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "time::rfc3339")]
    pub created_at: SystemTime,
    /// Its environments; none before 0.25. Told by `all` and `one`.
    #[serde(default)]
    pub environments: Vec<ProjectEnvironment>,
    /// Its applications before 0.25; later they are in the environments. [`Project::applications`] has both.
    #[serde(default, rename = "applications")]
    pub(super) own_applications: Vec<ApplicationSummary>,
}

/// A project that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedProject {
    /// The project.
    pub project: Project,
    /// Its first environment, since 0.25.
    pub environment: Option<ProjectEnvironment>,
}

/// A project to make.
#[derive(Debug, Clone)]
pub struct NewProject {
    name: Name,
    description: Option<Description>,
    environment: Option<Environment>,
}

/// Changes to a project.
#[derive(Debug, Clone, Default)]
pub struct ProjectUpdate {
    name: Option<Name>,
    description: Option<Description>,
    environment: Option<Environment>,
}

/// As it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a str>,
}

/// What is answered to a create since 0.25; before, it is the project alone.
#[derive(Deserialize)]
struct Both {
    project: Project,
    environment: ProjectEnvironment,
}

impl Projects<'_> {
    /// All projects that the key may see, newest first.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn all(&self) -> Result<Vec<Project>> {
        self.client.ask(Call::query("project.all")).await
    }

    /// One project.
    ///
    /// # Errors
    /// [`Error::NotFound`], or why there is no answer.
    pub async fn one(&self, id: &ProjectId) -> Result<Project> {
        self.client.ask(Call::query("project.one").with("projectId", id)).await
    }

    /// Makes a project. Names are not unique: made twice, there are two.
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been made, or why it was not.
    pub async fn create(&self, new: &NewProject) -> Result<CreatedProject> {
        let env = new.environment.as_ref().map(Environment::to_dotenv);
        let body = Body {
            project_id: None,
            name: Some(&new.name),
            description: new.description.as_ref(),
            env: env.as_ref().map(ExposeSecret::expose_secret),
        };
        let call = Call::mutation("project.create", &body, self.client.limits())?;
        self.client.exchange(call, read_created).await
    }

    /// Changes a project, and tells it as it is then.
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been changed, or why it was not.
    pub async fn update(&self, id: &ProjectId, update: &ProjectUpdate) -> Result<Project> {
        if update.name.is_none() && update.description.is_none() && update.environment.is_none() {
            return Err(Error::invalid("project update", "it changes nothing"));
        }
        let env = update.environment.as_ref().map(Environment::to_dotenv);
        let body = Body {
            project_id: Some(id),
            name: update.name.as_ref(),
            description: update.description.as_ref(),
            env: env.as_ref().map(ExposeSecret::expose_secret),
        };
        self.client.ask(Call::mutation("project.update", &body, self.client.limits())?).await
    }

    /// Removes a project, and tells it as it was. The rows of its applications go with it, but **their services and
    /// Traefik files stay**, and jobs that run go on: delete the applications first.
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been removed, or why it was not.
    pub async fn remove(&self, id: &ProjectId) -> Result<Project> {
        let body = Body { project_id: Some(id), name: None, description: None, env: None };
        self.client.ask(Call::mutation("project.remove", &body, self.client.limits())?).await
    }
}

fn read_created(call: &Call, body: &[u8]) -> Result<CreatedProject> {
    /// Which of the two it is: an upgrade may be newer than the version that is known.
    #[derive(Deserialize)]
    struct Either {
        project: Option<IgnoredAny>,
    }
    if call.read::<Either>(body)?.project.is_none() {
        return Ok(CreatedProject { project: call.read(body)?, environment: None });
    }
    let Both { project, environment } = call.read(body)?;
    Ok(CreatedProject { project, environment: Some(environment) })
}

impl Project {
    /// Its applications, in whichever environment. Told by `all` and `one`.
    pub fn applications(&self) -> impl Iterator<Item = &ApplicationSummary> {
        self.own_applications.iter().chain(self.environments.iter().flat_map(|it| &it.applications))
    }

    /// The environment that came with it, or else its first. Told by `all` and `one`, since 0.25.
    #[must_use]
    pub fn default_environment(&self) -> Option<&ProjectEnvironment> {
        self.environments.iter().find(|it| it.is_default()).or(self.environments.first())
    }

    /// Where a new application goes: into this project, and there into the default environment, if one is known.
    #[must_use]
    pub fn place(&self) -> Place {
        place(self, self.default_environment())
    }
}

impl CreatedProject {
    /// Where a new application goes: into this project and its first environment.
    #[must_use]
    pub fn place(&self) -> Place {
        place(&self.project, self.environment.as_ref())
    }
}

fn place(project: &Project, environment: Option<&ProjectEnvironment>) -> Place {
    let place = Place::new(project.id.clone());
    environment.map(|it| it.id.clone()).into_iter().fold(place, Place::environment)
}

impl NewProject {
    /// A project of this name.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self { name, description: None, environment: None }
    }

    /// With this description.
    #[must_use]
    pub fn description(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }

    /// With variables that its applications may refer to.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }
}

impl ProjectUpdate {
    /// Without a change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another name.
    #[must_use]
    pub fn name(mut self, name: Name) -> Self {
        self.name = Some(name);
        self
    }

    /// Another description.
    #[must_use]
    pub fn description(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }

    /// Other variables, in place of all that are there.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }
}
