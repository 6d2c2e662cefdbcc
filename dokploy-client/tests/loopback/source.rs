//! What no recording shows: it is read in Dokploy's source, above all how 0.25.11 is other than 0.26.7.

use dokploy_client::client::{
    ApplicationStatus, Deploy, DeploymentStatus, DockerProvider, Health, NewApplication, NewEnvironment, Tail,
};
use dokploy_client::testing::{Dokploy, Version};
use dokploy_client::{Description, Image, Name};
use serde_json::{Value, json};

use super::http::{exchange, request};
use super::{client, new_project};

const BEFORE: Version = Version::V0_25_11;

/// Calls, and gives the status, the message of a refusal, and the answer.
async fn post(dokploy: &Dokploy, call: &str, body: Value) -> (u16, String, Value) {
    let (key, path) = (dokploy.key(), format!("/api/{call}"));
    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    let post = request("POST", &path, &headers, body.to_string().as_bytes());
    let answer = exchange(&dokploy.url(), &post).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.status, body["message"].as_str().unwrap_or_default().to_owned(), body)
}

#[tokio::test]
async fn a_client_deploys_on_0_25_from_the_project_to_its_removal() {
    let dokploy = Dokploy::builder(BEFORE).hold_jobs().start().unwrap();
    let client = client(&dokploy);
    assert_eq!(client.version().await.unwrap().to_string(), "0.25.11");
    assert_eq!(client.health().await.unwrap(), Health::NotCloud);
    let created = client.projects().create(&new_project("shop")).await.unwrap();
    let environment = created.environment.clone().unwrap();
    assert_eq!(&*environment.name, "production");
    let new = NewApplication::new(Name::parse("web").unwrap(), created.place());
    let id = client.applications().create(&new).await.unwrap().id;
    let provider = DockerProvider::new(Image::parse("a:1").unwrap());
    client.applications().save_docker_provider(&id, &provider).await.unwrap();
    let order = Deploy::new().description(Description::parse("ours").unwrap());
    client.applications().deploy(&id, &order).await.unwrap();
    dokploy.finish_jobs();
    let deployments = client.deployments().all(&id).await.unwrap();
    assert_eq!(deployments[0].description.as_deref(), Some("ours"));
    assert_eq!(client.applications().one(&id).await.unwrap().status, ApplicationStatus::Done);
    // Logs and the queue came later.
    let logs = client.deployments().read_logs(&deployments[0].id, Tail::usual()).await.unwrap_err();
    assert_eq!(
        (logs.code(), client.deployments().queue().await.unwrap_err().code()),
        ("unsupported", "unsupported")
    );
    let project = client.projects().all().await.unwrap().remove(0);
    assert_eq!(project.applications().count(), 1);
    assert_eq!(client.environments().by_project(&project.id).await.unwrap()[0].id, environment.id);
    client.applications().delete(&id).await.unwrap();
    client.projects().remove(&project.id).await.unwrap();
    assert!(dokploy.environments().is_empty() && dokploy.services().is_empty());
}

#[tokio::test]
async fn on_0_25_no_environment_says_that_it_is_the_default_one_and_its_name_is_what_counts() {
    let dokploy = Dokploy::start(BEFORE).unwrap();
    let client = client(&dokploy);
    let created = client.projects().create(&new_project("a")).await.unwrap();
    let staging = NewEnvironment::new(created.project.id.clone(), Name::parse("staging").unwrap());
    let staging = client.environments().create(&staging).await.unwrap().id;
    let environments = dokploy.environments();
    assert!(environments.len() == 2 && environments.iter().all(|it| it.get("isDefault").is_none()));

    let (project, production) = (created.project.id.as_str(), created.environment.unwrap().id);
    let (production, staging) = (production.as_str(), staging.as_str());
    let not_production = "Environment name cannot be production";
    let new = json!({ "projectId": project, "name": "production" });
    let refused = post(&dokploy, "environment.create", new).await;
    assert_eq!((refused.0, &*refused.1), (400, not_production));
    // Whatever the id.
    for id in [staging, production, "AAAAAAAAAAAAAAAAAAAAA"] {
        let change = json!({ "environmentId": id, "name": "production" });
        let refused = post(&dokploy, "environment.update", change).await;
        assert_eq!(
            (refused.0, refused.1),
            (400, format!("Error updating the environment: {not_production}"))
        );
    }
    let refused = post(&dokploy, "environment.remove", json!({ "environmentId": production })).await;
    assert_eq!((refused.0, &*refused.1), (400, "You cannot delete the production environment"));
    // By another name it is one like others.
    let change = json!({ "environmentId": production, "name": "other" });
    assert_eq!(post(&dokploy, "environment.update", change).await.0, 200);
    assert_eq!(post(&dokploy, "environment.remove", json!({ "environmentId": production })).await.0, 200);
    assert_eq!(dokploy.environments().len(), 1);
}

