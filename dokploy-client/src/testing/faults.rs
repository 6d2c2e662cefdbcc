//! What goes wrong on purpose.

use std::time::Duration;

use super::answer::Answer;
use super::body::Delivery;

/// Something that goes wrong: what, before or after the call is carried out, at which calls, and how often. Unless said
/// otherwise it happens once, at the next call whatever it is.
///
/// A fault is of one of four kinds: it ends the call, it lets the call wait, it delays or cuts the body of the answer, or
/// it lets the job never end that the call queues. A call is struck by one fault of each kind at most, so that it can be
/// slow and lose its reply.
///
/// ```
/// use std::time::Duration;
/// use dokploy_client::testing::{Answer, Fault};
///
/// # fn main() -> dokploy_client::Result<()> {
/// // The next two projects are made, and nobody hears of it.
/// Fault::lost_reply().on("project.create").times(2);
/// // A third of all calls, chosen by a seed, is answered by a proxy.
/// Fault::bad_gateway().one_in(3, 7).times(u32::MAX);
/// // The second deploy is carried out, and refused.
/// Fault::answer(Answer::status(507)?).after_it_was_done().on("application.deploy").skip(1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "inject it"]
pub struct Fault {
    at: Point,
    what: What,
    call: Option<String>,
    skip: u32,
    times: u32,
    chance: Option<Chance>,
}

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Before,
    After,
}

#[derive(Debug, Clone)]
enum What {
    End(End),
    Wait(Duration),
    Body(Delivery),
    /// The job that the call queued never ends.
    StuckJob,
}

/// How a call ends. Before the call it is not carried out.
#[derive(Debug, Clone)]
pub(super) enum End {
    Answer(Answer),
    /// The answer that the version has for this status.
    Status(u16),
    /// The connection breaks off.
    Reset,
    /// The server restarts, and the connection breaks off.
    Restart,
}

#[derive(Debug, Clone)]
struct Chance {
    one_in: u32,
    random: fastrand::Rng,
}

/// How a call ends, and what does not end it.
impl Fault {
    /// The call is not carried out, and this is answered.
    pub fn answer(answer: Answer) -> Self {
        Self::new(Point::Before, What::End(End::Answer(answer)))
    }

    /// The call is not carried out; the status is answered as Dokploy answers it: with its code for this status and in the
    /// form that the version has, or, of a body that is too large (413), in words. 401 is that of a key which may not do
    /// this; [`bad_key`](Self::bad_key) is the other one. A status that Dokploy has no code for comes without a body, and
    /// what is no status of an answer (200 to 599) is answered with 500.
    pub fn status(status: u16) -> Self {
        Self::new(Point::Before, What::End(End::Status(status)))
    }

    /// The call is not carried out: 401 without a code, as for a key that is unknown or used up.
    pub fn bad_key() -> Self {
        Self::answer(Answer::bad_key())
    }

    /// The call does not reach Dokploy: 429 in the words of Traefik's rate limit, with a `Retry-After` in whole seconds,
    /// rounded up.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
        Self::answer(Answer::too_many_requests(seconds))
    }

    /// The call does not reach Dokploy: 502, with a web page.
    pub fn bad_gateway() -> Self {
        Self::answer(Answer::bad_gateway())
    }

    /// The call is carried out; the answer is 200 and empty.
    pub fn empty() -> Self {
        Self::answer(Answer::ok()).after_it_was_done()
    }

    /// The call is carried out; the answer is 200 and can't be read.
    pub fn unreadable() -> Self {
        Self::answer(Answer::ok().text("{\"projectId\":")).after_it_was_done()
    }

    /// The connection breaks off, and the call is not carried out.
    pub fn lost_request() -> Self {
        Self::new(Point::Before, What::End(End::Reset))
    }

    /// The call is carried out, then the connection breaks off.
    pub fn lost_reply() -> Self {
        Self::new(Point::After, What::End(End::Reset))
    }

    /// The server restarts, as [`Dokploy::restart`](super::Dokploy::restart) does; the call is not carried out.
    pub fn restart() -> Self {
        Self::new(Point::Before, What::End(End::Restart))
    }

    /// The call is carried out after a wait, whether the client is still there or not.
    pub fn slow(wait: Duration) -> Self {
        Self::new(Point::Before, What::Wait(wait))
    }

    /// The call is carried out; of its answer the status and half the body come at once, the rest after a wait.
    pub fn slow_body(wait: Duration) -> Self {
        Self::new(Point::After, What::Body(Delivery::Slow(wait)))
    }

    /// The call is carried out; of its answer the status and half the body come, then the connection is closed.
    pub fn cut_body() -> Self {
        Self::new(Point::After, What::Body(Delivery::Cut))
    }

    /// The job that the call queues runs until [`Dokploy::release_jobs`](super::Dokploy::release_jobs) or a restart. Calls
    /// that queue none are no calls to it: it waits for one that does.
    pub fn stuck_job() -> Self {
        Self::new(Point::After, What::StuckJob)
    }
}

