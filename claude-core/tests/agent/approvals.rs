//! Somebody decides before a tool writes.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use claude_core::agent::{AgentLoop, ToolError, ToolOutput, ToolRegistry};
use claude_core::approval::approver::{Approver, ApproverError, Asked, Opened, ToolOutcome};
use claude_core::approval::{ApprovalId, Denial, Permit, Preview, Question, Verdict, channel};
use claude_core::{Backend, Json};
use serde_json::json;

use super::support::{
    Act, Diary, Events, answer, api, ask, calls, client, rest, says, turn, two_tools, until,
};

/// Allows all, without asking anyone.
pub(crate) struct Yes;

#[async_trait]
impl Approver for Yes {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        Ok(Opened::Decided(Verdict::Allow(question.allow("policy"))))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("nothing is pending"))
    }
}

/// Writes down what it hears; answers as it was told to.
pub(crate) struct Clerk {
    pub(crate) diary: Diary,
    pub(crate) verdict: fn(&Question) -> Option<Verdict>,
    pub(crate) begins: bool,
    question: Mutex<Option<Question>>,
}

impl Clerk {
    pub(crate) fn new(diary: &Diary, verdict: fn(&Question) -> Option<Verdict>) -> Self {
        Self { diary: diary.clone(), verdict, begins: true, question: Mutex::default() }
    }
}

#[async_trait]
impl Approver for Clerk {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        self.diary.note(format!("open {}", question.tool_call_id()));
        *self.question.lock().unwrap() = Some(question.clone());
        Ok(Opened::Pending { id: question.id(), expires_at: None })
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        let question = self.question.lock().unwrap().clone().unwrap();
        match (self.verdict)(&question) {
            Some(verdict) => Ok(verdict),
            None => std::future::pending().await,
        }
    }

    async fn begin(&self, permit: &Permit) -> Result<(), ApproverError> {
        self.diary.note(format!("begin {}", permit.input()));
        if self.begins { Ok(()) } else { Err(ApproverError::new("the disk is full")) }
    }

    async fn finish(&self, _permit: &Permit, outcome: &ToolOutcome) -> Result<(), ApproverError> {
        self.diary.note(format!("finish {} {}", outcome.is_error, outcome.content));
        Ok(())
    }

    async fn withdraw(&self, _id: ApprovalId) {
        self.diary.note("withdraw");
    }
}

