//! What a child and its descendants may take.

use std::time::Duration;

use process_tree::{Command, Resource};

/// What a terminal's child may take; `None` leaves it as it is here. A limit that can't be set fails the start by its
/// name.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Resources {
    /// Processor time of each process; beyond it the kernel kills it. Whole seconds, at least one.
    pub cpu: Option<Duration>,
    /// Address space of each process, bytes; beyond it allocation fails.
    pub memory_bytes: Option<u64>,
    /// Open files of each process.
    pub files: Option<u64>,
    /// Processes and threads of the terminal, by its cgroup. Where that can't count them, those of the child's user all
    /// together; and where that user is root, whom the system doesn't count, the start is refused.
    pub processes: Option<u64>,
}

impl Resources {
    pub(crate) fn apply(&self, command: Command) -> Command {
        let seconds = self.cpu.map(|cpu| cpu.as_secs().max(1));
        let all = [
            (Resource::CpuSeconds, seconds),
            (Resource::AddressSpaceBytes, self.memory_bytes),
            (Resource::OpenFiles, self.files),
            (Resource::Processes, self.processes),
        ];
        let set = all.into_iter().filter_map(|(resource, limit)| Some((resource, limit?)));
        set.fold(command, |command, (resource, limit)| command.limit(resource, limit))
    }
}

/// What a refused limit is called.
pub(super) fn name(resource: Resource) -> &'static str {
    match resource {
        Resource::CpuSeconds => "cpu",
        Resource::AddressSpaceBytes => "memory",
        Resource::OpenFiles => "files",
        Resource::Processes => "processes",
        _ => "a resource",
    }
}
