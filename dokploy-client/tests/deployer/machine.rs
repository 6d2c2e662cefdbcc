//! What must hold of a machine, over random schedules.

use std::sync::Mutex;

use dokploy_client::deployer::{End, Operation};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::schedule::{Schedule, Tally, run};
use crate::world::Version;

fn schedules(deployers: usize) -> impl Strategy<Value = Schedule> {
    let version = prop_oneof![Just(Version::V30), Just(Version::V26), Just(Version::V24)];
    let operation = prop_oneof![
        Just(Operation::Redeploy),
        Just(Operation::Stop),
        Just(Operation::Start),
        Just(Operation::Destroy)
    ];
    let operations = prop::collection::vec(operation, 0..4);
    // Few faults, many, and lost replies above all: most schedules are to come far.
    let few = prop_oneof![5 => 0_u8..150, 1 => any::<u8>()];
    let lost = prop_oneof![2 => Just(0_u8), 1 => 150_u8..200];
    let dice = prop_oneof![
        prop::collection::vec(few, 0..200),
        prop::collection::vec(any::<u8>(), 0..120),
        prop::collection::vec(lost, 0..160)
    ];
    (version, any::<bool>(), any::<bool>(), operations, dice).prop_map(
        move |(version, has_health, has_record, operations, dice)| Schedule {
            version,
            deployers,
            has_health,
            has_record,
            operations,
            dice,
        },
    )
}

/// Runs many schedules and tells how many, and what came of them.
fn check(cases: u32, deployers: usize) {
    let tallies = Mutex::new(Vec::<Tally>::new());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    });
    let result = runner.run(&schedules(deployers), |schedule| {
        let tally = run(&schedule).map_err(TestCaseError::fail)?;
        tallies.lock().unwrap().push(tally);
        Ok(())
    });
    let tallies = tallies.into_inner().unwrap();
    let ends = || tallies.iter().flat_map(|tally| &tally.ends);
    let steps: usize = tallies.iter().map(|tally| tally.steps).sum();
    let crashes: usize = tallies.iter().map(|tally| tally.crashes).sum();
    let completed = ends().filter(|end| **end == End::Completed).count();
    let failed = ends().filter(|end| matches!(end, End::Failed(_))).count();
    let leaked = ends().filter(|end| !end.leaks().is_empty()).count();
    println!(
        "{} schedules of {deployers} deployers: {steps} steps, {crashes} crashes; {} ends, {completed} completed, \
         {failed} failed, {leaked} with leaks",
        tallies.len(),
        ends().count()
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(
        completed > 0 && failed > 0 && leaked > 0 && crashes > 0,
        "the schedules reach all that is checked"
    );
}

#[test]
fn nothing_is_left_or_doubled_whatever_goes_wrong() {
    check(10_000, 1);
}

#[test]
fn two_deployers_of_one_name_make_one_stack() {
    check(4_000, 2);
}
