//! Runs deployers against the world, with everything going wrong that a schedule says, and looks after each step whether
//! what must hold holds.

use dokploy_client::deployer::{
    DeploymentId, Effect, End, Event, Failure, Leak, Machine, Next, Operation, Plan, Reason, Record, Seen,
    Timestamp,
};
use dokploy_client::{Image, StackName};

use crate::world::{Fate, Order, Version, World};

/// Steps that a schedule may take, and the time of the world in milliseconds. Whatever goes wrong, it ends before.
const MAX_STEPS: usize = 5_000;
const MAX_MILLIS: u64 = 4 * 3_600_000;

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) version: Version,
    /// How many deployers want the name at once.
    pub(crate) deployers: usize,
    pub(crate) has_health: bool,
    pub(crate) has_record: bool,
    /// What is done with a stack that is there, one after the other.
    pub(crate) operations: Vec<Operation>,
    /// What goes wrong: 0 is nothing, and so is all beyond the end.
    pub(crate) dice: Vec<u8>,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) crashes: usize,
    pub(crate) ends: Vec<End>,
}

/// A fault of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    NotDone,
    LostBefore,
    LostAfter,
    Late,
    Unauthorized,
    Rejected,
    CrashBefore,
    CrashBegun,
    CrashLate,
    CrashAfter,
    Restart,
    Down,
    Foreign,
    Withdrawn,
    Sick,
}

struct Deployer {
    id: DeploymentId,
    records: Vec<Record>,
    machine: Machine,
    next: Next,
    ready: u64,
    operations: Vec<Operation>,
    is_over: bool,
    is_tidying: bool,
    /// Whether what it saw last is among its records.
    is_recorded: bool,
    percent: u8,
}

struct Run<'a> {
    world: World,
    dice: std::slice::Iter<'a, u8>,
    down_until: u64,
    is_down_silent: bool,
    foreign: usize,
    tally: Tally,
}

pub(crate) fn plan(schedule: &Schedule) -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse("alpha", &nothing).unwrap();
    let plan = Plan::new(name, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap();
    let plan = if schedule.has_health { plan.health("https://alpha.example.test/").unwrap() } else { plan };
    if schedule.has_record { plan.record([192, 0, 2, 1].into()) } else { plan }
}

/// Runs a schedule to its end.
///
/// # Errors
/// What did not hold.
pub(crate) fn run(schedule: &Schedule) -> Result<Tally, String> {
    let mut run = Run {
        world: World::new(schedule.version),
        dice: schedule.dice.iter(),
        down_until: 0,
        is_down_silent: false,
        foreign: 0,
        tally: Tally::default(),
    };
    let mut deployers: Vec<_> =
        (0..schedule.deployers).map(|n| Deployer::new(n, schedule, run.world.now)).collect();
    let began = run.world.now;
    while let Some(deployer) = deployers.iter_mut().filter(|it| !it.is_over).min_by_key(|it| it.ready) {
        run.world.pass_to(deployer.ready);
        run.step(deployer)?;
        run.tally.steps += 1;
        run.holds(&deployers)?;
        if run.tally.steps > MAX_STEPS || run.world.now - began > MAX_MILLIS {
            return Err("it does not end".into());
        }
    }
    run.settle(&deployers)?;
    Ok(run.tally)
}

impl Deployer {
    fn new(number: usize, schedule: &Schedule, now: u64) -> Self {
        let id = DeploymentId::new(Timestamp::from_millis(now), number as u128);
        let plan = plan(schedule);
        let records = vec![Record::Planned { id: id.clone(), plan: Box::new(plan.clone()) }];
        let (machine, next) = Machine::new(id.clone(), plan);
        let operations = schedule.operations.iter().rev().copied().collect();
        Self {
            id,
            records,
            machine,
            next,
            ready: now,
            operations,
            is_over: false,
            is_tidying: false,
            is_recorded: true,
            percent: 0,
        }
    }

