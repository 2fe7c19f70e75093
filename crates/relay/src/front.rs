//! The relay's public face: takes connections, reads requests, and hands each to whom it is for.
//!
//! One listener serves everything. The `Host` decides: the management API and the relay sockets have
//! `cp.{domain}`, the advertised name, `localhost` and bare addresses; everything else is the
//! edge's, which also says what is not ours at all. Ports in `Host` are ignored: one of the SDKs
//! leaves them out.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_wire::net::{Io, Stream};
use adit_wire::task::{Spawner, Stopping};
use adit_wire::{clock, handshake, tls};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tracing::Instrument;

use crate::api::{Api, Problem, Route, request_id, sign};
use crate::body::{Body, full};
use crate::config::Config;
use crate::course::Course;
use crate::metrics::Metrics;
use crate::seams::{Answer, Edge, Peer, Sockets};
use crate::sharing::{self, Sharing};

/// How long a client may take to send a request's head, and how long a connection may idle.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// The largest head of a request; larger ones are answered with 431 and no words. The edge refuses
/// smaller ones, with words.
const HEAD_SIZE: usize = 128 * 1024;

/// The most header fields of a request; more are answered with 431. As many as can be read without
/// an allocation.
const HEAD_FIELDS: usize = 100;

/// How long a client may take to agree on TLS.
const TLS_TIME: Duration = Duration::from_secs(10);

/// How long an idle connection is kept after another process has taken over. A client that sends
/// another request meanwhile gets its answer and is told to close; one that uses its connections at
/// all mostly does so within seconds, and whoever comes later meets what every idle connection may.
const LAST_REQUEST: Duration = Duration::from_secs(10);

/// How long what a client still sends is read after his head was refused.
const LINGER: Duration = Duration::from_secs(2);

/// Answers the requests of a connection.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> Answer;

    /// Whether a request is a visitor's. Those who speak with the relay itself know how to call
    /// again, and better do so at once when another process has taken over.
    fn is_visit(&self, request: &Request<Incoming>) -> bool;

    /// Notes that a request was refused whose head could not be read. Too large it was, or wrong.
    fn refused(&self, too_large: bool);
}

