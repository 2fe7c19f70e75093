//! Looks at a public URL as a visitor would, and at the local port behind it.
//!
//! What a look means, and when to look, is decided in [`adit_proto::health`]; here it is done. Every look is one
//! GET on a connection of its own, follows no redirect and has an end. It asks for the secret of the host's
//! session, which the host answers itself, or for a path that no application has. A connect token is got only
//! when the gate asks for one.

mod local;
#[cfg(test)]
mod tests;
mod tokens;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_proto::health::{Answer, Denial, Nonce, PLAIN_LOOK};
use adit_proto::token::Secret;
use adit_wire::http::{self as wire_http, authorization};
use adit_wire::net::{ConnectError, Connector, Target};
use adit_wire::{clock, tls};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::management::{Error, Locator, Management, explain};
use tokens::{Token, Tokens};

pub(crate) use local::{refusal, try_local};

/// How long a look may take to connect, and as a whole.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);

/// Looks of one process at a time; more wait. A dead URL holds its place for ten seconds, so that even fifty of
/// them are all looked at within an interval. Waiting for a token holds none.
static LOOKS: Semaphore = Semaphore::const_new(PLACES);
const PLACES: usize = 16;

/// Any answer of an edge, and the answer of a host, are shorter.
const BODY: usize = 16 * 1024;

const SKIP_INTERSTITIAL: HeaderName = HeaderName::from_static("x-tunnel-skip-antiphishing-page");
const TUNNEL_AUTHORIZATION: HeaderName = HeaderName::from_static("x-tunnel-authorization");
/// Marks what an edge of Adit's own making answers itself.
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const OUR_EDGE: &str = "tunnels-adit";

/// Looks at the URLs of one tunnel.
#[derive(Debug)]
pub(crate) struct Prober {
    connector: Connector,
    tokens: Tokens,
}

/// One look at a URL.
pub(crate) struct Look {
    pub(crate) tunnel: Locator,
    pub(crate) url: String,
    /// The secret to ask for, where the host can answer.
    pub(crate) nonce: Option<Nonce>,
    /// What counts bytes for the port that arrive at this host.
    pub(crate) arrivals: Arc<AtomicU64>,
}

impl Prober {
    pub(crate) fn new(management: Arc<dyn Management>, connector: Connector) -> Self {
        Self { connector, tokens: Tokens::new(management) }
    }

    /// Connect tokens that were minted for looks.
    pub(crate) fn mints(&self) -> u64 {
        self.tokens.mints()
    }

    /// Asks the URL; tells what it answered and whether bytes for the port arrived meanwhile. Waits for its turn
    /// among the looks of the process.
    pub(crate) async fn ask(&self, look: &Look) -> (Answer, bool) {
        let mut turn = LOOKS.acquire().await;
        let before = look.arrivals.load(Ordering::Relaxed);
        let arrived = || look.arrivals.load(Ordering::Relaxed) != before;
        let mut token = self.tokens.held();
        let mut fresh = false;
        loop {
            let seen = self.glance(look, token.as_ref()).await;
            // Whoever gives tokens may take his time, which is no other look's.
            drop(turn);
            if fresh || !is_denied(&seen, look, arrived()) {
                return (read(seen, look), arrived());
            }
            token = match self.tokens.renew(&look.tunnel, token.as_ref()).await {
                Ok(token) => Some(token),
                Err(error) => return (untold(&error), arrived()),
            };
            fresh = true;
            turn = LOOKS.acquire().await;
        }
    }

    async fn glance(
        &self,
        look: &Look,
        token: Option<&Token>,
    ) -> Result<Response<Bytes>, wire_http::Error> {
        let now = clock::now();
        let request = request(look, token.map(|token| &token.secret))?;
        wire_http::glance(&self.connector, request, BODY, now + CONNECT, now + WHOLE).await
    }
}

