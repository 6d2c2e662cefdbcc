//! The server: it accepts connections, stands guard before the routes, and ends in good order.

mod accept;
mod connection;
mod front;
mod gather;
mod limits;
mod link;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use limits::Limits;
pub(crate) use link::Link;
pub(crate) use watch::Note;

use crate::guard::origin::Origin;
use crate::guard::proxy::Network;
use crate::guard::{Gate, Site, cors};
use crate::health::{Check, Health};
use crate::metrics::{self, Exposition};
use crate::problem::Problem;
use crate::routes::{self, About, Routes};
use crate::settings::ServerSettings;
use accept::Acceptor;
use front::Front;

/// A server, ready to be given a listener.
///
/// `/openapi.json`, `/health`, `/health/ready` and `/metrics` are its own routes.
#[derive(Debug)]
pub struct Server {
    about: About,
    routes: Routes<()>,
    gate: Gate,
    page: Option<Router>,
    checks: Vec<Check>,
    limits: Limits,
    public: Option<Origin>,
    allowed: Vec<Origin>,
    proxies: Vec<Network>,
    metrics: Exposition,
}

impl Server {
    /// A server of these routes, with the limits' defaults.
    #[must_use]
    pub fn new(about: About, routes: Routes<()>, gate: Gate) -> Self {
        Self {
            about,
            routes,
            gate,
            page: None,
            checks: Vec::new(),
            limits: Limits::default(),
            public: None,
            allowed: Vec::new(),
            proxies: Vec::new(),
            metrics: Exposition::default(),
        }
    }

    /// Takes what the settings say of origins, proxies, limits and the token of `/metrics`.
    #[must_use]
    pub fn settings(mut self, settings: &ServerSettings) -> Self {
        self.public.clone_from(&settings.public_url);
        self.allowed.clone_from(&settings.allowed_origins);
        self.proxies.clone_from(&settings.trusted_proxies);
        self.limits.body_bytes = settings.max_body_bytes;
        self.metrics.token.clone_from(&settings.metrics_token);
        self
    }

    /// Changes limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// What answers where no route does, but for `/api`, `/v1` and `/auth`: the page.
    #[must_use]
    pub fn page(mut self, page: Router) -> Self {
        self.page = Some(page);
        self
    }

    /// Something that must work before the server is ready: a name and what to ask.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Shows the metrics on this listener alone.
    #[must_use]
    pub fn metrics_on(mut self, listener: TcpListener) -> Self {
        self.metrics.listener = Some(listener);
        self
    }

    /// Asks for a token before it shows the metrics.
    #[must_use]
    pub fn metrics_token(mut self, token: SecretString) -> Self {
        self.metrics.token = Some(token);
        self
    }

    /// Serves until `shutdown`. Then `/health` says `draining`, everything else new is refused with 503, idle
    /// connections are closed, and the others have `limits.drain` to end; who is left is cut off.
    ///
    /// # Errors
    /// When the listener has no address. Nothing a client does ends it.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let address = listener.local_addr()?;
        let Self { about, routes, gate, page, checks, limits, public, allowed, proxies, metrics } = self;
        let site = Arc::new(Site::new(address.port(), public, allowed));
        let limits = Arc::new(limits);
        let exposed = metrics::expose(metrics);
        let health = Health::new(about.version, checks, shutdown.clone());
        let own = health.routes().merge(exposed.on_main);
        let (router, document) = routes.merge(own).assemble(&about, &gate);
        let document = document.to_json().unwrap_or_default();
        let router = finish(router, document, page, &site);
        let front = Front::new(router, site, proxies, Arc::clone(&limits));
        let _probes = metrics::Probes::start();
        let apart = exposed.apart.map(|(listener, router)| {
            let front = Front::new(router, Arc::new(Site::anywhere()), Vec::new(), Arc::clone(&limits));
            Acceptor::new(listener, front, Arc::clone(&limits))
        });
        say(&about, address);
        let main = Acceptor::new(listener, front, limits).run(shutdown.clone());
        match apart {
            None => main.await,
            Some(apart) => drop(tokio::join!(main, apart.run(shutdown))),
        }
        Ok(())
    }
}

/// The router with what is the server's own: the document, the page, and what every route sits behind.
fn finish(router: Router, document: String, page: Option<Router>, site: &Site) -> Router {
    let document = bytes::Bytes::from(document);
    let document = get(async move || ([(CONTENT_TYPE, "application/json")], document));
    let fallback = async move |request: Request| match page {
        Some(page) if !routes::is_api(request.uri().path()) => page.oneshot(request).await,
        _ => Ok(Problem::not_found().into_response()),
    };
    let router = router
        .route("/openapi.json", document)
        .fallback(fallback)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(note_route));
    match cors::layer(site) {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// Tells the log and the metrics which route it is: its template, never the path itself.
async fn note_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(note), Some(route)) = (extensions.get::<Note>(), extensions.get::<MatchedPath>()) {
        note.route(route.as_str());
    }
    next.run(request).await
}

fn say(about: &About, address: SocketAddr) {
    tracing::info!(%address, version = about.version, "{} listens", about.title);
}
