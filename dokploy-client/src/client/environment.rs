//! Environments of projects.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Client;
use super::application::ApplicationSummary;
use super::call::Call;
use super::version::Version;
use crate::error::{Error, Result};
use crate::id::{EnvironmentId, ProjectId};
use crate::name::{Description, Name};
use crate::variables::Environment;

/// The name of the environment that comes with a project.
const DEFAULT_NAME: &str = "production";

/// The calls about environments of projects. Before 0.25 each is [`Error::Unsupported`].
#[derive(Debug, Clone, Copy)]
pub struct Environments<'a> {
    pub(super) client: &'a Client,
}

/// An environment of a project, which applications belong to. Its variables are an
/// [`Environment`](crate::Environment).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProjectEnvironment {
    /// Its id.
    #[serde(rename = "environmentId")]
    pub id: EnvironmentId,
    /// Its name; others of the project may have the same.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The project, where it is told.
    pub project_id: Option<ProjectId>,
    /// Its applications, where they are told.
    #[serde(default)]
    pub applications: Vec<ApplicationSummary>,
    /// Since 0.26.1.
    #[serde(rename = "isDefault")]
    told_default: Option<bool>,
}

/// An environment to make.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    project: ProjectId,
    name: Name,
    description: Option<Description>,
}

/// Changes to an environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentUpdate {
    name: Option<Name>,
    description: Option<Description>,
    environment: Option<Environment>,
}

/// As it is sent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<&'a EnvironmentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a str>,
}

impl Environments<'_> {
    /// Those of a project; none for a project that there isn't.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn by_project(&self, project: &ProjectId) -> Result<Vec<ProjectEnvironment>> {
        let call = Call::query("environment.byProjectId").with("projectId", project);
        self.client.ask(call.needing(Version::has_environments)).await
    }

    /// One environment.
    ///
    /// # Errors
    /// [`Error::NotFound`], or why there is no answer.
    pub async fn one(&self, id: &EnvironmentId) -> Result<ProjectEnvironment> {
        let call = Call::query("environment.one").with("environmentId", id);
        self.client.ask(call.needing(Version::has_environments)).await
    }

    /// Makes an environment. Names are not unique: made twice, there are two.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the name `production`, [`Error::MaybeDone`] where it may have been made, or why it was
    /// not.
    pub async fn create(&self, new: &NewEnvironment) -> Result<ProjectEnvironment> {
        if new.name.as_str() == DEFAULT_NAME {
            return Err(Error::invalid(
                "name",
                "only the environment that comes with a project is `production`",
            ));
        }
        let (project_id, description) = (Some(&new.project), new.description.as_ref());
        let body = Body { project_id, name: Some(&new.name), description, ..Body::default() };
        self.change("environment.create", &body).await
    }

    /// Changes an environment, and tells it as it is then.
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been changed, or why it was not.
    pub async fn update(&self, id: &EnvironmentId, update: &EnvironmentUpdate) -> Result<ProjectEnvironment> {
        if update.name.is_none() && update.description.is_none() && update.environment.is_none() {
            return Err(Error::invalid("environment update", "it changes nothing"));
        }
        let env = update.environment.as_ref().map(Environment::to_dotenv);
        let body = Body {
            environment_id: Some(id),
            project_id: None,
            name: update.name.as_ref(),
            description: update.description.as_ref(),
            env: env.as_ref().map(ExposeSecret::expose_secret),
        };
        self.change("environment.update", &body).await
    }

    /// Removes an environment, and tells it as it was. One with services in it is refused.
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been removed, or why it was not.
    pub async fn remove(&self, id: &EnvironmentId) -> Result<ProjectEnvironment> {
        self.change("environment.remove", &Body { environment_id: Some(id), ..Body::default() }).await
    }

    async fn change(&self, name: &'static str, body: &Body<'_>) -> Result<ProjectEnvironment> {
        let call = Call::mutation(name, body, self.client.limits())?;
        self.client.ask(call.needing(Version::has_environments)).await
    }
}

impl ProjectEnvironment {
    /// Whether it came with the project. That one can be neither renamed nor removed. Before 0.26.1 the name says it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.told_default.unwrap_or(self.name == DEFAULT_NAME)
    }
}

impl NewEnvironment {
    /// An environment of this name in this project.
    #[must_use]
    pub fn new(project: ProjectId, name: Name) -> Self {
        Self { project, name, description: None }
    }

    /// With this description.
    #[must_use]
    pub fn description(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }
}

impl EnvironmentUpdate {
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
