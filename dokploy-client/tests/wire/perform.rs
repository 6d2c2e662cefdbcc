//! Makes the call of a recorded exchange with the client: as it was made, as far as the client can.

use std::num::NonZeroU16;

use dokploy_client::client::{
    ApplicationUpdate, Deploy, DockerProvider, DomainUpdate, EnvironmentUpdate, NewApplication, NewDomain,
    NewEnvironment, NewProject, Place, ProjectUpdate, Tail, Tls,
};
use dokploy_client::id::{ApplicationId, DeploymentId, DomainId, EnvironmentId, ProjectId};
use dokploy_client::{AppName, Client, Description, Environment, Host, Image, Name, Result, UrlPath};
use serde_json::{Value, json};

use super::recorded::Exchange;
use super::told;

/// Stands for an id that the exchange lacks, or that none can have.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAA";

/// What the client tells of the answer; `None` where it has no such call.
pub(crate) async fn perform(client: &Client, exchange: &Exchange) -> Option<Result<Value>> {
    match exchange.call().split_once('.').map_or(exchange.call(), |(group, _)| group) {
        "health" | "settings" => of_server(client, exchange).await,
        "project" => of_projects(client, exchange).await,
        "environment" => of_environments(client, exchange).await,
        "application" => of_applications(client, exchange).await,
        "domain" => of_domains(client, exchange).await,
        "deployment" => of_deployments(client, exchange).await,
        _ => None,
    }
}

async fn of_server(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    Some(match it.call() {
        "health" => client.listens().await.map(|()| json!({ "ok": true })),
        "settings.health" => client.health().await.map(|health| json!({ "status": health.as_str() })),
        "settings.getDokployVersion" => {
            client.current_version().await.map(|version| json!(format!("v{version}")))
        }
        _ => return None,
    })
}

async fn of_projects(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    let (projects, id) = (client.projects(), ProjectId::parse(it.text("projectId").unwrap_or(NO_ID)));
    let id = id.unwrap_or_else(|_| ProjectId::parse(NO_ID).unwrap());
    Some(match it.call() {
        "project.all" => projects.all().await.map(|all| told::list(&all, told::project)),
        "project.one" => projects.one(&id).await.map(|project| told::project(&project)),
        "project.create" => {
            let mut new = NewProject::new(name(it));
            new = description(it).into_iter().fold(new, NewProject::description);
            new = variables(it).into_iter().fold(new, NewProject::environment);
            projects.create(&new).await.map(|created| told::created_project(&created))
        }
        "project.update" => {
            let update = description(it).into_iter().fold(ProjectUpdate::new(), ProjectUpdate::description);
            projects.update(&id, &update).await.map(|project| told::project(&project))
        }
        "project.remove" => projects.remove(&id).await.map(|project| told::project(&project)),
        _ => return None,
    })
}

async fn of_environments(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    let environments = client.environments();
    let project = ProjectId::parse(it.text("projectId").unwrap_or(NO_ID)).unwrap();
    let id = EnvironmentId::parse(it.text("environmentId").unwrap_or(NO_ID)).unwrap();
    let told = |result: Result<_>| result.map(|environment| told::environment(&environment));
    Some(match it.call() {
        "environment.byProjectId" => {
            environments.by_project(&project).await.map(|all| told::list(&all, told::environment))
        }
        "environment.one" => told(environments.one(&id).await),
        "environment.create" => {
            let new = NewEnvironment::new(project, name_but(it, "production"));
            let new = description(it).into_iter().fold(new, NewEnvironment::description);
            told(environments.create(&new).await)
        }
        "environment.update" => {
            let mut update = EnvironmentUpdate::new();
            update = variables(it).into_iter().fold(update, EnvironmentUpdate::environment);
            update = it.text("name").map(|_| name(it)).into_iter().fold(update, EnvironmentUpdate::name);
            told(environments.update(&id, &update).await)
        }
        "environment.remove" => told(environments.remove(&id).await),
        _ => return None,
    })
}

async fn of_applications(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    let (applications, id) = (client.applications(), application_id(it));
    let told = |result: Result<_>| result.map(|application| told::application(&application));
    let done = |result: Result<()>| result.map(|()| Value::Bool(true));
    // The body of what is only started is empty.
    let started = |result: Result<()>| result.map(|()| Value::Null);
    Some(match it.call() {
        "application.create" => told(applications.create(&new_application(it)).await),
        "application.one" => told(applications.one(&id).await),
        "application.update" => done(applications.update(&id, &application_update(it)).await),
        "application.saveDockerProvider" => {
            done(applications.save_docker_provider(&id, &DockerProvider::new(image(it))).await)
        }
        "application.saveEnvironment" => {
            let environment = variables(it).unwrap_or_default();
            done(applications.save_environment(&id, &environment).await)
        }
        "application.deploy" => started(applications.deploy(&id, &deploy(it)).await),
        "application.redeploy" => started(applications.redeploy(&id, &deploy(it)).await),
        "application.start" => told(applications.start(&id).await),
        "application.stop" => told(applications.stop(&id).await),
        "application.reload" => done(applications.reload(&id).await),
        "application.delete" => told(applications.delete(&id).await),
        "application.cleanQueues" => started(applications.clean_queues(&id).await),
        "application.readTraefikConfig" => applications.traefik_config(&id).await.map(|config| json!(config)),
        _ => return None,
    })
}

