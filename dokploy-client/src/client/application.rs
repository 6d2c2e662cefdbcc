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
use super::deployment::Tail;
use super::version::Version;
use crate::app_name;
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
        let until = self.client.deadline();
        let body = new.body(self.client.version_by(until).await?)?;
        let call = Call::mutation("application.create", &body, self.client.limits())?;
        self.client.exchange_by(until, call, Call::read).await
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

    /// Restarts the service. Dokploy wants its name with it, so the application is read first.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) where a command would read the stored name as something else,
    /// [`Error::MaybeDone`](crate::Error::MaybeDone) where it may have been restarted, or why it was not.
    pub async fn reload(&self, id: &ApplicationId) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            application_id: &'a ApplicationId,
            app_name: &'a str,
        }
        let until = self.client.deadline();
        let read = Call::query("application.one").with("applicationId", id);
        let row: Application = self.client.exchange_by(until, read, Call::read).await?;
        app_name::check_stored(&row.app_name)?;
        let body = Body { application_id: id, app_name: &row.app_name };
        let call = Call::mutation("application.reload", &body, self.client.limits())?;
        self.client.exchange_by(until, call, Call::read_true).await
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

    /// Ends **all builds that run on the application's server**, whosever they are: Dokploy interrupts each
    /// `docker build` there. A job that pulls an image has no build, and goes on.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) before 0.25.8, [`Error::MaybeDone`](crate::Error::MaybeDone)
    /// where they may have been ended, or why they were not.
    pub async fn kill_build(&self, id: &ApplicationId) -> Result<()> {
        let body = Only { application_id: id };
        let call = Call::mutation("application.killBuild", &body, self.client.limits())?;
        self.client.order(call.needing(Version::ends_builds)).await
    }

    /// The end of what the application's containers wrote, each line behind its time. It is the log of one container;
    /// where there is none, of all that the service had. Without a service it is
    /// [`Error::Unavailable`](crate::Error::Unavailable) with status 500. It is for whoever may see the application.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) before 0.29, [`Error::NotFound`](crate::Error::NotFound), or
    /// why there is no answer.
    pub async fn read_logs(&self, id: &ApplicationId, tail: Tail) -> Result<String> {
        let call = Call::query("application.readLogs").with("applicationId", id);
        self.client.ask(tail.of(call).needing(Version::has_container_logs)).await
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