    fn saw(&mut self, seen: Seen, now: u64) {
        let event = Event::new(Timestamp::from_millis(now), seen);
        self.is_recorded = self.machine.needs_record(&event);
        if self.is_recorded {
            self.records.push(Record::Saw(event.clone()));
        }
        let (machine, next) = self.machine.clone().on(event);
        (self.machine, self.next) = (machine, next);
    }

    /// The process dies; another one goes on by the records.
    fn crash(&mut self, now: u64) -> Result<(), String> {
        let replayed = Machine::replay(&self.records).map_err(|error| error.to_string())?;
        self.machine = replayed.machine;
        self.saw(Seen::Interrupted { begun: replayed.begun }, now);
        Ok(())
    }

    fn has_begun(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.records.iter().any(|record| matches!(record, Record::Began(effect) if wanted(effect)))
    }
}

impl Run<'_> {
    fn die(&mut self) -> u8 {
        self.dice.next().copied().unwrap_or(0)
    }

    fn fault(&mut self) -> Fault {
        match self.die() {
            0..150 => Fault::None,
            150..160 => Fault::NotDone,
            160..172 => Fault::LostBefore,
            172..186 => Fault::LostAfter,
            186..196 => Fault::Late,
            196..198 => Fault::Unauthorized,
            198..200 => Fault::Rejected,
            200..208 => Fault::CrashBefore,
            208..216 => Fault::CrashBegun,
            216..222 => Fault::CrashLate,
            222..230 => Fault::CrashAfter,
            230..240 => Fault::Restart,
            240..247 => Fault::Down,
            247..249 => Fault::Foreign,
            249..251 => Fault::Withdrawn,
            251.. => Fault::Sick,
        }
    }

    /// How a job goes that is ordered now.
    fn fate(&mut self) -> Fate {
        let (waits, runs) = (self.die(), self.die());
        Fate {
            waits_ms: u64::from(waits) * 400,
            runs_ms: (runs < 240).then(|| 1_000 + u64::from(runs) * 300),
            works: !(200..240).contains(&runs),
        }
    }

    fn step(&mut self, deployer: &mut Deployer) -> Result<(), String> {
        match deployer.next.clone() {
            Next::Ended(end) => self.ended(deployer, end),
            Next::WaitUntil(until) if until.as_millis() > self.world.now => {
                deployer.ready = until.as_millis();
                Ok(())
            }
            Next::WaitUntil(_) => {
                deployer.saw(Seen::Waited, self.world.now);
                Ok(())
            }
            Next::Do(effect) => self.perform(deployer, effect),
        }
    }

    fn perform(&mut self, deployer: &mut Deployer, effect: Effect) -> Result<(), String> {
        let fault = self.fault();
        let changes = effect.changes();
        if fault == Fault::Withdrawn {
            deployer.saw(Seen::Withdrawn, self.world.now);
            return same_when_replayed(deployer);
        }
        if fault == Fault::CrashBefore {
            return self.crash(deployer);
        }
        if changes {
            deployer.records.push(Record::Began(effect.clone()));
        }
        self.happen_beside(fault);
        let fate = if matches!(effect, Effect::Deploy { .. }) { self.fate() } else { Fate::quick() };
        let order = Order { effect, description: deployer.id.description(), fate };
        let seen = self.answer(&order, fault);
        let took = 20 + u64::from(self.die()) * 4;
        self.world.pass_to(self.world.now + took);
        deployer.ready = self.world.now;
        match seen {
            Some(seen) => {
                deployer.saw(seen, self.world.now);
                same_when_replayed(deployer)
            }
            None => self.crash(deployer),
        }
    }

    /// Now and then nobody goes on for minutes.
    fn crash(&mut self, deployer: &mut Deployer) -> Result<(), String> {
        self.tally.crashes += 1;
        let away = u64::from(self.die().saturating_sub(199)) * 15_000;
        self.world.pass_to(self.world.now + away);
        deployer.ready = self.world.now;
        deployer.crash(self.world.now)
    }

    fn happen_beside(&mut self, fault: Fault) {
        let length = match fault {
            Fault::Restart | Fault::Down | Fault::Sick => u64::from(self.die()) * 500,
            Fault::Foreign => {
                self.foreign += 1;
                return self.world.add_foreign();
            }
            _ => return,
        };
        if fault == Fault::Restart {
            self.world.restart();
        }
        self.down_until = self.world.now + length;
        self.is_down_silent = fault == Fault::Sick;
    }

    /// What the deployer sees; nothing where it dies.
    fn answer(&mut self, order: &Order, fault: Fault) -> Option<Seen> {
        let after_ms = u64::from(self.die().saturating_sub(199)) * 1_000;
        let (not_done, lost) = (Failure::NotDone { after_ms }, Failure::MaybeDone { after_ms });
        let lost = if order.effect.changes() { lost } else { not_done.clone() };
        if order.effect == Effect::CheckHealth {
            let dies = matches!(fault, Fault::CrashBegun | Fault::CrashLate | Fault::CrashAfter);
            return (!dies).then_some(Seen::Health(fault == Fault::None));
        }
        if self.world.now < self.down_until {
            return Some(Seen::Failed(if self.is_down_silent { lost } else { not_done }));
        }
        let late = match self.die() {
            soon @ 0..200 => 1 + u64::from(soon) * 3,
            // Long after our own deadline of a call.
            later => u64::from(later - 199) * 230,
        };
        match fault {
            Fault::NotDone => Some(Seen::Failed(not_done)),
            Fault::LostBefore => Some(Seen::Failed(lost)),
            Fault::LostAfter => {
                let _ = self.world.apply(order);
                Some(Seen::Failed(lost))
            }
            Fault::Late if order.effect.changes() => {
                self.world.apply_later(order, late);
                Some(Seen::Failed(lost))
            }
            Fault::Unauthorized => Some(Seen::Failed(Failure::Refused(Reason::Unauthorized))),
            Fault::Rejected => Some(Seen::Failed(Failure::Refused(Reason::Rejected(400)))),
            Fault::CrashBegun => None,
            Fault::CrashLate => {
                self.world.apply_later(order, late);
                None
            }
            Fault::CrashAfter => {
                let _ = self.world.apply(order);
                None
            }
            _ => Some(self.world.apply(order)),
        }
    }

    /// An end stays the end; then comes what is to be done next with the stack.
    fn ended(&mut self, deployer: &mut Deployer, end: End) -> Result<(), String> {
        let event = Event::new(Timestamp::from_millis(self.world.now), Seen::Done);
        let (_, again) = deployer.machine.clone().on(event);
        if again != Next::Ended(end.clone()) {
            return Err(format!("after {end:?} comes {again:?}"));
        }
        self.tally.ends.push(end.clone());
        let operation = match end.has_work_left() {
            true => Some(Operation::Tidy),
            false if end.frees_name() => None,
            false => deployer.operations.pop(),
        };
        let Some(operation) = operation else {
            deployer.is_over = true;
            return Ok(());
        };
        self.nothing_unnamed(deployer, &end)?;
        let at = Timestamp::from_millis(self.world.now);
        let follow = deployer.machine.clone().follow(operation, at);
        let (_, next) = follow.map_err(|_| format!("{operation:?} is refused after {end:?}"))?;
        let machine = from_its_end(deployer, &Record::Asked { operation, at }, &next)?;
        deployer.records.push(Record::Asked { operation, at });
        deployer.is_tidying = operation == Operation::Tidy;
        (deployer.machine, deployer.next) = (machine, next);
        if !deployer.is_tidying {
            deployer.percent = 0;
        }
        Ok(())
    }

    /// What holds at every moment.
    fn holds(&mut self, deployers: &[Deployer]) -> Result<(), String> {
        let applications = self.world.projects.iter().flat_map(|project| &project.applications);
        if applications.filter(|application| !application.runs.is_empty()).count() > 1 {
            return Err("two stacks of one name".into());
        }
        let foreign = self.world.projects.iter().filter(|it| it.description == "of a person").count();
        if foreign != self.foreign {
            return Err("a project of someone else is gone".into());
        }
        for project in self.world.projects.iter().filter(|it| it.description != "of a person") {
            let owner = deployers.iter().find(|it| it.id.description() == project.description);
            let owner = owner.ok_or("a project of nobody")?;
            let made = |effect: &Effect| matches!(effect, Effect::CreateApplication(_));
            if !owner.has_begun(|effect| *effect == Effect::CreateProject)
                || (!project.applications.is_empty() && !owner.has_begun(made))
            {
                return Err("something without a record".into());
            }
        }
        Ok(())
    }

    /// When all that is under way has happened, nothing is left that isn't named.
    fn settle(&mut self, deployers: &[Deployer]) -> Result<(), String> {
        self.world.pass_to(self.world.now + 3_600_000);
        self.holds(deployers)?;
        for deployer in deployers {
            let Next::Ended(end) = &deployer.next else { return Err("it has no end".into()) };
            if end.has_work_left() {
                return Err(format!("it gave up: {end:?}"));
            }
            self.nothing_unnamed(deployer, end)?;
        }
        Ok(())
    }

    fn nothing_unnamed(&self, deployer: &Deployer, end: &End) -> Result<(), String> {
        let description = deployer.id.description();
        let ours = self.world.projects.iter().filter(|project| project.description == description);
        if !end.frees_name() {
            let stacks = ours.filter(|project| !project.applications.is_empty()).count();
            return if stacks == 1 { Ok(()) } else { Err(format!("{stacks} stacks after {end:?}")) };
        }
        let leaks = end.leaks();
        let is_named = |leak: &Leak| leaks.contains(leak) || leaks.contains(&Leak::Unseen);
        for project in ours {
            for application in &project.applications {
                if !is_named(&Leak::Application(application.id.clone())) {
                    return Err(format!("an application is left after {end:?}"));
                }
            }
            if !is_named(&Leak::Project(project.id.clone())) {
                return Err(format!("a project is left after {end:?}"));
            }
        }
        if self.world.record_of.as_ref() == Some(&description) && !leaks.contains(&Leak::Record) {
            return Err(format!("the record is left after {end:?}"));
        }
        let has_application = leaks.iter().any(|leak| matches!(leak, Leak::Application(_) | Leak::Unseen));
        for (name, _) in self.world.services.iter().filter(|(_, owner)| **owner == description) {
            // Where the jobs could not be seen, it is named by the application's id.
            let is_name = |told: &str| told == name || told.starts_with("application");
            let is_told = leaks.iter().any(|leak| matches!(leak, Leak::Service(told) if is_name(told)));
            if !is_told && !has_application {
                return Err(format!("the service {name} is left after {end:?}"));
            }
        }
        Ok(())
    }
}

