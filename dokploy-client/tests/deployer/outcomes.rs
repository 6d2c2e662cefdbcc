//! What becomes of a deployment when one call goes wrong once: each call, each fault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dokploy_client::deployer::{Deployer, Deployment, End, MemoryJournal, Operation, Plan, Reason};
use dokploy_client::testing::{Dokploy, Fault, Version};
use dokploy_client::{Client, KeySource};

use crate::loopback::plain_plan;

/// How long a call may take here, and one that is slow.
const CALL: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_millis(1500);
/// The calls that a deployment makes; the last one on 0.30 only.
const CALLS: [&str; 10] = [
    "settings.getDokployVersion",
    "project.all",
    "project.create",
    "application.create",
    "application.update",
    "domain.byApplicationId",
    "domain.create",
    "application.deploy",
    "application.one",
    "deployment.queueList",
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
async fn each_fault_of_each_call_has_its_outcome_on_0_24() {
    each_fault_of_each_call_has_its_outcome(Version::V0_24_12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_each_call_has_its_outcome_on_0_26() {
    each_fault_of_each_call_has_its_outcome(Version::V0_26_7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_each_call_has_its_outcome_on_0_30() {
    each_fault_of_each_call_has_its_outcome(Version::V0_30_2).await;
}

async fn each_fault_of_each_call_has_its_outcome(version: Version) {
    let mut table = BTreeMap::new();
    let calls = if version == Version::V0_30_2 { &CALLS[..] } else { &CALLS[..9] };
    let begin = |call| {
        faults().into_iter().map(move |(name, fault, meaning)| {
            tokio::spawn(async move { (name, meaning, outcome(version, fault.on(call)).await) })
        })
    };
    let rows: Vec<Vec<_>> = calls.iter().map(|call| begin(*call).collect()).collect();
    for ((row, call), cases) in calls.iter().copied().enumerate().zip(rows) {
        for (column, case) in cases.into_iter().enumerate() {
            let (name, meaning, end) = case.await.unwrap();
            let expected = match meaning {
                Meaning::Trouble => None,
                Meaning::Refusal(reason) => Some(reason),
            };
            assert_eq!(reason(&end), expected, "{version:?} {call} {name} {end:?}");
            table.insert((row, column), told(&end));
        }
    }
    print(version, calls, &table);
}

fn reason(end: &End) -> Option<Reason> {
    if let End::Failed(failed) = end { Some(failed.reason) } else { None }
}

/// What is done with a stack that is there, and the calls of that which change something.
const OPERATIONS: [(Operation, &str); 6] = [
    (Operation::Redeploy, "application.redeploy"),
    (Operation::Stop, "application.stop"),
    (Operation::Start, "application.start"),
    (Operation::Destroy, "application.cleanQueues"),
    (Operation::Destroy, "application.delete"),
    (Operation::Destroy, "project.remove"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_each_call_of_an_operation_has_its_outcome() {
    for version in Version::ALL {
        let begin = |operation, call| {
            faults().into_iter().map(move |(name, fault, meaning)| {
                let fault = fault.on(call);
                tokio::spawn(async move { (name, meaning, operated(version, operation, fault).await) })
            })
        };
        let rows: Vec<Vec<_>> = OPERATIONS.iter().map(|(of, call)| begin(*of, *call).collect()).collect();
        let mut table = BTreeMap::new();
        for ((row, (_, call)), cases) in OPERATIONS.into_iter().enumerate().zip(rows) {
            for (column, case) in cases.into_iter().enumerate() {
                let (name, meaning, end) = case.await.unwrap();
                let expected = match (call, meaning) {
                    (_, Meaning::Trouble) => None,
                    // A look says that it is still there, so it is deleted once more.
                    ("application.delete" | "project.remove", Meaning::Refusal(Reason::NotFound)) => None,
                    // Nothing was ordered that could wait.
                    ("application.cleanQueues", _) => None,
                    (_, Meaning::Refusal(reason)) => Some(reason),
                };
                assert_eq!(reason(&end), expected, "{version:?} {call} {name} {end:?}");
                table.insert((row, column), told(&end));
            }
        }
        print(version, &OPERATIONS.map(|(_, call)| call), &table);
    }
}

/// How an operation with this fault ends. A destroy leaves nothing in the end, any other one the stack.
async fn operated(version: Version, operation: Operation, fault: Fault) -> End {
    let dokploy = Dokploy::start(version).unwrap();
    let deployer = deployer(&dokploy);
    let deployment = deployer.deploy(plan(), None).await.unwrap();
    assert_eq!(ended(&deployment).await, End::Completed);
    dokploy.inject(fault);
    let again = match operation {
        Operation::Redeploy => deployment.redeploy().await,
        Operation::Stop => deployment.stop().await,
        Operation::Start => deployment.start().await,
        _ => deployment.destroy().await,
    };
    let end = ended(&again.unwrap()).await;
    let rows = || (dokploy.projects().len(), dokploy.applications().len(), dokploy.services().len());
    if operation != Operation::Destroy {
        assert_eq!((rows(), end.leaks()), ((1, 1, 1), &[][..]));
        return end;
    }
    let gone = async {
        while rows() != (0, 0, 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it goes");
    end
}

/// How a deployment with this fault ends. Whatever happens, there is one whole stack or nothing that isn't named.
async fn outcome(version: Version, fault: Fault) -> End {
    let dokploy = Dokploy::start(version).unwrap();
    let deployer = deployer(&dokploy);
    dokploy.inject(fault);
    let end = ended(&deployer.deploy(plan(), None).await.unwrap()).await;
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

fn deployer(dokploy: &Dokploy) -> Deployer {
    let key = KeySource::Fixed(dokploy.key().into());
    let client = Client::builder(dokploy.url()).key(key).limits(|it| {
        (it.call, it.backoff) = (CALL, Duration::from_millis(1));
    });
    let journal = Arc::new(MemoryJournal::new(Arc::new(SystemTime::now)));
    Deployer::builder(client.build().unwrap(), journal).build().unwrap()
}

async fn ended(deployment: &Deployment) -> End {
    tokio::time::timeout(Duration::from_secs(60), deployment.ended()).await.unwrap().unwrap()
}

fn plan() -> Plan {
    plain_plan("alpha", "acme/stack:1").deadlines(|it| {
        (it.step, it.rollback_wait, it.deploy) =
            (Duration::from_secs(3), Duration::from_secs(3), Duration::from_secs(8));
    })
}

fn told(end: &End) -> String {
    match end {
        End::Failed(failed) if failed.leaks.is_empty() => format!("{:?}", failed.reason),
        End::Failed(failed) => format!("{:?} +{}", failed.reason, failed.leaks.len()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn print(version: Version, calls: &[&str], table: &BTreeMap<(usize, usize), String>) {
    let names: Vec<_> = faults().into_iter().map(|(name, ..)| name).collect();
    println!(
        "{:28}{}",
        format!("{version:?}"),
        names.iter().map(|name| format!("{name:17}")).collect::<String>()
    );
    for (row, call) in calls.iter().enumerate() {
        let cells = (0..names.len()).map(|column| format!("{:17}", table[&(row, column)]));
        println!("{call:28}{}", cells.collect::<String>());
    }
}
