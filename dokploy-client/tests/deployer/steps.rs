//! What a machine does in one situation each.

use std::time::Duration;

use dokploy_client::Image;
use dokploy_client::StackName;
use dokploy_client::deployer::{
    DeploymentId, Effect, End, Event, Failed, Failure, Jobs, Leak, Machine, Next, OurProject, Place, Plan,
    Projects, Reason, Run, RunStatus, Seen, State, Timestamp,
};
use dokploy_client::id::{ApplicationId, DeploymentId as RunId, ProjectId};

/// A machine that ran to its end: what it had done, how long that took, and the end.
struct Ran {
    effects: Vec<Effect>,
    took: Duration,
    end: End,
}

impl Ran {
    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn failed(&self) -> &Failed {
        let End::Failed(failed) = &self.end else { panic!("it works") };
        failed
    }

    fn changes(&self) -> Vec<&Effect> {
        self.effects.iter().filter(|effect| effect.changes()).collect()
    }
}

fn plan() -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse("alpha", &nothing).unwrap();
    Plan::new(name, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap()
}

/// Runs a deployment; each effect is answered by the script, and takes 100 ms.
fn run(plan: Plan, mut script: impl FnMut(&Effect) -> Seen) -> Ran {
    let began = 1_700_000_000_000;
    let (mut now, mut effects, mut reached) = (began, Vec::new(), 0);
    let (mut machine, mut next) = Machine::new(DeploymentId::new(Timestamp::from_millis(now), 1), plan);
    loop {
        let seen = match next {
            Next::Ended(end) => {
                return Ran { effects, took: Duration::from_millis(now - began), end };
            }
            Next::WaitUntil(until) => {
                now = now.max(until.as_millis());
                Seen::Waited
            }
            Next::Do(effect) => {
                now += 100;
                let seen = script(&effect);
                effects.push(effect);
                seen
            }
        };
        assert!(effects.len() < 1_000, "it does not end: {:?}", &effects[990..]);
        (machine, next) = machine.on(Event::new(Timestamp::from_millis(now), seen));
        let percent = machine.progress().progress;
        assert!(percent >= reached, "progress fell from {reached} to {percent}");
        reached = percent;
    }
}

fn application(id: &str) -> ApplicationId {
    ApplicationId::parse(id).unwrap()
}

fn project(id: &str, applications: &[&str]) -> OurProject {
    let place = Place { project: ProjectId::parse(id).unwrap(), environment: None };
    OurProject { place, applications: applications.iter().map(|id| application(id)).collect() }
}

fn ours(projects: &[OurProject]) -> Seen {
    Seen::Projects(Projects { ours: projects.to_vec(), others: 0 })
}

fn jobs(queue: Option<Vec<String>>, runs: Vec<Run>) -> Seen {
    Seen::Jobs(Jobs { app_name: "alpha-1a2b3c".into(), queue, keeps_descriptions: true, runs })
}

fn a_run(mark: &str, status: RunStatus) -> Run {
    Run { id: RunId::parse("run").unwrap(), mark: Some(mark.into()), status }
}

fn not_done() -> Seen {
    Seen::Failed(Failure::NotDone { after_ms: 0 })
}

fn maybe_done() -> Seen {
    Seen::Failed(Failure::MaybeDone { after_ms: 0 })
}

fn refused() -> Seen {
    Seen::Failed(Failure::Refused(Reason::Rejected(400)))
}

/// A server on which all goes well, but a job is as it is told. What is deleted is gone.
struct Good {
    is_there: bool,
    has_application: bool,
}

impl Good {
    fn new() -> Self {
        Self { is_there: false, has_application: false }
    }

    fn answer(&mut self, effect: &Effect) -> Seen {
        match effect {
            Effect::FindProjects if !self.is_there => return ours(&[]),
            Effect::FindProjects if !self.has_application => return ours(&[project("p", &[])]),
            Effect::FindProjects => return ours(&[project("p", &["a"])]),
            Effect::FindDomains(_) => return Seen::Domains(1),
            Effect::FindJobs(_) => return jobs(Some(vec![]), vec![]),
            Effect::CreateProject => self.is_there = true,
            Effect::RemoveProject(_) => self.is_there = false,
            Effect::CreateApplication(_) => self.has_application = true,
            Effect::DeleteApplication(_) => self.has_application = false,
            _ => {}
        }
        Seen::Done
    }
}

