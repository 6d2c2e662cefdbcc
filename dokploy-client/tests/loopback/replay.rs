//! Each recorded request is made again, in the recorded order, and answered as it was.

use std::collections::BTreeMap;

use dokploy_client::testing::{Dokploy, Version};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::compare::{Ids, Reasons, SHORTENED};
use super::http::{Response, address, exchange, request};
use super::recorded::{Auth, Exchange, exchanges};
use super::side_effects::SideEffects;

/// How many answers are what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Status, body, type and framing are the recorded ones, but for ids, dates and random suffixes.
    equal: usize,
    /// The same as far as it can be known; the test prints why.
    as_far_as_known: usize,
    /// Another answer.
    different: usize,
}

#[tokio::test]
async fn version_0_24_12_answers_as_recorded() {
    replay(Version::V0_24_12, Counts { equal: 200, as_far_as_known: 4, different: 0 }).await;
}

#[tokio::test]
async fn version_0_26_7_answers_as_recorded() {
    replay(Version::V0_26_7, Counts { equal: 214, as_far_as_known: 5, different: 0 }).await;
}

#[tokio::test]
async fn version_0_30_2_answers_as_recorded() {
    replay(Version::V0_30_2, Counts { equal: 266, as_far_as_known: 7, different: 0 }).await;
}

/// 0.25.11 was not recorded. By the source it answers as 0.26.7 but for columns that came later, and for what was asked of
/// names that only one of the two takes.
#[tokio::test]
async fn version_0_25_11_answers_as_0_26_7_but_for_what_its_source_has_otherwise() {
    let all: Vec<_> = exchanges(Version::V0_26_7)
        .into_iter()
        .filter(|it| !OTHERWISE_BEFORE_0_26.contains(&&*it.label))
        .map(Exchange::before_0_26)
        .collect();
    let replay = play(Version::V0_25_11, Version::V0_26_7, &all).await;
    replay.judge_all(Counts { equal: 210, as_far_as_known: 5, different: 0 }, all.len());
}

/// The module `source` asks for these.
const OTHERWISE_BEFORE_0_26: [&str; 4] = [
    "application.create appName with bad characters",
    "environment.create named production",
    "environment.update rename the default",
    "environment.remove the default",
];

const AT_ONCE: &str = "project.create, one of 8 at once with one name";

async fn replay(version: Version, expected: Counts) {
    let all = exchanges(version);
    play(version, version, &all).await.judge_all(expected, all.len());
}

/// Makes these requests of a server of a version.
async fn play(version: Version, recorded: Version, all: &[Exchange]) -> Replay {
    let dokploy = Dokploy::builder(version).seed(0).hold_jobs().start().unwrap();
    let side_effects = SideEffects::of(recorded);
    let (ids, found, faults) = (Ids::default(), BTreeMap::new(), Vec::new());
    let mut replay = Replay { dokploy, recorded, ids, side_effects, found, faults };
    let (before, rest) = all.split_at(all.iter().position(|it| it.label == AT_ONCE).unwrap());
    let (at_once, after) = rest.split_at(8);
    for exchange in before {
        replay.play(exchange).await;
    }
    replay.play_at_once(at_once).await;
    for exchange in after {
        replay.play(exchange).await;
    }
    replay
}

struct Replay {
    dokploy: Dokploy,
    /// Whose exchanges they are.
    recorded: Version,
    ids: Ids,
    side_effects: SideEffects,
    /// Labels by why they are equal only as far as can be known; an empty reason is none.
    found: BTreeMap<Vec<&'static str>, Vec<String>>,
    faults: Vec<String>,
}

impl Replay {
    fn judge_all(&self, expected: Counts, total: usize) {
        let (version, counts) = (self.dokploy.version(), self.counts());
        assert!(self.faults.is_empty(), "{version}:\n{}", self.faults.join("\n"));
        assert_eq!(counts.equal + counts.as_far_as_known, total);
        assert_eq!(self.side_effects.left(), 0);
        assert_eq!(counts, expected, "{version}");
    }

