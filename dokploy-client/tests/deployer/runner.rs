//! What becomes of deployments.

use std::sync::Arc;
use std::time::Duration;

use dokploy_client::client::{NewProject, ProjectUpdate};
use dokploy_client::deployer::{
    DeployError, Deployer, DeploymentId, End, Journal, Leak, Reason, State, Timestamp,
};
use dokploy_client::testing::{Dokploy, Fault, Version};
use dokploy_client::{Client, Description, KeySource, Name};

use crate::loopback::{
    client, deployer, end, end_of_held, is_empty, is_one_stack, journal, plain_plan, plan,
};

const VERSIONS: [Version; 4] = [Version::V0_24_12, Version::V0_25_11, Version::V0_26_7, Version::V0_30_2];

#[tokio::test]
async fn a_stack_is_deployed_stopped_started_deployed_again_and_destroyed_on_each_version() {
    for case in VERSIONS.map(|version| tokio::spawn(whole_life(version))) {
        case.await.unwrap();
    }
}

async fn whole_life(version: Version) {
    let dokploy = Dokploy::start(version).unwrap();
    let deployer = deployer(&dokploy, &journal());
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let (mut progress, mut states) = (deployment.progress(), Vec::new());
    while let Some(step) = progress.next().await {
        states.push(step.status);
    }
    let expected = [
        State::Initializing,
        State::CreatingProject,
        State::CreatingApplication,
        State::Configuring,
        State::CreatingDomain,
        State::Deploying,
        State::HealthCheck,
        State::Completed,
    ];
    assert_eq!(states, expected, "{version:?}");
    assert!(is_one_stack(&dokploy), "{version:?} {:?}", dokploy.services());
    assert_eq!(end(&deployment.stop().await.unwrap()).await, End::Stopped);
    assert_eq!(dokploy.services()[0].replicas, 0);
    assert_eq!(end(&deployment.start().await.unwrap()).await, End::Completed);
    assert_eq!(end(&deployment.redeploy().await.unwrap()).await, End::Completed);
    assert!(is_one_stack(&dokploy));
    assert_eq!(end(&deployment.destroy().await.unwrap()).await, End::Destroyed);
    assert!(is_empty(&dokploy), "{version:?}");
    assert!(matches!(deployment.start().await.unwrap_err(), DeployError::NotNow));
}

/// Calls of a deployment that change something. The reply of each is lost once.
const CHANGES: [&str; 5] =
    ["project.create", "application.create", "application.update", "domain.create", "application.deploy"];

