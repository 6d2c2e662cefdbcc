//! How a machine deletes what it made.

use dokploy_client::deployer::{
    DeploymentId, Effect, Event, Failure, Leak, Machine, Next, Operation, Reason, RunStatus, Seen, Timestamp,
};
use dokploy_client::id::ProjectId;

use crate::script::{
    Good, a_run, application, jobs, maybe_done, not_done, ours, plan, project, refused, run,
};

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
fn a_delete_is_repeated_four_times_whatever_comes_of_it() {
    let gone = || Seen::Failed(Failure::Gone);
    for answer in [maybe_done, gone, || Seen::Done] {
        let mut server = Good::new();
        let ran = run(plan(), |effect| match effect {
            Effect::Deploy { .. } => refused(),
            Effect::DeleteApplication(_) => answer(),
            _ => server.answer(effect),
        });
        let deletes = ran.count(|effect| matches!(effect, Effect::DeleteApplication(_)));
        assert_eq!(deletes, 5, "{:?}", answer());
        let project = ProjectId::parse("p").unwrap();
        assert_eq!(ran.failed().leaks, [Leak::Application(application("a")), Leak::Project(project)]);
        assert!((10..60).contains(&ran.took.as_secs()), "with pauses: {:?}", ran.took);
    }
}

/// What is left behind may stay for days: the records don't grow meanwhile.
#[test]
fn of_what_is_tried_in_vain_nothing_is_recorded() {
    let mut server = Good::new();
    let ran = run(plan().record([192, 0, 2, 1].into()), |effect| match effect {
        Effect::Deploy { .. } | Effect::DeleteApplication(_) | Effect::DeleteRecord => refused(),
        _ => server.answer(effect),
    });
    let mut now = 1_700_000_000_000 + u64::try_from(ran.took.as_millis()).unwrap();
    let (mut machine, mut next) = ran.machine.follow(Operation::Tidy, Timestamp::from_millis(now)).unwrap();
    let (mut recorded, mut tries) = (Vec::new(), [0, 0]);
    for _ in 0..2_000 {
        let seen = match &next {
            Next::WaitUntil(until) => {
                now = until.as_millis();
                Seen::Waited
            }
            Next::Do(effect @ Effect::DeleteApplication(_)) => {
                tries[0] += 1;
                if recorded.last() != Some(&format!("{effect:?}")) {
                    recorded.push(format!("{effect:?}"));
                }
                if tries[0] % 2 == 0 { not_done() } else { refused() }
            }
            Next::Do(Effect::DeleteRecord) => {
                tries[1] += 1;
                maybe_done()
            }
            Next::Do(effect) => server.answer(effect),
            Next::Ended(end) => panic!("{end:?}"),
        };
        let event = Event::new(Timestamp::from_millis(now), seen);
        if machine.needs_record(&event) {
            recorded.push(format!("{:?}", event.seen));
        }
        (machine, next) = machine.on(event);
    }
    assert!(tries[0] > 100, "{tries:?}");
    assert!(recorded.len() < 10, "{recorded:#?}");
}

/// Who may not see jobs may not know that one runs.
#[test]
fn jobs_that_may_not_be_seen_are_waited_for_before_anything_is_deleted() {
    let mut server = Good::new();
    let mut looks = 0;
    let ran = run(plan(), |effect| match effect {
        Effect::FindJobs(_) => {
            looks += 1;
            if looks == 1 { jobs(Some(vec!["other".into()]), vec![]) } else { refused() }
        }
        _ => server.answer(effect),
    });
    assert_eq!(ran.failed().leaks, [Leak::Service("alpha-1a2b3c".into())]);
    assert!((60..75).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

#[test]
fn an_application_that_is_shown_and_cannot_be_asked_is_deleted_or_named() {
    let mut server = Good::new();
    let gone = || Seen::Failed(Failure::Gone);
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { .. } => refused(),
        Effect::FindJobs(_) | Effect::DeleteApplication(_) => gone(),
        _ => server.answer(effect),
    });
    let project = ProjectId::parse("p").unwrap();
    assert_eq!(ran.failed().leaks, [Leak::Application(application("a")), Leak::Project(project)]);
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::Deploy { .. } => refused(),
        Effect::FindJobs(_) => gone(),
        _ => server.answer(effect),
    });
    assert!(ran.failed().leaks.is_empty(), "{:?}", ran.failed());
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
