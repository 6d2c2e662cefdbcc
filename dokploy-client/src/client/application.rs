//! Applications.

mod provider;
mod request;
mod row;

use secrecy::ExposeSecret;
use serde::Serialize;

pub use provider::{DockerProvider, Registry};
pub use request::{ApplicationUpdate, Deploy, NewApplication, Place};
pub use row::{Application, ApplicationStatus, ApplicationSummary, SourceType};

use super::Client;
use super::call::Call;
use crate::app_name::AppName;
use crate::error::Result;
use crate::id::ApplicationId;
use crate::variables::Environment;

/// The calls about applications.
#[derive(Debug, Clone, Copy)]
pub struct Applications<'a> {
    pub(super) client: &'a Client,
}

/// The id alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Only<'a> {
    application_id: &'a ApplicationId,
}

impl Applications<'_> {
    /// Makes an application. Nothing is unique: made twice, there are two.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) where the place lacks what this version needs,
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been made, or why it was not.
    pub async fn create(&self, new: &NewApplication) -> Result<Application> {
        let version = self.client.version().await?;
        let body = new.body(version)?;
        self.client.ask(Call::mutation("application.create", &body, self.client.limits())?).await
    }

    /// One application.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), or why there is no answer.
    pub async fn one(&self, id: &ApplicationId) -> Result<Application> {
        self.client.ask(Call::query("application.one").with("applicationId", id)).await
    }

    /// Changes an application. What is changed counts from the next deployment on. One that there isn't is
    /// [`Error::Rejected`](crate::Error::Rejected) since 0.30.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been changed, or why it was not.
    pub async fn update(&self, id: &ApplicationId, update: &ApplicationUpdate) -> Result<()> {
        let env = update.environment.as_ref().map(Environment::to_dotenv);
        let body = update.body(id, env.as_ref().map(ExposeSecret::expose_secret))?;
        self.client.tell(Call::mutation("application.update", &body, self.client.limits())?).await
    }

    /// Has an application come from an image.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been changed, or why it was not.
    pub async fn save_docker_provider(&self, id: &ApplicationId, provider: &DockerProvider) -> Result<()> {
        let body = provider.body(id);
        self.client.tell(Call::mutation("application.saveDockerProvider", &body, self.client.limits())?).await
    }

    /// Gives an application these variables in place of all that are there. What is given to builds is emptied.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been changed, or why it was not.
    pub async fn save_environment(&self, id: &ApplicationId, environment: &Environment) -> Result<()> {
        let env = environment.to_dotenv();
        let body = request::EnvironmentBody::new(id, env.expose_secret());
        self.client.tell(Call::mutation("application.saveEnvironment", &body, self.client.limits())?).await
    }

    /// Queues a deployment. The answer names none, and there is none until its job starts: find it by the description.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been queued, or why it was not.
    pub async fn deploy(&self, id: &ApplicationId, deploy: &Deploy) -> Result<()> {
        self.queue("application.deploy", &deploy.body(id)).await
    }

    /// As [`Applications::deploy`], but the image is not pulled.
    ///
    /// # Errors
    /// As [`Applications::deploy`].
    pub async fn redeploy(&self, id: &ApplicationId, deploy: &Deploy) -> Result<()> {
        self.queue("application.redeploy", &deploy.body(id)).await
    }

    /// Starts the service, and tells the application as it was. One that was never deployed has no service: that is
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) with status 500.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been started, or why it was not.
    pub async fn start(&self, id: &ApplicationId) -> Result<Application> {
        self.change("application.start", id).await
    }

    /// Stops the service, and tells the application as it was.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been stopped, or why it was not.
    pub async fn stop(&self, id: &ApplicationId) -> Result<Application> {
        self.change("application.stop", id).await
    }

    /// Restarts the service of this name, which is [`Application::app_name`].
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been restarted, or why it was not.
    pub async fn reload(&self, id: &ApplicationId, app_name: &AppName) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            application_id: &'a ApplicationId,
            app_name: &'a AppName,
        }
        let body = Body { application_id: id, app_name };
        self.client.tell(Call::mutation("application.reload", &body, self.client.limits())?).await
    }

    /// Deletes an application with its service, its Traefik file, its logs and the jobs that wait, and tells it as it
    /// was. **A job that runs goes on and makes the service afterwards**: wait for the end of its deployment first.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been deleted, or why it was not.
    pub async fn delete(&self, id: &ApplicationId) -> Result<Application> {
        self.change("application.delete", id).await
    }

    /// Drops the jobs of an application that wait; the one that runs goes on.
    ///
    /// # Errors
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where they may have been dropped, or why they were not.
    pub async fn clean_queues(&self, id: &ApplicationId) -> Result<()> {
        self.queue("application.cleanQueues", &Only { application_id: id }).await
    }

    /// The application's Traefik file, which is YAML; none without a domain.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn traefik_config(&self, id: &ApplicationId) -> Result<Option<String>> {
        let call = Call::query("application.readTraefikConfig").with("applicationId", id);
        // What is null is written as `null`, but what is undefined as nothing.
        let read = |call: &Call, body: &[u8]| if body.is_empty() { Ok(None) } else { call.read(body) };
        self.client.exchange(call, read).await
    }

    async fn change(&self, name: &'static str, id: &ApplicationId) -> Result<Application> {
        self.client.ask(Call::mutation(name, &Only { application_id: id }, self.client.limits())?).await
    }

    async fn queue(&self, name: &'static str, body: &impl Serialize) -> Result<()> {
        self.client.order(Call::mutation(name, body, self.client.limits())?).await
    }
}
