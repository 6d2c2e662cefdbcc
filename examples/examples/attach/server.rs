//! The server: signing in, starting a terminal, connecting to it.

use anyhow::Context;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::wire::PROTOCOL;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// By what it is known who we are.
pub(crate) enum Access {
    /// A token or a key.
    Token(String),
    /// Signs in for each connection, since tokens count for half an hour.
    Password { user: String, password: String },
}

/// A claude-web.
pub(crate) struct Server {
    /// Host and port.
    place: String,
    access: Access,
    client: Client,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// The server says no: trying again won't help.
    Refused(anyhow::Error),
    /// It can't be reached, or isn't well.
    Unreachable(anyhow::Error),
}

impl Server {
    pub(crate) fn new(url: &str, access: Access) -> anyhow::Result<Self> {
        let place =
            url.strip_prefix("http://").context("write the address as http://host:port, without TLS")?;
        let place = place.trim_end_matches('/');
        let place = if place.contains(':') { place.to_owned() } else { format!("{place}:80") };
        // reqwest wants one, though all is in the clear here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { place, access, client: Client::new() })
    }

    /// Starts a terminal, and gives its id.
    pub(crate) async fn start(&self, command: &str, (cols, rows): (u16, u16)) -> anyhow::Result<String> {
        let request = self.client.post(format!("http://{}/api/terminals", self.place));
        let request = request.bearer_auth(self.token().await.map_err(NoConnection::into_error)?);
        let request = request.json(&json!({"command": command, "cols": cols, "rows": rows}));
        let info = json_of(request).await.map_err(NoConnection::into_error)?;
        text(&info, "id")
    }

    /// Attaches to a terminal: from this offset on, or from the oldest byte that is held.
    pub(crate) async fn connect(&self, id: &str, from: Option<u64>) -> Result<Socket, NoConnection> {
        let token = self.token().await?;
        let request = self.handshake(id, from, &token).map_err(NoConnection::Refused)?;
        let stream = TcpStream::connect(&self.place).await;
        let stream = stream.map_err(|error| NoConnection::Unreachable(error.into()))?;
        // A key is not to wait for the next one.
        let _ = stream.set_nodelay(true);
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => {
                Err(NoConnection::by(answer.status(), answer.body().as_deref().unwrap_or_default()))
            }
            Err(error) => Err(NoConnection::Unreachable(error.into())),
        }
    }

    fn handshake(&self, id: &str, from: Option<u64>, token: &str) -> anyhow::Result<Request> {
        let query = from.map(|from| format!("?from={from}")).unwrap_or_default();
        let url = format!("ws://{}/api/terminals/{id}/ws{query}", self.place);
        let mut request = url.into_client_request()?;
        // A browser, which can't send this one, asks for a ticket first.
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        request.headers_mut().insert("sec-websocket-protocol", PROTOCOL.parse()?);
        Ok(request)
    }

    async fn token(&self) -> Result<String, NoConnection> {
        let (user, password) = match &self.access {
            Access::Token(token) => return Ok(token.clone()),
            Access::Password { user, password } => (user, password),
        };
        let request = self.client.post(format!("http://{}/auth/login", self.place));
        let answer = json_of(request.json(&json!({"username": user, "password": password}))).await?;
        text(&answer, "token").map_err(NoConnection::Refused)
    }
}

async fn json_of(request: RequestBuilder) -> Result<Value, NoConnection> {
    let unreachable = |error: reqwest::Error| NoConnection::Unreachable(error.into());
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        serde_json::from_slice(&body).map_err(|error| NoConnection::Refused(error.into()))
    } else {
        Err(NoConnection::by(status, &body))
    }
}

impl NoConnection {
    /// What the server says: `{"error": {"code", "message"}}`. A server or a proxy that isn't well may recover.
    fn by(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = body["error"]["message"].as_str().unwrap_or("no reason is given");
        let error = anyhow::anyhow!("claude-web answers {status}: {message}");
        if status.is_server_error() { Self::Unreachable(error) } else { Self::Refused(error) }
    }

    pub(crate) fn into_error(self) -> anyhow::Error {
        match self {
            Self::Refused(error) => error,
            Self::Unreachable(error) => error.context("there is no connection to claude-web"),
        }
    }
}

fn text(object: &Value, name: &str) -> anyhow::Result<String> {
    Ok(object[name].as_str().with_context(|| format!("the answer has no {name}"))?.to_owned())
}
