//! Questions in memory: bounds, deadlines, and a store that takes nothing.

use claude_core::approval::{Approver, Opened, Verdict};
use claude_core::turn::Decision;
use server_kit::auth::{Proof, Role, UserId};
use std::path::PathBuf;
use std::time::Duration;

use claude_core::approval::Question;
use claude_core::{Effect, Json};
use server_kit::auth::{Identity, Scope};
use server_kit::runs::RunId;
use store_core::{Paging, Store};

use super::{ApprovalState, Approvals, Choice, Decide, RunApprover};

fn admin() -> Identity {
    let proof = Proof::Token { jti: "none".into(), exp: 0 };
    let user = UserId::new(uuid::Uuid::from_u128(7));
    Identity { user, name: "ann".into(), role: Role::Admin, proof }
}

fn question(bytes: usize) -> Question {
    let input = serde_json::json!({"command": "x".repeat(bytes)});
    Question::new("toolu_1".into(), "Bash".into(), Json::from(input), Effect::Write)
}

fn allow() -> Decide {
    Decide { decision: Choice::Allow, input: None, reason: None }
}

async fn approvals(ttl: Duration) -> (Approvals, Store) {
    let store = Store::open("sqlite::memory:").await.unwrap();
    (Approvals::new(store.clone(), ttl), store)
}

fn approver(approvals: &Approvals) -> RunApprover {
    approvals.for_run(&admin(), RunId::new(), (PathBuf::from("/"), Scope::Chat))
}

async fn is_pending(approver: &RunApprover, question: &Question) -> bool {
    matches!(approver.open(question).await.unwrap(), Opened::Pending { .. })
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn nobody_who_answers_in_time_means_no() {
    let (approvals, store) = approvals(Duration::from_millis(20)).await;
    let (approver, question) = (approver(&approvals), question(1));
    assert!(is_pending(&approver, &question).await);
    let verdict = approver.wait(question.id()).await.unwrap();
    assert_eq!(verdict.decision(), Decision::Expired);
    let late = approvals.decide(&admin(), question.id(), allow()).await.unwrap_err();
    assert_eq!(late.code(), "already_decided");
    assert_eq!(approvals.get(&admin(), question.id()).unwrap().state, ApprovalState::Expired);
    let audit = store.system().audit().list(Paging::first()).await.unwrap().items;
    assert_eq!((&*audit[0].actor, &audit[0].detail["decision"]), ("system", &"expired".into()));
}

#[tokio::test]
async fn after_the_deadline_a_yes_comes_too_late_though_nobody_waited() {
    let (approvals, _store) = approvals(Duration::from_millis(1)).await;
    let (approver, question) = (approver(&approvals), question(1));
    assert!(is_pending(&approver, &question).await);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = approvals.decide(&admin(), question.id(), allow()).await.unwrap_err();
    assert_eq!((late.code(), late.message()), ("already_decided", "nobody answered in time"));
}

#[tokio::test]
async fn a_decision_that_can_not_be_written_down_is_none() {
    let (approvals, store) = approvals(LONG).await;
    let (approver, question) = (approver(&approvals), question(1));
    assert!(is_pending(&approver, &question).await);
    store.close().await;
    assert!(approvals.decide(&admin(), question.id(), allow()).await.unwrap_err().status().is_server_error());
    assert_eq!(approvals.get(&admin(), question.id()).unwrap().state, ApprovalState::Pending);
    // What can't be recorded does not run either.
    assert!(approver.begin(&question.allow("ann")).await.is_err());
}

#[tokio::test]
async fn a_decision_before_anybody_waits_is_not_lost() {
    let (approvals, _store) = approvals(LONG).await;
    let (approver, question) = (approver(&approvals), question(1));
    assert!(is_pending(&approver, &question).await);
    approvals.decide(&admin(), question.id(), allow()).await.unwrap();
    let Verdict::Allow(permit) = approver.wait(question.id()).await.unwrap() else { panic!("denied") };
    assert_eq!(permit.input(), question.input());
}

#[tokio::test]
async fn questions_are_bounded_for_a_user_and_for_a_run() {
    let (approvals, _store) = approvals(LONG).await;
    let first = approver(&approvals);
    for _ in 0..32 {
        assert!(is_pending(&first, &question(1)).await);
    }
    let other = approver(&approvals);
    assert!(!is_pending(&other, &question(1)).await, "of one user, whichever run asks");
    assert!(!is_pending(&other, &question(2 << 20)).await, "nobody reads so much");
    drop(first);
    // What was asked by a run that is gone is taken back.
    let open = |approvals: &Approvals| approvals.list(&admin(), Some(ApprovalState::Pending)).len();
    while open(&approvals) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut asked = 1;
    loop {
        let question = question(1);
        match other.open(&question).await.unwrap() {
            Opened::Pending { id, .. } => other.withdraw(id).await,
            Opened::Decided(Verdict::Deny(denial)) => {
                assert!(denial.interrupt, "the turn ends");
                break;
            }
            Opened::Decided(_) => panic!("allowed"),
        }
        asked += 1;
    }
    assert_eq!(asked, 100);
}

#[tokio::test]
async fn what_was_decided_is_forgotten_when_it_fills_the_memory() {
    let (approvals, _store) = approvals(LONG).await;
    let approver = approver(&approvals);
    let mut ids = Vec::new();
    for _ in 0..8 {
        let question = question(1_000_000);
        assert!(is_pending(&approver, &question).await);
        approver.withdraw(question.id()).await;
        ids.push(question.id());
    }
    assert!(is_pending(&approver, &question(1)).await);
    assert_eq!(approvals.get(&admin(), ids[0]).unwrap_err().code(), "not_found");
    assert!(approvals.get(&admin(), ids[7]).is_ok());
}
