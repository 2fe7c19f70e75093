//! Why a connection could not be made, told so that somebody can do something about it.

use std::io;

use http::StatusCode;

use super::head::HeadError;
use super::{BadProxy, Target};
use crate::tls;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address.
    #[error("cannot find the address of {host}: check its spelling and the network")]
    Dns {
        /// The name looked up.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing listens there.
    #[error("{target} refused the connection: check that the server runs and the port is right")]
    Refused {
        /// The place.
        target: Target,
    },
    /// No answer in time.
    #[error("{target} did not answer in time ({step}): check the network and any firewall")]
    Timeout {
        /// The place.
        target: Target,
        /// What was waited for.
        step: Step,
    },
    /// TLS was not agreed, or the certificate is not to be trusted.
    #[error("no secure connection to {target}: {problem}")]
    Tls {
        /// The place.
        target: Target,
        /// What is wrong.
        problem: tls::Error,
    },
    /// The HTTP proxy on the way is the problem.
    #[error("the proxy {proxy} {problem}")]
    Proxy {
        /// The proxy, without any sign-in.
        proxy: String,
        /// What is wrong with it.
        problem: ProxyProblem,
    },
    /// Anything else that the network or the system reports.
    #[error("cannot connect to {target}: {error}")]
    Io {
        /// The place.
        target: Target,
        /// What was reported.
        error: io::Error,
    },
}

/// What a connection attempt was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// Looking up the name.
    #[error("while its name was looked up")]
    Lookup,
    /// Connecting.
    #[error("while connecting")]
    Connect,
    /// Asking the proxy to connect further.
    #[error("through the proxy")]
    Proxy,
    /// Agreeing on TLS.
    #[error("while securing the connection")]
    Tls,
}

/// What is wrong with a proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyProblem {
    /// Its configured URL is unusable.
    #[error("cannot be used: {0}")]
    Url(#[from] BadProxy),
    /// No connection to the proxy itself.
    #[error("cannot be reached: {0}")]
    Unreachable(Box<ConnectError>),
    /// It refused to connect further.
    #[error("answered {status}{}", advice(*status))]
    Status {
        /// Its status, 407 when it wants a user name and password.
        status: StatusCode,
    },
    /// It does not speak HTTP, or broke off.
    #[error("is no HTTP proxy, or broke off: {0}")]
    Answer(io::Error),
}

impl ConnectError {
    /// Sorts an error of the socket itself.
    pub(super) fn from_io(target: &Target, error: io::Error) -> Self {
        let target = target.clone();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { target },
            io::ErrorKind::TimedOut => Self::Timeout { target, step: Step::Connect },
            _ => Self::Io { target, error },
        }
    }

    /// The one of several addresses' errors that says most: that somebody answered with a refusal
    /// before that nobody answered, and both before whatever kept us from asking.
    pub(super) fn most_telling(target: &Target, errors: Vec<io::Error>) -> Self {
        let rank = |error: &io::Error| match error.kind() {
            io::ErrorKind::ConnectionRefused => 0,
            io::ErrorKind::TimedOut => 1,
            _ => 2,
        };
        match errors.into_iter().min_by_key(rank) {
            Some(error) => Self::from_io(target, error),
            None => {
                Self::Dns { host: target.host(), source: io::Error::other("it has no address") }
            }
        }
    }
}

impl From<HeadError> for ProxyProblem {
    fn from(error: HeadError) -> Self {
        Self::Answer(match error {
            HeadError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            ": put user name and password into the proxy's URL, http://user:password@host:port"
        }
        StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => {
            ": it does not let this destination through; ask who runs it, or set NO_PROXY"
        }
        _ => " and did not connect further",
    }
}
