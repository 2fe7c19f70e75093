//! Why a URL is not well, as a value: a face makes a sentence of it in the language of whoever looks.
//!
//! As text it is English, which is what event lines and logs have. What a system, a service or another program
//! said goes along as it was said.

use super::Label;
use crate::host::Failure;

/// Why a URL is not [`Label::Operational`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing accepts on the local port, and whether the tunnel works was not seen yet.
    #[error("{0}; start your server")]
    Local(Refusal),
    /// Nothing accepts on the local port; the tunnel works.
    #[error("{0}; the tunnel is fine, start your server")]
    LocalOnly(Refusal),
    /// What listens on the local port is of no use.
    #[error("the server on localhost:{port} {flaw}; the tunnel is fine")]
    LocalFlaw {
        /// The port.
        port: u16,
        /// What it does instead.
        flaw: Flaw,
    },
    /// The local server speaks the other of HTTP and HTTPS.
    #[error(
        "the server on localhost:{port} speaks the other of http and https than the port is set to; change the \
         port's protocol or the server"
    )]
    LocalScheme {
        /// The port.
        port: u16,
    },
    /// The URL does not reach this host, though the session is up.
    #[error("the URL of port {port} {sign}")]
    Dead {
        /// The port.
        port: u16,
        /// How it shows.
        sign: Sign,
    },
    /// The relay takes no more requests for now.
    #[error("the relay takes no more requests to port {port} for now")]
    Limited {
        /// The port.
        port: u16,
    },
    /// Who keeps the gate does not let the looks of this user pass.
    #[error("the URL of port {port} cannot be checked: {by}")]
    Unchecked {
        /// The port.
        port: u16,
        /// How the gate says so.
        by: Barred,
    },
    /// A look needs somebody who is signed in.
    #[error("somebody has to sign in again before the URL of port {port} can be checked")]
    SignIn {
        /// The port.
        port: u16,
    },
    /// The name in the URL has no address.
    #[error("the name in the URL of port {port} is not found: {cause}")]
    NoName {
        /// The port.
        port: u16,
        /// What the system said.
        cause: String,
    },
    /// The certificate is not to be trusted, or TLS was not agreed.
    #[error("the URL of port {port} cannot be reached securely: {cause}")]
    Untrusted {
        /// The port.
        port: u16,
        /// What is wrong with it.
        cause: String,
    },
    /// The tunnel is gone from the relay.
    #[error("the relay knows no such tunnel any more")]
    UnknownTunnel,
    /// The port is gone from the tunnel.
    #[error("the relay does not know port {port} of this tunnel any more")]
    UnknownPort {
        /// The port.
        port: u16,
    },
    /// The relay does not serve the port in the session that is up.
    #[error("port {port} is not served: {cause}")]
    NotServed {
        /// The port.
        port: u16,
        /// Why, as far as is known.
        cause: String,
    },
    /// There is no session.
    #[error("nothing reaches this host for port {port}: {why}")]
    NoSession {
        /// The port.
        port: u16,
        /// Why there is none.
        why: NoSession,
    },
}

/// Why a local port does not accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing listens there.
    #[error("nothing listens on localhost:{port}")]
    Nobody {
        /// The port.
        port: u16,
    },
    /// Connecting fails in another way.
    #[error("localhost:{port} cannot be connected to: {cause}")]
    Other {
        /// The port.
        port: u16,
        /// What the system said.
        cause: String,
    },
}

/// What a local server does that is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It speaks something else.
    #[error("does not speak the port's protocol")]
    Protocol,
    /// It ends every connection.
    #[error("closes connections without an answer")]
    Closes,
    /// It says nothing.
    #[error("accepts connections but does not answer")]
    Silent,
}

/// How a dead URL shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sign {
    /// Something answers, and it is not this host.
    #[error("answers with status {0}, but not through this host")]
    Status(u16),
    /// The relay has no host for it.
    #[error("finds no host at the relay, though the session is up")]
    NoHost,
    /// The relay waits for one to come back.
    #[error("waits at the relay for a host, though the session is up")]
    HostAway,
    /// The relay asks this host and hears nothing.
    #[error("gets no answer through the session that is up")]
    HostSilent,
    /// The relay does not have the port of the session.
    #[error("finds the port not served, though it is announced")]
    NotShared,
    /// The edge says something that this program does not know, by its code.
    #[error("is answered by an edge that does not serve it ({0})")]
    Edge(Box<str>),
    /// No connection, with what the system said.
    #[error("cannot be connected to: {0}")]
    Unreachable(String),
    /// No answer.
    #[error("does not answer")]
    Silent,
}

/// How a gate says that this user may not look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// With this status, to a connect token.
    #[error("its gate answers {0} to a connect token")]
    Gate(u16),
    /// An edge of Adit's own making takes no token of this user.
    #[error("the relay does not accept a connect token of this user")]
    Token,
    /// The service gives none, in its words.
    #[error("{0}")]
    Said(String),
}

/// Why there is no session though one is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// The next one is on its way, or waits for its time. With what failed, unless the one before was given up.
    #[error("there is no session with the relay ({})", match .0 {
        Some(failure) => failure.to_string(),
        None => "it was given up".to_owned(),
    })]
    Away(Option<Failure>),
    /// The service allows no more for now.
    #[error("the service allows no session for now (too many requests)")]
    Limited,
    /// Another host serves.
    #[error("another host serves the tunnel")]
    AnotherHost,
    /// Somebody has to sign in.
    #[error("somebody has to sign in again")]
    SignIn,
    /// This user may not host the tunnel, with what the service said.
    #[error("this user may not host the tunnel ({0})")]
    Refused(String),
    /// There is no such tunnel.
    #[error("the service knows no such tunnel")]
    UnknownTunnel,
    /// It was given up for another reason.
    #[error("{0}")]
    GivenUp(String),
}

impl Reason {
    /// Returns how it stands with a URL for this reason.
    pub fn label(&self) -> Label {
        match self {
            Self::Local(_) | Self::LocalOnly(_) | Self::LocalFlaw { .. } => Label::LocalDown,
            Self::LocalScheme { .. } => Label::LocalScheme,
            Self::Dead { .. } => Label::Zombie,
            Self::Limited { .. } => Label::Limited,
            Self::Unchecked { .. } | Self::NotServed { .. } => Label::AccessRefused,
            Self::SignIn { .. } => Label::SignIn,
            Self::NoName { .. } | Self::Untrusted { .. } => Label::DnsOrTls,
            Self::UnknownTunnel | Self::UnknownPort { .. } => Label::UnknownTunnel,
            Self::NoSession { why, .. } => why.label(),
        }
    }
}

impl NoSession {
    /// Returns how it stands with the URLs of the tunnel meanwhile.
    pub(super) fn label(&self) -> Label {
        match self {
            Self::Away(_) | Self::GivenUp(_) => Label::RelayUnreachable,
            Self::Limited => Label::Limited,
            Self::AnotherHost => Label::AnotherHost,
            Self::SignIn => Label::SignIn,
            Self::Refused(_) => Label::AccessRefused,
            Self::UnknownTunnel => Label::UnknownTunnel,
        }
    }
}
