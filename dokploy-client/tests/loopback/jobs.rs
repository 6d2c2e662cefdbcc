//! Jobs, and what they leave on the server's machine.

use dokploy_client::client::{
    ApplicationStatus, ApplicationUpdate, Deploy, DeploymentStatus, DockerProvider, NewApplication, NewDomain,
};
use dokploy_client::id::ApplicationId;
use dokploy_client::testing::{Dokploy, Version};
use dokploy_client::{Client, Description, Host, Image, Name};
use serde_json::Value;

use super::http::{exchange, request};
use super::{client, new_project};

/// An application with an image, in a project of its own.
pub(crate) async fn application(client: &Client, image: &str) -> ApplicationId {
    let project = client.projects().create(&new_project("p")).await.unwrap();
    let new = NewApplication::new(Name::parse("web").unwrap(), project.place());
    let id = client.applications().create(&new).await.unwrap().id;
    let provider = DockerProvider::new(Image::parse(image).unwrap());
    client.applications().save_docker_provider(&id, &provider).await.unwrap();
    id
}

async fn deploy(client: &Client, id: &ApplicationId) {
    client.applications().deploy(id, &Deploy::new()).await.unwrap();
}

async fn status(client: &Client, id: &ApplicationId) -> ApplicationStatus {
    client.applications().one(id).await.unwrap().status
}

async fn deployments(client: &Client, id: &ApplicationId) -> Vec<DeploymentStatus> {
    client.deployments().all(id).await.unwrap().into_iter().map(|it| it.status).collect()
}

#[tokio::test]
async fn an_images_name_decides_what_comes_of_a_job() {
    for version in Version::ALL {
        for (image, expected, reason) in [
            ("example/stack:1", ApplicationStatus::Done, "Pulling image completed"),
            ("example/slow:1", ApplicationStatus::Done, "Pulling image completed"),
            ("example/missing:1", ApplicationStatus::Error, "pull access denied for example/missing"),
            ("example/nocreate:1", ApplicationStatus::Error, "server error - rpc error"),
        ] {
            let dokploy = Dokploy::start(version).unwrap();
            let client = client(&dokploy);
            let id = application(&client, image).await;
            deploy(&client, &id).await;
            while !dokploy.is_idle() {
                tokio::task::yield_now().await;
            }
            let is_done = expected == ApplicationStatus::Done;
            assert_eq!(status(&client, &id).await, expected, "{version} {image}");
            assert_eq!(dokploy.services().len(), usize::from(is_done), "{version} {image}");
            let deployments = dokploy.deployments();
            let log = dokploy.log(deployments[0]["deploymentId"].as_str().unwrap()).unwrap();
            assert!(log.contains(reason), "{log}");
        }
    }
}

#[tokio::test]
async fn a_deployment_has_no_row_before_its_job_starts() {
    for version in Version::ALL {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let (one, two) = (application(&client, "a:1").await, application(&client, "b:1").await);
        deploy(&client, &one).await;
        assert_eq!(deployments(&client, &one).await, []);
        dokploy.start_job();
        deploy(&client, &two).await;
        // One at a time.
        dokploy.start_job();
        assert_eq!(deployments(&client, &one).await, [DeploymentStatus::Running]);
        assert_eq!(deployments(&client, &two).await, []);
        dokploy.finish_job();
        assert_eq!(deployments(&client, &one).await, [DeploymentStatus::Done]);
        dokploy.finish_jobs();
        assert_eq!(deployments(&client, &two).await, [DeploymentStatus::Done]);
    }
}

#[tokio::test]
async fn a_restart_keeps_or_loses_jobs_as_the_version_does() {
    let statuses = [
        (Version::V0_24_12, DeploymentStatus::Running, ApplicationStatus::Running, 1),
        (Version::V0_26_7, DeploymentStatus::Cancelled, ApplicationStatus::Running, 1),
        (Version::V0_30_2, DeploymentStatus::Cancelled, ApplicationStatus::Idle, 0),
    ];
    for (version, deployment, application_status, kept) in statuses {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let (one, two) = (application(&client, "slow:1").await, application(&client, "b:1").await);
        deploy(&client, &one).await;
        deploy(&client, &two).await;
        dokploy.start_job();
        dokploy.restart().await.unwrap();
        dokploy.finish_jobs();
        assert_eq!(deployments(&client, &one).await, [deployment], "{version}");
        assert_eq!(status(&client, &one).await, application_status, "{version}");
        assert_eq!(deployments(&client, &two).await.len(), kept, "{version}");
        assert_eq!(dokploy.services().len(), kept, "{version}");
    }
}