#[test]
fn a_refused_key_ends_it_after_one_call() {
    let ran = run(plan(), |_| Seen::Failed(Failure::Refused(Reason::Unauthorized)));
    assert_eq!(ran.effects, [Effect::FindProjects]);
    assert_eq!((ran.failed().step, ran.failed().reason), (State::Initializing, Reason::Unauthorized));
}

#[test]
fn a_create_without_an_answer_is_repeated_four_times_and_looked_for_each_time() {
    let ran = run(plan(), |effect| match effect {
        Effect::FindProjects => ours(&[]),
        _ => maybe_done(),
    });
    assert_eq!(ran.count(|effect| *effect == Effect::CreateProject), 5);
    let pairs = ran.effects.chunks(2).take(5);
    assert!(pairs.into_iter().all(|pair| *pair == [Effect::FindProjects, Effect::CreateProject]));
    assert_eq!((ran.failed().reason, &*ran.failed().leaks), (Reason::Unavailable, &[][..]));
}

#[test]
fn a_step_that_keeps_failing_gives_up_after_thirty_seconds() {
    let ran = run(plan(), |_| not_done());
    assert_eq!(ran.failed().reason, Reason::Unavailable);
    assert!((30..45).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

#[test]
fn a_create_that_took_effect_twice_is_mended_before_anything_is_deployed() {
    let mut projects = vec![project("p", &["a", "b"]), project("q", &["c"])];
    let ran = run(plan(), |effect| match effect {
        Effect::FindProjects => ours(&projects),
        Effect::DeleteApplication(id) => {
            projects.iter_mut().for_each(|project| project.applications.retain(|it| it != id));
            Seen::Done
        }
        Effect::RemoveProject(id) => {
            projects.retain(|project| project.place.project != *id);
            Seen::Done
        }
        _ => refused(),
    });
    let changes = ran.changes();
    let expected = [
        Effect::DeleteApplication(application("c")),
        Effect::RemoveProject(ProjectId::parse("q").unwrap()),
        Effect::DeleteApplication(application("b")),
        Effect::Configure(application("a")),
    ];
    assert_eq!(changes[..4], expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_project_that_someone_removes_meanwhile_is_made_once_more() {
    let (mut server, mut has_vanished) = (Good::new(), false);
    let ran = run(plan(), |effect| match effect {
        Effect::CreateApplication(_) if !has_vanished => {
            has_vanished = true;
            server.is_there = false;
            Seen::Done
        }
        Effect::Deploy { .. } => refused(),
        _ => server.answer(effect),
    });
    assert_eq!(ran.count(|effect| *effect == Effect::CreateProject), 2);
    assert_eq!((ran.failed().step, ran.failed().reason), (State::Deploying, Reason::Rejected(400)));
}

#[test]
fn a_job_that_a_restart_loses_is_ordered_once_more_where_the_queue_is_shown() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| server.answer(effect));
    let marks = ran.effects.iter().filter_map(|effect| match effect {
        Effect::Deploy { mark, .. } => Some(mark),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    assert_eq!(marks.len(), 2);
    assert_ne!(marks[0], marks[1]);
    assert_eq!((ran.failed().step, ran.failed().reason), (State::Deploying, Reason::Cancelled));
    assert!(ran.failed().leaks.is_empty());
}

#[test]
fn a_job_that_a_restart_cancels_is_ordered_once_more_where_the_queue_is_shown() {
    let (mut server, mut marks) = (Good::new(), Vec::new());
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { mark, .. } => {
            marks.push(mark.clone());
            Seen::Done
        }
        Effect::FindJobs(_) => {
            let statuses = [RunStatus::Cancelled, RunStatus::Done];
            let runs = marks.iter().zip(statuses).map(|(mark, status)| a_run(mark, status));
            jobs(Some(vec![]), runs.rev().collect())
        }
        _ => server.answer(effect),
    });
    assert_eq!((marks.len(), ran.end), (2, End::Completed));
}

#[test]
fn what_is_refused_to_be_deleted_is_named_and_not_tried_again() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { .. } | Effect::DeleteApplication(_) => refused(),
        _ => server.answer(effect),
    });
    assert_eq!(ran.count(|effect| matches!(effect, Effect::DeleteApplication(_))), 1);
    let project = ProjectId::parse("p").unwrap();
    assert_eq!(ran.failed().leaks, [Leak::Application(application("a")), Leak::Project(project)]);
    assert!(ran.end.has_work_left());
}

