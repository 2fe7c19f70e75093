//! Sorts what went wrong by what the policy can do about it.

use std::error::Error as _;

use adit_proto::host::Failure;
use adit_wire::handshake;
use adit_wire::net::ConnectError;

use crate::management::{self, Error};
use crate::socket::SocketError;

/// A failed call to the service. `before` says that the service was reached at some time: trust
/// that was there once may come back, trust that never was will not. So may sense: what answers
/// nonsense in the place of a service that was there is a portal, as networks of hotels have them.
pub(super) fn of_management(error: &Error, before: bool) -> Failure {
    let retry_after = error.retry_after();
    match error {
        _ if error.requires_sign_in() => Failure::Unauthorized,
        Error::Forbidden(said) => Failure::Forbidden(said.to_string()),
        Error::NotFound(_) => Failure::NotFound,
        Error::RateLimited { .. } => Failure::RateLimited { retry_after },
        Error::Unavailable { status: 502..=504, .. } => Failure::Unavailable { retry_after },
        Error::Untrusted { .. } if !before => Failure::Fatal(management::explain(error)),
        Error::Protocol { .. } if before => Failure::Transient(management::explain(error)),
        _ if error.is_transient() || matches!(error, Error::Untrusted { .. }) => {
            Failure::Transient(management::explain(error))
        }
        _ => Failure::Fatal(management::explain(error)),
    }
}

/// A relay that could not be connected to.
pub(super) fn of_socket(error: &SocketError, before: bool) -> Failure {
    let retry_after = error.retry_after();
    match error.status().map(|status| status.as_u16()) {
        Some(401) => Failure::Unauthorized,
        Some(403) => Failure::Forbidden(error.to_string()),
        Some(404) => Failure::NotFound,
        Some(429) => Failure::RateLimited { retry_after },
        Some(502..=504) => Failure::Unavailable { retry_after },
        Some(408 | 500..=599) => Failure::Transient(error.to_string()),
        // A page, or the way to one, is no relay's answer.
        Some(..=399) if before => Failure::Transient(error.to_string()),
        Some(_) => Failure::Fatal(error.to_string()),
        None => without_answer(error, before),
    }
}

fn without_answer(error: &SocketError, before: bool) -> Failure {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    match error {
        SocketError::Handshake(handshake::Error::Connect(ConnectError::Tls { .. })) if !before => {
            Failure::Fatal(text)
        }
        SocketError::Address(_)
        | SocketError::Handshake(handshake::Error::Url(_) | handshake::Error::Token(_)) => {
            Failure::Fatal(text)
        }
        SocketError::Handshake(_) => Failure::Transient(text),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::management::{Flaw, Said};

    #[test]
    fn the_status_of_the_relay_decides() {
        let refused = |status, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert("retry-after", after.parse().expect("a value"));
            }
            let status = StatusCode::from_u16(status).expect("a status");
            let refusal = handshake::Refusal { status, headers };
            let error = handshake::Error::Refused(Box::new(refusal));
            of_socket(&SocketError::Handshake(error), true)
        };
        assert_eq!(refused(401, None), Failure::Unauthorized);
        assert!(matches!(refused(403, None), Failure::Forbidden(_)));
        assert_eq!(refused(404, None), Failure::NotFound);
        let seven = Some(std::time::Duration::from_secs(7));
        assert_eq!(refused(429, Some("7")), Failure::RateLimited { retry_after: seven });
        assert_eq!(refused(503, None), Failure::Unavailable { retry_after: None });
        assert!(matches!(refused(500, None), Failure::Transient(_)));
        assert!(matches!(refused(400, None), Failure::Fatal(_)));
    }

    #[test]
    fn a_portal_in_the_place_of_a_service_that_was_there_is_waited_out() {
        for status in [StatusCode::OK, StatusCode::FOUND] {
            let refusal = handshake::Refusal { status, headers: HeaderMap::new() };
            let error = handshake::Error::Refused(Box::new(refusal));
            let error = SocketError::Handshake(error);
            assert!(matches!(of_socket(&error, true), Failure::Transient(_)), "{status}");
            assert!(matches!(of_socket(&error, false), Failure::Fatal(_)), "{status}");
        }
        let page = serde_json::from_str::<u8>("<html>").expect_err("no JSON");
        let error = Error::Protocol { host: "h".into(), flaw: Flaw::Json(page) };
        assert!(matches!(of_management(&error, true), Failure::Transient(_)));
        assert!(matches!(of_management(&error, false), Failure::Fatal(_)));
    }

    #[test]
    fn the_kind_of_the_services_error_decides() {
        let said = Said::default;
        assert_eq!(of_management(&Error::SignIn(said()), true), Failure::Unauthorized);
        assert!(matches!(of_management(&Error::Invalid(said()), true), Failure::Fatal(_)));
        let untrusted =
            || Error::Untrusted { host: "h".into(), source: "its certificate has ended".into() };
        assert!(matches!(of_management(&untrusted(), true), Failure::Transient(_)));
        let Failure::Fatal(text) = of_management(&untrusted(), false) else {
            panic!("it was never trusted")
        };
        assert!(text.ends_with("certificate has ended"), "{text}");
    }
}
