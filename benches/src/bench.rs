//! What all measurements share: who takes part, how much, and whether to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use claude_core::testing::StandIn;

use crate::compared::Compared;
use crate::contestant::{Contestant, Reach, Server, Setup};
use crate::plot::Kind;
use crate::scale::Scale;

/// Handed to every measurement.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// Of "Claude Code over HTTP".
    pub(crate) contestants: Vec<Contestant>,
    /// Who else takes part.
    pub(crate) selection: Selection,
    pub(crate) scale: Scale,
    /// A directory for what servers write; removed at the end.
    pub(crate) scratch: PathBuf,
    /// Set when somebody wants it to end.
    pub(crate) stopping: Arc<AtomicBool>,
}

/// Who was asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selection {
    /// Names; everybody without any.
    pub(crate) only: Vec<String>,
    pub(crate) without_ours: bool,
}

impl Selection {
    /// Whether this one takes part.
    pub(crate) fn holds<Who: Compared>(&self, who: Who) -> bool {
        let asked = self.only.is_empty() || self.only.iter().any(|name| name == who.name());
        asked && !(self.without_ours && who.kind() == Kind::Ours)
    }
}

/// Whether a round's figures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    WarmUp,
    Counted,
}

/// A value for each contestant that took part.
pub(crate) type Each<T, Who = Contestant> = Vec<(Who, T)>;

impl Bench {
    /// Starts one of them.
    pub(crate) fn start(&self, contestant: Contestant, plan: &StandIn) -> anyhow::Result<Server> {
        self.start_with(contestant, plan, Reach::Best)
    }

    /// Starts one of them, ours with its children held in this way.
    pub(crate) fn start_with(
        &self,
        contestant: Contestant,
        plan: &StandIn,
        reach: Reach,
    ) -> anyhow::Result<Server> {
        self.check()?;
        let setup = Setup { plan, scratch: &self.scratch, reach };
        contestant.start(&setup).with_context(|| format!("cannot start {}", contestant.label()))
    }

    /// Starts all of them.
    pub(crate) fn start_all(&self, plan: &StandIn) -> anyhow::Result<Each<Server>> {
        let start = |contestant: &Contestant| Ok((*contestant, self.start(*contestant, plan)?));
        self.contestants.iter().map(start).collect()
    }

    /// Something empty for each of them.
    pub(crate) fn each<T: Default>(&self) -> Each<T> {
        self.contestants.iter().map(|contestant| (*contestant, T::default())).collect()
    }

    /// The rounds, told as they begin; an error once it is to stop.
    pub(crate) fn rounds(&self, name: &str) -> impl Iterator<Item = anyhow::Result<Round>> {
        (1..=self.scale.rounds).map(move |round| {
            self.check()?;
            eprintln!("{name}: round {round} of {}", self.scale.rounds);
            Ok(Round::Counted)
        })
    }

    /// The same behind a round that doesn't count: Node compiles what it runs often.
    pub(crate) fn warm_rounds(&self, name: &str) -> impl Iterator<Item = anyhow::Result<Round>> {
        let warm_up = std::iter::once_with(move || {
            self.check()?;
            eprintln!("{name}: warming up");
            Ok(Round::WarmUp)
        });
        warm_up.chain(self.rounds(name))
    }

    /// Those of these that were asked for and can be started. Of the others each is told with its reason.
    pub(crate) fn taking_part<Who: Compared, T>(
        &self,
        all: &[Who],
        start: impl Fn(Who) -> anyhow::Result<T>,
    ) -> Each<T, Who> {
        let asked = all.iter().filter(|who| self.selection.holds(**who));
        let started = asked.filter_map(|who| match start(*who) {
            Ok(started) => Some((*who, started)),
            Err(error) => {
                println!("{} takes no part: {error:#}", who.label());
                None
            }
        });
        started.collect()
    }

    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.stopping.load(Ordering::Relaxed) {
            bail!("stopped");
        }
        Ok(())
    }
}

/// What is there for this contestant.
pub(crate) fn of<T, Who: Compared>(each: &Each<T, Who>, who: Who) -> Option<&T> {
    each.iter().find(|(one, _)| *one == who).map(|(_, value)| value)
}
