//! Rows as they may be stored, whatever a version tells of them.

use dokploy_client::client::NewProject;
use dokploy_client::id::ApplicationId;
use dokploy_client::{Error, Name};
use serde_json::{Value, json};

use super::client;
use super::server::{Reply, Server};

#[tokio::test]
async fn a_project_is_read_by_its_own_form_whatever_version_is_known() {
    let project = || json!({"projectId": "p", "name": "x", "createdAt": "2026-11-21T07:55:54.341Z"});
    let environment = json!({"environmentId": "e", "name": "production"});
    for version in ["v0.24.12", "v0.25.0"] {
        let server = Server::start(Some(version)).await;
        let client = client(&server.url()).build().unwrap();
        server.plan([
            Reply::json(200, &project()),
            Reply::json(200, &json!({"project": project(), "environment": environment})),
            Reply::json(200, &json!({"project": project()})),
        ]);
        let projects = client.projects();
        let new = NewProject::new(Name::parse("x").unwrap());
        assert_eq!(projects.create(&new).await.unwrap().environment, None);
        let made = projects.create(&new).await.unwrap().environment.unwrap();
        assert!(made.is_default() && made.id.as_str() == "e");
        let source =
            std::error::Error::source(&projects.create(&new).await.unwrap_err()).unwrap().to_string();
        assert!(source.starts_with("missing field `environment`"), "{source}");
    }
}

#[tokio::test]
async fn an_application_with_a_name_of_the_web_page_is_reloaded_and_one_with_a_command_is_not() {
    let server = Server::start(Some("v0.26.7")).await;
    let client = client(&server.url()).build().unwrap();
    let id = ApplicationId::parse("a").unwrap();
    let named = |app_name: &str| {
        let row = json!({
            "applicationId": "a", "name": "x", "appName": app_name, "applicationStatus": "done",
            "sourceType": "docker", "createdAt": "2026-11-21T07:55:54.341Z",
        });
        Reply::json(200, &row)
    };
    server.plan([named("My_App.web"), Reply::json(200, &json!(true))]);
    client.applications().reload(&id).await.unwrap();
    let [_, seen] = &server.seen()[..] else { panic!("{:?}", server.seen()) };
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(
        (&*seen.path, body),
        ("/api/application.reload", json!({"applicationId": "a", "appName": "My_App.web"}))
    );

    server.plan([named("x; reboot")]);
    let error = client.applications().reload(&id).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "app name", .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_limit_of_memory_is_read() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    let row = json!({
        "applicationId": "a", "name": "x", "appName": "x-1", "applicationStatus": "idle", "sourceType": "docker",
        "createdAt": "2026-11-21T07:55:54.341Z",
    });
    for (limit, bytes) in [
        (json!("268435456"), Some(268_435_456)),
        (json!(""), None),
        (json!("1 GB"), None),
        (json!(null), None),
    ] {
        let mut row = row.clone();
        row["memoryLimit"] = limit;
        server.plan([Reply::json(200, &row)]);
        let read = client.applications().one(&ApplicationId::parse("a").unwrap()).await.unwrap();
        assert_eq!(read.memory_bytes, bytes, "{row}");
    }
}

#[tokio::test]
async fn an_odd_row_leaves_the_others_readable() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    let id = ApplicationId::parse("a").unwrap();
    let with = |mut row: Value, odd: &Value| {
        row.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
        row
    };

    let made = json!({"createdAt": "2026-11-21T07:55:54.341Z"});
    let domain = json!({"domainId": "d", "host": "a.test", "https": false, "certificateType": "none"});
    let rows =
        [json!({"port": 3000}), json!({"port": 70000}), json!({"port": null, "certificateType": "new"})];
    server.plan([Reply::json(200, &rows.map(|odd| with(with(domain.clone(), &made), &odd)).into())]);
    let domains = client.domains().by_application(&id).await.unwrap();
    assert_eq!(domains.iter().map(|it| it.port).collect::<Vec<_>>(), [Some(3000), Some(70000), None]);

    let deployment = json!({"deploymentId": "d", "title": "x"});
    let rows = [json!({"status": "done"}), json!({"status": null}), json!({"status": "paused"})];
    server.plan([Reply::json(200, &rows.map(|odd| with(with(deployment.clone(), &made), &odd)).into())]);
    let deployments = client.deployments().all(&id).await.unwrap();
    let words: Vec<_> = deployments.iter().map(|it| (it.status.as_str(), it.status.is_final())).collect();
    assert_eq!(words, [("done", true), ("", false), ("paused", false)]);

    let rows = [
        json!({"id": "job-1", "state": "active", "data": {"applicationId": "a"}}),
        json!({"id": 7, "state": "completed", "data": null}),
        json!({"id": "repeat:x:1", "state": null}),
    ];
    server.plan([Reply::json(200, &rows.to_vec().into())]);
    let queue = client.deployments().queue().await.unwrap();
    assert_eq!(queue.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["job-1", "7", "repeat:x:1"]);
    assert_eq!(queue.iter().map(|it| it.application_id()).collect::<Vec<_>>(), [Some(&id), None, None]);
}
