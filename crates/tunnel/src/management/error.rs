//! What can go wrong in a call to the service, by what its caller can do about it.
//!
//! The kind follows from the status of the answer, never from its words: those may quote what the
//! caller sent.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use adit_proto::contracts::ProblemDetails;
use http::{HeaderMap, StatusCode};

use super::cli::Trouble;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, or the sign-in or token has expired: sign in again, or get a new token.
    #[error("the service wants to know who you are: {0}")]
    SignIn(Said),
    /// Signed in, but not allowed; also the answer to an exhausted quota.
    #[error("not allowed: {0}")]
    Forbidden(Said),
    /// There is no such tunnel, port or endpoint.
    #[error("not found: {0}")]
    NotFound(Said),
    /// It exists already, or has changed meanwhile.
    #[error("conflict: {0}")]
    Conflict(Said),
    /// The request is wrong, and will be wrong the next time.
    #[error("the service refuses this request: {0}")]
    Invalid(Said),
    /// Too many requests: wait.
    #[error("too many requests: {said}")]
    RateLimited {
        /// What the service said.
        said: Said,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The service, or something in front of it, is in trouble: wait.
    #[error("the service is not available (status {status}): {said}")]
    Unavailable {
        /// The status, 5xx.
        status: u16,
        /// What was said.
        said: Said,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// No answer came: the address, the network, a certificate or a deadline.
    #[error("the service at {host} cannot be reached")]
    Unreachable {
        /// Where.
        host: Box<str>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something answered, but its certificate is not to be trusted: mend the certificate, the
    /// address or the list of authorities.
    #[error("the service at {host} cannot be trusted")]
    Untrusted {
        /// Where.
        host: Box<str>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The official command, through which the service is managed, could not be asked.
    #[error(transparent)]
    Command(#[from] Trouble),
    /// The service cannot change this of a port: the port has to be removed and made again, which
    /// [`replace_port`](super::Management::replace_port) does once somebody has agreed.
    #[error(
        "the protocol and the options of port {port} cannot be changed in place: the port has to be \
         removed and made again"
    )]
    Replacement {
        /// The port.
        port: u16,
    },
    /// A port was removed to be made again, or may have been, and that has not succeeded.
    #[error("port {port} was removed, or may have been, and could not be made again")]
    Unmade {
        /// The port.
        port: u16,
        /// The commands that make it, as far as it can be made by hand: on Windows for PowerShell.
        by_hand: Box<str>,
        /// Whether it is written down, so that whoever looks at the tunnel next makes it with all that it had.
        kept: bool,
        /// Why it could not be made.
        source: Box<Error>,
    },
    /// What answered is not the service, or not one that we understand.
    #[error("the service at {host} gave an answer that makes no sense")]
    Protocol {
        /// Where.
        host: Box<str>,
        /// What is wrong with the answer.
        #[source]
        flaw: Flaw,
    },
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// A refusal without the marks of the service.
    #[error("status {0} came from something else than the service, such as a firewall or a proxy")]
    Foreign(u16),
    /// A status that the call has no use for.
    #[error("unexpected status {0}")]
    Status(u16),
    /// A redirect, which is not followed because the request carries a secret.
    #[error("status {status} points to {location}, which is not followed: use the final address")]
    Redirect {
        /// The status, 3xx.
        status: u16,
        /// Where it points.
        location: Box<str>,
    },
    /// The body is not the JSON that it should be.
    #[error("the body is not what it should be")]
    Json(#[source] serde_json::Error),
    /// The body is larger than any that the service has reason to send.
    #[error("the body is too large")]
    TooLarge,
    /// Something is missing that must be there.
    #[error("the answer has no {0}")]
    Missing(&'static str),
}

/// What the service said about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its words, and what is wrong with which member of the request.
    pub problem: ProblemDetails,
    /// What it calls this request in its own log.
    pub request_id: Option<Box<str>>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Whether signing in again, or a fresh token, is the way on.
    pub fn requires_sign_in(&self) -> bool {
        match self {
            Self::SignIn(_) => true,
            Self::Command(trouble) => trouble.requires_sign_in(),
            Self::Unmade { source, .. } => source.requires_sign_in(),
            _ => false,
        }
    }

    /// Whether the same call may succeed later although nobody changes anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Unreachable { .. } => true,
            Self::Command(trouble) => trouble.is_transient(),
            Self::Unmade { source, .. } => source.is_transient(),
            // A firewall or captive portal goes away; a service that speaks otherwise does not.
            Self::Protocol { flaw, .. } => matches!(flaw, Flaw::Foreign(_) | Flaw::Redirect { .. }),
            _ => false,
        }
    }

    /// How long the service asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Unmade { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// A service that is busy for now, in tests.
    #[cfg(test)]
    pub(crate) fn busy(retry_after: Option<Duration>) -> Self {
        Self::Unavailable { status: 503, said: Said::default(), retry_after }
    }

    /// What is wrong with which member of the request.
    pub fn fields(&self) -> Option<&BTreeMap<String, Vec<String>>> {
        match self {
            Self::Invalid(said) => Some(&said.problem.errors),
            _ => None,
        }
    }
}

/// There is nothing of that kind, as is seen from what the service did say.
pub(super) fn absent(detail: &str) -> Error {
    Error::NotFound(said(detail))
}

/// The service has no `what`.
pub(super) fn unable(what: &str) -> Error {
    Error::Invalid(said(&format!("this service has no {what}")))
}

/// The service leaves out `what` for callers who may not see it.
pub(super) fn not_shown(what: &str) -> Error {
    Error::Forbidden(said(&format!("{what} is shown only to those who manage the tunnel")))
}

fn said(detail: &str) -> Said {
    let problem = ProblemDetails { detail: Some(detail.into()), ..ProblemDetails::default() };
    Said { problem, request_id: None }
}

/// The error and what is behind it, on one line.
pub fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        // Some errors say what is behind them themselves.
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = source.source();
    }
    text
}

