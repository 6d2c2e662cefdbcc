//! What is sent about applications.

use serde::Serialize;

use crate::app_name::AppName;
use crate::client::version::Version;
use crate::error::{Error, Result};
use crate::id::{ApplicationId, EnvironmentId, ProjectId};
use crate::image::Image;
use crate::name::{Description, Name};
use crate::variables::Environment;

/// Where an application goes: into a project, and there into an environment, which Dokploy has since 0.25.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    project: ProjectId,
    environment: Option<EnvironmentId>,
}

/// An application to make.
#[derive(Debug, Clone)]
pub struct NewApplication {
    name: Name,
    place: Place,
    app_name: Option<AppName>,
    description: Option<Description>,
}

/// Changes to an application.
#[derive(Debug, Clone, Default)]
pub struct ApplicationUpdate {
    name: Option<Name>,
    description: Option<Description>,
    image: Option<Image>,
    memory_bytes: Option<u64>,
    replicas: Option<u16>,
    pub(super) environment: Option<Environment>,
}

/// What a deployment is asked for with. 0.24 drops both.
#[derive(Debug, Clone, Default)]
pub struct Deploy {
    title: Option<Description>,
    description: Option<Description>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewBody<'a> {
    name: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_name: Option<&'a AppName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<&'a EnvironmentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a ProjectId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateBody<'a> {
    application_id: &'a ApplicationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_image: Option<&'a Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u16>,
}

/// Since 0.28 each field must be there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvironmentBody<'a> {
    application_id: &'a ApplicationId,
    env: &'a str,
    build_args: &'static str,
    build_secrets: &'static str,
    create_env_file: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeployBody<'a> {
    application_id: &'a ApplicationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
}

impl Place {
    /// Into this project. Without an environment that is a place for 0.24 only.
    #[must_use]
    pub fn new(project: ProjectId) -> Self {
        Self { project, environment: None }
    }

    /// Into this environment of it.
    #[must_use]
    pub fn environment(mut self, environment: EnvironmentId) -> Self {
        self.environment = Some(environment);
        self
    }
}

impl NewApplication {
    /// An application of this name. It comes from nothing yet.
    #[must_use]
    pub fn new(name: Name, place: Place) -> Self {
        Self { name, place, app_name: None, description: None }
    }

    /// With a service of this name, of up to 56 characters: Dokploy appends a hyphen and six random ones. Without, it
    /// makes a name up.
    #[must_use]
    pub fn app_name(mut self, app_name: AppName) -> Self {
        self.app_name = Some(app_name);
        self
    }

    /// With this description.
    #[must_use]
    pub fn description(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }

    pub(super) fn body(&self, version: Version) -> Result<NewBody<'_>> {
        self.app_name.as_ref().map_or(Ok(()), AppName::with_room_for_suffix)?;
        let (environment_id, project_id) = if version.has_environments() {
            let missing = || Error::invalid("place", "since 0.25 an application belongs to an environment");
            (Some(self.place.environment.as_ref().ok_or_else(missing)?), None)
        } else {
            (None, Some(&self.place.project))
        };
        let (app_name, description) = (self.app_name.as_ref(), self.description.as_ref());
        Ok(NewBody { name: &self.name, app_name, description, environment_id, project_id })
    }
}

impl ApplicationUpdate {
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

    /// It comes from this image, whatever it came from before.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.image = Some(image);
        self
    }

    /// Other variables, in place of all that are there.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Bytes of memory that a container may take.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// How many containers there are to be.
    #[must_use]
    pub fn replicas(mut self, replicas: u16) -> Self {
        self.replicas = Some(replicas);
        self
    }

    pub(super) fn body<'a>(&'a self, id: &'a ApplicationId, env: Option<&'a str>) -> Result<UpdateBody<'a>> {
        let Self { name, description, image, memory_bytes, replicas, environment } = self;
        let has_text = name.is_some() || description.is_some() || image.is_some() || environment.is_some();
        if !has_text && memory_bytes.is_none() && replicas.is_none() {
            return Err(Error::invalid("application update", "it changes nothing"));
        }
        Ok(UpdateBody {
            application_id: id,
            name: name.as_ref(),
            description: description.as_ref(),
            source_type: image.as_ref().map(|_| "docker"),
            docker_image: image.as_ref(),
            env,
            memory_limit: memory_bytes.map(|bytes| bytes.to_string()),
            replicas: *replicas,
        })
    }
}

impl<'a> EnvironmentBody<'a> {
    pub(super) fn new(application_id: &'a ApplicationId, env: &'a str) -> Self {
        Self { application_id, env, build_args: "", build_secrets: "", create_env_file: false }
    }
}

impl Deploy {
    /// Without title and description.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this title, which people see.
    #[must_use]
    pub fn title(mut self, title: Description) -> Self {
        self.title = Some(title);
        self
    }

    /// With this description, by which the deployment is found again: make it unique.
    #[must_use]
    pub fn description(mut self, description: Description) -> Self {
        self.description = Some(description);
        self
    }

    pub(super) fn body<'a>(&'a self, application_id: &'a ApplicationId) -> DeployBody<'a> {
        DeployBody { application_id, title: self.title.as_ref(), description: self.description.as_ref() }
    }
}
