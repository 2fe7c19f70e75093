//! The relay's websockets: who may have one, and what runs on it.
//!
//! Everything about a peer's rights is decided before the 101; after it, only what was revoked
//! since is refused. The token may come in `Authorization` or, from browsers, behind the
//! subprotocols; it is never echoed and never logged.

mod client;
mod host;
mod leave;

use std::sync::Arc;

use adit_proto::{
    relay::{Side, Version},
    ssh::{self, KeepAlive},
};
use adit_wire::{clock, handshake, task};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use std::time::Duration;

use crate::{
    auth::{Auth, Caller, Refused, Unrecognized},
    body::{self, Body},
    course::Course,
    directory::Directory,
    hub::Hub,
    metrics::Metrics,
    seams::{Answer, Peer, Socket, Sockets},
};

/// Pings keep proxies from cutting idle sockets, and find those that are dead.
const PING: KeepAlive =
    KeepAlive { idle: Duration::from_secs(30), timeout: Duration::from_secs(10) };

/// Answers upgrades of hosts and clients.
#[derive(Debug, Clone)]
pub struct RelaySockets {
    context: Arc<Context>,
}

/// What sockets work with.
#[derive(Debug)]
pub struct Context {
    /// Which tunnels there are.
    pub directory: Arc<Directory>,
    /// Who may do what.
    pub auth: Arc<Auth>,
    /// Who is connected.
    pub hub: Hub,
    /// What the sessions may hold together.
    pub budget: Arc<ssh::Budget>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where the relay stands.
    pub course: Course,
    /// Where the sessions of hosts run.
    pub hosts: task::Spawner,
    /// Where the sessions of clients run.
    pub clients: task::Spawner,
}

impl RelaySockets {
    /// Sockets that work with this.
    pub fn new(context: Context) -> Self {
        Self { context: Arc::new(context) }
    }
}

impl Sockets for RelaySockets {
    fn upgrade(&self, request: Request<Incoming>, socket: Socket, peer: Peer) -> Answer {
        let context = self.context.clone();
        Box::pin(async move {
            let answered = match socket {
                _ if context.course.is_handed_over() => Err(Rejection::handed_over()),
                Socket::Host { tunnel, endpoint } => {
                    host::upgrade(&context, request, tunnel, endpoint).await
                }
                Socket::Client { tunnel } => client::upgrade(&context, request, tunnel, peer).await,
            };
            answered.unwrap_or_else(Rejection::response)
        })
    }
}

/// Why there is no websocket.
#[derive(Debug)]
struct Rejection {
    status: StatusCode,
    text: String,
}

impl Rejection {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    fn no_tunnel() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such tunnel on this relay")
    }

    fn handed_over() -> Self {
        let text = "another process has taken over from this one: a new connection reaches it";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// The SDKs read the status only; the text is for people with curl.
    fn response(self) -> Response<Body> {
        let mut response = Response::new(body::full(self.text + "\n"));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        let wants = refused.wants_credentials();
        let status = if wants { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        Self::new(status, refused.to_string())
    }
}

impl From<Unrecognized> for Rejection {
    fn from(error: Unrecognized) -> Self {
        let status = match &error {
            Unrecognized::Unidentified(_) => StatusCode::UNAUTHORIZED,
            Unrecognized::Store(source) => {
                tracing::error!(error = %source, "the users could not be read");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<handshake::Malformed> for Rejection {
    fn from(malformed: handshake::Malformed) -> Self {
        Self::new(malformed.status(), malformed.to_string())
    }
}

/// The subprotocol to answer with. Only version 2 is spoken yet.
fn choose(headers: &HeaderMap, side: Side) -> Result<&'static str, Rejection> {
    let ours = side.subprotocol(Version::V2);
    if handshake::offered(headers).any(|offer| offer == ours) {
        return Ok(ours);
    }
    let text = format!("this relay speaks version 2 only: offer the subprotocol {ours}");
    Err(Rejection::new(StatusCode::BAD_REQUEST, text))
}

/// Who asks for the socket: by header or, from browsers, by the subprotocol behind the others.
async fn identify(auth: &Auth, headers: &HeaderMap) -> Result<Caller, Rejection> {
    let now = clock::wall();
    let value = headers.get(header::AUTHORIZATION);
    if value.is_some() {
        return Ok(auth.recognize(value, now).await?);
    }
    match handshake::offered(headers).find(|offer| !offer.starts_with("tunnel-relay-")) {
        Some(token) => Ok(auth.identify_token(token, now).map_err(Unrecognized::from)?),
        None => Ok(Caller::Anonymous),
    }
}

/// How our end of a peer's session behaves.
fn session_config(context: &Context) -> ssh::Config {
    let mut cookie = [0; 16];
    // The session is cleartext; should there be no randomness, nothing is lost by zeros.
    let _ = getrandom::fill(&mut cookie);
    ssh::Config { budget: context.budget.clone(), ..ssh::Config::new(cookie) }
}

/// Sends the 101 with the empty body that the front wants.
fn switching(accepted: Response<()>) -> Response<Body> {
    accepted.map(|()| body::empty())
}
