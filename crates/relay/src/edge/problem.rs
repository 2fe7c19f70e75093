//! What can be wrong with a visit, and on whose side. The words are in `words`.

mod words;

use std::time::Duration;

use http::StatusCode;

/// Where a visit ended that did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The visitor, and what he asked for.
    Visitor,
    /// This relay.
    Relay,
    /// The computer that hosts the tunnel.
    Host,
    /// The server on that computer's port.
    Server,
}

/// Why a visitor gets an answer of ours instead of the local server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The request names no host, or more than one, or none that could be.
    BadHost,
    /// `CONNECT`, or another way of using the edge as what it is not.
    BadRequest,
    /// A host name that this listener does not answer for.
    Misdirected,
    /// The header is larger than the edge takes.
    HeadTooLarge,
    /// No such tunnel.
    NoTunnel,
    /// The tunnel has no such port.
    NoPort(u16),
    /// The tunnel is private and the request carries no credential.
    SignIn,
    /// The credential is damaged, expired or revoked.
    BadToken,
    /// The credential is good, but not for this.
    Forbidden,
    /// A page of another site tries to open a WebSocket.
    CrossSite,
    /// No link of this address, or none that is still good: which of the two is not told.
    NoLink,
    /// The one-time code that a link led to was used, is too old, or is for something else.
    CodeUsed,
    /// The link by which the visitor came has ended or was revoked.
    LinkEnded,
    /// Who came by a link is sent here by another page, which is not to act in their name.
    ForeignPage,
    /// The tunnel has no ports at all.
    NoPorts,
    /// The relay could not look the credential up.
    Store,
    /// Nobody hosts the tunnel.
    NoHost,
    /// The host went away and did not return in time.
    HostAway,
    /// Too many connections wait for the host, or are open through it.
    Busy,
    /// The host has moved to the process that took over, and this connection has not.
    Restarting,
    /// The host did not say in time whether it reaches the port.
    HostSilent(u16),
    /// The host does not serve this port.
    NotShared(u16),
    /// The host could not connect to the local server.
    Refused {
        /// The local port.
        port: u16,
        /// What the host said about it, if it said something.
        text: Option<Box<str>>,
    },
    /// A new connection ended without a byte: how some hosts say that theirs was refused.
    Closed(u16),
    /// The local server's answer is not HTTP.
    NotHttp(u16),
    /// No TLS with the local server, on a port where there should be.
    NoTls(u16),
    /// The connection broke before an answer came.
    Broken(u16),
    /// The local server was silent for too long.
    Timeout {
        /// The local port.
        port: u16,
        /// For how long.
        after: Duration,
    },
}

impl Problem {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadHost | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NoTunnel | Self::NoPort(_) | Self::NoPorts => StatusCode::NOT_FOUND,
            Self::NoLink => StatusCode::NOT_FOUND,
            Self::CodeUsed => StatusCode::GONE,
            Self::SignIn | Self::BadToken | Self::LinkEnded => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite | Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::Busy | Self::Store | Self::Restarting => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoHost | Self::HostAway | Self::NotShared(_) => StatusCode::BAD_GATEWAY,
            Self::Refused { .. } | Self::Closed(_) => StatusCode::BAD_GATEWAY,
            Self::NotHttp(_) | Self::NoTls(_) | Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::HostSilent(_) | Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// A stable word for programs, and the label of the counter.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadHost => "bad_host",
            Self::BadRequest => "bad_request",
            Self::Misdirected => "misdirected",
            Self::HeadTooLarge => "head_too_large",
            Self::NoTunnel => "no_tunnel",
            Self::NoPort(_) => "no_port",
            Self::SignIn => "sign_in",
            Self::BadToken => "bad_token",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::NoLink => "no_link",
            Self::CodeUsed => "code_used",
            Self::LinkEnded => "link_ended",
            Self::ForeignPage => "foreign_page",
            Self::NoPorts => "no_ports",
            Self::Store => "relay_failed",
            Self::NoHost => "no_host",
            Self::HostAway => "host_away",
            Self::Busy => "busy",
            Self::Restarting => "restarting",
            Self::HostSilent(_) => "host_silent",
            Self::NotShared(_) => "not_shared",
            Self::Refused { .. } => "refused",
            Self::Closed(_) => "closed",
            Self::NotHttp(_) => "not_http",
            Self::NoTls(_) => "no_tls",
            Self::Broken(_) => "broken",
            Self::Timeout { .. } => "timeout",
        }
    }

    /// On whose side it is.
    pub fn side(&self) -> Side {
        match self {
            Self::BadHost | Self::BadRequest | Self::Misdirected | Self::HeadTooLarge => {
                Side::Visitor
            }
            Self::NoTunnel | Self::NoPort(_) | Self::SignIn | Self::BadToken => Side::Visitor,
            Self::Forbidden | Self::CrossSite | Self::ForeignPage => Side::Visitor,
            Self::NoLink | Self::CodeUsed | Self::LinkEnded => Side::Visitor,
            Self::Store | Self::Restarting => Side::Relay,
            Self::NoHost | Self::HostAway | Self::Busy | Self::NotShared(_) => Side::Host,
            Self::NoPorts => Side::Host,
            Self::HostSilent(_) => Side::Host,
            Self::Refused { .. } | Self::Closed(_) => Side::Server,
            Self::NotHttp(_) | Self::NoTls(_) | Self::Broken(_) => Side::Server,
            Self::Timeout { .. } => Side::Server,
        }
    }

    /// After how many seconds another try makes sense, when that is known.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy | Self::Store | Self::HostAway => Some(2),
            Self::Restarting => Some(1),
            _ => None,
        }
    }
}
