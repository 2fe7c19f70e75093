//! The server's side, on top of a hyper HTTP/1 connection served with upgrades.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::{accept_key, members};
use crate::net::Stream;

/// A request that will become a websocket.
#[derive(Debug)]
pub struct Accepted {
    /// The 101 to send. More headers may be added to it.
    pub response: Response<()>,
    /// The connection, once the 101 is sent.
    pub upgrade: Upgrade,
}

/// The connection to be had once hyper has sent the 101.
#[derive(Debug)]
pub struct Upgrade(OnUpgrade);

impl Upgrade {
    /// Waits for the 101 to be sent. Returns the connection and the bytes that the client sent
    /// behind its request already.
    ///
    /// # Errors
    ///
    /// What hyper says when the connection broke before that.
    pub async fn wait(self) -> hyper::Result<(Stream, Bytes)> {
        let upgraded = self.0.await?;
        Ok(match upgraded.downcast::<TokioIo<Stream>>() {
            Ok(parts) => (parts.io.into_inner(), parts.read_buf),
            // Served over some other type: it still works, with what was read put before the rest.
            Err(upgraded) => (Stream::other(TokioIo::new(upgraded)), Bytes::new()),
        })
    }
}

/// Whether a request asks for a websocket at all, well formed or not.
pub fn is_requested(headers: &HeaderMap) -> bool {
    members(headers, UPGRADE).any(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// The subprotocols that a request offers, the client's favourite first.
pub fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    members(headers, SEC_WEBSOCKET_PROTOCOL)
}

/// Checks a websocket request and makes the answer to it.
///
/// `chosen` is the subprotocol to answer with, one of those [`offered`]; a client that offered any
/// will refuse an answer without.
///
/// # Errors
///
/// [`Malformed`] when the request is no proper handshake; nothing has then happened to it.
pub fn accept<B>(request: &mut Request<B>, chosen: Option<&str>) -> Result<Accepted, Malformed> {
    let key = check(request)?;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Exactly this one token: Node's client takes no list.
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    if let Some(chosen) = chosen {
        if !offered(request.headers()).any(|offer| offer == chosen) {
            return Err(Malformed::Protocol);
        }
        let chosen = HeaderValue::from_str(chosen).map_err(|_| Malformed::Protocol)?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    Ok(Accepted { response, upgrade: Upgrade(hyper::upgrade::on(request)) })
}

/// The accept key, if the request is a proper handshake.
fn check<B>(request: &Request<B>) -> Result<HeaderValue, Malformed> {
    let headers = request.headers();
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(Malformed::Method);
    }
    let connection = members(headers, CONNECTION).any(|it| it.eq_ignore_ascii_case("upgrade"));
    if !connection || !is_requested(headers) {
        return Err(Malformed::NotUpgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Malformed::Version);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none()).ok_or(Malformed::Key)?;
    let nonce = BASE64_STANDARD.decode(key).map_err(|_| Malformed::Key)?;
    if nonce.len() != 16 {
        return Err(Malformed::Key);
    }
    Ok(HeaderValue::try_from(accept_key(key.as_bytes())).expect("base64 is a valid header"))
}

/// What is wrong with a request for a websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a GET by HTTP/1.1.
    #[error("a websocket is opened with GET over HTTP/1.1")]
    Method,
    /// `Connection` or `Upgrade` do not ask for a websocket.
    #[error(
        "this address is a websocket: the request must say `Connection: Upgrade` and `Upgrade: websocket`"
    )]
    NotUpgrade,
    /// Not version 13.
    #[error("only websocket version 13 is spoken here")]
    Version,
    /// `Sec-WebSocket-Key` is missing, doubled, or not 16 bytes in base64.
    #[error("the Sec-WebSocket-Key is not 16 bytes in base64")]
    Key,
    /// The client does not offer the subprotocol in question.
    #[error("none of the subprotocols offered is spoken here")]
    Protocol,
}

impl Malformed {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key | Self::Protocol => StatusCode::BAD_REQUEST,
        }
    }

    /// A response with that status, the headers it calls for, and no body.
    pub fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            Self::Method => {
                headers.insert(http::header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::NotUpgrade | Self::Version => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Key | Self::Protocol => {}
        }
        response
    }
}
