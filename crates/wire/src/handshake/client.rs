//! The client's side: ask, and believe only a whole and exact answer.

use std::io;
use std::time::{Duration, Instant};

use adit_proto::token::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;

use super::{accept_key, members};
use crate::net::head::{self, Head, HeadError};
use crate::net::{BadUrl, ConnectError, Connector, Stream, Target};
use crate::{clock, http as client_http};

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Where: an absolute `ws`, `wss`, `http` or `https` URL.
    pub uri: &'a Uri,
    /// The subprotocols offered, the preferred one first. With none offered none is accepted.
    pub protocols: &'a [&'a str],
    /// A tunnel access token, sent as `Authorization: tunnel …`.
    pub token: Option<&'a Secret>,
    /// More headers. Those of the handshake itself are not sent from here.
    pub headers: HeaderMap,
    /// The end of patience with the whole of it.
    pub deadline: Instant,
}

/// A connection that speaks websocket frames from here on.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub stream: Stream,
    /// What the server sent after its answer already: the first bytes of its frames.
    pub leftover: Bytes,
    /// The subprotocol that the server chose, exactly as offered; empty if none was offered.
    pub protocol: String,
    /// All headers of the answer.
    pub headers: HeaderMap,
}

/// Why there is no websocket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is nothing to connect to.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// The token holds characters that no token has.
    #[error("the token is damaged: {0}")]
    Token(#[from] client_http::BadSecret),
    /// There is no connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server answered, and refused.
    #[error("{}", .0.meaning())]
    Refused(Box<Refusal>),
    /// The server answered something that is no websocket handshake; often a proxy in between.
    #[error(
        "the answer is no websocket handshake ({0}); a proxy in between may not let websockets through"
    )]
    Answer(Flaw),
    /// The connection broke during the handshake.
    #[error("the connection broke during the websocket handshake")]
    Io(#[source] io::Error),
    /// No answer came in time.
    #[error("no answer to the websocket handshake came in time")]
    Late,
}

/// An answer other than 101.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Refusal {
    /// How long the server asks to wait before the next attempt, seen from `now`.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        client_http::retry_after(&self.headers, now)
    }

    fn meaning(&self) -> String {
        let status = self.status;
        let advice = match status.as_u16() {
            401 => "the token is missing, wrong or expired: sign in or get a new one",
            403 => "this identity or token may not do that: get one that may",
            404 => "there is no such tunnel or port",
            429 => "too many attempts: wait",
            502..=504 => "it is not available now: wait and try again",
            300..=399 => "it wants to send us elsewhere, which is not followed: use its final URL",
            _ => "the server does not accept the websocket",
        };
        format!("refused with status {status}: {advice}")
    }
}

/// What is wrong with an answer that claims to be a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It does not speak HTTP/1.1.
    #[error("it is not HTTP/1.1")]
    NotHttp,
    /// Its head does not end within reason.
    #[error("its head is too long")]
    TooLong,
    /// `Upgrade` is not `websocket`.
    #[error("it does not upgrade to websocket")]
    Upgrade,
    /// `Connection` has no `upgrade`.
    #[error("its Connection header does not say upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` does not answer our key.
    #[error("its accept key is wrong")]
    Key,
    /// The subprotocol is none of ours, missing, or more than one.
    #[error("it chose no subprotocol of those offered")]
    Protocol,
    /// It uses an extension, and none was offered.
    #[error("it uses an extension that was not offered")]
    Extension,
}

/// Connects to the request's URL and performs the handshake.
///
/// # Errors
///
/// [`Error`]; nothing is retried.
pub async fn connect(connector: &Connector, request: Request<'_>) -> Result<Connected, Error> {
    let target = Target::from_uri(request.uri)?;
    let stream = connector.connect(&target, request.deadline).await?;
    over(stream, request).await
}

/// Performs the handshake over a connection that stands already, by the request's deadline.
///
/// # Errors
///
/// [`Error`], after which the connection is gone.
pub async fn over(stream: Stream, request: Request<'_>) -> Result<Connected, Error> {
    let target = Target::from_uri(request.uri)?;
    match clock::until(request.deadline, converse(stream, &target, request)).await {
        Ok(outcome) => outcome,
        Err(clock::Late) => Err(Error::Late),
    }
}

async fn converse(
    mut stream: Stream,
    target: &Target,
    request: Request<'_>,
) -> Result<Connected, Error> {
    let key = new_key();
    let ask = ask(target, &request, &key)?;
    stream.write_all(&ask).await.map_err(Error::Io)?;
    stream.flush().await.map_err(Error::Io)?;
    let Head { status, headers, rest } = head::read(&mut stream).await?;
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Refused(Box::new(Refusal { status, headers })));
    }
    let protocol = check(&headers, &key, request.protocols).map_err(Error::Answer)?.to_owned();
    Ok(Connected { stream, leftover: rest, protocol, headers })
}

/// The bytes of the request. Its own headers come first and win over the caller's.
fn ask(target: &Target, request: &Request<'_>, key: &str) -> Result<Vec<u8>, Error> {
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let mut bytes = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n",
        target.host_header()
    )
    .into_bytes();
    if !request.protocols.is_empty() {
        let offer = request.protocols.join(", ");
        bytes.extend_from_slice(format!("Sec-WebSocket-Protocol: {offer}\r\n").as_bytes());
    }
    let mut headers = request.headers.clone();
    if let Some(token) = request.token {
        headers.insert(AUTHORIZATION, client_http::authorization("tunnel", token)?);
    }
    for (name, value) in headers.iter().filter(|(name, _)| !OURS.contains(name)) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// The headers that [`ask`] writes itself.
const OURS: [http::HeaderName; 7] = [
    HOST,
    UPGRADE,
    CONNECTION,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_EXTENSIONS,
];

/// Checks a 101 and returns the subprotocol it chose.
fn check<'a>(headers: &HeaderMap, key: &str, offered: &'a [&'a str]) -> Result<&'a str, Flaw> {
    let says = |name, word: &str| members(headers, name).any(|it| it.eq_ignore_ascii_case(word));
    if !says(UPGRADE, "websocket") {
        return Err(Flaw::Upgrade);
    }
    if !says(CONNECTION, "upgrade") {
        return Err(Flaw::Connection);
    }
    if only(headers, SEC_WEBSOCKET_ACCEPT).is_none_or(|it| it != accept_key(key.as_bytes())) {
        return Err(Flaw::Key);
    }
    if members(headers, SEC_WEBSOCKET_EXTENSIONS).next().is_some() {
        return Err(Flaw::Extension);
    }
    if offered.is_empty() && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok("");
    }
    let chosen = only(headers, SEC_WEBSOCKET_PROTOCOL).ok_or(Flaw::Protocol)?;
    offered.iter().find(|offer| **offer == chosen).copied().ok_or(Flaw::Protocol)
}

/// The value of a header that must stand exactly once.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::to_str)?.ok()?;
    values.next().is_none().then(|| value.trim())
}

fn new_key() -> String {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).expect("the system has randomness");
    BASE64_STANDARD.encode(nonce)
}

impl From<HeadError> for Error {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Io(error) => Self::Io(error),
            HeadError::Ended => Self::Io(io::ErrorKind::UnexpectedEof.into()),
            HeadError::NotHttp => Self::Answer(Flaw::NotHttp),
            HeadError::TooLong => Self::Answer(Flaw::TooLong),
        }
    }
}