/// Classifies an answer that is no success. `retry_after` is what its header says.
pub(super) fn refused(
    host: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    retry_after: Option<Duration>,
) -> Error {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let protocol = |flaw| Error::Protocol { host: host.into(), flaw };
    if status.is_redirection() {
        let location = text("location").unwrap_or("nowhere").into();
        return protocol(Flaw::Redirect { status: status.as_u16(), location });
    }
    let problem = serde_json::from_slice::<ProblemDetails>(body).unwrap_or_default();
    // The service marks its answers, so that the refusal of a firewall is not taken for its own.
    let own = text("x-served-by").is_some_and(|by| by.contains("tunnels-"));
    if status.is_client_error() && !own && problem.title.is_none() && problem.detail.is_none() {
        return protocol(Flaw::Foreign(status.as_u16()));
    }
    let request_id = text("vssaas-request-id").map(Into::into);
    let said = Said { problem, request_id };
    match status {
        StatusCode::UNAUTHORIZED => Error::SignIn(said),
        StatusCode::FORBIDDEN => Error::Forbidden(said),
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound(said),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Error::Conflict(said),
        StatusCode::TOO_MANY_REQUESTS => Error::RateLimited { said, retry_after },
        StatusCode::REQUEST_TIMEOUT => {
            Error::Unavailable { status: status.as_u16(), said, retry_after }
        }
        _ if status.is_client_error() => Error::Invalid(said),
        _ if status.is_server_error() => {
            Error::Unavailable { status: status.as_u16(), said, retry_after }
        }
        _ => protocol(Flaw::Status(status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, served_by: Option<&str>, body: &str) -> Error {
        let mut headers = HeaderMap::new();
        if let Some(by) = served_by {
            headers.insert("x-served-by", by.parse().expect("a value"));
            headers.insert("vssaas-request-id", "r1".parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        refused("relay.example.com", status, &headers, body.as_bytes(), None)
    }

    #[test]
    fn the_status_decides_whatever_the_words_say() {
        let text = r#"{"title":"401 Unauthorized: not found","detail":"conflict 'sign in'"}"#;
        let kind = |status| error(status, Some("tunnels-x"), text);
        assert!(matches!(kind(400), Error::Invalid(_)));
        assert!(matches!(kind(401), Error::SignIn(_)));
        assert!(matches!(kind(403), Error::Forbidden(_)));
        assert!(matches!(kind(404), Error::NotFound(_)));
        assert!(matches!(kind(409), Error::Conflict(_)));
        assert!(matches!(kind(422), Error::Invalid(_)));
        assert!(matches!(kind(429), Error::RateLimited { .. }));
        assert!(matches!(kind(503), Error::Unavailable { status: 503, .. }));
        assert!(kind(401).requires_sign_in() && !kind(403).requires_sign_in());
        assert!(kind(503).is_transient() && !kind(409).is_transient());
    }

    #[test]
    fn a_firewall_is_not_taken_for_the_service() {
        let foreign = error(403, None, "<html>blocked</html>");
        assert!(matches!(foreign, Error::Protocol { flaw: Flaw::Foreign(403), .. }));
        assert!(foreign.is_transient());
        assert!(matches!(error(403, Some("tunnels-x"), ""), Error::Forbidden(_)));
        assert!(matches!(error(401, None, r#"{"title":"no"}"#), Error::SignIn(_)));
        assert!(matches!(error(302, None, ""), Error::Protocol { .. }));
    }

    #[test]
    fn what_is_wrong_with_a_request_is_told_member_by_member() {
        let body = r#"{"title":"Invalid","errors":{"name":["is taken","is short"]}}"#;
        let error = error(400, Some("tunnels-x"), body);
        assert_eq!(error.fields().expect("fields")["name"].len(), 2);
        let shown = error.to_string();
        assert!(shown.contains("name: is taken, is short"), "{shown}");
        assert!(shown.ends_with("(request r1)"), "{shown}");
    }
}
