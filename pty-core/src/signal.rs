//! Signals that may be sent to the foreground of a terminal.

use rustix::process::Signal as System;

/// A signal to the process group in the foreground of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`, as Ctrl-C.
    Interrupt,
    /// `SIGQUIT`, as Ctrl-\.
    Quit,
    /// `SIGTERM`
    Terminate,
    /// `SIGHUP`
    Hangup,
    /// `SIGKILL`
    Kill,
    /// `SIGSTOP`
    Stop,
    /// `SIGCONT`
    Continue,
    /// `SIGWINCH`
    WindowChange,
    /// `SIGUSR1`
    User1,
    /// `SIGUSR2`
    User2,
}

impl Signal {
    const ALL: [(&'static str, Signal, System); 10] = [
        ("INT", Signal::Interrupt, System::INT),
        ("QUIT", Signal::Quit, System::QUIT),
        ("TERM", Signal::Terminate, System::TERM),
        ("HUP", Signal::Hangup, System::HUP),
        ("KILL", Signal::Kill, System::KILL),
        ("STOP", Signal::Stop, System::STOP),
        ("CONT", Signal::Continue, System::CONT),
        ("WINCH", Signal::WindowChange, System::WINCH),
        ("USR1", Signal::User1, System::USR1),
        ("USR2", Signal::User2, System::USR2),
    ];

    /// The signal of this name, without `SIG`: `INT`, `QUIT`, `TERM`, `HUP`, `KILL`, `STOP`, `CONT`, `WINCH`, `USR1`,
    /// `USR2`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, ..)| *known == name).map(|(_, signal, _)| signal)
    }

    pub(crate) fn system(self) -> System {
        // Every one is in the table.
        Self::ALL
            .into_iter()
            .find(|(_, signal, _)| *signal == self)
            .map_or(System::CONT, |(.., system)| system)
    }
}

/// The name of a signal that ended a child, without `SIG`; a number where it has none of its own.
pub(crate) fn name(number: i32) -> String {
    let known = [
        (System::HUP, "HUP"),
        (System::INT, "INT"),
        (System::QUIT, "QUIT"),
        (System::ILL, "ILL"),
        (System::TRAP, "TRAP"),
        (System::ABORT, "ABRT"),
        (System::BUS, "BUS"),
        (System::FPE, "FPE"),
        (System::KILL, "KILL"),
        (System::USR1, "USR1"),
        (System::SEGV, "SEGV"),
        (System::USR2, "USR2"),
        (System::PIPE, "PIPE"),
        (System::ALARM, "ALRM"),
        (System::TERM, "TERM"),
        (System::XCPU, "XCPU"),
        (System::XFSZ, "XFSZ"),
        (System::VTALARM, "VTALRM"),
        (System::PROF, "PROF"),
        (System::SYS, "SYS"),
    ];
    let found = known.into_iter().find(|(system, _)| system.as_raw() == number);
    found.map_or_else(|| number.to_string(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_signal_and_no_other_is_known() {
        for (text, signal, system) in Signal::ALL {
            assert_eq!(Signal::by_name(text), Some(signal));
            assert_eq!(signal.system(), system);
        }
        for text in ["", "int", "SIGINT", "ABRT", "9", "INT "] {
            assert_eq!(Signal::by_name(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_childs_end_is_told_by_name() {
        assert_eq!((name(9), name(11), name(40)), ("KILL".into(), "SEGV".into(), "40".into()));
    }
}
