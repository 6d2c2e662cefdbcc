//! What owner and keeper say to each other. Both are the same build, so there is no version in it.
//!
//! A [`Request`] packet brings the descriptors of a new tree to a keeper. From there on the tree has a stream of
//! its own: the owner writes the launch [`Body`](body::Body), then [`Control`] frames; [`Report`] frames come
//! back. End of file means that the other one is gone.

pub(crate) mod body;

use std::time::Duration;

use crate::command::{Reach, Resource};

/// The environment variable that marks every member of a tree.
pub(crate) const MARK_VARIABLE: &str = "PROCESS_TREE_MARK";

/// Bytes of one [`Control`] or [`Report`] on the stream.
pub(crate) const FRAME_BYTES: usize = 32;

/// The `errno` of a limit that nothing here would enforce; the kernel never refuses one with it.
pub(crate) const UNENFORCEABLE: i32 = libc::EOPNOTSUPP;

/// Bytes of a launch body at most: above what Linux takes for arguments and environment together (6 MiB).
/// More is refused as `E2BIG` before anything is started.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;

/// One packet to a keeper; the descriptors travel beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Stream, stdin, stdout, stderr.
    Piped(Reach),
    /// Stream, terminal.
    OnTerminal(Reach),
    /// Stream: say `Empty` on it once no stray orphan is left.
    Clear,
}

impl Request {
    pub(crate) const BYTES: usize = 2;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        match self {
            Request::Piped(reach) => [1, reach_code(reach)],
            Request::OnTerminal(reach) => [2, reach_code(reach)],
            Request::Clear => [3, 0],
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [1, code] => reach_of(code).map(Request::Piped),
            [2, code] => reach_of(code).map(Request::OnTerminal),
            [3, 0] => Some(Request::Clear),
            _ => None,
        }
    }
}

fn reach_code(reach: Reach) -> u8 {
    match reach {
        Reach::Auto => 0,
        Reach::Cgroup => 1,
        Reach::Supervisor => 2,
        Reach::Marker => 3,
    }
}

fn reach_of(code: u8) -> Option<Reach> {
    [Reach::Cgroup, Reach::Supervisor, Reach::Marker].into_iter().find(|reach| reach_code(*reach) == code)
}

/// The numbers of a [`Grace`](crate::Grace).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) first: i32,
    pub(crate) first_for: Duration,
    pub(crate) terminate_for: Duration,
    pub(crate) kill_for: Duration,
}

impl Plan {
    /// For when nobody asked and nobody waits: the owner is gone.
    pub(crate) const KILL: Plan = Plan {
        first: libc::SIGKILL,
        first_for: Duration::ZERO,
        terminate_for: Duration::ZERO,
        kill_for: Duration::from_secs(2),
    };
}

/// Owner to keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// This signal number, to the direct child only.
    Signal(i32),
    End(Plan),
}

/// Keeper to owner, in this order; `Failed` stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Started { child: u32, supervisor: Option<u32> },
    Failed(Failure),
    Exited(Ended),
    Empty { left: u32 },
}

/// The direct child was reaped. No wait status: someone else did it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) wait_status: Option<i32>,
    pub(crate) user_micros: u64,
    pub(crate) system_micros: u64,
    pub(crate) max_rss_bytes: u64,
}

/// A start that failed, where, and with which `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) errno: i32,
}

/// The steps of a start, as far as the owner tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Request,
    Cgroup,
    Fork,
    Session,
    Limit(Resource),
    Descriptors,
    Terminal,
    User,
    Directory,
    Exec,
}

