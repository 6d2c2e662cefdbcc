//! The server's side of [Socket.IO] 5 on [Engine.IO] 4, as the official clients of the versions 3 and 4 speak it: the
//! namespace `/`, by long polling, by WebSocket, and by the upgrade from the one to the other.
//!
//! - [`SocketIo`] answers the requests below its path and owns the sessions. Whoever wants to connect is a [`Knock`],
//!   which the program accepts or refuses.
//! - [`Events`] are what the client says, in its order, whatever the transport.
//! - An [`Emitter`] tells the client events, says when there is room for more, and how far the client got: Engine.IO's
//!   pings are answered by the client's own event loop, in order, so that a pong proves that all before its ping was
//!   consumed. A ping goes out behind every 64 KiB; a client that never answers one is believed to have what the system
//!   took.
//!
//! Nothing is dropped: an event is sent once, in order, or the connection ends. Attachments of binary events are read and
//! thrown away; their places are told as the client wrote them.
//!
//! ```
//! use server_kit::socket_io::{Knock, SocketIo};
//!
//! async fn echo(knock: Knock) {
//!     if knock.auth()["token"] != "let me in" {
//!         return knock.refuse("unauthorized", "bring a token");
//!     }
//!     let Some((mut events, emitter)) = knock.accept() else { return };
//!     while let Some(event) = events.next().await {
//!         emitter.emit("echo", event.argument());
//!         emitter.ready().await;
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let socket_io = SocketIo::new(echo); // socket_io.answer(request).await
//! # }
//! ```
//!
//! [Socket.IO]: https://socket.io/docs/v4/socket-io-protocol/
//! [Engine.IO]: https://socket.io/docs/v4/engine-io-protocol/

mod emitter;
mod limits;
mod outbox;
mod packet;
mod polling;
mod refusal;
mod request;
mod session;
mod talk;
mod web_socket;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;

pub use emitter::{Draft, Emitter, Mark};
pub use limits::Limits;
pub use talk::{Event, Events, Knock};

use crate::auth::random;
use crate::problem::Problem;
use crate::websocket::Offer;
use refusal::Refusal;
use request::{Asked, Transport};
use session::Session;

type Serve = dyn Fn(Knock) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A Socket.IO server. Clones share its sessions.
#[derive(Clone)]
pub struct SocketIo {
    hub: Arc<Hub>,
}

/// What all sessions share.
struct Hub {
    limits: Limits,
    serve: Box<Serve>,
    on_rtt: Option<fn(Duration)>,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<String, Arc<Session>>,
    /// Whether no more begin.
    is_closed: bool,
}

impl SocketIo {
    /// A server that has this function serve whoever wants to connect, in a task for each. The connection ends with it.
    #[must_use]
    pub fn new<F, W>(serve: F) -> Self
    where
        F: Fn(Knock) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::with(Limits::default(), None, serve)
    }

    /// The same with other limits, and a function that is told how long each ping took to be answered.
    #[must_use]
    pub fn with<F, W>(limits: Limits, on_rtt: Option<fn(Duration)>, serve: F) -> Self
    where
        F: Fn(Knock) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let serve = Box::new(move |knock| Box::pin(serve(knock)) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Self { hub: Arc::new(Hub { limits, serve, on_rtt, sessions: Mutex::default() }) }
    }

    /// Whether the request belongs to a session that is there: any other one wants to begin something, and is to be
    /// counted before it is answered.
    #[must_use]
    pub fn is_known(&self, request: &Parts) -> bool {
        Asked::of(request).is_ok_and(|asked| asked.session.is_some_and(|id| self.hub.session(&id).is_some()))
    }

    /// Answers a request of a client. Where it comes from is to be checked before.
    pub async fn answer(&self, request: Request) -> Response {
        match self.try_answer(request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn try_answer(&self, request: Request) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        let asked = Asked::of(&parts)?;
        let session = match &asked.session {
            Some(id) => Some(self.hub.session(id).ok_or(Refusal::UnknownSession)?),
            None => None,
        };
        match (asked.transport, &parts.method, session) {
            (Transport::Polling, &Method::GET, None) => {
                let session = self.hub.begin(parts, session::Way::Polling)?;
                Ok(polling::opened(&session))
            }
            (Transport::Polling, &Method::GET, Some(session)) => polling::poll(&session).await,
            (Transport::Polling, &Method::POST, Some(session)) => polling::post(&session, body).await,
            (Transport::WebSocket, &Method::GET, Some(session)) => {
                let accepted = self.hub.accept(&mut parts)?;
                session.may_probe()?;
                Ok(accepted.run(|receiver, sender| web_socket::upgrade(session, receiver, sender)))
            }
            (Transport::WebSocket, &Method::GET, None) => {
                let accepted = self.hub.accept(&mut parts)?;
                let session = self.hub.begin(parts, session::Way::WebSocket)?;
                let hello = session.hello();
                Ok(accepted.run(|receiver, sender| web_socket::open(session, hello, receiver, sender)))
            }
            (_, _, None) => Err(Refusal::BadHandshake),
            _ => Err(Refusal::BadRequest),
        }
    }

    /// Begins no session any more and ends those that are there. What they have to say comes first where the client takes
    /// it within [`Limits::leave_within`].
    pub fn close(&self) {
        let sessions: Vec<_> = {
            let mut sessions = self.hub.sessions();
            sessions.is_closed = true;
            sessions.by_id.values().cloned().collect()
        };
        sessions.iter().for_each(|session| session.leave_now());
    }
}

impl std::fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketIo").field("limits", &self.hub.limits).finish_non_exhaustive()
    }
}

impl Hub {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.sessions().by_id.get(id).cloned()
    }

    /// A new session, which is forgotten once it is closed.
    fn begin(self: &Arc<Self>, parts: Parts, way: session::Way) -> Result<Arc<Session>, Refusal> {
        let id = random::id().map_err(Problem::internal)?;
        let session = Session::new(id.clone(), parts.extensions, (self.limits, way), Arc::downgrade(self));
        let session = Arc::new(session);
        {
            let mut sessions = self.sessions();
            if sessions.is_closed {
                return Err(Problem::unavailable("the server is about to stop").into());
            }
            if sessions.by_id.len() >= self.limits.sessions {
                return Err(Problem::unavailable("there are too many sessions; try again").into());
            }
            sessions.by_id.insert(id, Arc::clone(&session));
        }
        tokio::spawn(Arc::clone(&session).keep());
        Ok(session)
    }

    fn accept(&self, parts: &mut Parts) -> Result<crate::websocket::Accepted, Refusal> {
        let limits = self.limits;
        let accepted = Offer::of(parts)?.accept().texts();
        Ok(accepted.limits(|socket| {
            socket.message_bytes = limits.message_bytes;
            socket.unsent_bytes = Some(limits.unsent_bytes);
            // Engine.IO has a heartbeat of its own.
            socket.ping_every = web_socket::NEVER;
        }))
    }

    fn forget(&self, id: &str) {
        self.sessions().by_id.remove(id);
    }
}
