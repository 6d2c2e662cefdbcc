//! Children of the same user that turn upon the supervisor.

use std::time::Duration;

use libtest_mimic::Trial;
use process_tree::{Grace, Reach, Status};

use crate::observe::{Up, read_all};
use crate::{each, once};

pub(crate) fn trials() -> Vec<Trial> {
    let supervisor = &[Reach::Supervisor];
    let mut trials = vec![once("the_supervisor_is_told", supervisor_is_told)];
    trials.extend(each("ends::kills_keeper", supervisor, killed_supervisor));
    trials.extend(each("dropped::kills_keeper", supervisor, dropped_killed_supervisor));
    trials.extend(each("ends::stops_keeper", supervisor, stopped_supervisor));
    trials.extend(each("dropped::stops_keeper", supervisor, dropped_stopped_supervisor));
    trials
}

async fn supervisor_is_told() {
    let Up { tree, pipes: _pipes } = Up::start("stubborn", Reach::Supervisor, 1).await;
    let supervisor = tree.supervisor_pid().unwrap();
    assert_eq!(crate::observe::children(supervisor), [tree.pid()]);
    tree.end(Grace::kill()).await;
}

async fn killed_supervisor(reach: Reach) {
    // The orphan comes up; the child may not, as the spawner is quick to kill it.
    let Up { mut tree, mut pipes } = Up::start("kills-keeper", reach, 1).await;
    assert_eq!(tree.wait().await.status, Status::Lost);
    let exit = tree.end(Grace::default()).await;
    assert_eq!((exit.status, exit.left), (Status::Lost, 0));
    Up::assert_nobody(&mut pipes);
}

async fn dropped_killed_supervisor(reach: Reach) {
    let Up { tree, mut pipes } = Up::start("kills-keeper", reach, 1).await;
    drop(tree);
    read_all(&mut pipes.stdout).await;
}

async fn stopped_supervisor(reach: Reach) {
    let Up { tree, mut pipes } = Up::start("stops-keeper", reach, 2).await;
    let exit = tree.end(Grace::default().first_for(Duration::from_millis(100))).await;
    assert_eq!((exit.status, exit.left), (Status::Lost, 0));
    Up::assert_nobody(&mut pipes);
}

async fn dropped_stopped_supervisor(reach: Reach) {
    let Up { tree, mut pipes } = Up::start("stops-keeper", reach, 2).await;
    drop(tree);
    read_all(&mut pipes.stdout).await;
}
