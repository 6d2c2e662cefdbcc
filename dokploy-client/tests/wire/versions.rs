//! What differs by the server's version, and when it is asked for.

use std::time::{Duration, Instant};

use dokploy_client::client::{NewApplication, NewProject, Place, Tail, Version};
use dokploy_client::id::{ApplicationId, DeploymentId, EnvironmentId, ProjectId};
use dokploy_client::{Error, Name};
use serde_json::{Value, json};

use super::client;
use super::server::{Reply, Server};

fn place(environment: Option<&str>) -> Place {
    let place = Place::new(ProjectId::parse("p").unwrap());
    environment.map(|id| EnvironmentId::parse(id).unwrap()).into_iter().fold(place, Place::environment)
}

fn application() -> Reply {
    Reply::json(
        200,
        &json!({
            "applicationId": "a", "name": "x", "appName": "x-1", "applicationStatus": "asleep",
            "sourceType": "tape", "createdAt": "2026-11-21T07:55:54.341Z", "later": {"versions": "say more"},
        }),
    )
}

#[tokio::test]
async fn an_application_goes_where_the_version_wants_it() {
    let server = Server::start(None).await;
    for (version, parent) in [
        ("v0.24.0", json!({"name": "x", "projectId": "p"})),
        ("v0.25.0", json!({"name": "x", "environmentId": "e"})),
        ("v0.30.2", json!({"name": "x", "environmentId": "e"})),
        ("v9.0.0", json!({"name": "x", "environmentId": "e"})),
    ] {
        server.set_version(version);
        server.plan([application()]);
        let client = client(&server.url()).build().unwrap();
        let new = NewApplication::new(Name::parse("x").unwrap(), place(Some("e")));
        let made = client.applications().create(&new).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&server.seen()[0].body).unwrap(), parent, "{version}");
        assert_eq!((made.status.as_str(), made.source_type.as_str()), ("asleep", "tape"));
    }
}

#[tokio::test]
async fn an_application_without_an_environment_is_refused_before_it_is_sent() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    let new = NewApplication::new(Name::parse("x").unwrap(), place(None));
    let error = client.applications().create(&new).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "place", .. }), "{error:?}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_a_version_lacks_is_named_and_not_asked_for() {
    let server = Server::start(Some("v0.24.12")).await;
    let client = client(&server.url()).build().unwrap();
    let deployment = DeploymentId::parse("d").unwrap();
    let application = ApplicationId::parse("a").unwrap();
    let errors = [
        client.deployments().read_logs(&deployment, Tail::usual()).await.unwrap_err(),
        client.deployments().queue().await.unwrap_err(),
        client.applications().read_logs(&application, Tail::usual()).await.unwrap_err(),
        client.applications().kill_build(&application).await.unwrap_err(),
        client.environments().by_project(&ProjectId::parse("p").unwrap()).await.unwrap_err(),
        client.environments().remove(&EnvironmentId::parse("e").unwrap()).await.unwrap_err(),
    ];
    let words = errors.each_ref().map(ToString::to_string);
    assert_eq!(
        words,
        [
            "Dokploy 0.24.12 has no `deployment.readLogs`",
            "Dokploy 0.24.12 has no `deployment.queueList`",
            "Dokploy 0.24.12 has no `application.readLogs`",
            "Dokploy 0.24.12 has no `application.killBuild`",
            "Dokploy 0.24.12 has no `environment.byProjectId`",
            "Dokploy 0.24.12 has no `environment.remove`",
        ]
    );
    assert_eq!(server.seen().len(), 0);
    // After an upgrade it is there.
    server.set_version("v0.31.0");
    server.plan([Reply::json(200, &json!([]))]);
    assert_eq!(client.deployments().queue().await.unwrap(), []);
}

