//! [`Dns`] in a zone of Hetzner's: the zones of the Hetzner Cloud API, `https://api.hetzner.cloud/v1`.
//!
//! The older service under `dns.hetzner.com` is another one, with other tokens; it was shut down in May 2026.

mod action;
mod answer;
mod api;
mod attempts;
mod base_url;
mod builder;
mod changes;
mod limits;
mod rate_limit;
mod refusal;
mod request;
mod token;
mod zone;

use std::net::IpAddr;

use async_trait::async_trait;
use tokio::time::Instant;

pub use builder::HetznerBuilder;
pub use limits::Limits;
pub use rate_limit::RateLimit;

use answer::{Set, SetAnswer, SetsAnswer, ZoneAnswer};
use api::Api;
use attempts::deadline;
use refusal::Failure;
use request::{Filter, Request};
use zone::Zone;

use crate::dns::{Dns, DnsError, Owner, Presence, RecordSet, RecordType};
use crate::host::Host;

/// A zone of Hetzner's. It connects on first use.
///
/// A record set is ours when its labels say `managed-by=claude-opskit` and `deployment=…`, the owner; each record in it
/// says the same in its comment. A record that someone added to such a set, or whose comment someone changed, is not
/// ours, and stays. Hetzner has no delete on a condition: a set that becomes another's between the look and the delete
/// goes with it.
///
/// A request that failed in passing (5xx, no answer, 423, 409, 429) is made again, within [`Limits`]; one that changes
/// something only after a look at the record set. Hetzner keeps record sets unique by zone, name and type, so a create
/// that is made twice is refused and makes no second one. A name with a `CNAME` takes no addresses, whichever of its
/// refusals Hetzner has for that: before a create is given up, there is a look for one.
///
/// ```no_run
/// use dokploy_client::dns::{Owner, Presence};
/// use dokploy_client::{Dns, Hetzner, Host, KeySource};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let zone = Hetzner::builder("example.org").key(KeySource::Env("HETZNER_API_TOKEN")).build()?;
/// let (host, owner) = (Host::parse("shop.example.org")?, Owner::parse("deployment-7")?);
/// match zone.present(&host, "192.0.2.1".parse()?, &owner).await? {
///     Presence::Created | Presence::AlreadyThere => println!("{host} leads there"),
///     Presence::Taken(found) => println!("{host} leads to {:?}", found.addresses),
/// }
/// zone.absent(&host, &owner).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Hetzner {
    api: Api,
    zone: Zone,
    ttl: Option<u32>,
}

impl Hetzner {
    /// The zone of this name, such as `example.org`, or of this id, such as `343733`. A zone by its name saves a request.
    #[must_use]
    pub fn builder(zone: impl Into<String>) -> HetznerBuilder {
        HetznerBuilder::new(zone.into())
    }