#[tokio::test]
async fn jobs_go_on_by_themselves_after_a_restart() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let id = application(&client, "a:1").await;
    dokploy.restart().await.unwrap();
    deploy(&client, &id).await;
    while status(&client, &id).await != ApplicationStatus::Done {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_makes_the_service_of_an_application_that_was_deleted_meanwhile() {
    for version in Version::ALL {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let id = application(&client, "slow:1").await;
        deploy(&client, &id).await;
        dokploy.start_job();
        client.applications().delete(&id).await.unwrap();
        assert!(dokploy.services().is_empty() && dokploy.applications().is_empty());
        dokploy.finish_jobs();
        assert_eq!(dokploy.services().len(), 1, "{version}");
        assert!(dokploy.is_idle() && dokploy.deployments().is_empty());
    }
}

#[tokio::test]
async fn a_project_that_is_removed_leaves_services_and_traefik_files() {
    for version in Version::ALL {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let id = application(&client, "a:1").await;
        let host = Host::parse("a.example.test").unwrap();
        let new = NewDomain::new(id.clone(), host, 80.try_into().unwrap());
        client.domains().create(&new).await.unwrap();
        // Written before any deploy.
        let files = dokploy.traefik_files();
        let (name, file) = files.first_key_value().unwrap();
        assert!(file.contains("Host(`a.example.test`)"), "{file}");
        deploy(&client, &id).await;
        dokploy.finish_jobs();
        let project = client.projects().all().await.unwrap().remove(0);
        client.projects().remove(&project.id).await.unwrap();
        assert!(dokploy.applications().is_empty() && dokploy.domains().is_empty());
        assert!(dokploy.environments().is_empty() && dokploy.projects().is_empty());
        let service = dokploy.services().remove(0);
        assert_eq!(*name, format!("{}.yml", service.app_name), "{version}");
        assert!(dokploy.traefik_files().contains_key(name), "{version}");
    }
}

#[tokio::test]
async fn an_application_that_is_deleted_leaves_nothing() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let client = client(&dokploy);
    let id = application(&client, "a:1").await;
    let new = NewDomain::new(id.clone(), Host::parse("a.test").unwrap(), 80.try_into().unwrap());
    client.domains().create(&new).await.unwrap();
    deploy(&client, &id).await;
    dokploy.finish_jobs();
    // This one waits, and goes too.
    deploy(&client, &id).await;
    client.applications().delete(&id).await.unwrap();
    dokploy.finish_jobs();
    assert!(dokploy.services().is_empty() && dokploy.traefik_files().is_empty());
    assert!(dokploy.domains().is_empty() && dokploy.deployments().is_empty());
}

#[tokio::test]
async fn a_service_gets_the_variables_with_references_replaced() {
    let variables = "NAME=alpha\nQUOTED=\"a b # c\" # comment\nSINGLE='x$y'\nexport EXPORTED=1\n\
                     MULTI=\"l1\\nl2\"\nEMPTY=\nURL=${{project.SHARED}}";
    let dokploy = Dokploy::builder(Version::V0_26_7).hold_jobs().start().unwrap();
    let client = client(&dokploy);
    let id = application(&client, "a:1").await;
    let project = dokploy.projects()[0]["projectId"].clone();
    post(&dokploy, "project.update", &serde_json::json!({ "projectId": project, "env": "SHARED=one" })).await;
    let change = serde_json::json!({ "applicationId": id.as_str(), "env": variables });
    post(&dokploy, "application.update", &change).await;
    deploy(&client, &id).await;
    dokploy.finish_jobs();
    let expected =
        ["NAME=alpha", "QUOTED=a b # c", "SINGLE=x$y", "EXPORTED=1", "MULTI=l1\nl2", "EMPTY=", "URL=one"];
    assert_eq!(dokploy.services()[0].env, expected);
}

/// What the typed client would not send.
async fn post(dokploy: &Dokploy, call: &str, body: &Value) {
    let key = dokploy.key();
    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    let (path, body) = (format!("/api/{call}"), body.to_string());
    let answer = exchange(&dokploy.url(), &request("POST", &path, &headers, body.as_bytes())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_service_that_is_stopped_has_no_replicas() {
    for version in Version::ALL {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let id = application(&client, "a:1").await;
        assert_eq!(client.applications().start(&id).await.unwrap_err().code(), "maybe_done");
        deploy(&client, &id).await;
        dokploy.finish_jobs();
        client.applications().stop(&id).await.unwrap();
        assert_eq!(dokploy.services()[0].replicas, 0);
        assert_eq!(status(&client, &id).await, ApplicationStatus::Idle);
        client.applications().start(&id).await.unwrap();
        assert_eq!(dokploy.services()[0].replicas, 1);
        assert_eq!(status(&client, &id).await, ApplicationStatus::Done);
    }
}

#[tokio::test]
async fn a_name_on_the_server_is_made_unique_by_a_suffix() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let client = client(&dokploy);
    let id = application(&client, "a:1").await;
    client
        .applications()
        .update(&id, &ApplicationUpdate::new().name(Name::parse("b").unwrap()))
        .await
        .unwrap();
    let app_name = client.applications().one(&id).await.unwrap().app_name;
    let (stem, suffix) = app_name.rsplit_once('-').unwrap();
    assert!(stem.starts_with("app-") && suffix.len() == 6, "{app_name}");
}

#[tokio::test]
async fn the_newest_ten_deployments_are_kept_and_told_newest_first() {
    let dokploy = Dokploy::builder(Version::V0_26_7).hold_jobs().start().unwrap();
    let client = client(&dokploy);
    let id = application(&client, "a:1").await;
    for n in 0..12 {
        let description = Description::parse(&n.to_string()).unwrap();
        client.applications().deploy(&id, &Deploy::new().description(description)).await.unwrap();
        dokploy.finish_jobs();
    }
    let told = client.deployments().all(&id).await.unwrap();
    let descriptions: Vec<_> = told.into_iter().filter_map(|deployment| deployment.description).collect();
    let expected: Vec<_> = (2..12).rev().map(|n| n.to_string()).collect();
    assert_eq!(descriptions, expected);
}
