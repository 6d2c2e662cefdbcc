//! The connection to a server: one task owns it, and makes it again where it broke.

use std::sync::Arc;

use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, Tool as Described,
};
use rmcp::service::{ClientInitializeError, Peer, RoleClient, RunningService, ServiceError};
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::sync::{mpsc, oneshot};

use super::child::{self, Child, Tail};
use super::http;
use super::server::{McpServer, Target};
use crate::error::{Error, Result};
use crate::text::Text;

/// Calls that wait for the connection; more wait before the queue.
const WAITING: usize = 16;

/// The way to the task that owns the connection. The task and the connection end with the last of these.
#[derive(Debug, Clone)]
pub(super) struct Line {
    asks: mpsc::Sender<oneshot::Sender<Result<Session>>>,
    instructions: Option<Text>,
}

/// What a call needs.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) peer: Peer<RoleClient>,
    stderr: Option<Tail>,
}

struct Connection {
    service: RunningService<RoleClient, ClientConfig>,
    child: Option<Child>,
}

impl Line {
    /// Connects, and asks for the tools.
    pub(super) async fn open(server: Arc<McpServer>) -> Result<(Self, Vec<Described>)> {
        let (connection, tools) = in_time(&server, async {
            let connection = Connection::open(&server).await?;
            let tools = connection.tools(&server).await?;
            Ok((connection, tools))
        })
        .await?;
        let told = connection.service.peer_info().and_then(|info| info.instructions.clone());
        let (asks, asked) = mpsc::channel(WAITING);
        tokio::spawn(own(server, connection, asked));
        Ok((Self { asks, instructions: told.map(Text::from) }, tools))
    }

    /// The connection, made again where it broke.
    pub(super) async fn session(&self) -> Result<Session> {
        let (answer, answered) = oneshot::channel();
        // It lives as long as this does, unless its runtime ended.
        _ = self.asks.send(answer).await;
        answered.await.unwrap_or(Err(Error::Ended))
    }

    pub(super) fn instructions(&self) -> Option<Text> {
        self.instructions.clone()
    }
}

/// Owns the connection until nobody can ask for it any more.
async fn own(
    server: Arc<McpServer>,
    mut connection: Connection,
    mut asked: mpsc::Receiver<oneshot::Sender<Result<Session>>>,
) {
    while let Some(answer) = asked.recv().await {
        let session = match connection.service.is_transport_closed() {
            false => Ok(connection.session()),
            true => in_time(&server, Connection::open(&server)).await.map(|opened| {
                connection = opened;
                connection.session()
            }),
        };
        // Who asked may have given up.
        _ = answer.send(session);
    }
}

async fn in_time<T>(server: &McpServer, connecting: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = server.limits.connect;
    let late = |_| failed(server, format!("no answer within {limit:?}"));
    tokio::time::timeout(limit, connecting).await.map_err(late)?
}

impl Connection {
    async fn open(server: &McpServer) -> Result<Self> {
        let us = Implementation::new("claude-core", env!("CARGO_PKG_VERSION"));
        let us = ClientConfig::new(ClientCapabilities::default(), us);
        match &server.target {
            Target::Stdio(program) => {
                let started = child::start(program, server.limits.stderr_bytes).await;
                let (child, output, input) =
                    started.map_err(|error| failed(server, format!("it can't be started: {error}")))?;
                let transport =
                    AsyncRwTransport::new(output, input).with_max_line_length(server.limits.message_bytes);
                match rmcp::serve_client(us, transport).await {
                    Ok(service) => Ok(Self { service, child: Some(child) }),
                    Err(error) => {
                        let last_words = child.stderr.last_words().await;
                        Err(failed(server, not_initialized(&error) + &last_words))
                    }
                }
            }
            Target::Http(address) => {
                let transport =
                    http::transport(address, &server.limits).map_err(|what| failed(server, what))?;
                let service = rmcp::serve_client(us, transport).await;
                let service = service
                    .map_err(|error| failed(server, http::redact(address, not_initialized(&error))))?;
                Ok(Self { service, child: None })
            }
        }
    }

    /// All tools, page by page.
    async fn tools(&self, server: &McpServer) -> Result<Vec<Described>> {
        let mut tools = Vec::new();
        let mut cursor = None;
        loop {
            let page =
                self.service.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(failed(server, self.session().words(&server.target, error).await)),
            };
            tools.extend(page.tools);
            if tools.len() > server.limits.tools {
                return Err(failed(server, format!("it has more than {} tools", server.limits.tools)));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
    }

    fn session(&self) -> Session {
        let stderr = self.child.as_ref().map(|child| child.stderr.clone());
        Session { peer: self.service.peer().clone(), stderr }
    }
}

impl Session {
    /// What went wrong, for an error: with the last words of a server that died, and without secrets.
    pub(super) async fn words(self, target: &Target, error: ServiceError) -> String {
        let words = match error {
            ServiceError::McpError(error) => error.message.into_owned(),
            ServiceError::TransportClosed => "the connection to the server ended".to_owned(),
            ServiceError::TransportSend(error) => format!("the server can't be reached: {}", error.error),
            ServiceError::UnexpectedResponse => "the server answered something else".to_owned(),
            other => other.to_string(),
        };
        let words = match target {
            Target::Stdio(_) => words,
            Target::Http(address) => http::redact(address, words),
        };
        match self.stderr {
            Some(stderr) if self.peer.is_transport_closed() => words + &stderr.last_words().await,
            _ => words,
        }
    }
}

fn not_initialized(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::ConnectionClosed(_) => "it ended before it answered".to_owned(),
        ClientInitializeError::JsonRpcError(error) => format!("it refused: {}", error.message),
        ClientInitializeError::TransportError { error, .. } => {
            format!("it can't be reached: {}", error.error)
        }
        other => other.to_string(),
    }
}

pub(super) fn failed(server: &McpServer, what: impl Into<Box<str>>) -> Error {
    Error::Mcp { server: server.name().into(), what: what.into() }
}