    /// What the last answer said of the limit of requests, which all tokens of a project share.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.api.rate_limit()
    }

    /// A host as the zone calls it.
    async fn place(&self, host: &Host, until: Instant) -> Result<Place, DnsError> {
        let zone = self.zone_name(until).await?;
        let Some(name) = zone::relative(host, &zone) else {
            return Err(DnsError::OutsideZone { host: host.clone(), zone });
        };
        Ok(Place { host: host.clone(), name: name.into(), zone })
    }

    async fn zone_name(&self, until: Instant) -> Result<Host, DnsError> {
        match self.zone.name() {
            Some(name) => Ok(name.clone()),
            None => self.ask_zone(until).await,
        }
    }

    /// Whether the zone is there, and its name.
    async fn ask_zone(&self, until: Instant) -> Result<Host, DnsError> {
        let request = Request::zone(&self.zone);
        let answer: ZoneAnswer =
            self.api.read(&request, until).await.map_err(|it| self.of_zone(&request, it))?;
        let name = Host::parse(&answer.zone.name).map_err(|_| request.unreadable("the zone has no name"))?;
        Ok(self.zone.keep(name))
    }

    /// The set of a name and type. What is missing may be the zone as well.
    async fn one(&self, place: &Place, kind: RecordType, until: Instant) -> Result<Option<Set>, DnsError> {
        let request = Request::one(&self.zone, &place.name, kind);
        match self.api.read::<SetAnswer>(&request, until).await {
            Ok(answer) => Ok(Some(answer.rrset)),
            Err(Failure::Missing(_)) => Ok(None),
            Err(failure) => Err(self.of_zone(&request, failure)),
        }
    }

    /// All sets of a host. A filter is the server's word; what is the host's is decided here.
    async fn sets_of(&self, place: &Place, until: Instant) -> Result<Vec<Set>, DnsError> {
        let mut sets = self.sets(Filter::Name(&place.name), until).await?;
        sets.retain(|set| zone::absolute(&set.name, &place.zone).as_ref() == Some(&place.host));
        Ok(sets)
    }

    /// All sets that a filter leaves, page by page.
    async fn sets(&self, filter: Filter<'_>, until: Instant) -> Result<Vec<Set>, DnsError> {
        let (mut sets, mut page) = (Vec::new(), 1);
        for _ in 0..self.api.limits.pages {
            let request = Request::list(&self.zone, filter, page);
            let answer: SetsAnswer =
                self.api.read(&request, until).await.map_err(|it| self.of_zone(&request, it))?;
            let next = answer.next_page();
            sets.extend(answer.rrsets);
            match next {
                None => return Ok(sets),
                Some(next) if next > page => page = next,
                Some(_) => return Err(request.unreadable("its next page is none")),
            }
        }
        Err(DnsError::LimitReached { limit: "pages", max: self.api.limits.pages })
    }

    /// What a failure means where nothing but the zone can be missing.
    fn of_zone(&self, request: &Request, failure: Failure) -> DnsError {
        match failure {
            Failure::Missing(source) => DnsError::NoSuchZone { zone: self.zone.as_text().into(), source },
            failure => failure.into_error(request.name),
        }
    }

    fn call_deadline(&self) -> Instant {
        deadline(self.api.limits.call)
    }
}

#[async_trait]
impl Dns for Hetzner {
    async fn present(&self, host: &Host, address: IpAddr, owner: &Owner) -> Result<Presence, DnsError> {
        let until = self.call_deadline();
        let place = self.place(host, until).await?;
        self.create(&place, &Wanted { address: address.to_canonical(), owner }, until).await
    }

    async fn absent(&self, host: &Host, owner: &Owner) -> Result<(), DnsError> {
        let until = self.call_deadline();
        let place = self.place(host, until).await?;
        for set in self.sets_of(&place, until).await? {
            self.remove(&place, set, owner).await?;
        }
        Ok(())
    }

    async fn find(&self, host: &Host, kind: RecordType) -> Result<Option<RecordSet>, DnsError> {
        let until = self.call_deadline();
        let place = self.place(host, until).await?;
        match self.one(&place, kind, until).await? {
            Some(set) => Ok(Some(set.told(place.host, kind))),
            None => self.ask_zone(until).await.map(|_| None),
        }
    }

    async fn owned(&self, owner: &Owner) -> Result<Vec<RecordSet>, DnsError> {
        let until = self.call_deadline();
        let zone = self.zone_name(until).await?;
        let sets = self.sets(Filter::Owner(owner), until).await?;
        let told = sets.into_iter().filter(|set| set.is_of(owner)).filter_map(|set| {
            // What is no host or has no address was never made here.
            let (host, kind) = (zone::absolute(&set.name, &zone)?, set.kind()?);
            Some(set.told(host, kind))
        });
        Ok(told.collect())
    }
}

/// A host, and its name in the zone.
struct Place {
    host: Host,
    name: Box<str>,
    zone: Host,
}

/// What a set is to hold.
struct Wanted<'a> {
    address: IpAddr,
    owner: &'a Owner,
}

impl Wanted<'_> {
    fn kind(&self) -> RecordType {
        RecordType::of(self.address)
    }

    /// What a set means that is in the place of the one that was wanted.
    fn judge(&self, place: &Place, set: &Set) -> Presence {
        let found = set.told(place.host.clone(), self.kind());
        let is_wanted = found.owner.as_ref() == Some(self.owner) && set.has_only(self.address);
        if is_wanted { Presence::AlreadyThere } else { Presence::Taken(found) }
    }
}
