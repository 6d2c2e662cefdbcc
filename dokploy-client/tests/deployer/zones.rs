//! Deployments with DNS records.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dokploy_client::Host;
use dokploy_client::deployer::{DeployError, Deployer, End, Leak, Reason, State};
use dokploy_client::dns::{Dns, DnsError, Owner, Presence, RecordSet, RecordType};
use dokploy_client::testing::{Dokploy, Version};

use crate::loopback::{client, end, is_empty, journal, plan, reached};

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
    reached(&deployment, State::CreatingDomain).await;
    // From here on nothing but time is waited for.
    tokio::time::pause();
    let end = tokio::time::timeout(Duration::from_secs(3600), deployment.ended()).await;
    let End::Failed(failed) = end.expect("it ends").expect("its deployer lives") else { panic!("it works") };
    assert_eq!((failed.step, failed.reason), (State::CreatingDomain, Reason::Unavailable));
    assert_eq!(failed.leaks, [Leak::Record]);
}
