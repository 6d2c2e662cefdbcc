//! Why nothing more can be received.

/// Why nothing more can be received. Asked again, the receiver says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The client hung up, was cut off, or closed before. Who leaves a ping unanswered is told of by
    /// [`Sender::chores`](super::Sender::chores).
    #[error("the client is gone")]
    Gone,
    /// The client broke the protocol: which rule of it.
    #[error("the client broke the protocol: {0}")]
    Protocol(&'static str),
    /// A text message or the reason of a close isn't UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A message is larger than [`Limits::message_bytes`](super::Limits::message_bytes): told by the header of the
    /// frame that exceeds it.
    #[error("a message is too large")]
    TooLarge,
}

impl Fault {
    /// The code to close with; none if there is nobody to tell.
    #[must_use]
    pub const fn close_code(self) -> Option<u16> {
        match self {
            Self::Gone => None,
            Self::Protocol(_) => Some(1002),
            Self::NotUtf8 => Some(1007),
            Self::TooLarge => Some(1009),
        }
    }
}