#[tokio::test]
async fn names_on_the_server_are_not_checked_on_0_25() {
    let dokploy = Dokploy::start(BEFORE).unwrap();
    let created = client(&dokploy).projects().create(&new_project("a")).await.unwrap();
    let environment = created.environment.unwrap().id;
    let new = json!({ "name": "x", "appName": "bad;name", "environmentId": environment.as_str() });
    let (status, _, application) = post(&dokploy, "application.create", new).await;
    assert_eq!(status, 200);
    assert!(application["appName"].as_str().unwrap().starts_with("bad;name-"), "{application}");
    assert!(application.get("createEnvFile").is_none(), "{application}");
}

#[tokio::test]
async fn a_restart_of_0_25_cancels_the_job_that_runs_and_keeps_those_that_wait() {
    let dokploy = Dokploy::builder(BEFORE).hold_jobs().start().unwrap();
    let client = client(&dokploy);
    let (one, two) =
        (super::jobs::application(&client, "a:1").await, super::jobs::application(&client, "b:1").await);
    for id in [&one, &two] {
        client.applications().deploy(id, &Deploy::new()).await.unwrap();
    }
    dokploy.start_job();
    dokploy.restart().await.unwrap();
    dokploy.finish_jobs();
    let statuses = [
        client.deployments().all(&one).await.unwrap()[0].status.clone(),
        client.deployments().all(&two).await.unwrap()[0].status.clone(),
    ];
    assert_eq!(statuses, [DeploymentStatus::Cancelled, DeploymentStatus::Done]);
    assert_eq!(client.applications().one(&one).await.unwrap().status, ApplicationStatus::Running);
}

#[tokio::test]
async fn an_unknown_environment_can_be_changed_as_little_as_another_but_is_told_otherwise() {
    for version in [BEFORE, Version::V0_26_7, Version::V0_30_2] {
        let dokploy = Dokploy::start(version).unwrap();
        let change = json!({ "environmentId": "AAAAAAAAAAAAAAAAAAAAA", "description": "x" });
        let refused = post(&dokploy, "environment.update", change).await;
        let why = "Error updating the environment: Environment not found";
        assert_eq!((refused.0, &*refused.1), (400, why), "{version}");
    }
}

#[tokio::test]
async fn an_environment_takes_its_applications_with_it_before_the_line_of_0_30() {
    for (version, status, left) in [(BEFORE, 200, 0), (Version::V0_26_7, 200, 0), (Version::V0_30_2, 400, 1)]
    {
        let dokploy = Dokploy::builder(version).hold_jobs().start().unwrap();
        let client = client(&dokploy);
        let project = client.projects().create(&new_project("a")).await.unwrap().project.id;
        let staging = NewEnvironment::new(project, Name::parse("staging").unwrap());
        let staging = client.environments().create(&staging).await.unwrap().id;
        let new = json!({ "name": "x", "environmentId": staging.as_str() });
        assert_eq!(post(&dokploy, "application.create", new).await.0, 200);
        let removed =
            post(&dokploy, "environment.remove", json!({ "environmentId": staging.as_str() })).await;
        assert_eq!((removed.0, dokploy.applications().len()), (status, left), "{version}");
    }
}

#[tokio::test]
async fn a_port_above_65535_is_refused() {
    for version in Version::ALL.into_iter().chain([BEFORE]) {
        let dokploy = Dokploy::start(version).unwrap();
        for (port, status) in [(65_535, 200), (65_536, 400)] {
            let domain = json!({ "host": "a.test", "port": port });
            let answer = post(&dokploy, "domain.create", domain).await;
            assert_eq!(answer.0, status, "{version} {port}: {}", answer.1);
        }
        assert_eq!(dokploy.domains().len(), 1);
    }
}