#[test]
fn a_job_whose_application_someone_deletes_may_still_make_its_service() {
    for has_ended in [false, true] {
        let mut server = Good::new();
        let (mut mark, mut looks) = (String::new(), 0);
        let ran = run(plan(), |effect| match effect {
            Effect::Deploy { mark: told, .. } => {
                mark.clone_from(told);
                Seen::Done
            }
            Effect::FindJobs(_) => {
                looks += 1;
                let status = if has_ended { RunStatus::Error } else { RunStatus::Running };
                match looks {
                    1 => jobs(None, vec![a_run(&mark, status)]),
                    _ => {
                        (server.is_there, server.has_application) = (false, false);
                        Seen::Failed(Failure::Gone)
                    }
                }
            }
            Effect::ReadLog(_) => {
                (server.is_there, server.has_application) = (false, false);
                Seen::Log(Reason::ImagePull)
            }
            _ => server.answer(effect),
        });
        let expected = match has_ended {
            true => (Reason::ImagePull, vec![]),
            false => (Reason::NotFound, vec![Leak::Service("alpha-1a2b3c".into())]),
        };
        assert_eq!((ran.failed().reason, ran.failed().leaks.clone()), expected);
    }
}

#[test]
fn what_is_told_to_be_gone_and_still_shown_is_given_up_and_named() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { .. } => refused(),
        Effect::CleanQueues(_) | Effect::DeleteApplication(_) => Seen::Failed(Failure::Gone),
        _ => server.answer(effect),
    });
    let project = ProjectId::parse("p").unwrap();
    assert_eq!(ran.failed().leaks, [Leak::Application(application("a")), Leak::Project(project)]);
    assert!((20..60).contains(&ran.took.as_secs()), "with pauses: {:?}", ran.took);
}

#[test]
fn a_roll_back_looks_once_more_when_a_create_without_an_answer_has_had_its_time() {
    let mut server = Good::new();
    let (mut creates, mut looks) = (0, 0);
    let ran = run(plan(), |effect| match effect {
        Effect::CreateProject => {
            creates += 1;
            maybe_done()
        }
        Effect::FindProjects => {
            looks += 1;
            // The last of five creates takes effect when all seems to be over.
            match looks {
                ..=7 => ours(&[]),
                8 => ours(&[project("late", &[])]),
                _ => server.answer(effect),
            }
        }
        _ => server.answer(effect),
    });
    assert_eq!(creates, 5);
    let late = ProjectId::parse("late").unwrap();
    assert_eq!(*ran.changes().last().unwrap(), &Effect::RemoveProject(late));
    assert!(ran.failed().leaks.is_empty(), "{:?}", ran.failed());
}

#[test]
fn an_effect_that_a_crash_interrupted_is_looked_for_before_it_is_repeated() {
    let mut server = Good::new();
    let (mut machine, mut next) = Machine::new(DeploymentId::new(Timestamp::from_millis(0), 1), plan());
    let (mut now, mut looks) = (0, Vec::new());
    // Each first effect of a kind that changes something is done, and the process dies before it says so.
    let mut interrupted = Vec::new();
    while !matches!(next, Next::Ended(_)) && looks.len() < 4 {
        let seen = match &next {
            Next::WaitUntil(until) => {
                now = until.as_millis();
                Seen::Waited
            }
            Next::Do(effect) if effect.changes() && !interrupted.contains(effect) => {
                interrupted.push(effect.clone());
                let _ = server.answer(effect);
                Seen::Interrupted { begun: true }
            }
            Next::Do(effect) => {
                if interrupted.last().is_some_and(|last| !matches!(last, Effect::Configure(_))) {
                    looks.push(effect.clone());
                }
                server.answer(effect)
            }
            Next::Ended(_) => break,
        };
        (machine, next) = machine.on(Event::new(Timestamp::from_millis(now), seen));
    }
    let expected = [Effect::FindProjects, Effect::FindProjects, Effect::FindJobs(application("a"))];
    assert_eq!(looks[..3], expected, "{looks:?}");
}

