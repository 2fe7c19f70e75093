//! How the API says no: a status, and a body that says what is wrong and what to do.

use std::collections::BTreeMap;

use adit_proto::access::ScopeError;
use adit_proto::constraints::Errors;
use adit_proto::contracts::ProblemDetails;
use http::StatusCode;

use crate::auth::{MintError, Refused, Unidentified, Unrecognized};
use crate::store::StoreError;

/// An answer other than success.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) details: ProblemDetails,
    /// Methods that would do, for 405.
    pub(crate) allow: Option<&'static str>,
    /// In how many seconds another try makes sense, when that is known.
    pub(crate) retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self { status, details: ProblemDetails::new(title, detail), allow: None, retry_after: None }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The request is not valid.", detail)
    }

    /// One member of the request is wrong.
    pub(crate) fn member(name: &str, message: impl Into<String>) -> Self {
        Self::members([(name.to_owned(), vec![message.into()])].into())
    }

    /// Members of the request are wrong.
    pub(crate) fn members(errors: Errors) -> Self {
        let mut problem = Self::bad_request("Some members have values that are not allowed.");
        problem.details = problem.details.with_errors(errors);
        problem
    }

    /// Nothing if there are no errors.
    pub(crate) fn of(errors: Errors) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self::members(errors)) }
    }

    pub(crate) fn no_tunnel() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Tunnel not found.",
            "There is no tunnel of this id or name.",
        )
    }

    pub(crate) fn no_port(port: u16) -> Self {
        let detail = format!("The tunnel has no port {port}.");
        Self::new(StatusCode::NOT_FOUND, "Port not found.", detail)
    }

    pub(crate) fn no_endpoint() -> Self {
        let detail = "The tunnel has no endpoint of this id; another host may have replaced it.";
        Self::new(StatusCode::NOT_FOUND, "Endpoint not found.", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "It exists already.", detail)
    }

    pub(crate) fn limit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Limit reached.", detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Sign-in required.", detail)
    }

    /// Another process of this relay takes changes now.
    pub(crate) fn handed_over() -> Self {
        let detail = "Nothing was changed: another process has taken over from this one. \
                      A new connection reaches it.";
        let title = "The relay is being restarted.";
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, title, detail) }
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Access denied.", detail)
    }
}

impl From<Unidentified> for Problem {
    fn from(error: Unidentified) -> Self {
        Self::unauthorized(sentence(&error))
    }
}

impl From<Unrecognized> for Problem {
    fn from(error: Unrecognized) -> Self {
        match error {
            Unrecognized::Unidentified(unidentified) => unidentified.into(),
            Unrecognized::Store(failed) => failed.into(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused.wants_credentials() {
            true => Self::unauthorized(sentence(&refused)),
            false => Self::forbidden(sentence(&refused)),
        }
    }
}

impl From<ScopeError> for Problem {
    fn from(error: ScopeError) -> Self {
        Self::members(BTreeMap::from([("tokenScopes".to_owned(), vec![sentence(&error)])]))
    }
}

impl From<MintError> for Problem {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Refused(refused) => refused.into(),
            MintError::Key(error) => {
                tracing::error!(%error, "a token could not be signed");
                let detail = "The relay could not sign a token.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The relay failed.", detail)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::HandedOver => return Self::handed_over(),
            StoreError::Full => {
                tracing::error!("the disk is full: changes are refused until there is room");
                let detail = "The relay's disk is full, so nothing was changed. \
                              There has to be room on it first.";
                return Self::new(StatusCode::INSUFFICIENT_STORAGE, "No room left.", detail);
            }
            _ => {}
        }
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, source, "the store failed");
        let detail = "The relay could not write to its store, so nothing was changed.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The relay failed.", detail)
    }
}

/// An error's message, which is the inside of a sentence, as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}
