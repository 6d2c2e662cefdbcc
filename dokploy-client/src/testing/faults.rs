//! What goes wrong on purpose.

use std::time::Duration;

use serde_json::json;

use super::answer::Answer;

/// Something that goes wrong: what, before or after the call is carried out, at which calls, and how often. Unless said
/// otherwise it happens once, at the next call whatever it is.
///
/// ```
/// use std::time::Duration;
/// use dokploy_client::testing::{Answer, Fault};
///
/// // The next two projects are made, and nobody hears of it.
/// Fault::lost_reply().on("project.create").times(2);
/// // A third of all calls, chosen by a seed, is answered by a proxy.
/// Fault::bad_gateway().one_in(3, 7).times(u32::MAX);
/// // The second deploy is carried out, and refused.
/// Fault::answer(Answer::status(500)).after_it_was_done().on("application.deploy").skip(1);
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
pub(super) enum What {
    /// This is answered. Before the call it is not carried out.
    Answer(Answer),
    /// The connection breaks off. Before the call it is not carried out.
    Reset,
    Wait(Duration),
    /// The server restarts, and the connection breaks off.
    Restart,
    /// The job that the call queued never ends.
    StuckJob,
}

#[derive(Debug, Clone)]
struct Chance {
    one_in: u32,
    random: fastrand::Rng,
}

impl Fault {
    /// The call is not carried out, and this is answered.
    pub fn answer(answer: Answer) -> Self {
        Self::new(Point::Before, What::Answer(answer))
    }

    /// The call is not carried out; the status is answered, with the code that Dokploy has for it.
    pub fn status(status: u16) -> Self {
        let code = match status {
            401 => "UNAUTHORIZED",
            403 => "FORBIDDEN",
            404 => "NOT_FOUND",
            409 => "CONFLICT",
            413 => "PAYLOAD_TOO_LARGE",
            400..500 => "BAD_REQUEST",
            _ => "INTERNAL_SERVER_ERROR",
        };
        Self::answer(Answer::status(status).json(&json!({ "message": "Injected", "code": code })))
    }

    /// The call is not carried out: 429, with a `Retry-After` in whole seconds.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let answer = Answer::status(429).json(&json!({ "message": "Too many requests" }));
        Self::answer(answer.header("retry-after", retry_after.as_secs().to_string()))
    }

    /// The call does not reach Dokploy: 502, with a web page.
    pub fn bad_gateway() -> Self {
        Self::answer(Answer::status(502).html("<html><body>Bad Gateway</body></html>"))
    }

    /// The call is carried out; the answer is 200 and empty.
    pub fn empty() -> Self {
        Self::answer(Answer::status(200)).after_it_was_done()
    }

    /// The call is carried out; the answer is 200 and can't be read.
    pub fn unreadable() -> Self {
        Self::answer(Answer::status(200).text("{\"projectId\":")).after_it_was_done()
    }

    /// The call is carried out after a wait, whether the client is still there or not.
    pub fn slow(wait: Duration) -> Self {
        Self::new(Point::Before, What::Wait(wait))
    }

    /// The connection breaks off, and the call is not carried out.
    pub fn lost_request() -> Self {
        Self::new(Point::Before, What::Reset)
    }

    /// The call is carried out, then the connection breaks off.
    pub fn lost_reply() -> Self {
        Self::new(Point::After, What::Reset)
    }

    /// The job that the call queues runs until [`Dokploy::release_jobs`](super::Dokploy::release_jobs) or a restart.
    pub fn stuck_job() -> Self {
        Self::new(Point::After, What::StuckJob)
    }

    /// The server restarts, as [`Dokploy::restart`](super::Dokploy::restart) does; the call is not carried out.
    pub fn restart() -> Self {
        Self::new(Point::Before, What::Restart)
    }

    /// What is to happen does so after the call was carried out.
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

    /// What goes wrong at this call: the first that was injected.
    pub(super) fn take(&mut self, call: &str) -> Option<(Point, What)> {
        let at = self.0.iter_mut().position(|fault| fault.strikes(call))?;
        let fault = &self.0[at];
        let struck = (fault.at, fault.what.clone());
        self.0.retain(|fault| fault.times > 0);
        Some(struck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each of so many calls is struck.
    fn strikes(fault: Fault, calls: &[&str]) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.add(fault);
        calls.iter().map(|call| faults.take(call).is_some()).collect()
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
}
