//! What a machine does in one situation each.

use std::time::Duration;

use dokploy_client::deployer::{
    DeploymentId, Effect, End, Event, Failure, Machine, Next, Reason, RunStatus, Seen, State, Timestamp,
};
use dokploy_client::id::ProjectId;

use crate::script::{
    Good, a_run, application, jobs, maybe_done, not_done, ours, plan, project, refused, run,
};

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
fn what_came_beside_a_stack_is_removed_before_it_is_complete() {
    let mut server = Good::new();
    let (mut creates, mut mark, mut late) = (0, String::new(), vec!["late", "empty"]);
    let ran = run(plan(), |effect| match effect {
        Effect::CreateProject if creates == 0 => {
            creates = 1;
            maybe_done()
        }
        Effect::Deploy { mark: told, .. } => {
            mark.clone_from(told);
            Seen::Done
        }
        Effect::FindJobs(_) => jobs(Some(vec![]), vec![a_run(&mark, RunStatus::Done)]),
        Effect::FindProjects if !mark.is_empty() => match &*late {
            [] => server.answer(effect),
            [project_late] => ours(&[project(project_late, &[]), project("p", &["a"])]),
            [project_late, empty, ..] => ours(&[project(project_late, &[]), project("p", &[empty, "a"])]),
        },
        Effect::DeleteApplication(application) => {
            assert_eq!(Some(application.as_str()), late.pop());
            Seen::Done
        }
        Effect::RemoveProject(project) => {
            assert_eq!(Some(project.as_str()), late.pop());
            Seen::Done
        }
        _ => server.answer(effect),
    });
    assert_eq!((ran.end, late), (End::Completed, vec![]));
}

#[test]
fn a_wait_that_is_told_does_not_move_the_deadline() {
    let mut server = Good::new();
    let plan = plan().deadlines(|it| it.deploy = Duration::from_secs(10));
    let ran = run(plan, |effect| match effect {
        Effect::FindJobs(_) => jobs(Some(vec![]), vec![]),
        Effect::Deploy { .. } => Seen::Failed(Failure::MaybeDone { after_ms: 86_400_000 }),
        _ => server.answer(effect),
    });
    assert_eq!(ran.failed().reason, Reason::TimedOut);
    assert!((10..20).contains(&ran.took.as_secs()), "{:?}", ran.took);
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
    let answered = || Seen::Done;
    for (answer, orders) in [(answered as fn() -> Seen, 1), (maybe_done, 5)] {
        let mut server = Good::new();
        let ran = run(plan(), |effect| match effect {
            Effect::FindJobs(_) => jobs(None, vec![]),
            Effect::Deploy { .. } => answer(),
            _ => server.answer(effect),
        });
        assert_eq!(ran.count(|effect| matches!(effect, Effect::Deploy { .. })), orders);
        assert_eq!(ran.failed().reason, Reason::TimedOut);
        assert!((300..310).contains(&ran.took.as_secs()), "{:?}", ran.took);
    }
}

#[test]
fn a_project_that_someone_removes_each_time_is_not_made_for_ever() {
    let mut server = Good::new();
    let ran = run(plan(), |effect| match effect {
        Effect::FindProjects if server.is_there => {
            let answer = server.answer(effect);
            server.is_there = false;
            answer
        }
        Effect::CreateApplication(_) => {
            server.is_there = false;
            Seen::Failed(Failure::Gone)
        }
        Effect::CreateProject => {
            server.is_there = true;
            Seen::Done
        }
        _ => server.answer(effect),
    });
    assert!(ran.count(|effect| *effect == Effect::CreateProject) <= 10);
    assert!(ran.failed().leaks.is_empty(), "{:?}", ran.failed());
}

/// Whoever takes a deployment over late looks before a deadline that passed meanwhile decides.
#[test]
fn a_job_that_was_done_while_nobody_was_there_is_found_though_the_first_look_fails() {
    let mut server = Good::new();
    let (mut now, mut mark, mut looks) = (1_700_000_000_000, String::new(), 0);
    let id = DeploymentId::new(Timestamp::from_millis(now), 1);
    let (mut machine, mut next) = Machine::new(id, plan());
    loop {
        let seen = match &next {
            Next::Do(Effect::Deploy { mark: told, .. }) => {
                mark.clone_from(told);
                Seen::Done
            }
            Next::Do(Effect::FindJobs(_)) => {
                looks += 1;
                match looks {
                    1 => {
                        now += 600_000;
                        Seen::Interrupted { begun: false }
                    }
                    2 => not_done(),
                    _ => jobs(Some(vec![]), vec![a_run(&mark, RunStatus::Done)]),
                }
            }
            Next::Do(effect) => server.answer(effect),
            Next::WaitUntil(until) => {
                now = now.max(until.as_millis());
                Seen::Waited
            }
            Next::Ended(end) => break assert_eq!(*end, End::Completed),
        };
        (machine, next) = machine.on(Event::new(Timestamp::from_millis(now), seen));
    }
}

#[test]
fn a_look_at_a_job_that_shows_nothing_new_is_not_recorded() {
    let mut server = Good::new();
    let (mut now, mut recorded, mut looks) = (1_700_000_000_000, 0, 0);
    let id = DeploymentId::new(Timestamp::from_millis(now), 1);
    let (mut machine, mut next) = Machine::new(id, plan());
    loop {
        let seen = match &next {
            Next::Do(Effect::FindJobs(_)) => {
                looks += 1;
                jobs(None, vec![])
            }
            Next::Do(effect) => server.answer(effect),
            Next::WaitUntil(until) => {
                now = now.max(until.as_millis());
                Seen::Waited
            }
            Next::Ended(end) => break assert!(matches!(end, End::Failed(_))),
        };
        let event = Event::new(Timestamp::from_millis(now), seen);
        recorded += usize::from(machine.needs_record(&event));
        (machine, next) = machine.on(event);
    }
    assert!(looks > 150 && recorded < 25, "{recorded} of {looks}");
}

#[test]
fn a_failure_while_a_job_is_awaited_ends_nothing_before_the_deadline() {
    let (mut server, mut looks, mut ordered) = (Good::new(), 0, String::new());
    let ran = run(plan(), |effect| match effect {
        Effect::FindJobs(_) => {
            looks += 1;
            // About as long as a restart takes.
            if looks < 30 { not_done() } else { jobs(Some(vec![]), vec![a_run(&ordered, RunStatus::Done)]) }
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