impl Fate {
    fn quick() -> Self {
        Self { waits_ms: 0, runs_ms: Some(0), works: true }
    }
}

/// A journal need keep no more than the end: the machine that is made of it goes on.
fn from_its_end(deployer: &Deployer, asked: &Record, next: &Next) -> Result<Machine, String> {
    let reached = deployer.machine.reached(deployer.records.len()).ok_or("it has no end")?;
    let kept = serde_json::to_string(&Record::Reached(Box::new(reached)));
    let kept = kept.and_then(|kept| serde_json::from_str(&kept)).map_err(|error| error.to_string())?;
    let replayed = Machine::replay(&[kept, asked.clone()]).map_err(|error| error.to_string())?;
    if replayed.next != *next || replayed.position != deployer.records.len() + 1 {
        return Err(format!("from its end comes {:?}, it was {next:?}", replayed.next));
    }
    Ok(replayed.machine)
}

/// Replay is exact, progress never falls.
fn same_when_replayed(deployer: &mut Deployer) -> Result<(), String> {
    let replayed = Machine::replay(&deployer.records).map_err(|error| error.to_string())?;
    // What shows nothing new is not recorded, so the pauses differ.
    if replayed.next != deployer.next && !deployer.is_tidying && deployer.is_recorded {
        return Err(format!("replay says {:?}, it was {:?}", replayed.next, deployer.next));
    }
    let percent = deployer.machine.progress().progress;
    if percent < deployer.percent {
        return Err(format!("progress fell from {} to {percent}", deployer.percent));
    }
    deployer.percent = percent;
    Ok(())
}