fn request(look: &Look, token: Option<&Secret>) -> Result<Request<Bytes>, wire_http::Error> {
    let path = look.nonce.as_ref().map_or_else(|| PLAIN_LOOK.to_owned(), Nonce::path);
    let uri: Uri = look.url.parse().map_err(|_| adit_wire::net::BadUrl::Host)?;
    let mut parts = uri.into_parts();
    parts.path_and_query = PathAndQuery::try_from(path).ok();
    let uri = Uri::from_parts(parts).map_err(|_| adit_wire::net::BadUrl::Relative)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/plain"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("adit"));
    headers.insert(SKIP_INTERSTITIAL, HeaderValue::from_static("true"));
    if let Some(Ok(value)) = token.map(|token| authorization("tunnel", token)) {
        headers.insert(TUNNEL_AUTHORIZATION, value);
    }
    Ok(request)
}

/// Whether a gate wants a token, or another one: it says so, or sends a visitor elsewhere to sign in. What came
/// through here was let pass.
fn is_denied(seen: &Result<Response<Bytes>, wire_http::Error>, look: &Look, arrived: bool) -> bool {
    let Ok(response) = seen else { return false };
    match edge_code(response) {
        Some(code) => matches!(&*code, "sign_in" | "bad_token" | "forbidden"),
        None if arrived => false,
        None => matches!(response.status().as_u16(), 401 | 403) || leads_elsewhere(response, look),
    }
}

/// Whether an answer sends the visitor to another host.
fn leads_elsewhere(response: &Response<Bytes>, look: &Look) -> bool {
    let host = |text: &str| Target::from_uri(&text.parse().ok()?).ok().map(|target| target.host());
    let location = response.headers().get(header::LOCATION).and_then(|text| text.to_str().ok());
    let there = location.and_then(host);
    response.status().is_redirection() && there.is_some() && there != host(&look.url)
}

/// What was seen, as the look is judged by it.
fn read(seen: Result<Response<Bytes>, wire_http::Error>, look: &Look) -> Answer {
    let response = match seen {
        Ok(response) => response,
        Err(error) => return without_answer(&error),
    };
    if look.nonce.as_ref().is_some_and(|nonce| nonce.is_answered_by(response.body())) {
        return Answer::Proven;
    }
    match edge_code(&response) {
        Some(code) => Answer::Edge(code),
        None if leads_elsewhere(&response, look) => Answer::Status(401),
        None => Answer::Status(response.status().as_u16()),
    }
}

/// What is wrong, in the word of an edge of Adit's own making; nothing if another answered.
fn edge_code(response: &Response<Bytes>) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Problem {
        code: Box<str>,
    }
    response.headers().get(SERVED_BY).filter(|value| value.as_bytes() == OUR_EDGE.as_bytes())?;
    serde_json::from_slice::<Problem>(response.body()).ok().map(|problem| problem.code)
}

fn without_answer(error: &wire_http::Error) -> Answer {
    let connect = match error {
        wire_http::Error::Connect(connect) => connect,
        wire_http::Error::Url(error) => return Answer::Unreachable(error.to_string()),
        _ => return Answer::Silent,
    };
    match connect {
        ConnectError::Dns { source, .. } => Answer::NoName(source.to_string()),
        ConnectError::Tls { problem: tls::Error::Io(_), .. } => {
            Answer::Unreachable(connect.to_string())
        }
        ConnectError::Tls { problem, .. } => Answer::Untrusted(problem.to_string()),
        _ => Answer::Unreachable(connect.to_string()),
    }
}

/// There is no token to ask with.
fn untold(error: &Error) -> Answer {
    tracing::debug!(error = explain(error), source = ?error.source(), "no connect token");
    match error {
        Error::SignIn(_) => Answer::Denied(Denial::SignIn),
        Error::Forbidden(said) => Answer::Denied(Denial::Refused(said.to_string())),
        Error::RateLimited { .. } => Answer::Limited,
        _ => Answer::Unasked,
    }
}
