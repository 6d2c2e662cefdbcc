//! A deployment that nobody wants any more.

use std::sync::Arc;
use std::time::Duration;

use dokploy_client::deployer::{DeployError, Deployer, End, Journal, Reason, State};
use dokploy_client::testing::{Dokploy, Version};

use crate::loopback::{
    client, deployer, end, end_of_held, is_empty, is_one_stack, journal, plain_plan, plan, reached,
};

#[tokio::test]
async fn what_is_withdrawn_is_removed_also_by_the_next_deployer() {
    for writes in [None, Some(0), Some(1), Some(4)] {
        let dokploy = Dokploy::builder(Version::V0_30_2).hold_jobs().start().unwrap();
        let journal = journal();
        let first = deployer(&dokploy, &journal);
        let deployment = first.deploy(plan(&dokploy, "acme/stack:1"), None).await.unwrap();
        reached(&deployment, State::Deploying).await;
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
    let plan = plain_plan("beta", "acme/stack:1");
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