async fn of_domains(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    let domains = client.domains();
    let id = DomainId::parse(it.text("domainId").unwrap_or(NO_ID)).unwrap();
    let host =
        |name| Host::parse(it.text(name).unwrap_or_default()).unwrap_or(Host::parse("x.test").unwrap());
    let told = |result: Result<_>| result.map(|domain| told::domain(&domain));
    Some(match it.call() {
        "domain.create" => {
            let new = NewDomain::new(application_id(it), host("host"), port(it)).tls(tls(it));
            let path = it.text("path").map(|path| UrlPath::parse(path).unwrap());
            told(domains.create(&path.into_iter().fold(new, NewDomain::path)).await)
        }
        "domain.one" => told(domains.one(&id).await),
        "domain.byApplicationId" => {
            domains.by_application(&application_id(it)).await.map(|all| told::list(&all, told::domain))
        }
        "domain.update" => {
            let update = DomainUpdate::new(host("host")).port(port(it)).tls(tls(it));
            told(domains.update(&id, &update).await)
        }
        "domain.delete" => told(domains.delete(&id).await),
        "domain.validateDomain" => {
            let check = domains.validate(&host("domain")).await;
            check.map(|check| json!({ "isValid": check.is_valid, "error": check.error }))
        }
        _ => return None,
    })
}

async fn of_deployments(client: &Client, it: &Exchange) -> Option<Result<Value>> {
    let deployments = client.deployments();
    Some(match it.call() {
        "deployment.all" => {
            deployments.all(&application_id(it)).await.map(|all| told::list(&all, told::deployment))
        }
        "deployment.readLogs" => {
            let id = DeploymentId::parse(it.text("deploymentId").unwrap()).unwrap();
            let lines = it.number("tail").map(|lines| Tail::lines(lines.try_into().unwrap()).unwrap());
            deployments.read_logs(&id, lines.unwrap_or(Tail::usual())).await.map(Value::String)
        }
        "deployment.queueList" => deployments.queue().await.map(|all| told::list(&all, told::job)),
        _ => return None,
    })
}

fn application_id(it: &Exchange) -> ApplicationId {
    ApplicationId::parse(it.text("applicationId").unwrap_or(NO_ID)).unwrap()
}

fn new_application(it: &Exchange) -> NewApplication {
    let project = ProjectId::parse(it.text("projectId").unwrap_or(NO_ID)).unwrap();
    let environment = EnvironmentId::parse(it.text("environmentId").unwrap_or(NO_ID)).unwrap();
    let mut new = NewApplication::new(name(it), Place::new(project).environment(environment));
    new = description(it).into_iter().fold(new, NewApplication::description);
    let app_name = it.text("appName").and_then(|text| AppName::parse(text).ok());
    app_name.into_iter().fold(new, NewApplication::app_name)
}

fn application_update(it: &Exchange) -> ApplicationUpdate {
    let mut update = ApplicationUpdate::new();
    update = it.text("name").map(|_| name(it)).into_iter().fold(update, ApplicationUpdate::name);
    update = it.text("dockerImage").map(|_| image(it)).into_iter().fold(update, ApplicationUpdate::image);
    update = variables(it).into_iter().fold(update, ApplicationUpdate::environment);
    let memory = it.text("memoryLimit").map(|bytes| bytes.parse().unwrap());
    update = memory.into_iter().fold(update, ApplicationUpdate::memory_bytes);
    let replicas = it.number("replicas").map(|replicas| replicas.try_into().unwrap());
    update = replicas.into_iter().fold(update, ApplicationUpdate::replicas);
    let can_be_made = ["name", "dockerImage", "env", "memoryLimit", "replicas"];
    match can_be_made.iter().any(|field| {
        it.text(field).is_some() && *field != "replicas" || it.number(field).is_some() && *field == "replicas"
    }) {
        true => update,
        false => update.replicas(1),
    }
}

fn deploy(it: &Exchange) -> Deploy {
    let title = it.text("title").map(|text| Description::parse(text).unwrap());
    let deploy = title.into_iter().fold(Deploy::new(), Deploy::title);
    description(it).into_iter().fold(deploy, Deploy::description)
}

fn name(it: &Exchange) -> Name {
    let name = it.text("name").and_then(|text| Name::parse(text).ok());
    name.unwrap_or(Name::parse("x").unwrap())
}

fn name_but(it: &Exchange, refused: &str) -> Name {
    Some(name(it)).filter(|name| name.as_str() != refused).unwrap_or(Name::parse("x").unwrap())
}

fn description(it: &Exchange) -> Option<Description> {
    it.text("description").map(|text| Description::parse(text).unwrap())
}

fn image(it: &Exchange) -> Image {
    Image::parse(it.text("dockerImage").unwrap()).unwrap()
}

/// Those that are written as the client writes them: `NAME=value` with plain values.
fn variables(it: &Exchange) -> Option<Environment> {
    let lines = it.text("env")?.lines();
    let variables = lines.filter_map(|line| line.split_once('='));
    let set = |environment: Environment, (name, value): (&str, &str)| {
        let with = environment.clone().with(name, value);
        with.unwrap_or(environment)
    };
    Some(variables.fold(Environment::new(), set))
}

fn port(it: &Exchange) -> NonZeroU16 {
    let port = it.number("port").and_then(|port| NonZeroU16::new(port.try_into().unwrap()));
    port.unwrap_or(NonZeroU16::new(3000).unwrap())
}

fn tls(it: &Exchange) -> Tls {
    match it.text("certificateType") {
        Some("letsencrypt") => Tls::LetsEncrypt,
        Some(_) => Tls::EntryPoint,
        None => Tls::Off,
    }
}