#[tokio::test]
async fn what_came_later_is_asked_for_since_the_version_that_has_it() {
    let server = Server::start(None).await;
    let (application, deployment) = (ApplicationId::parse("a").unwrap(), DeploymentId::parse("d").unwrap());
    for (older, newer, call) in
        [("v0.28.8", "v0.29.0", "application.readLogs"), ("v0.25.7", "v0.25.8", "application.killBuild")]
    {
        let make = async |version| {
            server.set_version(version);
            let client = client(&server.url()).build().unwrap();
            match call {
                "application.readLogs" => {
                    server.plan([Reply::json(200, &json!("2026-11-21T07:55:54Z up\n"))]);
                    let tail = Tail::lines(7).unwrap();
                    client.applications().read_logs(&application, tail).await
                }
                _ => {
                    server.plan([Reply::text(200, "")]);
                    client.applications().kill_build(&application).await.map(|()| String::new())
                }
            }
        };
        let error = make(older).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { call: named, .. } if named == call), "{error:?}");
        assert_eq!(server.seen().len(), 0);
        let told = make(newer).await.unwrap();
        let [seen] = &server.seen()[..] else { panic!("{:?}", server.seen()) };
        assert_eq!(seen.path, format!("/api/{call}"));
        if call == "application.readLogs" {
            assert_eq!(told, "2026-11-21T07:55:54Z up\n");
            let query =
                [("applicationId", "a"), ("tail", "7")].map(|(name, it)| (name.to_owned(), it.to_owned()));
            assert_eq!((&*seen.method, &*seen.query), ("GET", &query[..]));
        } else {
            assert_eq!((&*seen.method, &*seen.body), ("POST", br#"{"applicationId":"a"}"#.as_slice()));
        }
    }
    // All versions have this one.
    server.set_version("v0.24.0");
    server.plan([Reply::text(200, "")]);
    let client = client(&server.url()).build().unwrap();
    client.deployments().kill_process(&deployment).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(
        (&*seen.path, &*seen.body),
        ("/api/deployment.killProcess", br#"{"deploymentId":"d"}"#.as_slice())
    );
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_by_name() {
    let server = Server::start(Some("v0.23.9")).await;
    let client = client(&server.url()).build().unwrap();
    for _ in 0..2 {
        let error = client.applications().one(&ApplicationId::parse("a").unwrap()).await.unwrap_err();
        let version = Version::new(0, 23, 9);
        assert!(matches!(error, Error::TooOld { version: found } if found == version), "{error:?}");
    }
    assert_eq!(server.seen().len(), 0);
    server.set_version("v0.24.0");
    server.plan([application()]);
    client.applications().one(&ApplicationId::parse("a").unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_version_is_no_answer() {
    let server = Server::start(Some("latest")).await;
    let client = client(&server.url()).build().unwrap();
    let error = client.projects().all().await.unwrap_err();
    let call = "settings.getDokployVersion";
    assert!(matches!(error, Error::Protocol { call: found, .. } if found == call), "{error:?}");
}

#[tokio::test]
async fn an_upgrade_is_noticed_after_a_failure() {
    let server = Server::start(Some("v0.24.12")).await;
    let client = client(&server.url()).build().unwrap();
    assert_eq!(client.version().await.unwrap(), Version::new(0, 24, 12));
    server.set_version("v0.30.2");
    assert_eq!(client.version().await.unwrap(), Version::new(0, 24, 12), "kept");
    server.plan([Reply::json(400, &json!({"message": "Input validation failed", "code": "BAD_REQUEST"}))]);
    let new = NewApplication::new(Name::parse("x").unwrap(), place(Some("e")));
    client.applications().create(&new).await.unwrap_err();
    server.plan([application()]);
    client.applications().create(&new).await.unwrap();
    let body: Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert_eq!(body, json!({"name": "x", "environmentId": "e"}));
}

#[tokio::test]
async fn an_outage_costs_no_question_for_the_version_but_where_it_matters() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    client.version().await.unwrap();
    server.plan([Reply::text(502, "")]);
    for _ in 0..3 {
        client.projects().all().await.unwrap_err();
        client.projects().create(&NewProject::new(Name::parse("x").unwrap())).await.unwrap_err();
    }
    assert_eq!((server.versions_told(), server.seen().len()), (0, 3 * (3 + 1)));
    let new = NewApplication::new(Name::parse("x").unwrap(), place(Some("e")));
    client.applications().create(&new).await.unwrap_err();
    assert_eq!(server.versions_told(), 1);
    client.environments().by_project(&ProjectId::parse("p").unwrap()).await.unwrap_err();
    client.deployments().queue().await.unwrap_err();
    assert_eq!(server.versions_told(), 3);
    server.plan([Reply::json(200, &json!([]))]);
    client.deployments().queue().await.unwrap();
    client.deployments().queue().await.unwrap();
    assert_eq!(server.versions_told(), 1, "it is known again");
}

#[tokio::test]
async fn the_question_for_the_version_and_the_call_end_in_one_time() {
    let server = Server::start(None).await;
    let limit = Duration::from_millis(800);
    let version = || Reply::json(200, &json!("v0.30.2")).late(limit * 3 / 4);
    let client = client(&server.url()).limits(|limits| limits.call = limit).build().unwrap();
    server.plan([version(), Reply::Silence]);
    let start = Instant::now();
    let error = client.projects().create(&NewProject::new(Name::parse("x").unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::MaybeDone { call: "project.create", .. }), "{error:?}");
    assert!(start.elapsed() < limit * 3 / 2, "{:?}", start.elapsed());
    // The version is in doubt now, and asked for again.
    server.plan([version(), Reply::Silence]);
    let start = Instant::now();
    let error = client.deployments().queue().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { call: "deployment.queueList", .. }), "{error:?}");
    assert!(start.elapsed() < limit * 3 / 2, "{:?}", start.elapsed());
    // A change is not sent where the question takes all of the time.
    server.plan([Reply::Silence]);
    let new = NewApplication::new(Name::parse("x").unwrap(), place(Some("e")));
    let error = client.applications().create(&new).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { call: "settings.getDokployVersion", .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_row_that_is_missing_is_no_reason_to_ask_for_the_version() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    server.plan([Reply::json(404, &json!({"message": "Application not found", "code": "NOT_FOUND"}))]);
    for _ in 0..3 {
        let error = client.applications().one(&ApplicationId::parse("a").unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
    assert_eq!(server.versions_told(), 1);
}
