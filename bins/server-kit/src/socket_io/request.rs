//! What a request asks for: the query of Engine.IO.

use http::request::Parts;

use super::refusal::Refusal;

/// How a client wants to talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Polling,
    WebSocket,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) transport: Transport,
    /// The session it belongs to.
    pub(super) session: Option<String>,
}

impl Asked {
    /// What this request asks for.
    pub(super) fn of(request: &Parts) -> Result<Self, Refusal> {
        let query = request.uri.query().unwrap_or_default();
        let (mut version, mut transport, mut session) = (None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "EIO" => version = Some(value),
                "transport" => transport = Some(value),
                "sid" => session = Some(value.into_owned()),
                // Answers as scripts, for browsers that are long gone.
                "j" => return Err(Refusal::BadRequest),
                _ => {}
            }
        }
        let transport = match transport.as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(Refusal::UnknownTransport),
        };
        match version.as_deref() {
            Some("4") => Ok(Self { transport, session }),
            _ => Err(Refusal::UnsupportedVersion),
        }
    }
}