/// One call of `act`, decided in a certain way.
async fn acting(approver: impl Approver + 'static, diary: &Diary) -> Events {
    let first = answer([calls("t1", "act", json!({"at": "x"}))], "tool_use");
    let api = api([first, answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(diary)).approver(Arc::new(approver));
    turn(&agent, ask("go")).await
}

#[tokio::test]
async fn a_yes_is_on_record_before_the_tool_runs() {
    let diary = Diary::default();
    let clerk = Clerk::new(&diary, |question| Some(Verdict::Allow(question.allow("ann"))));
    let events = acting(clerk, &diary).await;
    assert_eq!(
        diary.all(),
        ["open t1", r#"begin {"at":"x"}"#, r#"act {"at":"x"}"#, r#"finish false "done""#]
    );
    let kinds = events.kinds();
    let from = kinds.iter().position(|kind| *kind == "approval_required").unwrap();
    assert_eq!(kinds[from..from + 4], ["approval_required", "approval_resolved", "tool_result", "message"]);
    let (asked, resolved) = (events.one("approval_required"), events.one("approval_resolved"));
    assert_eq!((&asked["tool_call_id"], &asked["input"]), (&json!("t1"), &json!({"at": "x"})));
    assert_eq!(asked["approval_id"], resolved["approval_id"]);
    assert_eq!((&resolved["decision"], &resolved["by"]), (&json!("allow"), &json!("ann")));
}

#[tokio::test]
async fn an_edited_input_is_what_runs_and_the_model_is_told() {
    let diary = Diary::default();
    let clerk = Clerk::new(&diary, |question| {
        Some(Verdict::Allow(question.allow_edited(Json::parse(r#"{"at":"safe"}"#).unwrap(), "ann")))
    });
    let events = acting(clerk, &diary).await;
    assert_eq!(diary.all()[1..3], [r#"begin {"at":"safe"}"#, r#"act {"at":"safe"}"#]);
    let content = &events.result("t1")["content"];
    assert_eq!(content[0]["text"], r#"ann changed the input before this ran, to: {"at":"safe"}"#);
    assert_eq!(content[1]["text"], "done");
}

#[tokio::test]
async fn an_edited_input_that_does_not_fit_is_not_run() {
    let diary = Diary::default();
    let clerk = Clerk::new(&diary, |question| {
        Some(Verdict::Allow(question.allow_edited(Json::parse(r#"{"at":1}"#).unwrap(), "ann")))
    });
    let events = acting(clerk, &diary).await;
    assert_eq!(diary.all(), ["open t1"]);
    let told = events.result("t1")["content"].as_str().unwrap();
    assert_eq!(told, "not run: ann changed the input, but `at` must be of type string, not number");
}

#[tokio::test]
async fn a_no_is_told_to_the_model_and_the_turn_goes_on() {
    let diary = Diary::default();
    let events =
        acting(Clerk::new(&diary, |it| Some(Verdict::Deny(it.deny("not today", "ann")))), &diary).await;
    assert_eq!(diary.all(), ["open t1"]);
    assert_eq!(events.result("t1")["content"], "not run: not today");
    assert_eq!(
        (&events.one("approval_resolved")["decision"], &events.end()["type"]),
        (&json!("deny"), &json!("completed"))
    );

    let events = acting(Clerk::new(&diary, |_| Some(Verdict::Deny(Denial::expired()))), &diary).await;
    assert_eq!(events.one("approval_resolved")["decision"], "expired");
    assert_eq!(events.result("t1")["content"], "not run: nobody answered in time");
}

#[tokio::test]
async fn a_no_may_end_the_turn() {
    let diary = Diary::default();
    let clerk = Clerk::new(&diary, |it| Some(Verdict::Deny(it.deny("stop it", "ann").and_interrupt())));
    let first =
        [calls("t1", "act", json!({})), calls("t2", "act", json!({})), calls("t3", "look", json!({}))];
    let api = api([answer(first, "tool_use")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(clerk));
    let events = turn(&agent, ask("go")).await;
    assert_eq!(events.end(), &json!({"type": "cancelled", "by": "ann"}));
    assert_eq!(events.result("t1")["content"], "not run: stop it");
    assert_eq!(events.result("t3")["content"], "not run: the turn was stopped");
    assert_eq!(events.of("message")[1]["content"].as_array().unwrap().len(), 3);
    assert_eq!((diary.all(), api.requests().len()), (vec!["open t1".to_owned()], 1));
}

#[tokio::test]
async fn an_answer_for_another_call_runs_nothing() {
    let diary = Diary::default();
    let clerk = Clerk::new(&diary, |question| {
        let other =
            Question::new("t2".into(), question.name().clone(), question.input().clone(), question.effect());
        Some(Verdict::Allow(other.allow("ann")))
    });
    let events = acting(clerk, &diary).await;
    assert_eq!(events.result("t1")["content"], "not run: the answer was for another call");
    assert_eq!(diary.all(), ["open t1"]);
}

#[tokio::test]
async fn what_can_not_be_put_on_record_is_not_run() {
    let diary = Diary::default();
    let mut clerk = Clerk::new(&diary, |question| Some(Verdict::Allow(question.allow("ann"))));
    clerk.begins = false;
    let events = acting(clerk, &diary).await;
    assert_eq!(events.result("t1")["content"], "not run: nobody could be asked: the disk is full");
    assert_eq!(diary.all(), ["open t1", r#"begin {"at":"x"}"#]);
}

#[tokio::test]
async fn a_question_that_nobody_takes_is_a_no() {
    let diary = Diary::default();
    let (approver, questions) = channel();
    drop(questions);
    let events = acting(approver, &diary).await;
    assert_eq!(events.result("t1")["content"], "not run: nobody could be asked: nobody listens");
    assert_eq!((events.of("approval_required").len(), diary.all().len()), (0, 0));
}

#[tokio::test]
async fn a_question_that_is_lost_is_taken_back() {
    let diary = Diary::default();
    let (approver, mut questions) = channel();
    let decider = tokio::spawn(async move { drop::<Option<Asked>>(questions.recv().await) });
    let events = acting(approver, &diary).await;
    decider.await.unwrap();
    assert_eq!(events.result("t1")["content"], "not run: nobody could be asked: the question was dropped");
    assert_eq!(events.one("approval_resolved")["decision"], "withdrawn");
}

#[tokio::test]
async fn a_preview_is_shown_and_a_broken_one_costs_nothing() {
    let shown = || Ok(Preview::Command { command: "rm x".into(), description: None, others: None });
    type Shows = fn() -> Result<Preview, ToolError>;
    let previews: [(Shows, &str); 3] = [
        (shown, "command"),
        (|| Err(ToolError::new("no")), "input"),
        (|| panic!("a preview that panics"), "input"),
    ];
    for (preview, kind) in previews {
        let api =
            api([answer([calls("t1", "act", json!({}))], "tool_use"), answer([says("ok")], "end_turn")])
                .await;
        let tool = Act::write("act", |_, _| async { Ok(ToolOutput::text("")) }).previewed(preview);
        let clerk = Clerk::new(&Diary::default(), |question| Some(Verdict::Allow(question.allow("ann"))));
        let agent =
            AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool)).approver(Arc::new(clerk));
        let events = turn(&agent, ask("go")).await;
        assert_eq!(events.one("approval_required")["preview"]["kind"], kind);
        assert_eq!(events.result("t1")["is_error"], false);
    }
}

#[tokio::test]
async fn a_stop_takes_the_question_back() {
    let diary = Diary::default();
    let api = api([answer([calls("t1", "act", json!({}))], "tool_use")]).await;
    let clerk = Arc::new(Clerk::new(&diary, |_| None));
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(clerk);
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "approval_required").await;
    turn.handle().cancel("shutdown");
    let events = rest(&mut turn).await;
    assert_eq!(events.kinds(), ["approval_resolved", "tool_result", "message", "cancelled"]);
    assert_eq!(events.one("approval_resolved")["decision"], "withdrawn");
    assert_eq!(events.result("t1")["content"], "not run: the turn was stopped");
    assert_eq!(events.end()["by"], "shutdown");
    assert_eq!(diary.all(), ["open t1", "withdraw"]);
}

#[tokio::test]
async fn a_dropped_turn_takes_the_question_back() {
    let diary = Diary::default();
    let api = api([answer([calls("t1", "act", json!({}))], "tool_use")]).await;
    let clerk = Arc::new(Clerk::new(&diary, |_| None));
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(clerk);
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "approval_required").await;
    drop(turn);
    while diary.all().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(diary.all(), ["open t1", "withdraw"]);
}
