//! What can be wrong with a visit, in plain words: what happened, on whose side, what to do.

use std::borrow::Cow;
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
            Self::NoTunnel | Self::NoPort(_) => StatusCode::NOT_FOUND,
            Self::SignIn | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
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
            Self::Forbidden | Self::CrossSite => Side::Visitor,
            Self::Store | Self::Restarting => Side::Relay,
            Self::NoHost | Self::HostAway | Self::Busy | Self::NotShared(_) => Side::Host,
            Self::HostSilent(_) => Side::Host,
            Self::Refused { .. } | Self::Closed(_) => Side::Server,
            Self::NotHttp(_) | Self::NoTls(_) | Self::Broken(_) => Side::Server,
            Self::Timeout { .. } => Side::Server,
        }
    }

    /// What happened, in a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::BadHost | Self::BadRequest => "This request makes no sense here",
            Self::Misdirected => "Nothing here under this name",
            Self::HeadTooLarge => "This request's header is too large",
            Self::NoTunnel => "There is no such tunnel",
            Self::NoPort(_) => "This tunnel does not have that port",
            Self::SignIn => "This tunnel is private",
            Self::BadToken => "This token is not accepted",
            Self::Forbidden => "You may not open this tunnel",
            Self::CrossSite => "Another site may not connect here",
            Self::Store => "The relay has a problem of its own",
            Self::NoHost => "Nobody is hosting this tunnel right now",
            Self::HostAway => "The host is reconnecting",
            Self::Busy => "Too many requests at once",
            Self::Restarting => "The relay is restarting",
            Self::HostSilent(_) => "The host took too long",
            Self::NotShared(_) => "The host is not sharing this port",
            Self::Refused { .. } => "Nothing answers on the local port",
            Self::Closed(_) => "Nothing answers on the local port",
            Self::NotHttp(_) => "The local server does not speak HTTP",
            Self::NoTls(_) => "The local server does not speak HTTPS",
            Self::Broken(_) => "The connection broke before an answer came",
            Self::Timeout { .. } => "The local server took too long",
        }
    }

    /// What happened, in a sentence or two.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::BadHost => {
                "The request must name exactly one valid host in its Host header.".into()
            }
            Self::BadRequest => {
                "This address serves one web application; it is not a proxy to others.".into()
            }
            Self::Misdirected => {
                "The request reached this server, but it asks for a host name that is not served \
                 here."
                    .into()
            }
            Self::HeadTooLarge => {
                "All header lines together, cookies included, must fit into 64 KiB.".into()
            }
            Self::NoTunnel => {
                "No tunnel has this name. It may have been deleted or have expired, or the address \
                 was mistyped."
                    .into()
            }
            Self::NoPort(port) => {
                format!("The tunnel exists, but port {port} is not one of its ports.").into()
            }
            Self::SignIn => "Only people whom its owner lets in can open it.".into(),
            Self::BadToken => {
                "The token that came with the request is damaged, expired or revoked.".into()
            }
            Self::Forbidden => {
                "The relay knows who is asking, but the tunnel's access list does not let them \
                 connect to this port."
                    .into()
            }
            Self::CrossSite => {
                "A page from another site tried to open a WebSocket to a server on this computer. \
                 That was stopped."
                    .into()
            }
            Self::Store => {
                "The relay could not look up who is asking, because its store does not answer."
                    .into()
            }
            Self::NoHost => {
                "The tunnel exists, but the computer it leads to is not connected to the relay."
                    .into()
            }
            Self::HostAway => {
                "The computer this tunnel leads to lost its connection to the relay a moment ago \
                 and has not returned yet."
                    .into()
            }
            Self::Busy => {
                "More requests than fit are open at the computer this tunnel leads to, or wait for \
                 its return."
                    .into()
            }
            Self::Restarting => {
                "The computer this tunnel leads to is connected to the relay's new process \
                 already; this connection still led to the old one."
                    .into()
            }
            Self::HostSilent(port) => format!(
                "The computer this tunnel leads to is connected, but did not say in time whether \
                 port {port} can be reached there."
            )
            .into(),
            Self::NotShared(port) => format!(
                "The computer this tunnel leads to is connected, but it does not offer port {port}."
            )
            .into(),
            Self::Refused { port, text: None } => format!(
                "The tunnel works, but on the computer it leads to nothing accepted the connection \
                 to port {port}."
            )
            .into(),
            Self::Refused { port, text: Some(text) } => format!(
                "The tunnel works, but on the computer it leads to nothing accepted the connection \
                 to port {port} ({text})."
            )
            .into(),
            Self::Closed(port) => format!(
                "The tunnel works, but the connection to port {port} of the computer it leads to \
                 was closed before a byte came back. Usually nothing is listening there."
            )
            .into(),
            Self::NotHttp(port) => format!(
                "Something listens on port {port} of the computer this tunnel leads to, but its \
                 answer is not HTTP."
            )
            .into(),
            Self::NoTls(port) => format!(
                "Something listens on port {port} of the computer this tunnel leads to, but no TLS \
                 connection could be made with it."
            )
            .into(),
            Self::Broken(port) => format!(
                "The request was sent to port {port} of the computer this tunnel leads to, but the \
                 connection closed without an answer."
            )
            .into(),
            Self::Timeout { port, after } => format!(
                "The server on port {port} of the computer this tunnel leads to sent nothing for \
                 {} seconds.",
                after.as_secs()
            )
            .into(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::BadHost | Self::BadRequest => {
                "Check the program that sent this request, and any proxy in between.".into()
            }
            Self::Misdirected => {
                "Use exactly the address that was printed when the tunnel started.".into()
            }
            Self::HeadTooLarge => {
                "Remove large cookies for this site, or send large data in the body.".into()
            }
            Self::NoTunnel => "Ask whoever gave you this address for the current one.".into(),
            Self::NoPort(port) => format!(
                "If it is your tunnel, add it: adit port create <tunnel> -p {port}. Otherwise ask \
                 whoever gave you this address."
            )
            .into(),
            Self::SignIn => {
                "Programs: send the header \"X-Tunnel-Authorization: tunnel <token>\" with a \
                 connect token (adit token <tunnel> --scopes connect). Owners: allow anonymous \
                 access if anybody may come in."
                    .into()
            }
            Self::BadToken => {
                "Get a new one: adit token <tunnel> --scopes connect. Tokens end after a day at \
                 the latest."
                    .into()
            }
            Self::Forbidden => "Ask the tunnel's owner for access.".into(),
            Self::CrossSite => {
                "If you are developing that page, open it through the tunnel as well.".into()
            }
            Self::Busy => "Try again in a moment.".into(),
            Self::Store => {
                "Try again in a moment. If it stays, tell whoever runs this relay.".into()
            }
            Self::Restarting => "Try again; a new connection gets through.".into(),
            Self::NoHost => {
                "If it is your tunnel, start hosting it: adit host <tunnel>. Otherwise ask its \
                 owner to do so."
                    .into()
            }
            Self::HostAway => "Try again in a few seconds; it usually comes back by itself.".into(),
            Self::NotShared(port) => format!(
                "On that computer, add port {port} to what is hosted, or restart hosting so that \
                 it picks the port up."
            )
            .into(),
            Self::Refused { port, .. } | Self::Closed(port) => {
                format!("Is the server running on port {port}? Start it there, then reload.").into()
            }
            Self::HostSilent(port) => format!(
                "Try again. Look whether that computer is overloaded, or port {port} hangs."
            )
            .into(),
            Self::NotHttp(port) => format!(
                "If this port is meant for something else, reach it with: adit connect <tunnel>. \
                 Otherwise check what runs on port {port}."
            )
            .into(),
            Self::NoTls(port) => format!(
                "If the server on port {port} is plain HTTP, set the port's protocol to http."
            )
            .into(),
            Self::Broken(_) => {
                "Try again. If it keeps happening, look at the local server's own log.".into()
            }
            Self::Timeout { .. } => {
                "If such requests may take that long, the owner can raise the tunnel's request \
                 timeout; 0 turns it off."
                    .into()
            }
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