#[test]
fn a_server_that_does_not_show_its_queue_is_waited_for_until_the_deadline() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::FindJobs(_) => jobs(None, vec![]),
        Effect::Deploy { .. } => maybe_done(),
        _ => server.answer(effect),
    });
    assert_eq!(ran.count(|effect| matches!(effect, Effect::Deploy { .. })), 1);
    assert_eq!(ran.failed().reason, Reason::TimedOut);
    assert!((300..310).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

#[test]
fn a_failure_while_a_job_is_awaited_ends_nothing_before_the_deadline() {
    let (mut server, mut looks, mut ordered) = (Good::new(), 0, String::new());
    let ran = run(plan(), |effect| match effect {
        Effect::FindJobs(_) => {
            looks += 1;
            // About as long as a restart takes.
            if looks < 20 { not_done() } else { jobs(Some(vec![]), vec![a_run(&ordered, RunStatus::Done)]) }
        }
        Effect::Deploy { mark, .. } => {
            ordered.clone_from(mark);
            Seen::Done
        }
        _ => server.answer(effect),
    });
    assert_eq!(ran.end, End::Completed);
    assert!(ran.took > Duration::from_secs(100), "{:?}", ran.took);
}

#[test]
fn a_roll_back_deletes_the_record_first_then_the_application_then_the_project_and_looks() {
    let mut server = Good::new();
    let plan = plan().record([192, 0, 2, 1].into());
    let ran = run(plan, |effect| match effect {
        Effect::Deploy { .. } => refused(),
        _ => server.answer(effect),
    });
    let deploy = ran.effects.iter().position(|effect| matches!(effect, Effect::Deploy { .. })).unwrap();
    let (a, p) = (application("a"), ProjectId::parse("p").unwrap());
    let expected = [
        Effect::DeleteRecord,
        Effect::FindProjects,
        Effect::CleanQueues(a.clone()),
        Effect::FindJobs(a.clone()),
        Effect::DeleteApplication(a),
        Effect::FindProjects,
        Effect::RemoveProject(p),
        Effect::FindProjects,
    ];
    assert_eq!(ran.effects[deploy + 1..], expected);
    assert_eq!((ran.failed().reason, &*ran.failed().leaks), (Reason::Rejected(400), &[][..]));
}

#[test]
fn a_job_that_never_ends_is_waited_for_and_its_service_is_named() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::FindJobs(_) => jobs(Some(vec![]), vec![a_run("another", RunStatus::Running)]),
        Effect::Deploy { .. } => refused(),
        _ => server.answer(effect),
    });
    assert_eq!(ran.failed().leaks, [Leak::Service("alpha-1a2b3c".into())]);
    assert!((60..70).contains(&ran.took.as_secs()), "{:?}", ran.took);
    assert!(!ran.end.has_work_left() && ran.end.frees_name());
}

#[test]
fn nothing_is_deleted_while_reads_fail() {
    let mut server = Good::new();
    let mut has_failed = false;
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { .. } => {
            has_failed = true;
            refused()
        }
        Effect::FindProjects if has_failed => not_done(),
        _ => server.answer(effect),
    });
    let deletes = |effect: &Effect| matches!(effect, Effect::DeleteApplication(_) | Effect::RemoveProject(_));
    assert_eq!(ran.count(deletes), 0);
    assert_eq!(ran.failed().leaks, [Leak::Unseen]);
    assert!((60..75).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

#[test]
fn what_may_still_take_effect_is_waited_for_before_it_is_deleted() {
    let mut server = Good::new();
    let (mut creates, mut waited) = (0, false);
    let id = DeploymentId::new(Timestamp::from_millis(0), 1);
    let (mut machine, mut next) = Machine::new(id, plan().record([192, 0, 2, 1].into()));
    let mut now = 0;
    while next != Next::Do(Effect::DeleteRecord) {
        let seen = match &next {
            Next::WaitUntil(until) => {
                now = until.as_millis();
                waited = true;
                Seen::Waited
            }
            Next::Do(Effect::CreateRecord) => {
                (creates, waited) = (creates + 1, false);
                maybe_done()
            }
            Next::Do(effect) => server.answer(effect),
            Next::Ended(end) => panic!("{end:?}"),
        };
        (machine, next) = machine.on(Event::new(Timestamp::from_millis(now), seen));
    }
    assert!(creates == 5 && waited, "after {creates} creates");
}
