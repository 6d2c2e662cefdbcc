//! What becomes of a deployment when one call goes wrong once: each call, each fault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dokploy_client::deployer::{Deployer, End, MemoryJournal, Plan, Reason};
use dokploy_client::testing::{Dokploy, Fault, Version};
use dokploy_client::{Client, Image, KeySource, StackName};

/// How long a call may take here, and one that is slow.
const CALL: Duration = Duration::from_millis(400);
const SLOW: Duration = Duration::from_millis(900);
/// The calls that a deployment makes on 0.30.
const CALLS: [&str; 9] = [
    "settings.getDokployVersion",
    "project.all",
    "project.create",
    "application.create",
    "application.update",
    "domain.create",
    "application.deploy",
    "deployment.queueList",
    "application.one",
];

/// What goes wrong, and what that means for a call.
fn faults() -> Vec<(&'static str, Fault, Meaning)> {
    use Meaning::{Refusal, Trouble};
    vec![
        ("400", Fault::status(400), Refusal(Reason::Rejected(400))),
        ("401", Fault::status(401), Refusal(Reason::Unauthorized)),
        ("404", Fault::status(404), Refusal(Reason::NotFound)),
        ("413", Fault::status(413), Refusal(Reason::Rejected(413))),
        ("429", Fault::too_many_requests(Duration::ZERO), Trouble),
        ("500", Fault::status(500), Trouble),
        ("HTML", Fault::bad_gateway(), Trouble),
        ("empty", Fault::empty(), Trouble),
        ("garbage", Fault::unreadable(), Trouble),
        ("slow", Fault::slow(SLOW), Trouble),
        ("lost before", Fault::lost_request(), Trouble),
        ("lost after", Fault::lost_reply(), Trouble),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nobody knows; look, and go on.
    Trouble,
    /// It is over, with this reason.
    Refusal(Reason),
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_each_call_has_its_outcome() {
    let mut table = BTreeMap::new();
    for (row, call) in CALLS.into_iter().enumerate() {
        let cases = faults().into_iter().map(|(name, fault, meaning)| {
            tokio::spawn(async move { (name, meaning, outcome(fault.on(call)).await) })
        });
        for (column, case) in cases.collect::<Vec<_>>().into_iter().enumerate() {
            let (name, meaning, end) = case.await.unwrap();
            match meaning {
                Meaning::Trouble => assert_eq!(end, End::Completed, "{call} {name}"),
                Meaning::Refusal(reason) => {
                    assert!(
                        matches!(&end, End::Failed(failed) if failed.reason == reason),
                        "{call} {name} {end:?}"
                    );
                }
            }
            table.insert((row, column), told(&end));
        }
    }
    print(&table);
}

/// How a deployment with this fault ends. Whatever happens, there is one whole stack or nothing that isn't named.
async fn outcome(fault: Fault) -> End {
    let dokploy = Dokploy::start(Version::V0_30_2).unwrap();
    let key = KeySource::Fixed(dokploy.key().into());
    let client = Client::builder(dokploy.url()).key(key).limits(|it| {
        (it.call, it.backoff) = (CALL, Duration::from_millis(1));
    });
    let journal = Arc::new(MemoryJournal::new(Arc::new(SystemTime::now)));
    let deployer = Deployer::builder(client.build().unwrap(), journal).build().unwrap();
    dokploy.inject(fault);
    let deployment = deployer.deploy(plan(), None).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(60), deployment.ended()).await.unwrap().unwrap();
    match &end {
        End::Completed => {
            let (projects, services) = (dokploy.projects().len(), dokploy.services().len());
            assert_eq!((projects, services, dokploy.domains().len()), (1, 1, 1));
        }
        End::Failed(failed) if failed.leaks.is_empty() => {
            assert!(dokploy.projects().is_empty() && dokploy.services().is_empty());
        }
        other => panic!("{other:?}"),
    }
    end
}

fn plan() -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse("alpha", &nothing).unwrap();
    let plan = Plan::new(name, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap();
    plan.deadlines(|it| (it.step, it.rollback_wait) = (Duration::from_secs(3), Duration::from_secs(3)))
}

fn told(end: &End) -> String {
    match end {
        End::Completed => "completed".to_owned(),
        End::Failed(failed) => format!("{:?}", failed.reason),
        other => format!("{other:?}"),
    }
}

fn print(table: &BTreeMap<(usize, usize), String>) {
    let names: Vec<_> = faults().into_iter().map(|(name, ..)| name).collect();
    println!("{:28}{}", "", names.iter().map(|name| format!("{name:15}")).collect::<String>());
    for (row, call) in CALLS.into_iter().enumerate() {
        let cells = (0..names.len()).map(|column| format!("{:15}", table[&(row, column)]));
        println!("{call:28}{}", cells.collect::<String>());
    }
}