/// When, at which calls, and how often.
impl Fault {
    /// What ends the call or lets it wait does so after the call was carried out. The body and the job are after it anyway.
    pub fn after_it_was_done(self) -> Self {
        Self { at: Point::After, ..self }
    }

    /// Only at this call, such as `project.create`.
    pub fn on(self, call: impl Into<String>) -> Self {
        Self { call: Some(call.into()), ..self }
    }

    /// So often; 1 unless set.
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// So many calls go well before.
    pub fn skip(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }

    /// Not at each of the calls, but at one in so many, by a chance that the seed decides. Zero counts as one.
    pub fn one_in(self, calls: u32, seed: u64) -> Self {
        let chance = Chance { one_in: calls.max(1), random: fastrand::Rng::with_seed(seed) };
        Self { chance: Some(chance), ..self }
    }

    fn new(at: Point, what: What) -> Self {
        Self { at, what, call: None, skip: 0, times: 1, chance: None }
    }

    /// Whether it happens now. Each call of its kind counts.
    fn strikes(&mut self, call: &str) -> bool {
        if self.times == 0 || self.call.as_ref().is_some_and(|only| only != call) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.chance.as_mut().is_some_and(|chance| chance.random.u32(0..chance.one_in) != 0) {
            return false;
        }
        self.times -= 1;
        true
    }
}

/// What goes wrong with a call, but for its job.
#[derive(Debug, Default)]
pub(super) struct Struck {
    end: Option<(Point, End)>,
    wait: Option<(Point, Duration)>,
    pub(super) body: Delivery,
}

impl Struck {
    /// How the call ends then.
    pub(super) fn end_at(&self, at: Point) -> Option<&End> {
        self.end.as_ref().filter(|(point, _)| *point == at).map(|(_, end)| end)
    }

    /// How long it waits then; `None` if it goes on at once.
    pub(super) fn wait_at(&self, at: Point) -> Option<Duration> {
        self.wait.filter(|(point, _)| *point == at).map(|(_, wait)| wait)
    }
}

/// What was injected and has not happened yet.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong at this call.
    pub(super) fn take(&mut self, call: &str) -> Struck {
        let end = self.first(call, |at, what| match what {
            What::End(end) => Some((at, end.clone())),
            _ => None,
        });
        let wait = self.first(call, |at, what| match what {
            What::Wait(wait) => Some((at, *wait)),
            _ => None,
        });
        let body = self.first(call, |_, what| match what {
            What::Body(delivery) => Some(*delivery),
            _ => None,
        });
        Struck { end, wait, body: body.unwrap_or_default() }
    }

    /// Whether the job that this call queued is stuck.
    pub(super) fn take_stuck_job(&mut self, call: &str) -> bool {
        self.first(call, |_, what| matches!(what, What::StuckJob).then_some(())).is_some()
    }

    /// Of a kind, the first that was injected.
    fn first<T>(&mut self, call: &str, of_kind: impl Fn(Point, &What) -> Option<T>) -> Option<T> {
        let struck = self.0.iter_mut().find_map(|fault| {
            let found = of_kind(fault.at, &fault.what)?;
            fault.strikes(call).then_some(found)
        });
        self.0.retain(|fault| fault.times > 0);
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each of so many calls is struck.
    fn strikes(fault: Fault, calls: &[&str]) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.add(fault);
        calls.iter().map(|call| faults.take(call).end.is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_its_call_so_often() {
        let calls = ["a", "b", "a", "a", "a"];
        assert_eq!(strikes(Fault::lost_reply(), &calls), [true, false, false, false, false]);
        let fault = Fault::lost_reply().on("a").skip(1).times(2);
        assert_eq!(strikes(fault, &calls), [false, false, true, true, false]);
    }

    #[test]
    fn a_seed_decides_the_chance() {
        let calls = ["a"; 100];
        let of_seed = |seed| strikes(Fault::status(500).one_in(4, seed).times(u32::MAX), &calls);
        assert_eq!(of_seed(1), of_seed(1));
        assert_ne!(of_seed(1), of_seed(2));
        let struck = of_seed(1).into_iter().filter(|struck| *struck).count();
        assert!((5..60).contains(&struck), "{struck}");
    }

    #[test]
    fn a_call_is_struck_by_the_first_of_each_kind() {
        let mut faults = Faults::default();
        let second = Duration::from_secs(1);
        for fault in [Fault::lost_reply(), Fault::slow(second), Fault::restart(), Fault::cut_body()] {
            faults.add(fault);
        }
        let struck = faults.take("a");
        assert!(matches!(struck.end, Some((Point::After, End::Reset))), "{struck:?}");
        assert_eq!((struck.wait, struck.body), (Some((Point::Before, second)), Delivery::Cut));
        let struck = faults.take("a");
        assert!(matches!(struck.end, Some((Point::Before, End::Restart))), "{struck:?}");
        assert_eq!((struck.wait, struck.body), (None, Delivery::Whole));
    }
}
