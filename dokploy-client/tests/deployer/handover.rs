//! A deployer takes over what another one left.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use dokploy_client::deployer::{
    DeployError, Deployer, DeploymentId, Effect, End, FileJournal, Holder, Journal, JournalError,
    NewDeployment, Record, State, Timestamp,
};
use dokploy_client::testing::{Dokploy, Fault, Version};
use tokio::sync::Notify;

use crate::loopback::{
    client, deployer, end, end_of_held, is_empty, is_one_stack, journal, plain_plan, plan, reached,
    with_lease,
};

#[tokio::test]
async fn a_shutdown_leaves_the_rest_to_the_next_one() {
    let dokploy = Dokploy::builder(Version::V0_26_7).hold_jobs().start().unwrap();
    let journal = journal();
    let first = deployer(&dokploy, &journal);
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let mut progress = reached(&deployment, State::Deploying).await;
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
        reached(&deployment, State::Deploying).await;
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

#[tokio::test]
async fn a_journal_in_a_file_carries_a_deployment_over_to_the_next_process() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = || FileJournal::open(&folder.path().join("journal.jsonl"), Arc::new(SystemTime::now));
    let first = Deployer::builder(client(&dokploy), Arc::new(open().unwrap())).build().unwrap();
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    let id = deployment.id().clone();
    reached(&deployment, State::Deploying).await;
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
    let new = || with_lease(&dokploy, &journal, Duration::from_secs(1));
    let first = new();
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    reached(&deployment, State::Deploying).await;
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

/// A journal on which its deployer stands still after a write: the write is done, and its answer comes late.
struct Still {
    journal: Arc<dyn Journal>,
    after: AtomicUsize,
    go_on: Notify,
}

#[async_trait]
impl Journal for Still {
    async fn create(&self, new: &NewDeployment, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        self.journal.create(new, by, lease).await
    }

    async fn append(&self, id: &DeploymentId, at: usize, record: &Record) -> Result<(), JournalError> {
        self.journal.append(id, at, record).await?;
        if self.after.load(Ordering::Relaxed) == at {
            self.go_on.notified().await;
        }
        Ok(())
    }

    async fn load(&self, id: &DeploymentId) -> Result<Vec<Record>, JournalError> {
        self.journal.load(id).await
    }

    async fn claim(&self, by: &Holder, lease: Duration) -> Result<Vec<DeploymentId>, JournalError> {
        self.journal.claim(by, lease).await
    }

    /// It doesn't come to that.
    async fn renew(&self, id: &DeploymentId, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        if self.after.load(Ordering::Relaxed) != usize::MAX {
            std::future::pending::<()>().await;
        }
        self.journal.renew(id, by, lease).await
    }

    async fn finish(&self, id: &DeploymentId, end: &End) -> Result<(), JournalError> {
        self.journal.finish(id, end).await
    }
}

#[tokio::test]
async fn who_stood_still_for_too_long_does_nothing_more() {
    for case in (1..14).map(|after| tokio::spawn(stood_still(after))).collect::<Vec<_>>() {
        case.await.unwrap();
    }
}

async fn stood_still(after: usize) {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let journal: Arc<dyn Journal> = journal();
    let still = Arc::new(Still {
        journal: Arc::clone(&journal),
        after: AtomicUsize::new(after),
        go_on: Notify::new(),
    });
    let (lease, stalling) = (Duration::from_millis(300), Arc::clone(&still) as Arc<dyn Journal>);
    let first = with_lease(&dokploy, &stalling, lease);
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = with_lease(&dokploy, &journal, lease);
    second.resume().await.unwrap();
    let again = second.deployment(deployment.id()).await.unwrap();
    assert_eq!(end(&again).await, End::Completed);
    // Now it goes on, with what it had begun.
    still.after.store(usize::MAX, Ordering::Relaxed);
    let calls = dokploy.calls().len();
    still.go_on.notify_one();
    assert_eq!(deployment.ended().await, None, "after record {after}");
    let more = dokploy.calls().split_off(calls);
    let only_looks = more.iter().all(|call| call.method == "GET");
    assert!(is_one_stack(&dokploy) && only_looks, "after record {after}: {more:?}");
}

#[tokio::test]
async fn what_failed_stays_so_for_the_next_deployer_and_keeps_nobody_waiting() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let journal: Arc<dyn Journal> = journal();
    let new = || {
        let builder = Deployer::builder(client(&dokploy), Arc::clone(&journal));
        builder.limits(|it| (it.active, it.lease) = (1, Duration::from_secs(1))).build().unwrap()
    };
    dokploy.inject(Fault::status(400).on("application.delete").times(1000));
    let first = new();
    let deployment = first.deploy(plan(&dokploy, "acme/missing:1"), None).await.unwrap();
    let failed = end(&deployment).await;
    assert!(failed.has_work_left());
    first.shutdown(Duration::from_secs(10)).await;
    let before = deployment.state();
    assert_eq!(before.status, State::Failed);

    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = new();
    second.resume().await.unwrap();
    let again = second.deployment(deployment.id()).await.unwrap();
    assert_eq!((again.state(), end(&again).await), (before, failed));
    assert_eq!(again.progress().next().await, Some(before));
    let plan = plain_plan("beta", "acme/stack:1");
    let beta = second.deploy(plan, None).await.unwrap();
    assert_eq!(end(&beta).await, End::Completed);
    second.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn who_lives_keeps_its_lease() {
    let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
    let journal: Arc<dyn Journal> = journal();
    let new = || with_lease(&dokploy, &journal, Duration::from_secs(1));
    let first = new();
    let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
    reached(&deployment, State::Deploying).await;
    let second = new();
    second.resume().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((first.active(), second.active()), (1, 0));
    assert_eq!(end_of_held(&dokploy, &deployment).await, End::Completed);
    second.shutdown(Duration::from_secs(10)).await;
}

/// As another version of the crate may have written them.
#[tokio::test]
async fn records_that_do_not_fit_keep_nothing_else_from_being_taken_over() {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let journal: Arc<dyn Journal> = journal();
    let holder = Holder::new("gone");
    let mut ids = Vec::new();
    for (number, name) in [(1, "alpha"), (2, "beta")] {
        let plan = plain_plan(name, "acme/stack:1");
        let id = DeploymentId::new(Timestamp::from_millis(number), 7);
        let new = NewDeployment { id: id.clone(), key: None, plan };
        journal.create(&new, &holder, Duration::ZERO).await.unwrap();
        ids.push(id);
    }
    journal.append(&ids[0], 1, &Record::Began(Effect::CheckHealth)).await.unwrap();
    let deployer = with_lease(&dokploy, &journal, Duration::from_secs(1));
    let error = deployer.resume().await.unwrap_err();
    assert!(error.to_string().contains(ids[0].as_str()), "{error}");
    let beta = deployer.deployment(&ids[1]).await.unwrap();
    assert_eq!(end(&beta).await, End::Completed);
    // Also what comes later.
    let plan = plain_plan("gamma", "acme/stack:1");
    let new = NewDeployment { id: DeploymentId::new(Timestamp::from_millis(3), 7), key: None, plan };
    journal.create(&new, &holder, Duration::ZERO).await.unwrap();
    let found = async {
        while deployer.deployment(&new.id).await.unwrap().state().status != State::Completed {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.expect("it is taken over");
    deployer.shutdown(Duration::from_secs(10)).await;
}