/// Serves HTTP/1 on a connection, upgrades included, until it ends. When asked to stop it finishes
/// the request at hand; when another process has taken over, one more.
pub async fn serve(
    stream: Stream,
    peer: Peer,
    handler: Arc<dyn Handler>,
    course: Course,
    stopping: Stopping,
) {
    let visited = Arc::new(AtomicBool::new(true));
    let (over, seen) = (over(&course, visited.clone()), visited);
    let service = service_fn(|request| {
        seen.store(handler.is_visit(&request), Ordering::Relaxed);
        let (answer, course) = (handler.handle(request, peer), course.clone());
        async move {
            let mut response = answer.await;
            if course.is_handed_over() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stopping.wait() => None,
        () = over => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else { return };
    tracing::debug!(%error, "a connection broke");
    if error.is_parse() {
        handler.refused(error.is_parse_too_large());
        if let Some(parts) = connection.into_parts() {
            linger(parts.io.into_inner()).await;
        }
    }
}

/// Returns when a connection should take no further request because another process takes them: at
/// once if it is not a visitor's, else after there was time for one more.
fn over(course: &Course, visited: Arc<AtomicBool>) -> impl Future<Output = ()> + use<> {
    let handed_over = course.handed_over();
    async move {
        handed_over.await;
        if visited.load(Ordering::Relaxed) {
            clock::sleep(LAST_REQUEST).await;
        }
    }
}

/// Reads what a client sends who has been refused. Closing on it would reset the connection, and
/// the answer could be lost with it.
async fn linger(mut stream: Stream) {
    let mut scratch = vec![0; 16 * 1024];
    let reading = async { while stream.read(&mut scratch).await.is_ok_and(|n| n > 0) {} };
    // Whoever sends for longer does not listen anyway.
    let _ = clock::until(clock::now() + LINGER, reading).await;
}

/// Dispatches requests of the relay's listener.
pub(crate) struct Front {
    pub(crate) api: Arc<Api>,
    pub(crate) sockets: Arc<dyn Sockets>,
    pub(crate) edge: Arc<dyn Edge>,
    /// Where links lead, on a relay that has them.
    pub(crate) sharing: Option<Arc<Sharing>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) names: ApiNames,
    pub(crate) tls: Option<tls::Server>,
    pub(crate) course: Course,
    /// Where connections run.
    pub(crate) tasks: Spawner,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Front {
    /// Serves a connection that was accepted from `addr`.
    pub(crate) fn welcome(self: &Arc<Self>, stream: Stream, addr: SocketAddr) {
        let front = self.clone();
        self.tasks.spawn("connection", async move { front.accepted(stream, addr).await });
    }

    /// Serves a connection that came in some other way, without TLS.
    pub(crate) fn adopt(self: Arc<Self>, io: impl Io + 'static, addr: SocketAddr) {
        let tasks = self.tasks.clone();
        let peer = Peer { addr, secure: false };
        tasks.spawn("connection", async move { self.serve(Stream::other(io), peer).await });
    }

    /// The answer to somebody who opens a link.
    fn opened<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let sharing = self.sharing.as_ref()?;
        sharing::secret(request.uri().path())?;
        Some(sharing.go(request, clock::wall(), clock::now()).map(full))
    }

    async fn accepted(self: Arc<Self>, stream: Stream, addr: SocketAddr) {
        let Some(tls) = &self.tls else {
            return self.serve(stream, Peer { addr, secure: false }).await;
        };
        match clock::until(clock::now() + TLS_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, Peer { addr, secure: true }).await,
            Ok(Err(error)) => {
                self.metrics.tls_failed.inc();
                tracing::debug!(%error, "a TLS handshake failed");
            }
            Err(clock::Late) => {
                self.metrics.tls_failed.inc();
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: Stream, peer: Peer) {
        let _open = self.metrics.connection();
        let (course, stopping) = (self.course.clone(), self.tasks.stopping());
        serve(stream, peer, self, course, stopping).await;
    }
}

impl Handler for Front {
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        match authority(&request) {
            Some(host) if !self.names.contains(host) => self.edge.serve(request, peer),
            Some(_) => {
                if let Some(answer) = self.opened(&request) {
                    return signed(Box::pin(std::future::ready(answer)));
                }
                let route = Route::parse(request.uri().path());
                match route {
                    Ok(Route::Socket(socket)) if handshake::is_requested(request.headers()) => {
                        signed(self.sockets.upgrade(request, socket, peer))
                    }
                    route => {
                        let api = self.api.clone();
                        signed(Box::pin(async move { api.serve(route, request, peer).await }))
                    }
                }
            }
            None => signed(Box::pin(std::future::ready(no_host().into_response()))),
        }
    }

    fn is_visit(&self, request: &Request<Incoming>) -> bool {
        authority(request).is_some_and(|host| !self.names.contains(host))
    }

    fn refused(&self, too_large: bool) {
        self.metrics.refused(too_large);
    }
}

/// Adds what every answer of the API and the sockets says about itself.
fn signed(answer: Answer) -> Answer {
    let id = request_id();
    let span = tracing::debug_span!("request", id);
    let answer = async move {
        let mut response: Response<Body> = answer.await;
        sign(response.headers_mut(), &id);
        response
    };
    Box::pin(answer.instrument(span))
}

/// Where a request was sent, by its target or else its `Host`.
fn authority(request: &Request<Incoming>) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST)?.to_str().ok(),
    }
}

fn no_host() -> Problem {
    let detail = "A request has to say in its Host header what it is for.";
    Problem::new(StatusCode::BAD_REQUEST, "The Host header is missing.", detail)
}

/// The host names of the management API.
#[derive(Debug, Clone)]
pub(crate) struct ApiNames(Vec<Box<str>>);

impl ApiNames {
    /// What the configuration says, besides `localhost` and bare addresses.
    pub(crate) fn new(config: &Config) -> Self {
        let domain = config.domain.iter().map(|domain| format!("cp.{}", domain.as_str()));
        let advertised = config.advertised_url.iter().map(|url| host(url.authority()).to_owned());
        Self(domain.chain(advertised).map(String::into_boxed_str).collect())
    }

    fn contains(&self, authority: &str) -> bool {
        let host = host(authority);
        let host = host.strip_suffix('.').unwrap_or(host);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
            || host.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// An authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_api_has_its_own_names_and_everything_else_is_the_edge_s() {
        let toml = "domain = 'x.org'\nadvertised_url = 'https://relay.example.com:8443'";
        let names = ApiNames::new(&Config::parse(toml, Path::new("d")).unwrap());
        for host in [
            "cp.x.org",
            "CP.X.org.:443",
            "relay.example.com",
            "relay.example.com:1",
            "localhost:8443",
            "127.0.0.1",
            "[::1]:8443",
            "[::1]",
        ] {
            assert!(names.contains(host), "{host}");
        }
        for host in ["x.org", "a-1.x.org", "cp.y.org", "a-1.localhost", "", "127.0.0.1.x.org"] {
            assert!(!names.contains(host), "{host}");
        }
    }
}
