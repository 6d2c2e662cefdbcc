//! How a tree is ended: which signal first, and how long each step is waited for.

use std::time::Duration;

/// A signal for [`Tree::signal`](crate::Tree::signal) and [`Grace::first`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`
    Interrupt,
    /// `SIGHUP`
    Hangup,
    /// `SIGTERM`
    Terminate,
    /// `SIGKILL`
    Kill,
    /// `SIGQUIT`
    Quit,
    /// `SIGSTOP`
    Stop,
    /// `SIGCONT`
    Continue,
    /// `SIGUSR1`
    User1,
    /// `SIGUSR2`
    User2,
    /// `SIGWINCH`
    WindowChange,
}

impl Signal {
    pub(crate) fn number(self) -> i32 {
        match self {
            Signal::Interrupt => libc::SIGINT,
            Signal::Hangup => libc::SIGHUP,
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
            Signal::Quit => libc::SIGQUIT,
            Signal::Stop => libc::SIGSTOP,
            Signal::Continue => libc::SIGCONT,
            Signal::User1 => libc::SIGUSR1,
            Signal::User2 => libc::SIGUSR2,
            Signal::WindowChange => libc::SIGWINCH,
        }
    }
}

/// The steps of [`Tree::end`](crate::Tree::end): a first signal to the child alone, `SIGTERM` to every
/// member, `SIGKILL` to every member. Each step ends early once nobody is left; the first also when the child
/// is gone. A step of zero length is skipped, but the last one always kills. The first two are each followed by
/// `SIGCONT`: who is stopped ends in order too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    pub(crate) first: Signal,
    pub(crate) first_for: Duration,
    pub(crate) terminate_for: Duration,
    pub(crate) kill_for: Duration,
}

/// The longest a single step may take; more is cut to it.
pub(crate) const STEP_MAX: Duration = Duration::from_secs(3600);

impl Default for Grace {
    /// `SIGINT` for 1 s, `SIGTERM` for 2 s, `SIGKILL` for 2 s.
    fn default() -> Self {
        Grace {
            first: Signal::Interrupt,
            first_for: Duration::from_secs(1),
            terminate_for: Duration::from_secs(2),
            kill_for: Duration::from_secs(2),
        }
    }
}

impl Grace {
    /// As the default, but `SIGHUP` first: what a program on a terminal expects when the terminal goes.
    pub fn hangup() -> Self {
        Grace::default().first(Signal::Hangup)
    }

    /// `SIGKILL` to everybody at once, waited for 2 s.
    pub fn kill() -> Self {
        Grace::default().first_for(Duration::ZERO).terminate_for(Duration::ZERO)
    }

    /// The signal that the child alone gets first.
    #[must_use]
    pub fn first(mut self, signal: Signal) -> Self {
        self.first = signal;
        self
    }

    /// How long the first signal is given; at most an hour, as for each step.
    #[must_use]
    pub fn first_for(mut self, time: Duration) -> Self {
        self.first_for = time.min(STEP_MAX);
        self
    }

    /// How long `SIGTERM` is given.
    #[must_use]
    pub fn terminate_for(mut self, time: Duration) -> Self {
        self.terminate_for = time.min(STEP_MAX);
        self
    }

    /// How long the end after `SIGKILL` is waited for; then [`Exit::left`](crate::Exit::left) says who is
    /// left.
    #[must_use]
    pub fn kill_for(mut self, time: Duration) -> Self {
        self.kill_for = time.min(STEP_MAX);
        self
    }

    /// The longest that all steps together take.
    pub fn total(&self) -> Duration {
        self.first_for + self.terminate_for + self.kill_for
    }
}
