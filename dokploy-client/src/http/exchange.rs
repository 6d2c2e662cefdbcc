//! One request and its answer.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use tokio::time::timeout;

use crate::error::{Mismatch, Source, Upstream};

/// Bytes of an error's body that are read; the rest is left.
const ERROR_BYTES: usize = 64 << 10;

/// How long an error's body is waited for; the status alone will do.
const ERROR_TIME: Duration = Duration::from_secs(1);

/// What the HTTP client says of an answer that does not begin as HTTP does.
const NO_HTTP: &str = "invalid HTTP version parsed";

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// All of it where the status is good, else the beginning.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It is no valid HTTP request. It was not sent.
    Unsendable,
    /// No connection stood. It was not sent.
    Unsent(Source),
    /// What is there is not what the URL says. It was not sent.
    Mismatch(Mismatch, Source),
    /// It was sent, and what came back is no HTTP.
    NoHttp(Source),
    /// It may have been sent, but there is no answer, or no end of one.
    Lost(Source),
    /// The answer is longer than the limit.
    TooLong,
}

impl Answer {
    /// Whether it is what was asked for.
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a request, and takes in up to `longest` bytes of its answer.
pub(crate) async fn exchange(request: RequestBuilder, longest: usize) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| unanswered(&error))?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = if status.is_success() { whole(response, longest).await? } else { beginning(response).await };
    Ok(Answer { status: status.as_u16(), headers, body })
}

fn unanswered(error: &reqwest::Error) -> NoAnswer {
    if error.is_builder() {
        return NoAnswer::Unsendable;
    }
    let source = cause(error);
    if !error.is_connect() {
        let is_http = source.to_string() != NO_HTTP;
        return if is_http { NoAnswer::Lost(source) } else { NoAnswer::NoHttp(source) };
    }
    // A connection that does not stand has carried nothing.
    match tls_error(error).and_then(mismatch) {
        Some(mismatch) => NoAnswer::Mismatch(mismatch, source),
        None => NoAnswer::Unsent(source),
    }
}

/// What TLS said. It is inside of I/O errors, which do not name as their source what is inside, but the source of that.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let next = inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    error.downcast_ref().or_else(|| tls_error(next?))
}

/// Whether the other side is another than was expected, rather than in trouble.
fn mismatch(error: &rustls::Error) -> Option<Mismatch> {
    use rustls::{AlertDescription as Alert, Error};
    match error {
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Some(Mismatch::Certificate),
        Error::InvalidMessage(_)
        | Error::PeerIncompatible(_)
        | Error::AlertReceived(Alert::HandshakeFailure | Alert::ProtocolVersion) => Some(Mismatch::NoTls),
        _ => None,
    }
}

async fn whole(mut response: Response, longest: usize) -> Result<Bytes, NoAnswer> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| NoAnswer::Lost(cause(&error)))? {
        if whole.len() + chunk.len() > longest {
            return Err(NoAnswer::TooLong);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// What there is of an error's body; the status alone will do.
async fn beginning(mut response: Response) -> Bytes {
    let mut read = BytesMut::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            read.extend_from_slice(&chunk[..chunk.len().min(ERROR_BYTES - read.len())]);
            if read.len() == ERROR_BYTES {
                break;
            }
        }
    };
    // Late or not, what came is what there is.
    _ = timeout(ERROR_TIME, reading).await;
    read.freeze()
}

/// The innermost reason, which is what the system or TLS said.
fn cause(error: &dyn std::error::Error) -> Source {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Box::new(Upstream(innermost.to_string().into()))
}