impl Stage {
    /// One number, which also fits through the child's error pipe.
    pub(crate) fn code(self) -> u32 {
        match self {
            Stage::Request => 0,
            Stage::Cgroup => 1,
            Stage::Fork => 2,
            Stage::Session => 3,
            Stage::Descriptors => 4,
            Stage::Terminal => 5,
            Stage::Directory => 6,
            Stage::Exec => 7,
            Stage::User => 8,
            Stage::Limit(resource) => 0x100 + resource.code(),
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        [
            Stage::Request,
            Stage::Cgroup,
            Stage::Fork,
            Stage::Session,
            Stage::Descriptors,
            Stage::Terminal,
            Stage::User,
            Stage::Directory,
            Stage::Exec,
        ]
        .into_iter()
        .chain(Resource::ALL.into_iter().map(Stage::Limit))
        .find(|stage| stage.code() == code)
    }
}

/// What any frame is made of.
#[derive(Clone, Copy, Default)]
struct Frame {
    tag: u8,
    flag: u8,
    word: u32,
    longs: [u64; 3],
}

impl Frame {
    fn to_bytes(self) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        bytes[0] = self.tag;
        bytes[1] = self.flag;
        bytes[4..8].copy_from_slice(&self.word.to_le_bytes());
        for (place, long) in bytes[8..].chunks_exact_mut(8).zip(self.longs) {
            place.copy_from_slice(&long.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; FRAME_BYTES]) -> Self {
        let mut longs = [0; 3];
        for (long, place) in longs.iter_mut().zip(bytes[8..].chunks_exact(8)) {
            *long = u64::from_le_bytes(place.try_into().unwrap_or_default());
        }
        let word = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        Frame { tag: bytes[0], flag: bytes[1], word, longs }
    }
}

impl Control {
    pub(crate) fn encode(self) -> [u8; FRAME_BYTES] {
        match self {
            Control::Signal(number) => {
                Frame { tag: 1, word: number.cast_unsigned(), ..Frame::default() }.to_bytes()
            }
            Control::End(plan) => {
                let longs = [plan.first_for, plan.terminate_for, plan.kill_for].map(millis);
                Frame { tag: 2, word: plan.first.cast_unsigned(), longs, ..Frame::default() }.to_bytes()
            }
        }
    }

    pub(crate) fn decode(bytes: &[u8; FRAME_BYTES]) -> Option<Self> {
        let frame = Frame::from_bytes(bytes);
        let number = frame.word.cast_signed();
        let [first_for, terminate_for, kill_for] = frame.longs.map(Duration::from_millis);
        match frame.tag {
            1 => Some(Control::Signal(number)),
            2 => Some(Control::End(Plan { first: number, first_for, terminate_for, kill_for })),
            _ => None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    pub(crate) fn encode(self) -> [u8; FRAME_BYTES] {
        let frame = match self {
            Report::Started { child, supervisor } => Frame {
                tag: 1,
                word: child,
                longs: [u64::from(supervisor.unwrap_or_default()), 0, 0],
                ..Frame::default()
            },
            Report::Failed(Failure { stage, errno }) => Frame {
                tag: 2,
                word: stage.code(),
                longs: [u64::from(errno.cast_unsigned()), 0, 0],
                ..Frame::default()
            },
            Report::Exited(ended) => Frame {
                tag: 3,
                flag: u8::from(ended.wait_status.is_some()),
                word: ended.wait_status.unwrap_or_default().cast_unsigned(),
                longs: [ended.user_micros, ended.system_micros, ended.max_rss_bytes],
            },
            Report::Empty { left } => Frame { tag: 4, word: left, ..Frame::default() },
        };
        frame.to_bytes()
    }

    pub(crate) fn decode(bytes: &[u8; FRAME_BYTES]) -> Option<Self> {
        let frame = Frame::from_bytes(bytes);
        let [user_micros, system_micros, max_rss_bytes] = frame.longs;
        let low = u32::try_from(user_micros).unwrap_or_default();
        match frame.tag {
            1 => Some(Report::Started { child: frame.word, supervisor: (low != 0).then_some(low) }),
            2 => {
                let stage = Stage::from_code(frame.word)?;
                Some(Report::Failed(Failure { stage, errno: low.cast_signed() }))
            }
            3 => {
                let wait_status = (frame.flag == 1).then_some(frame.word.cast_signed());
                Some(Report::Exited(Ended { wait_status, user_micros, system_micros, max_rss_bytes }))
            }
            4 => Some(Report::Empty { left: frame.word }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let ended = Ended { wait_status: Some(-3), user_micros: 1, system_micros: 2, max_rss_bytes: 3 };
        for report in [
            Report::Started { child: 7, supervisor: None },
            Report::Started { child: 7, supervisor: Some(9) },
            Report::Failed(Failure { stage: Stage::Limit(Resource::OpenFiles), errno: 13 }),
            Report::Exited(ended),
            Report::Exited(Ended { wait_status: None, ..ended }),
            Report::Empty { left: 4 },
        ] {
            assert_eq!(Report::decode(&report.encode()), Some(report));
        }
        for control in [Control::Signal(10), Control::End(Plan::KILL)] {
            assert_eq!(Control::decode(&control.encode()), Some(control));
        }
        for request in [Request::Piped(Reach::Cgroup), Request::OnTerminal(Reach::Marker), Request::Clear] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
    }

    #[test]
    fn unknown_frames_are_refused() {
        assert_eq!(Report::decode(&[9; FRAME_BYTES]), None);
        assert_eq!(Control::decode(&[9; FRAME_BYTES]), None);
        assert_eq!(Request::decode(&[1, 0]), None);
        assert_eq!(Request::decode(&[]), None);
    }
}
