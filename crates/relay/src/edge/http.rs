//! A request to the local server and its response back, both streamed.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use adit_wire::clock;
use hyper::body::{Body as _, Incoming};

use super::Shared;
use super::access::Entry;
use super::body::{Progress, RequestBody};
use super::conn::{Conn, Failure};
use super::headers::{keep_alive_seconds, keep_private, rewrite_request, rewrite_response, tokens};
use super::pool::{Known, Speech};
use super::problem::Problem;
use super::response::Rest;
use super::visit::Visit;
use crate::body::{self, Body};

/// How long an answer to whether a server speaks TLS is good for, once there is reason to doubt.
const TESTED: std::time::Duration = std::time::Duration::from_secs(60);

impl Shared {
    /// Sends a visitor's request to the local server and returns its response.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn forward(
        self: &Arc<Self>,
        visit: Visit,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, Problem> {
        let bodyless = request.body().is_end_stream();
        // Safe ones may be sent again whatever became of them, idempotent ones if nothing came
        // back, the rest only if nothing was sent.
        let safe = bodyless && request.method().is_safe();
        let repeatable = bodyless && request.method().is_idempotent();
        let limit = visit.options.timeout;
        let mut fresh = false;
        let mut probed = false;
        loop {
            let (known, mut conn) = self.connection(&visit, fresh, repeatable, safe).await?;
            let speech = conn.speech();
            let guessed = visit.said().is_none() && speech == Speech::Plain;
            let again = repeatable && conn.is_reused() || safe && guessed && !probed;
            let spare = again.then(|| self.copy(&request));
            prepare(&mut request, &visit, speech);
            let upload = RequestBody::begin(&mut request);

            match conn.send(request, limit).await {
                Ok(response) => {
                    let doubt = guessed && !probed && doubtful(&response, known);
                    match spare.filter(|_| doubt && safe) {
                        Some(spare) if self.probe(&visit).await? => {
                            (request, fresh, probed) = (spare, true, true);
                            continue;
                        }
                        // It cannot be sent again: the next of its kind asks first.
                        None if doubt => visit.port.learn(None),
                        _ if visit.said().is_none() && known.speech != Some(speech) => {
                            visit.port.learn(Some(speech));
                        }
                        _ => {}
                    }
                    return self.answer(visit, conn, response, upload).await;
                }
                Err(Failure::Unsent(unsent)) if conn.is_reused() => request = *unsent,
                Err(Failure::Unsent(_)) => return Err(Problem::Closed(visit.number)),
                Err(Failure::Silent) => {
                    let after = limit.unwrap_or_default();
                    return Err(Problem::Timeout { port: visit.number, after });
                }
                Err(Failure::Broken(error)) => {
                    tracing::debug!(port = visit.number, %error, "no response");
                    let stale = conn.is_reused() && !conn.has_received();
                    if guessed && !stale {
                        visit.port.learn(None);
                    }
                    match spare {
                        Some(spare) if stale && !fresh => {
                            self.counters.retried.inc();
                            (request, fresh) = (spare, true);
                        }
                        Some(spare) if guessed && safe && !probed && self.probe(&visit).await? => {
                            (request, fresh, probed) = (spare, true, true);
                        }
                        _ => return Err(broken(&conn, &error, visit.number)),
                    }
                }
            }
        }
    }

    /// A connection for the next try, and what is known of the port.
    async fn connection(
        &self,
        visit: &Visit,
        fresh: bool,
        repeatable: bool,
        safe: bool,
    ) -> Result<(Known, Box<Conn>), Problem> {
        if visit.look {
            let known = Known::default();
            return Ok((known, self.connect(visit, known, !safe).await?));
        }
        loop {
            let (known, idle) = visit.port.take(clock::now(), !repeatable);
            match idle.filter(|_| !fresh) {
                Some(conn) if visit.said().is_none_or(|said| said == conn.speech()) => {
                    self.counters.reused.inc();
                    return Ok((known, conn));
                }
                // The owner has changed his mind about the protocol since.
                Some(_) => {}
                None => return Ok((known, self.connect(visit, known, !safe).await?)),
            }
        }
    }

    /// The response for the visitor, and what it needs to go on.
    async fn answer(
        self: &Arc<Self>,
        mut visit: Visit,
        conn: Box<Conn>,
        response: Response<Incoming>,
        upload: Option<Progress>,
    ) -> Result<Response<Body>, Problem> {
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let (mut parts, incoming) = response.into_parts();
        // None at all for a connection that is of one look.
        let patience = if visit.look { Some(0) } else { keep_alive_seconds(&parts.headers) };
        rewrite_response(&mut parts.headers, upgraded, &visit.exchange(conn.speech()));
        if visit.entry != Entry::Open {
            keep_private(&mut parts.headers);
        }
        // Each connection has a version of its own.
        parts.version = Version::HTTP_11;
        if upgraded {
            // Nobody asked for it: what follows would be nobody's language.
            let Some((_, visitor)) = visit.upgrade.take() else {
                return Err(Problem::NotHttp(visit.number));
            };
            self.splice(conn, visitor, &visit);
            return Ok(Response::from_parts(parts, body::empty()));
        }
        let tasks = self.tasks.clone();
        let rest = Rest { conn, port: visit.port, patience, upload, tasks };
        Ok(Response::from_parts(parts, rest.stream(incoming).await))
    }

    /// A request without a body once more.
    fn copy(&self, request: &Request<RequestBody>) -> Request<RequestBody> {
        let mut copy = Request::new(RequestBody::empty(&self.tasks));
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        copy
    }
}

/// Makes the request the local server's.
fn prepare(request: &mut Request<RequestBody>, visit: &Visit, speech: Speech) {
    let protocol = visit.upgrade.as_ref().map(|(protocol, _)| protocol.clone());
    rewrite_request(request.headers_mut(), protocol, &visit.exchange(speech));
    if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
        // A body of unknown length is a body, whatever the method.
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(header::TRANSFER_ENCODING, chunked);
        request.headers_mut().remove(header::CONTENT_LENGTH);
    }
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        *request.uri_mut() = origin_form(request.uri());
    }
}

/// The path and query alone.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from)
}

/// Whether this may be what a TLS server says to plain HTTP: a bad request, and goodbye.
fn doubtful(response: &Response<Incoming>, known: Known) -> bool {
    let closes = |headers: &HeaderMap| {
        let mut values = headers.get_all(header::CONNECTION).iter().flat_map(tokens);
        values.any(|token| token.eq_ignore_ascii_case("close"))
    };
    response.status() == StatusCode::BAD_REQUEST
        && (response.version() == Version::HTTP_10 || closes(response.headers()))
        && known.tested.is_none_or(|at| clock::now().saturating_duration_since(at) >= TESTED)
}

/// What a connection that broke before it answered says about the local server.
fn broken(conn: &Conn, error: &hyper::Error, port: u16) -> Problem {
    if error.is_user() {
        // The visitor's own body ended before its end.
        return Problem::BadRequest;
    }
    match (conn.has_received(), conn.is_reused()) {
        (true, _) if error.is_parse() => Problem::NotHttp(port),
        (true, _) | (false, true) => Problem::Broken(port),
        (false, false) => Problem::Closed(port),
    }
}