    async fn play(&mut self, exchange: &Exchange) {
        self.bring_about(exchange).await;
        let answer = self.send(exchange).await;
        self.judge(exchange, &answer);
        let looked = self.side_effects.look(&exchange.label, &self.ids, &self.dokploy);
        self.faults.extend(looked.err());
    }

    /// Eight creates at once. Who is who is told by the order of creation.
    async fn play_at_once(&mut self, exchanges: &[Exchange]) {
        assert!(exchanges.iter().all(|exchange| exchange.label == AT_ONCE));
        self.dokploy.finish_jobs();
        let answers = futures(exchanges.iter().map(|exchange| self.send(exchange)).collect()).await;
        let created = |body: &Value| {
            let project = if body["project"].is_object() { &body["project"] } else { body };
            project["createdAt"].as_str().unwrap().to_owned()
        };
        let mut recorded: Vec<&Exchange> = exchanges.iter().collect();
        recorded.sort_by_key(|exchange| created(&exchange.response.body));
        let mut answers: Vec<(String, Response)> = answers
            .into_iter()
            .map(|answer| (created(&serde_json::from_slice(&answer.body).unwrap()), answer))
            .collect();
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        for (exchange, (_, answer)) in recorded.into_iter().zip(&answers) {
            self.judge(exchange, answer);
        }
    }

    /// What the server had done by then.
    async fn bring_about(&self, exchange: &Exchange) {
        if (exchange.n, self.dokploy.version()) == (256, Version::V0_30_2) {
            self.create_and_leave("ai-stack-gone").await;
        }
        match moment(self.recorded, &exchange.label) {
            Moment::Idle => self.dokploy.finish_jobs(),
            Moment::Running => self.dokploy.start_job(),
            Moment::Queued => {}
            Moment::Restarted => {
                self.dokploy.start_job();
                self.dokploy.restart().await.unwrap();
                self.dokploy.finish_jobs();
            }
        }
    }

    /// The project of a client that left before the answer came.
    async fn create_and_leave(&self, name: &str) {
        let mut stream = TcpStream::connect(address(&self.dokploy.url())).await.unwrap();
        let key = self.dokploy.key();
        let headers = [("x-api-key", &*key), ("content-type", "application/json")];
        let body = format!("{{\"name\":\"{name}\"}}");
        stream.write_all(&request("POST", "/api/project.create", &headers, body.as_bytes())).await.unwrap();
        drop(stream);
        while self.dokploy.project_named(name).is_none() {
            tokio::task::yield_now().await;
        }
    }

    async fn send(&self, recorded: &Exchange) -> Response {
        let it = &recorded.request;
        let key = match recorded.auth() {
            Auth::Owner => Some(self.dokploy.key()),
            Auth::Nobody => None,
            Auth::Unknown => Some("unknown".to_owned()),
            Auth::Default => Some(self.dokploy.default_key()),
            Auth::Member => Some(self.dokploy.member_key()),
        };
        let mut headers: Vec<(&str, String)> =
            it.headers.iter().map(|(name, value)| (&**name, value.as_str().unwrap().to_owned())).collect();
        for (_, value) in headers.iter_mut().filter(|(name, _)| *name == "authorization") {
            *value = value.replace("<api-key>", &self.dokploy.key());
        }
        headers.extend(key.map(|key| ("x-api-key", key)));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let (target, body) = (self.target(recorded), self.body(recorded));
        exchange(&self.dokploy.url(), &request(&it.method, &target, &headers, body.as_bytes())).await
    }