#[tokio::test]
async fn a_lost_reply_or_request_doubles_nothing() {
    let mut cases = Vec::new();
    for call in CHANGES {
        for fault in [Fault::lost_reply(), Fault::lost_request(), Fault::bad_gateway(), Fault::empty()] {
            cases.push(tokio::spawn(async move {
                let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
                let deployer = deployer(&dokploy, &journal());
                dokploy.inject(fault.clone().on(call));
                let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
                assert_eq!(end(&deployment).await, End::Completed, "{call} {fault:?}");
                assert!(is_one_stack(&dokploy), "{call} {fault:?}");
                assert_eq!(dokploy.deployments().len(), 1, "{call} {fault:?}");
            }));
        }
    }
    for case in cases {
        case.await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_at_each_write_of_the_journal_ends_as_if_there_was_none() {
    let mut cases = Vec::new();
    for version in VERSIONS {
        for writes in 1..24 {
            cases.push(tokio::spawn(crash_after(version, writes)));
        }
    }
    let mut stopped = 0;
    for case in cases {
        stopped += usize::from(case.await.unwrap());
    }
    assert!(stopped >= 4 * 14, "only {stopped} of the crashes came before the end");
}

/// Whether the crash came before the end.
async fn crash_after(version: Version, writes: usize) -> bool {
    let (dokploy, journal) = (Dokploy::start(version).unwrap(), journal());
    let first = deployer(&dokploy, &journal);
    journal.stop_after(writes);
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let stopped = deployment.ended().await.is_none();
    first.shutdown(Duration::ZERO).await;
    journal.restart();
    let second = deployer(&dokploy, &journal);
    second.resume().await.unwrap();
    let again = second.deployment(deployment.id()).await.unwrap();
    // On an old server a job whose order was not answered for is waited for, and it was queued.
    assert_eq!(end(&again).await, End::Completed, "{version:?} {writes}");
    assert!(is_one_stack(&dokploy), "{version:?} {writes}");
    second.shutdown(Duration::from_secs(5)).await;
    stopped
}

#[tokio::test]
async fn a_failed_job_is_told_in_our_words_and_leaves_nothing() {
    for (image, reason) in
        [("acme/missing:1", Reason::ImagePull), ("acme/nocreate:1", Reason::ServiceRefused)]
    {
        let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
        let deployer = deployer(&dokploy, &journal());
        let deployment = deployer.deploy(plan(&dokploy, image), None).await.unwrap();
        let End::Failed(failed) = end(&deployment).await else { panic!("it works") };
        assert_eq!((failed.step, failed.reason), (State::Deploying, reason));
        assert!(failed.leaks.is_empty() && is_empty(&dokploy), "{failed:?}");
        // The name is free again.
        let again = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
        assert_eq!(end(&again).await, End::Completed);
    }
}

#[tokio::test]
async fn what_is_someone_elses_is_neither_adopted_nor_touched() {
    let other = DeploymentId::new(Timestamp::from_millis(1), 1).description();
    for description in [None, Some(other)] {
        someone_elses(description.map(|text| Description::parse(&text).unwrap())).await;
    }
}

async fn someone_elses(description: Option<Description>) {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let new = NewProject::new(Name::parse("ai-stack-alpha").unwrap());
    let new = description.into_iter().fold(new, NewProject::description);
    client(&dokploy).projects().create(&new).await.unwrap();
    let deployer = deployer(&dokploy, &journal());
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let End::Failed(failed) = end(&deployment).await else { panic!("it works") };
    assert_eq!(failed.reason, Reason::NameTaken);
    assert_eq!(dokploy.projects().len(), 1);
}

#[tokio::test]
async fn a_refused_key_ends_it_after_one_call() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    client(&dokploy).version().await.unwrap();
    let bad = Client::builder(dokploy.url()).key(KeySource::Fixed("bad".into())).build().unwrap();
    let deployer = Deployer::builder(bad, journal()).build().unwrap();
    let before = dokploy.calls().len();
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let End::Failed(failed) = end(&deployment).await else { panic!("it works") };
    assert_eq!(failed.reason, Reason::Unauthorized);
    assert_eq!(dokploy.calls().len() - before, 1);
}

#[tokio::test]
async fn a_key_gives_the_same_deployment_and_a_name_only_one() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let deployer = deployer(&dokploy, &journal());
    let first = deployer.deploy(plan(&dokploy, "acme/stack:1"), Some("k")).await.unwrap();
    let same = deployer.deploy(plan(&dokploy, "acme/stack:1"), Some("k")).await.unwrap();
    assert_eq!(first.id(), same.id());
    let other = deployer.deploy(plan(&dokploy, "acme/stack:2"), Some("k")).await.unwrap_err();
    assert!(matches!(other, DeployError::KeyReused));
    let taken = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap_err();
    assert!(matches!(taken, DeployError::NameTaken));
    assert!(matches!(first.destroy().await.unwrap_err(), DeployError::Busy));
    assert_eq!(end_of_held(&dokploy, &same).await, End::Completed);
}

#[tokio::test]
async fn what_was_left_behind_goes_soon_after_dokploy_answers_again() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let deployer = deployer(&dokploy, &journal());
    dokploy.inject(Fault::status(400).on("domain.create"));
    dokploy.inject(Fault::status(400).on("application.delete").times(2));
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let End::Failed(failed) = end(&deployment).await else { panic!("it works") };
    assert_eq!((failed.step, failed.reason), (State::CreatingDomain, Reason::Rejected(400)));
    assert_eq!(failed.leaks.len(), 2, "{failed:?}");
    let gone = async {
        while !is_empty(&dokploy) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it goes");
    deployer.shutdown(Duration::from_secs(5)).await;
}

