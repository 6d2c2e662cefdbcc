//! Deployers over real sockets, against a Dokploy server played on this machine: what their tests share.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dokploy_client::deployer::{
    Deployer, Deployment, End, Journal, MemoryJournal, Plan, ProgressStream, State,
};
use dokploy_client::testing::Dokploy;
use dokploy_client::{Client, Image, KeySource, StackName};

pub(crate) fn client(dokploy: &Dokploy) -> Client {
    let key = KeySource::Fixed(dokploy.key().into());
    Client::builder(dokploy.url())
        .key(key)
        .limits(|it| it.backoff = Duration::from_millis(1))
        .build()
        .unwrap()
}

pub(crate) fn journal() -> Arc<MemoryJournal> {
    Arc::new(MemoryJournal::new(Arc::new(SystemTime::now)))
}

pub(crate) fn deployer(dokploy: &Dokploy, journal: &Arc<MemoryJournal>) -> Deployer {
    Deployer::builder(client(dokploy), Arc::clone(journal) as Arc<dyn Journal>).build().unwrap()
}

/// One that holds what it works on for this long.
pub(crate) fn with_lease(dokploy: &Dokploy, journal: &Arc<dyn Journal>, lease: Duration) -> Deployer {
    let builder = Deployer::builder(client(dokploy), Arc::clone(journal));
    builder.limits(|it| it.lease = lease).build().unwrap()
}

/// A plan of nothing but a name and an image.
pub(crate) fn plain_plan(name: &str, image: &str) -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse(name, &nothing).unwrap();
    Plan::new(name, Image::parse(image).unwrap(), "example.test").unwrap()
}

pub(crate) fn plan(dokploy: &Dokploy, image: &str) -> Plan {
    let plan = plain_plan("alpha", image);
    let plan = plan.health(&format!("{}/api/health", dokploy.url())).unwrap();
    let plan = plan.variable("GREETING", "it's # 1").unwrap();
    plan.deadlines(|it| {
        it.step = Duration::from_secs(1);
        it.rollback_wait = Duration::from_secs(1);
        it.deploy = Duration::from_secs(20);
    })
}

/// Its progress from after this state on.
pub(crate) async fn reached(deployment: &Deployment, state: State) -> ProgressStream {
    let mut progress = deployment.progress();
    while progress.next().await.unwrap().status != state {}
    progress
}

pub(crate) async fn end(deployment: &Deployment) -> End {
    let ended = tokio::time::timeout(Duration::from_secs(60), deployment.ended()).await;
    ended.expect("it ends").expect("its deployer lives")
}

/// The end of one whose jobs were held until now.
pub(crate) async fn end_of_held(dokploy: &Dokploy, deployment: &Deployment) -> End {
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

pub(crate) fn is_empty(dokploy: &Dokploy) -> bool {
    dokploy.projects().is_empty()
        && dokploy.applications().is_empty()
        && dokploy.services().is_empty()
        && dokploy.traefik_files().is_empty()
}

pub(crate) fn is_one_stack(dokploy: &Dokploy) -> bool {
    let env = dokploy.services().first().map(|service| service.env.clone());
    dokploy.projects().len() == 1
        && dokploy.applications().len() == 1
        && dokploy.domains().len() == 1
        && dokploy.services().len() == 1
        && env == Some(vec!["GREETING=it's # 1".to_owned()])
}