    fn target(&self, exchange: &Exchange) -> String {
        let mut query = Vec::new();
        for (name, value) in exchange.request.query.iter().flatten() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                query.push(format!("{name}={}", self.ids.translate(&value)));
            }
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", exchange.request.path, query.join("&"))
    }

    fn body(&self, exchange: &Exchange) -> String {
        let body = exchange.body();
        match serde_json::from_str::<Value>(&body) {
            Ok(value) if body.len() < 10_000 => self.ids.translate_value(&value).to_string(),
            _ => body,
        }
    }

    fn judge(&mut self, exchange: &Exchange, answer: &Response) {
        match self.compare(exchange, answer) {
            Ok(reasons) => {
                let label = format!("{} {}", exchange.n, exchange.label);
                self.found.entry(reasons.into_iter().collect()).or_default().push(label);
            }
            Err(fault) => self.faults.push(format!("{} {}: {fault}", exchange.n, exchange.label)),
        }
    }

    fn compare(&mut self, it: &Exchange, answer: &Response) -> Result<Reasons, String> {
        if it.response.status != answer.status {
            return Err(format!(
                "{} was answered by {}: {}",
                it.response.status,
                answer.status,
                answer.text()
            ));
        }
        for header in ["content-type", "transfer-encoding", "keep-alive", "location"] {
            if it.response.header(header) != answer.header(header) {
                return Err(format!("{header}: {:?}", (it.response.header(header), answer.header(header))));
            }
        }
        if let Some(text) = &it.response.body_text {
            let is_same = *text == answer.text();
            return if is_same { Ok(Reasons::new()) } else { Err(format!("{text:?}: {:?}", answer.text())) };
        }
        let mut ours: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let is_shortened = is_shortened(&it.label);
        if let (true, Some(list)) = (is_shortened, ours.as_array_mut()) {
            list.truncate(it.response.body.as_array().unwrap().len());
        }
        let mut reasons = self.ids.compare(&it.response.body, &ours)?;
        reasons.extend(is_shortened.then_some(SHORTENED));
        Ok(reasons)
    }

    /// Counts and prints.
    fn counts(&self) -> Counts {
        let version = self.dokploy.version();
        let mut counts = Counts { different: self.faults.len(), ..Counts::default() };
        for (reasons, labels) in &self.found {
            if reasons.is_empty() {
                counts.equal += labels.len();
                continue;
            }
            counts.as_far_as_known += labels.len();
            println!("{version}: {}:\n    {}", reasons.join("; "), labels.join("\n    "));
        }
        println!("{version}: {counts:?}");
        counts
    }
}

/// Runs these one by one on the same task, but all at once.
async fn futures<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        let is_done = running.iter().all(|(_, output)| output.is_some());
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().map(|(_, output)| output.unwrap()).collect()
}

fn is_shortened(label: &str) -> bool {
    matches!(label, "GET with accept-encoding gzip" | "project.all with an application in it")
}

/// How far the jobs were when a request came.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// All had ended: there was time enough.
    Idle,
    /// The first one ran.
    Running,
    /// None had started.
    Queued,
    /// The server had restarted, and what it still had to do was done.
    Restarted,
}

fn moment(version: Version, label: &str) -> Moment {
    match label {
        // That server's job took longer to start; then it ran.
        "deployment.all right after deploy" if version == Version::V0_26_7 => Moment::Queued,
        "application.one of the one that ran during the restart"
        | "application.one right after the server listens again" => Moment::Restarted,
        label if WHILE_IT_RUNS.contains(&label) => Moment::Running,
        _ => Moment::Idle,
    }
}

const WHILE_IT_RUNS: [&str; 22] = [
    "deployment.all right after deploy",
    "application.one right after deploy",
    "deploy of another application behind it",
    "the same application deployed twice",
    "queueList one active two waiting",
    "application.one of the running one",
    "application.one of the waiting one",
    "deployment.all of the running one",
    "deployment.all of the waiting one",
    "deployment.readLogs while it runs",
    "cancelDeployment (cloud only)",
    "cleanQueues of the waiting one",
    "queueList after cleanQueues",
    "application.delete while deploying",
    "application.one right after",
    "queueList after delete",
    "deploy queued before the restart",
    "deploy that waits behind a slow one",
    "application.delete while its deploy waits",
    "queueList after it",
    "project.remove while a deploy of it runs",
    "queueList after project.remove",
];
