//! Routes: handlers with the access they state, and the document that describes them.

mod document;

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_axum::router::UtoipaMethodRouter;

pub use document::About;

use crate::auth::Access;
use crate::guard::Gate;
use crate::server::Note;

/// Handlers, each with who may call it.
///
/// ```
/// use server_kit::auth::{Access, Identity, Scope};
/// use server_kit::routes::Routes;
/// use utoipa_axum::routes;
///
/// #[utoipa::path(get, path = "/api/hello", responses((status = 200)))]
/// async fn hello(who: Identity) -> String {
///     format!("hello {}", who.name)
/// }
///
/// let routes: Routes<()> = Routes::new().at(Access::viewer(Scope::Read), routes!(hello));
/// ```
pub struct Routes<S = ()> {
    entries: Vec<Entry<S>>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

struct Entry<S> {
    door: Door,
    paths: Paths,
    handlers: MethodRouter<S, Infallible>,
}

/// What stands before the handlers of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Nothing, not even the rate limit: for probes.
    Open,
    /// The gate.
    Gate(Access),
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new(), schemas: Vec::new() }
    }

    /// Adds what `routes!` collected. The access counts for the whole path, for methods it doesn't have too.
    #[must_use]
    pub fn at(self, access: Access, routes: UtoipaMethodRouter<S>) -> Self {
        self.behind(Door::Gate(access), routes)
    }

    /// Adds routes that are public and free of the rate limit: for probes, and for handlers that ask the [`Gate`]
    /// themselves.
    #[must_use]
    pub fn uncounted(self, routes: UtoipaMethodRouter<S>) -> Self {
        self.behind(Door::Open, routes)
    }

    fn behind(mut self, door: Door, (schemas, paths, handlers): UtoipaMethodRouter<S>) -> Self {
        self.entries.push(Entry { door, paths, handlers });
        self.schemas.extend(schemas);
        self
    }

    /// Both's routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self.schemas.extend(other.schemas);
        self
    }

    /// Hands the handlers their state.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes<()> {
        let with_state = |entry: Entry<S>| Entry {
            door: entry.door,
            paths: entry.paths,
            handlers: entry.handlers.with_state(state.clone()),
        };
        Routes { entries: self.entries.into_iter().map(with_state).collect(), schemas: self.schemas }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> std::fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths =
            self.entries.iter().map(|entry| (entry.paths.paths.keys().collect::<Vec<_>>(), entry.door));
        f.debug_map().entries(paths).finish()
    }
}

impl<S: Clone + Send + Sync + 'static> FromIterator<(Access, UtoipaMethodRouter<S>)> for Routes<S> {
    fn from_iter<I: IntoIterator<Item = (Access, UtoipaMethodRouter<S>)>>(all: I) -> Self {
        all.into_iter().fold(Self::new(), |routes, (access, one)| routes.at(access, one))
    }
}

impl Routes<()> {
    /// The router, each route behind the gate, and the document of all.
    pub(crate) fn assemble(mut self, about: &About, gate: &Gate) -> (Router, OpenApi) {
        // Entries of one path share the last one's answer to a missing method: let that be a guarded one.
        let guarded = |door| matches!(door, Door::Gate(Access::Needs { .. }));
        self.entries.sort_by_key(|entry| guarded(entry.door));
        let mut document = document::begin(about, self.schemas);
        let mut router = Router::new();
        for Entry { door, paths, handlers } in self.entries {
            let access = if let Door::Gate(access) = door { access } else { Access::Public };
            let guarded = match door {
                Door::Open => handlers,
                Door::Gate(_) => {
                    handlers.layer(middleware::from_fn_with_state((gate.clone(), access), guard))
                }
            };
            for path in paths.paths.keys() {
                router = router.route(path, guarded.clone());
            }
            document::add(&mut document, paths, access);
        }
        (router, document)
    }
}

async fn guard(State((gate, access)): State<(Gate, Access)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match gate.admit(access, &parts).await {
        Err(problem) => problem.into_response(),
        Ok(who) => {
            if let Some(who) = who {
                if let Some(note) = parts.extensions.get::<Note>() {
                    note.user(&who.name);
                }
                parts.extensions.insert(who);
            }
            next.run(Request::from_parts(parts, body)).await
        }
    }
}

/// Whether a path that no route has is meant for the API, so that no page answers it.
pub(crate) fn is_api(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ["api", "v1", "auth"].iter().any(|name| first.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_api;

    #[test]
    fn what_looks_like_the_api_is_never_a_page() {
        for path in ["/api", "/api/", "/api/x", "/API/x", "//api/x", "/v1/models", "/auth/me"] {
            assert!(is_api(path), "{path}");
        }
        for path in ["/", "/apis", "/chat/api", "/index.html"] {
            assert!(!is_api(path), "{path}");
        }
    }
}
