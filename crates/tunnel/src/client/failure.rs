//! Why a client is not connected, and whether trying again can help.

use std::time::Duration;

use adit_proto::contracts::{ConnectionMode, Tunnel};
use adit_proto::host::RETRY_AFTER_MAX;
use adit_proto::relay::Ending;
use adit_proto::ssh::disconnect;
use adit_wire::{handshake, net::ConnectError};
use http::StatusCode;

use crate::management;
use crate::socket::SocketError;

/// Why a client is not connected.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The service was not helpful.
    #[error(transparent)]
    Management(#[from] management::Error),
    /// Nobody hosts the tunnel.
    #[error("nobody hosts this tunnel at the moment")]
    NoHost,
    /// The relay let nobody in.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The session with the relay ended.
    #[error("the session with the relay ended: {}", describe(.0))]
    Ended(Ending),
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The token or the address may be outdated: ask the service for new ones and try at once.
    Renew,
    /// Try again, but not before this has passed.
    Retry(Duration),
    /// Nothing that a client could do by itself.
    GiveUp,
}

impl Failure {
    /// Whether signing in, or a fresh token, is the way on.
    pub fn requires_sign_in(&self) -> bool {
        match self {
            Self::Management(error) => error.requires_sign_in(),
            Self::Socket(error) => error.status() == Some(StatusCode::UNAUTHORIZED),
            _ => false,
        }
    }

    /// What to do. `cached` says that token and address were not asked for anew; `before` that
    /// the tunnel was connected earlier.
    pub(super) fn remedy(&self, cached: bool, before: bool) -> Remedy {
        match self {
            Self::Management(error) if error.is_transient() => retry(error.retry_after()),
            // Nonsense in the place of a service that was there is a portal, as hotels have them.
            Self::Management(management::Error::Protocol { .. }) if before => retry(None),
            Self::Management(_) => Remedy::GiveUp,
            Self::NoHost => Remedy::Retry(Duration::ZERO),
            Self::Socket(error) => match error.status().map(|status| status.as_u16()) {
                Some(401 | 403 | 404) if cached => Remedy::Renew,
                Some(408 | 429 | 500..=599) => retry(error.retry_after()),
                Some(..=399) if before => retry(None),
                Some(_) => Remedy::GiveUp,
                None => without_answer(error, before),
            },
            Self::Ended(Ending::Disconnected { reason, .. }) => match *reason {
                disconnect::CONNECTION_LOST => Remedy::Retry(Duration::ZERO),
                _ => Remedy::GiveUp,
            },
            Self::Ended(_) => Remedy::Retry(Duration::ZERO),
        }
    }
}

/// As a service asks, within what a clock can count.
fn retry(after: Option<Duration>) -> Remedy {
    Remedy::Retry(after.unwrap_or_default().min(RETRY_AFTER_MAX))
}

fn without_answer(error: &SocketError, before: bool) -> Remedy {
    match error {
        SocketError::Address(_) => Remedy::GiveUp,
        SocketError::Handshake(error) => match error {
            handshake::Error::Url(_) | handshake::Error::Token(_) => Remedy::GiveUp,
            // A certificate that was good once will be again; one that never was will not.
            handshake::Error::Connect(ConnectError::Tls { .. }) if !before => Remedy::GiveUp,
            _ => Remedy::Retry(Duration::ZERO),
        },
    }
}

/// The address at which clients reach the tunnel's relay.
pub(super) fn client_uri(tunnel: &Tunnel) -> Result<&str, Failure> {
    let endpoints = tunnel.endpoints.iter().flatten();
    let relays =
        endpoints.filter(|endpoint| endpoint.connection_mode == ConnectionMode::TunnelRelay);
    relays.filter_map(|endpoint| endpoint.client_relay_uri.as_deref()).next().ok_or(Failure::NoHost)
}

fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Disconnected { reason, description } if description.is_empty() => {
            format!("the relay gave reason {reason}")
        }
        Ending::Disconnected { description, .. } => description.clone(),
        Ending::Failed(error) => error.to_string(),
        Ending::Lost(cause) => cause.clone(),
        Ending::Local => "we ended it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::TunnelEndpoint;

    use super::*;

    fn refused(status: u16) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        let refusal = handshake::Refusal { status, headers: http::HeaderMap::new() };
        let error = handshake::Error::Refused(Box::new(refusal));
        Failure::Socket(SocketError::Handshake(error))
    }

    fn ended(reason: u32) -> Failure {
        Failure::Ended(Ending::Disconnected { reason, description: String::new() })
    }

    const NOW: Remedy = Remedy::Retry(Duration::ZERO);

    #[test]
    fn what_is_outdated_is_renewed_once_and_then_believed() {
        for status in [401, 403, 404] {
            assert_eq!(refused(status).remedy(true, true), Remedy::Renew);
            assert_eq!(refused(status).remedy(false, true), Remedy::GiveUp);
        }
        assert!(refused(401).requires_sign_in());
    }

    #[test]
    fn trouble_passes_and_refusals_do_not() {
        for status in [429, 500, 502, 503] {
            assert_eq!(refused(status).remedy(true, false), NOW);
        }
        assert_eq!(refused(400).remedy(true, true), Remedy::GiveUp);
        assert_eq!(refused(302).remedy(true, true), NOW, "a portal");
        assert_eq!(refused(302).remedy(true, false), Remedy::GiveUp);
        assert_eq!(Failure::NoHost.remedy(false, false), NOW);
        assert_eq!(ended(disconnect::CONNECTION_LOST).remedy(true, true), NOW);
        assert_eq!(ended(disconnect::BY_APPLICATION).remedy(true, true), Remedy::GiveUp);
        assert_eq!(Failure::Ended(Ending::Lost("x".into())).remedy(true, true), NOW);
    }

    #[test]
    fn a_wait_is_as_long_as_is_asked_and_an_hour_at_most() {
        for (asked, wait) in [("30", 30), ("18446744073709551615", 3600)] {
            let headers = [(http::header::RETRY_AFTER, asked.parse().expect("a value"))];
            let headers = headers.into_iter().collect();
            let refusal = handshake::Refusal { status: StatusCode::TOO_MANY_REQUESTS, headers };
            let error = handshake::Error::Refused(Box::new(refusal));
            let failure = Failure::Socket(SocketError::Handshake(error));
            let waits = Remedy::Retry(Duration::from_secs(wait));
            assert_eq!(failure.remedy(true, true), waits, "{asked}");
        }
    }

    #[test]
    fn the_first_relay_endpoint_is_the_way_in() {
        let endpoint = |mode, uri: Option<&str>| TunnelEndpoint {
            connection_mode: mode,
            client_relay_uri: uri.map(Into::into),
            ..TunnelEndpoint::default()
        };
        let mut tunnel = Tunnel::default();
        assert!(matches!(client_uri(&tunnel), Err(Failure::NoHost)));
        tunnel.endpoints = Some(vec![
            endpoint(ConnectionMode::LocalNetwork, Some("ws://local")),
            endpoint(ConnectionMode::TunnelRelay, Some("ws://relay")),
        ]);
        assert_eq!(client_uri(&tunnel).expect("an address"), "ws://relay");
    }
}
