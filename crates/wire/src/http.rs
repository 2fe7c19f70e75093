//! HTTP as a client speaks it: whole requests and whole answers, over HTTP/1.1.
//!
//! For API calls, not for traffic: bodies are held in memory, up to a limit. Redirects are not
//! followed, statuses are not judged, cookies do not exist.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use adit_proto::token::Secret;
use bytes::{Bytes, BytesMut};
use http::header::{DATE, HOST, RETRY_AFTER};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::net::{BadUrl, ConnectError, Connector, Target};
use crate::{clock, task};

/// How long an idle connection is kept for the next request. Shorter than servers and the boxes
/// in between usually keep theirs, so that few requests meet a connection that is just ending.
const KEEP_IDLE: Duration = Duration::from_secs(30);

/// Makes requests, and keeps one idle connection per server for the next.
#[derive(Debug)]
pub struct Client {
    connector: Connector,
    /// Held to put one in or take one out, never across an await.
    idle: Mutex<HashMap<Target, Idle>>,
}

impl Client {
    /// A client that connects through `connector`.
    pub fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::default() }
    }

    /// Sends a request with an absolute URL and reads the whole answer, with a body of at most
    /// `limit` bytes, all of it by `deadline`. The `Host` header is set here.
    ///
    /// On a connection that turns out to be dead a request is made once more on a new one, if it
    /// never left or if its method is idempotent.
    ///
    /// # Errors
    ///
    /// [`Error`]. An answer is never one, whatever its status.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let target = Target::from_uri(request.uri())?;
        let request = prepare(&target, request);
        let exchange = self.exchange(&target, request, limit, deadline);
        clock::until(deadline, exchange).await.unwrap_or(Err(Error::Late))
    }

    async fn exchange(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let mut request = request;
        if let Some(mut connection) = self.take(target).await {
            let again = request.method().is_idempotent().then(|| request.clone());
            match connection.sender.try_send_request(request).await {
                Ok(response) => return self.finish(target, connection, response, limit).await,
                Err(mut failure) => match failure.take_message().or(again) {
                    Some(unsent) if !failure.error().is_parse() => request = unsent,
                    _ => return Err(Error::Broken(failure.into_error())),
                },
            }
        }
        let mut connection = open(&self.connector, target, deadline).await?;
        let response = connection.sender.send_request(request).await.map_err(Error::Broken)?;
        self.finish(target, connection, response, limit).await
    }

    /// Reads the body and keeps the connection for the next request.
    async fn finish(
        &self,
        target: &Target,
        connection: Connection,
        response: Response<Incoming>,
        limit: usize,
    ) -> Result<Response<Bytes>, Error> {
        let (head, body) = response.into_parts();
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(Error::TooLarge { limit });
        }
        let body = Limited::new(body, limit).collect().await.map_err(|error| match error
            .downcast::<hyper::Error>(
        ) {
            Ok(error) => Error::Broken(*error),
            Err(other) => {
                debug_assert!(other.is::<LengthLimitError>());
                Error::TooLarge { limit }
            }
        })?;
        if !connection.sender.is_closed() {
            let until = clock::now() + KEEP_IDLE;
            self.idle().insert(target.clone(), Idle { connection, until });
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// The idle connection to a server, if one is there and alive as far as we know.
    async fn take(&self, target: &Target) -> Option<Connection> {
        let Idle { mut connection, until } = self.idle().remove(target)?;
        if until <= clock::now() {
            return None;
        }
        connection.sender.ready().await.ok()?;
        Some(connection)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Target, Idle>> {
        // Nothing under the lock can leave the map half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request on a connection of its own and takes a look at the answer: its head, and what of its body
/// comes by `deadline`, at most `limit` bytes. The connection stands by `connect_by` or not at all, and is closed
/// afterwards.
///
/// # Errors
///
/// [`Error`], if there is no head by `deadline`. A body that breaks off is none.
pub async fn glance(
    connector: &Connector,
    request: Request<Bytes>,
    limit: usize,
    connect_by: Instant,
    deadline: Instant,
) -> Result<Response<Bytes>, Error> {
    let target = Target::from_uri(request.uri())?;
    let request = prepare(&target, request);
    let exchange = async {
        let mut connection = open(connector, &target, connect_by.min(deadline)).await?;
        let response = connection.sender.send_request(request).await.map_err(Error::Broken)?;
        Ok((response, connection))
    };
    let exchanged = clock::until(deadline, exchange).await.unwrap_or(Err(Error::Late));
    let (response, _connection) = exchanged?;
    let (head, mut body) = response.into_parts();
    let mut beginning = BytesMut::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await
            && beginning.len() < limit
        {
            let data = frame.into_data().unwrap_or_default();
            beginning.extend_from_slice(&data[..data.len().min(limit - beginning.len())]);
        }
    };
    // What is there says what it says, however the rest may come.
    let _ = clock::until(deadline, read).await;
    Ok(Response::from_parts(head, beginning.freeze()))
}

async fn open(
    connector: &Connector,
    target: &Target,
    deadline: Instant,
) -> Result<Connection, Error> {
    let stream = connector.connect(target, deadline).await?;
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(Error::Broken)?;
    let task = task::spawn("http-connection", async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    });
    Ok(Connection { sender, _task: task })
}

/// A connection; dropping it closes it.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _task: task::Task<()>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    until: Instant,
}

/// Brings a request into the form that a server is sent: path only, and a `Host`.
fn prepare(target: &Target, request: Request<Bytes>) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned();
    head.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let host = HeaderValue::try_from(target.host_header());
    head.headers.insert(HOST, host.expect("a host in a URL has no characters beyond a header's"));
    Request::from_parts(head, Full::new(body))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is nothing to connect to.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// There is no connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No whole answer came in time.
    #[error("no answer came in time")]
    Late,
    /// The answer's body is larger than the caller wants.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The largest body wanted, in bytes.
        limit: usize,
    },
    /// The connection broke before the answer was whole, or what came is no HTTP.
    #[error("the connection broke before the answer was whole: {0}")]
    Broken(hyper::Error),
}

/// How long a `Retry-After` header asks to wait, seen from `now`: given in seconds or as a date.
/// Nothing if it is missing or unreadable; a date that is past means no time at all.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The time that an answer was made, as its `Date` header says.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let value = headers.get(DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(value).ok()
}

/// The value of an `Authorization` header. It is marked sensitive, so it does not print.
///
/// # Errors
///
/// [`BadSecret`] when the secret cannot stand in a header.
pub fn authorization(scheme: &str, secret: &Secret) -> Result<HeaderValue, BadSecret> {
    let value = format!("{scheme} {}", secret.expose());
    let mut value = HeaderValue::try_from(value).map_err(|_| BadSecret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A secret that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds a line break or another character that no token has; copy it again")]
pub struct BadSecret;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().expect("a date");
        for (value, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
        ] {
            let headers = [(RETRY_AFTER, value.parse().expect("a value"))].into_iter().collect();
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