/// A project that someone calls otherwise isn't ours any more; the application that we made in it is.
#[tokio::test]
async fn a_stack_whose_project_was_described_anew_is_destroyed_all_the_same() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let deployer = deployer(&dokploy, &journal());
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    assert_eq!(end(&deployment).await, End::Completed);
    let projects = client(&dokploy).projects().all().await.unwrap();
    let anew = ProjectUpdate::new().description(Description::parse("of a person").unwrap());
    client(&dokploy).projects().update(&projects[0].id, &anew).await.unwrap();
    assert_eq!(end(&deployment.destroy().await.unwrap()).await, End::Destroyed);
    assert!(dokploy.applications().is_empty() && dokploy.services().is_empty());
    assert_eq!(dokploy.projects().len(), 1);
}

/// Whoever hears of an end may act on it.
#[tokio::test]
async fn what_comes_after_an_end_can_be_asked_for_once_it_is_told() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let deployer = deployer(&dokploy, &journal());
    for image in ["acme/missing:1", "acme/stack:1", "acme/missing:1"] {
        let deployment = deployer.deploy(plan(&dokploy, image), None).await.unwrap();
        let mut progress = deployment.progress();
        while !progress.next().await.unwrap().status.is_final() {}
        if image == "acme/stack:1" {
            let mut progress = deployment.destroy().await.unwrap().progress();
            while !progress.next().await.unwrap().status.is_final() {}
        }
    }
}

#[tokio::test]
async fn beyond_the_limit_a_deployment_waits_for_its_turn() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let journal: Arc<dyn Journal> = journal();
    let deployer = Deployer::builder(client(&dokploy), journal).limits(|it| it.active = 1).build().unwrap();
    let first = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let plan = plain_plan("beta", "acme/stack:1");
    let second = deployer.deploy(plan, None).await.unwrap();
    assert_eq!((end(&first).await, end(&second).await), (End::Completed, End::Completed));
    let calls = dokploy.calls();
    let last_poll = |application: &str| {
        calls
            .iter()
            .rposition(|call| call.field("applicationId").is_some_and(|id| id == application))
            .unwrap()
    };
    // Newest first.
    let applications = dokploy.applications();
    let alpha = applications.iter().find(|row| row["name"] == "alpha").unwrap();
    let creates = calls.iter().rposition(|call| call.name == "project.create").unwrap();
    assert!(last_poll(alpha["applicationId"].as_str().unwrap()) < creates, "{calls:?}");
}

#[tokio::test]
async fn a_restart_of_dokploy_at_each_call_ends_with_one_stack_or_with_all_named() {
    let mut cases = Vec::new();
    for version in VERSIONS {
        for calls in 0..14 {
            cases.push(tokio::spawn(restart_after(version, calls)));
        }
    }
    let mut completed = 0;
    for case in cases {
        completed += usize::from(case.await.unwrap());
    }
    assert!(completed >= 14, "only {completed} were completed");
}

/// Whether it was completed.
async fn restart_after(version: Version, calls: u32) -> bool {
    let dokploy = Dokploy::builder(version).timing(|it| it.usual = Duration::from_secs(1)).start().unwrap();
    dokploy.inject(Fault::restart().skip(calls));
    let deployer = deployer(&dokploy, &journal());
    let plan = plan(&dokploy, "acme/stack:1").deadlines(|it| it.deploy = Duration::from_secs(6));
    let deployment = deployer.deploy(plan, None).await.unwrap();
    let end = end(&deployment).await;
    if end == End::Completed {
        assert!(is_one_stack(&dokploy), "{version:?} {calls}");
        return true;
    }
    // What could not be deleted at once goes now.
    let gone = async {
        while !dokploy.projects().is_empty() || !dokploy.applications().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it goes");
    for service in dokploy.services() {
        assert!(end.leaks().contains(&Leak::Service(service.app_name)), "{version:?} {calls} {end:?}");
    }
    false
}
