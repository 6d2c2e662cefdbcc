//! Makes record sets and removes them.

use tokio::time::Instant;

use super::answer::{ActionAnswer, Set, Share};
use super::attempts::Attempts;
use super::refusal::Failure;
use super::request::Request;
use super::{Hetzner, Place, Wanted, action};
use crate::dns::{DnsError, Owner, Presence, RecordType};

impl Hetzner {
    /// Makes a set, or finds out what is in its place.
    pub(super) async fn create(
        &self,
        place: &Place,
        wanted: &Wanted<'_>,
        until: Instant,
    ) -> Result<Presence, DnsError> {
        let error = match self.make(place, wanted, until).await {
            Err(error) if may_come_from_an_alias(&error) => error,
            made => return made,
        };
        // A look that fails says nothing new.
        self.alias(place, until).await.ok().flatten().ok_or(error)
    }

    async fn make(&self, place: &Place, wanted: &Wanted<'_>, until: Instant) -> Result<Presence, DnsError> {
        let request = Request::create(&self.zone, &place.name, wanted, self.ttl)?;
        let mut attempts = Attempts::new(&self.api, until);
        loop {
            let error = match self.api.exchange::<ActionAnswer>(&request, until).await {
                Ok(answer) => {
                    action::wait(&self.api, answer.action).await?;
                    return Ok(Presence::Created);
                }
                Err(Failure::Exists(source)) => {
                    if let Some(found) = self.in_the_way(place, wanted, until).await? {
                        return Ok(found);
                    }
                    // It was removed in between, so the create is made again.
                    attempts.wait(DnsError::Busy { call: request.name, source }).await?;
                    continue;
                }
                Err(failure) => self.passing(&request, failure)?,
            };
            if !attempts.go_on_after(&error).await {
                return Err(error);
            }
            if is_undone(&error) {
                continue;
            }
            let looked = self.one(place, wanted.kind(), until).await;
            if let Some(set) = looked.map_err(|look| of_both(error, look))? {
                return Ok(wanted.judge(place, &set));
            }
        }
    }

    /// What a set that is told to exist is.
    async fn in_the_way(
        &self,
        place: &Place,
        wanted: &Wanted<'_>,
        until: Instant,
    ) -> Result<Option<Presence>, DnsError> {
        if let Some(set) = self.one(place, wanted.kind(), until).await? {
            return Ok(Some(wanted.judge(place, &set)));
        }
        self.alias(place, until).await
    }

    /// The set that leads a host to another name, if there is one.
    async fn alias(&self, place: &Place, until: Instant) -> Result<Option<Presence>, DnsError> {
        let sets = self.sets_of(place, until).await?;
        let alias = sets.into_iter().find(Set::is_alias);
        Ok(alias.map(|set| Presence::Taken(set.told(place.host.clone(), RecordType::Cname))))
    }

    /// Removes what is the owner's of a set, until a look finds nothing more of it.
    pub(super) async fn remove(&self, place: &Place, mut set: Set, owner: &Owner) -> Result<(), DnsError> {
        // Of its own: the end of another set's removal may have taken longer than a call.
        let until = self.call_deadline();
        let mut attempts = Attempts::new(&self.api, until);
        loop {
            let Some(kind) = set.kind() else { return Ok(()) };
            let request = match set.share(owner) {
                Share::None => return Ok(()),
                Share::All => Request::delete(&self.zone, &place.name, kind),
                Share::Some(records) => Request::remove_records(&self.zone, &place.name, kind, &records)?,
            };
            let error = match self.api.exchange::<ActionAnswer>(&request, until).await {
                Ok(answer) => return action::wait(&self.api, answer.action).await,
                Err(Failure::Missing(_)) => return Ok(()),
                Err(failure) => self.passing(&request, failure)?,
            };
            if !attempts.go_on_after(&error).await {
                return Err(error);
            }
            match self.one(place, kind, until).await.map_err(|look| of_both(error, look))? {
                Some(now) => set = now,
                None => return Ok(()),
            }
        }
    }

    /// A failure after which an attempt may be of use, or the end.
    fn passing(&self, request: &Request, failure: Failure) -> Result<DnsError, DnsError> {
        match failure {
            Failure::Passing(error) => Ok(error),
            failure => Err(self.of_zone(request, failure)),
        }
    }
}

/// Whether a create may have been refused because its name has a `CNAME`: the documentation does not say which refusal
/// that is.
fn may_come_from_an_alias(error: &DnsError) -> bool {
    matches!(error, DnsError::Rejected { status: 409 | 422, .. } | DnsError::Busy { .. })
}

/// Whether a failure says that nothing was changed, so that a look would tell nothing new.
fn is_undone(error: &DnsError) -> bool {
    matches!(error, DnsError::RateLimited { .. })
}

/// Which failure is told of a change that failed and the look after it that failed too: the change's, for it may have been
/// carried out, unless the look's says more.
fn of_both(change: DnsError, look: DnsError) -> DnsError {
    if look.is_retryable() && look.retry_after().is_none() { change } else { look }
}
