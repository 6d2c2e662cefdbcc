//! `/socket.io/`: the same terminals for the official Socket.IO clients, one for each socket.
//!
//! A [`Socket`] finds its client a terminal; `live` is what goes on between the two, `Places` who has which terminal. `asked`
//! is what a client may say, `status` what it is told beside output, which is told as `text`.

mod asked;
mod backlog;
mod live;
mod places;
mod progress;
mod socket;
mod status;
mod text;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use secrecy::ExposeSecret;
use server_kit::auth::{Access, Identity, Scope};
use server_kit::guard::{StreamPermits, origin};
use server_kit::peer::Peer;
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use server_kit::socket_io::{self, Knock, Limits};
use utoipa_axum::routes;

use super::figures::{self, Connection};
use crate::app::App;
use asked::Introduction;
use places::Places;
use socket::Socket;
use text::Clipboard;

/// The sockets. Clones share them.
#[derive(Clone)]
pub(crate) struct SocketIo {
    server: socket_io::SocketIo,
}

/// What all sockets share.
struct Shared {
    app: App,
    places: Places,
    clipboard: Clipboard,
    /// Sockets of each user: twice as many as it may have terminals, since one may have none, or be about to part from it.
    permits: StreamPermits,
}

impl SocketIo {
    /// For the terminals of this app.
    pub(crate) fn new(app: App) -> Self {
        let config = app.terminals.config();
        let places = Places::new(config.socketio_grace);
        let clipboard = if config.socketio_clipboard { Clipboard::Pass } else { Clipboard::Remove };
        let permits = StreamPermits::new(2 * config.per_user);
        let shared = Arc::new(Shared { app, places, clipboard, permits });
        let serve = move |knock| serve(Arc::clone(&shared), knock);
        Self { server: socket_io::SocketIo::with(Limits::default(), Some(figures::socket_io_rtt), serve) }
    }

    /// Lets nobody in any more, and ends what is left.
    pub(crate) fn close(&self) {
        self.server.close();
    }
}

/// The routes of this file.
pub(crate) fn routes() -> Routes<(App, SocketIo)> {
    Routes::new().uncounted(routes!(fetch, bring))
}

/// What Engine.IO fetches: the beginning of a session, what waits for its client, or a WebSocket.
#[utoipa::path(
    get, path = "/socket.io/", tag = "terminals",
    responses((status = 200, content_type = "text/plain", body = String), (status = 101)),
)]
async fn fetch(
    State((app, sockets)): State<(App, SocketIo)>,
    checked: origin::Checked,
    request: Request,
) -> Result<Response, Problem> {
    answer(&app, &sockets, checked, request).await
}

/// What Engine.IO brings of a client that polls.
#[utoipa::path(
    post, path = "/socket.io/", tag = "terminals", request_body(content = String, content_type = "text/plain"),
    responses((status = 200, content_type = "text/plain", body = String)),
)]
async fn bring(
    State((app, sockets)): State<(App, SocketIo)>,
    checked: origin::Checked,
    request: Request,
) -> Result<Response, Problem> {
    answer(&app, &sockets, checked, request).await
}

/// Who begins something is counted; who goes on is known by the id of its session.
async fn answer(
    app: &App,
    sockets: &SocketIo,
    _: origin::Checked,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if !sockets.server.is_known(&parts) {
        app.gate.admit(Access::Public, &parts).await?;
    }
    Ok(sockets.server.answer(Request::from_parts(parts, body)).await)
}

/// Serves whoever wants to connect.
async fn serve(shared: Arc<Shared>, knock: Knock) {
    let admitted = async {
        let wish = Introduction::of(knock.auth())?;
        let who = admit(&shared.app, &wish, &knock).await?;
        let permit = shared.permits.take(who.user)?;
        Ok::<_, Problem>((who, permit, wish))
    };
    match admitted.await {
        Ok((who, _permit, wish)) => {
            let Some((events, emitter)) = knock.accept() else { return };
            let _counted = Connection::open();
            Socket { shared, who, emitter }.run(events, wish).await;
        }
        Err(problem) => {
            problem.log();
            knock.refuse(problem.code(), problem.message());
        }
    }
}

/// Who it is, by its token, counted as any request is.
async fn admit(app: &App, wish: &Introduction, knock: &Knock) -> Result<Identity, Problem> {
    let mut request = Request::new(());
    if let Some(peer) = knock.note::<Peer>() {
        request.extensions_mut().insert(*peer);
    }
    if let Some(token) = &wish.token {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        let mut bearer = bearer.map_err(|_| Problem::unauthorized("this is no token"))?;
        bearer.set_sensitive(true);
        *request.headers_mut() = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    }
    let (parts, ()) = request.into_parts();
    let who = app.gate.admit(Access::user(Scope::Admin), &parts).await?;
    let who = who.ok_or_else(|| Problem::unauthorized("bring a token in auth"))?;
    app.terminals.may_use(&who)?;
    Ok(who)
}
