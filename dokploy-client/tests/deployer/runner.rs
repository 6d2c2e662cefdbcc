//! Deployers over real sockets, against a Dokploy server played on this machine.

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use dokploy_client::client::NewProject;
use dokploy_client::deployer::{
    DeployError, Deployer, Deployment, End, FileJournal, Journal, JournalError, Leak, MemoryJournal, Plan,
    Reason, State,
};
use dokploy_client::dns::{Dns, DnsError, Owner, Presence, RecordSet, RecordType};
use dokploy_client::testing::{Dokploy, Fault, Version};
use dokploy_client::{Client, Host, Image, KeySource, Name, StackName};

const VERSIONS: [Version; 3] = [Version::V0_24_12, Version::V0_26_7, Version::V0_30_2];

fn client(dokploy: &Dokploy) -> Client {
    let key = KeySource::Fixed(dokploy.key().into());
    Client::builder(dokploy.url())
        .key(key)
        .limits(|it| it.backoff = Duration::from_millis(1))
        .build()
        .unwrap()
}

fn journal() -> Arc<MemoryJournal> {
    Arc::new(MemoryJournal::new(Arc::new(SystemTime::now)))
}

fn deployer(dokploy: &Dokploy, journal: &Arc<MemoryJournal>) -> Deployer {
    Deployer::builder(client(dokploy), Arc::clone(journal) as Arc<dyn Journal>).build().unwrap()
}

fn plan(dokploy: &Dokploy, image: &str) -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse("alpha", &nothing).unwrap();
    let plan = Plan::new(name, Image::parse(image).unwrap(), "example.test").unwrap();
    let plan = plan.health(&format!("{}/api/health", dokploy.url())).unwrap();
    let plan = plan.variable("GREETING", "it's # 1").unwrap();
    plan.deadlines(|it| {
        it.step = Duration::from_secs(1);
        it.rollback_wait = Duration::from_secs(1);
        it.deploy = Duration::from_secs(20);
    })
}

async fn end(deployment: &Deployment) -> End {
    let ended = tokio::time::timeout(Duration::from_secs(60), deployment.ended()).await;
    ended.expect("it ends").expect("its deployer lives")
}

