//! What is seen from outside in figures: `/metrics`, in Prometheus' format. Labels are bounded.

mod probes;

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use metrics::{Counter, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use utoipa_axum::routes;

pub(crate) use probes::Probes;

use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::routes::Routes;

/// Where the metrics are.
pub(crate) const PATH: &str = "/metrics";
/// The label of a request that no route has.
pub(crate) const OTHER: &str = "other";

const REQUESTS: &str = "http_requests_total";
const REQUEST_SECONDS: &str = "http_request_duration_seconds";
const STREAM_SECONDS: &str = "app_stream_duration_seconds";
const BYTES: &str = "app_http_bytes_total";

/// Bounds of every histogram, in seconds: from what a cached answer takes to what a long run takes.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// How the metrics are shown.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) token: Option<SecretString>,
    pub(crate) listener: Option<TcpListener>,
}

/// Where they are shown.
pub(crate) struct Exposed {
    pub(crate) on_main: Routes<()>,
    pub(crate) apart: Option<(TcpListener, Router)>,
}

/// The process's metrics. The first call installs the recorder, and what is counted before that is lost: a program
/// calls it at its start. Where another crate installed a recorder before, ours stays empty.
pub fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = builder().unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        describe();
        handle
    })
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS)
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by route template, method and status");
    describe_histogram!(REQUEST_SECONDS, "Time to the end of an answer that is no stream");
    describe_histogram!(STREAM_SECONDS, "How long a stream was open");
    describe_counter!(BYTES, "Bytes on the sockets of HTTP connections, by direction");
}

/// The routes of the metrics, on the main listener or apart.
pub(crate) fn expose(how: Exposition) -> Exposed {
    handle();
    match how.listener {
        None => {
            Exposed { on_main: Routes::new().uncounted(routes!(show)).with_state(how.token), apart: None }
        }
        Some(listener) => {
            let router = Router::new().route(PATH, get(show)).with_state(how.token);
            Exposed { on_main: Routes::new(), apart: Some((listener, router)) }
        }
    }
}

/// The server's metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn show(
    State(token): State<Option<SecretString>>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    if token.is_some_and(|token| !bears(&headers, &token)) {
        return Err(Problem::unauthorized("the metrics need their token"));
    }
    let text = handle().render();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// Compares digests, so that the time tells nothing of the token.
fn bears(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let Some((scheme, given)) = given.split_at_checked(7) else { return false };
    let digest = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    scheme.eq_ignore_ascii_case(b"bearer ")
        && digest(given).as_ref() == digest(token.expose_secret().as_bytes()).as_ref()
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) id: &'a RequestId,
    pub(crate) route: &'a str,
    pub(crate) method: &'static str,
    /// None: the client left before it was answered.
    pub(crate) status: Option<StatusCode>,
    pub(crate) streams: bool,
    pub(crate) took: Duration,
}

/// Counts a request.
pub(crate) fn count(record: &Record<'_>) {
    let route = record.route.to_owned();
    let status = record.status.map_or_else(|| "aborted".to_owned(), |status| status.as_str().to_owned());
    counter!(REQUESTS, "route" => route.clone(), "method" => record.method, "status" => status).increment(1);
    if record.streams {
        histogram!(STREAM_SECONDS, "route" => route).record(record.took);
    } else if record.status.is_some_and(|status| status != StatusCode::SWITCHING_PROTOCOLS) {
        histogram!(REQUEST_SECONDS, "route" => route, "method" => record.method).record(record.took);
    }
}

/// The counters of bytes that came in and went out.
pub(crate) fn http_bytes() -> (Counter, Counter) {
    (counter!(BYTES, "direction" => "in"), counter!(BYTES, "direction" => "out"))
}

/// A method's label.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