/// The end of one whose jobs were held until now.
async fn end_of_held(dokploy: &Dokploy, deployment: &Deployment) -> End {
    let finish = async {
        loop {
            dokploy.finish_jobs();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        end = end(deployment) => end,
        () = finish => unreachable!("it has no end"),
    }
}

fn is_empty(dokploy: &Dokploy) -> bool {
    dokploy.projects().is_empty()
        && dokploy.applications().is_empty()
        && dokploy.services().is_empty()
        && dokploy.traefik_files().is_empty()
}

fn is_one_stack(dokploy: &Dokploy) -> bool {
    let env = dokploy.services().first().map(|service| service.env.clone());
    dokploy.projects().len() == 1
        && dokploy.applications().len() == 1
        && dokploy.domains().len() == 1
        && dokploy.services().len() == 1
        && env == Some(vec!["GREETING=it's # 1".to_owned()])
}

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
    assert!(stopped >= 3 * 14, "only {stopped} of the crashes came before the end");
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
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    client(&dokploy)
        .projects()
        .create(&NewProject::new(Name::parse("ai-stack-alpha").unwrap()))
        .await
        .unwrap();
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

#[tokio::test]
async fn a_shutdown_leaves_the_rest_to_the_next_one() {
    let dokploy = Dokploy::builder(Version::V0_26_7).hold_jobs().start().unwrap();
    let journal = journal();
    let first = deployer(&dokploy, &journal);
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let mut progress = deployment.progress();
    while progress.next().await.unwrap().status != State::Deploying {}
    first.shutdown(Duration::from_secs(10)).await;
    assert_eq!(progress.next().await, None);
    assert!(matches!(
        first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap_err(),
        DeployError::ShuttingDown
    ));
    journal.restart();
    let second = deployer(&dokploy, &journal);
    second.resume().await.unwrap();
    let again = second.deployment(deployment.id()).await.unwrap();
    assert_eq!(end_of_held(&dokploy, &again).await, End::Completed);
    assert!(is_one_stack(&dokploy) && dokploy.deployments().len() == 1);
}

#[tokio::test]
async fn a_clock_that_is_set_meanwhile_ends_nothing_early_and_keeps_nothing_waiting() {
    let hours_later = |hours: i64| async move {
        let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
        let hours_off = Arc::new(AtomicI64::new(0));
        let clock = {
            let hours_off = Arc::clone(&hours_off);
            move || {
                let (now, off) = (SystemTime::now(), hours_off.load(Ordering::Relaxed));
                let hours = Duration::from_secs(3600) * u32::try_from(off.abs()).unwrap();
                if off < 0 { now - hours } else { now + hours }
            }
        };
        let journal: Arc<dyn Journal> = journal();
        let new = || Deployer::builder(client(&dokploy), Arc::clone(&journal)).clock(Arc::new(clock.clone()));
        let first = new().limits(|it| it.lease = Duration::from_secs(1)).build().unwrap();
        let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
        let mut progress = deployment.progress();
        while progress.next().await.unwrap().status != State::Deploying {}
        hours_off.store(hours, Ordering::Relaxed);
        if hours < 0 {
            // Its successor does not go back behind what it reads.
            first.shutdown(Duration::from_secs(10)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let second = new().build().unwrap();
            second.resume().await.unwrap();
            let again = second.deployment(deployment.id()).await.unwrap();
            return end_of_held(&dokploy, &again).await;
        }
        end_of_held(&dokploy, &deployment).await
    };
    let (earlier, later) = tokio::join!(hours_later(-1), hours_later(1));
    assert_eq!((earlier, later), (End::Completed, End::Completed));
}

/// A zone that never answers.
struct Silent;

#[async_trait]
impl Dns for Silent {
    async fn present(&self, _host: &Host, _address: IpAddr, _owner: &Owner) -> Result<Presence, DnsError> {
        std::future::pending().await
    }

    async fn absent(&self, _host: &Host, _owner: &Owner) -> Result<(), DnsError> {
        std::future::pending().await
    }

    async fn find(&self, _host: &Host, _kind: RecordType) -> Result<Option<RecordSet>, DnsError> {
        std::future::pending().await
    }

    async fn owned(&self, _owner: &Owner) -> Result<Vec<RecordSet>, DnsError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_zone_that_never_answers_is_waited_for_in_vain_and_its_record_is_named() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let builder = Deployer::builder(client(&dokploy), journal()).dns(Arc::new(Silent));
    let deployer = builder.build().unwrap();
    let plan = plan(&dokploy, "acme/stack:1").record([192, 0, 2, 1].into());
    let deployment = deployer.deploy(plan, None).await.unwrap();
    let mut progress = deployment.progress();
    while progress.next().await.unwrap().status != State::CreatingDomain {}
    // From here on nothing but time is waited for.
    tokio::time::pause();
    let end = tokio::time::timeout(Duration::from_secs(3600), deployment.ended()).await;
    let End::Failed(failed) = end.expect("it ends").expect("its deployer lives") else { panic!("it works") };
    assert_eq!((failed.step, failed.reason), (State::CreatingDomain, Reason::Unavailable));
    assert_eq!(failed.leaks, [Leak::Record]);
}

#[tokio::test]
async fn what_is_withdrawn_is_removed_also_by_the_next_deployer() {
    for writes in [None, Some(0), Some(1), Some(4)] {
        let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
        let journal = journal();
        let first = deployer(&dokploy, &journal);
        let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
        let mut progress = deployment.progress();
        while progress.next().await.unwrap().status != State::Deploying {}
        if let Some(writes) = writes {
            journal.stop_after(writes);
        }
        let is_recorded = deployment.withdraw().await.is_ok();
        // What a look has found may be written before it.
        assert!(writes == Some(1) || is_recorded == (writes != Some(0)), "{writes:?}");
        if writes.is_none() {
            // Once more is as good as once.
            deployment.withdraw().await.unwrap();
        }
        let last = match writes {
            None => deployment,
            Some(_) => {
                assert_eq!(deployment.ended().await, None);
                first.shutdown(Duration::ZERO).await;
                journal.restart();
                let second = deployer(&dokploy, &journal);
                second.resume().await.unwrap();
                second.deployment(deployment.id()).await.unwrap()
            }
        };
        if !is_recorded {
            assert_eq!(end_of_held(&dokploy, &last).await, End::Completed);
            continue;
        }
        let End::Failed(failed) = end(&last).await else { panic!("it works") };
        assert_eq!((failed.step, failed.reason), (State::Deploying, Reason::Withdrawn), "{writes:?}");
        assert!(failed.leaks.is_empty() && is_empty(&dokploy), "{writes:?} {failed:?}");
        last.withdraw().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_for_its_turn_can_be_withdrawn_and_what_is_complete_cannot() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let journal: Arc<dyn Journal> = journal();
    let new = || Deployer::builder(client(&dokploy), Arc::clone(&journal)).limits(|it| it.active = 1);
    let deployer = new().build().unwrap();
    let first = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let nothing: [&str; 0] = [];
    let beta = StackName::parse("beta", &nothing).unwrap();
    let plan = Plan::new(beta, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap();
    let second = deployer.deploy(plan, None).await.unwrap();
    let elsewhere = new().build().unwrap().deployment(second.id()).await.unwrap();
    assert!(matches!(elsewhere.withdraw().await.unwrap_err(), DeployError::Busy));
    second.withdraw().await.unwrap();
    let End::Failed(failed) = end(&second).await else { panic!("it works") };
    assert_eq!((failed.step, failed.reason), (State::Initializing, Reason::Withdrawn));

    assert_eq!(end_of_held(&dokploy, &first).await, End::Completed);
    assert!(matches!(first.withdraw().await.unwrap_err(), DeployError::NotNow));
    let again = first.redeploy().await.unwrap();
    assert!(matches!(again.withdraw().await.unwrap_err(), DeployError::NotNow));
    assert_eq!(end_of_held(&dokploy, &again).await, End::Completed);
    assert!(is_one_stack(&dokploy));
}

#[tokio::test]
async fn beyond_the_limit_a_deployment_waits_for_its_turn() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let journal: Arc<dyn Journal> = journal();
    let deployer = Deployer::builder(client(&dokploy), journal).limits(|it| it.active = 1).build().unwrap();
    let first = deployer.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let nothing: [&str; 0] = [];
    let beta = StackName::parse("beta", &nothing).unwrap();
    let plan = Plan::new(beta, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap();
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

#[tokio::test]
async fn a_journal_in_a_file_carries_a_deployment_over_to_the_next_process() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = || FileJournal::open(&folder.path().join("journal.jsonl"), Arc::new(SystemTime::now));
    let first = Deployer::builder(client(&dokploy), Arc::new(open().unwrap())).build().unwrap();
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let id = deployment.id().clone();
    let mut progress = deployment.progress();
    while progress.next().await.unwrap().status != State::Deploying {}
    first.shutdown(Duration::ZERO).await;
    drop((first, deployment));
    // A write that was under way has the file until it is done.
    let opened = async {
        loop {
            match open() {
                Err(JournalError::InUse) => tokio::time::sleep(Duration::from_millis(10)).await,
                opened => return opened.unwrap(),
            }
        }
    };
    let journal = tokio::time::timeout(Duration::from_secs(10), opened).await.expect("the file is let go");
    assert_eq!(journal.cut_bytes(), 0);
    let second = Deployer::builder(client(&dokploy), Arc::new(journal)).build().unwrap();
    second.resume().await.unwrap();
    let again = second.deployment(&id).await.unwrap();
    assert_eq!(end_of_held(&dokploy, &again).await, End::Completed);
    assert!(is_one_stack(&dokploy) && dokploy.deployments().len() == 1);
    second.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_journal_in_a_file_keeps_of_what_has_ended_how_it_did() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let open = || {
        let journal = FileJournal::open(&path, Arc::new(SystemTime::now)).unwrap();
        Deployer::builder(client(&dokploy), Arc::new(journal)).build().unwrap()
    };
    let text = || std::fs::read_to_string(&path).unwrap();
    let deployer = open();
    let deployment = deployer.deploy(plan(&dokploy, "acme/stack:1"), Some("k")).await.unwrap();
    let id = deployment.id().clone();
    assert!(text().contains("it's # 1"), "a restart needs the value");
    assert_eq!(end(&deployment).await, End::Completed);
    let lines = text().lines().count();
    assert!(lines == 1 && !text().contains("it's # 1"), "{}", text());
    assert_eq!(end(&deployment.stop().await.unwrap()).await, End::Stopped);
    assert_eq!(text().lines().count(), 1);
    deployer.shutdown(Duration::from_secs(5)).await;
    drop((deployer, deployment));

    let deployer = open();
    let plan = plan(&dokploy, "acme/stack:1");
    let same = deployer.deploy(plan.clone(), Some("k")).await.unwrap();
    assert_eq!((same.id(), same.state().status), (&id, State::Stopped));
    let other = plan.clone().variable("GREETING", "another").unwrap();
    assert!(matches!(deployer.deploy(other, Some("k")).await.unwrap_err(), DeployError::KeyReused));
    assert_eq!(end(&same.start().await.unwrap()).await, End::Completed);
    assert_eq!(end(&same.redeploy().await.unwrap()).await, End::Completed);
    assert!(is_one_stack(&dokploy), "its values are Dokploy's by now: {:?}", dokploy.services());
    assert_eq!(end(&same.destroy().await.unwrap()).await, End::Destroyed);
    assert!(is_empty(&dokploy) && text().lines().count() == 1);
    let again = deployer.deploy(plan, None).await.unwrap();
    assert_eq!(end(&again).await, End::Completed);
    assert_eq!(deployer.deployment(&id).await.unwrap().state().status, State::Destroyed);
}

#[tokio::test]
async fn what_a_dead_deployer_held_is_taken_over_when_its_lease_is_over() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let journal: Arc<dyn Journal> = journal();
    let new = || {
        let builder = Deployer::builder(client(&dokploy), Arc::clone(&journal));
        builder.limits(|it| it.lease = Duration::from_secs(1)).build().unwrap()
    };
    let first = new();
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let mut progress = deployment.progress();
    while progress.next().await.unwrap().status != State::Deploying {}
    assert_eq!(first.active(), 1);
    first.shutdown(Duration::ZERO).await;
    let second = new();
    second.resume().await.unwrap();
    let taken_over = async {
        while second.active() == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        second.deployment(deployment.id()).await.unwrap()
    };
    let again = tokio::time::timeout(Duration::from_secs(30), taken_over).await.expect("it is taken over");
    assert_eq!(end_of_held(&dokploy, &again).await, End::Completed);
    assert!(is_one_stack(&dokploy) && dokploy.deployments().len() == 1);
    second.shutdown(Duration::from_secs(5)).await;
}

/// A zone in memory, of one record: whose it is.
#[derive(Default)]
struct Zone(Mutex<Option<Owner>>);

impl Zone {
    fn owner(&self) -> Option<String> {
        self.0.lock().unwrap().as_ref().map(|owner| owner.as_str().to_owned())
    }
}

#[async_trait]
impl Dns for Zone {
    async fn present(&self, _host: &Host, _address: IpAddr, owner: &Owner) -> Result<Presence, DnsError> {
        *self.0.lock().unwrap() = Some(owner.clone());
        Ok(Presence::Created)
    }

    async fn absent(&self, _host: &Host, owner: &Owner) -> Result<(), DnsError> {
        let mut known = self.0.lock().unwrap();
        *known = known.take().filter(|known| known != owner);
        Ok(())
    }

    async fn find(&self, _host: &Host, _kind: RecordType) -> Result<Option<RecordSet>, DnsError> {
        Err(DnsError::NotConfigured { what: "a search" })
    }

    async fn owned(&self, _owner: &Owner) -> Result<Vec<RecordSet>, DnsError> {
        Err(DnsError::NotConfigured { what: "a search" })
    }
}

#[tokio::test]
async fn a_record_comes_and_goes_with_its_stack() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let zone = Arc::new(Zone::default());
    let builder = Deployer::builder(client(&dokploy), journal());
    let deployer = builder.dns(Arc::clone(&zone) as Arc<dyn Dns>).build().unwrap();
    let with_record = |image| plan(&dokploy, image).record([192, 0, 2, 1].into());
    let deployment = deployer.deploy(with_record("acme/stack:1"), None).await.unwrap();
    assert_eq!(end(&deployment).await, End::Completed);
    assert_eq!(zone.owner().as_deref(), Some(deployment.id().as_str()));
    assert_eq!(end(&deployment.destroy().await.unwrap()).await, End::Destroyed);
    assert_eq!(zone.owner(), None);

    let deployment = deployer.deploy(with_record("acme/missing:1"), None).await.unwrap();
    let End::Failed(failed) = end(&deployment).await else { panic!("it works") };
    assert_eq!((failed.reason, failed.leaks), (Reason::ImagePull, vec![]));
    assert!(is_empty(&dokploy) && zone.owner().is_none());

    let without = Deployer::builder(client(&dokploy), journal()).build().unwrap();
    let refused = without.deploy(with_record("acme/stack:1"), None).await.unwrap_err();
    assert!(matches!(refused, DeployError::NoZone));
}
