//! Calls on their way: requests, and what becomes of their answers.

use std::time::Duration;

use adit_proto::token::Secret;
use adit_wire::net::ConnectError;
use adit_wire::{clock, http as wire_http};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH, USER_AGENT};
use http::{Request, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::super::error::{self, Error, Flaw};
use super::call::Call;
use super::{Credential, Rest};

/// The end of patience with one call, as in Microsoft's SDKs.
const DEADLINE: Duration = Duration::from_secs(20);

/// The largest answer that is read: a list of some thousand tunnels.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The only version of the API there is.
const API_VERSION: &str = "api-version=2023-09-27-preview";

impl Rest {
    /// Makes a call and reads the JSON of its answer.
    pub(super) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let host = self.host(&call);
        let body = self.exchange(call).await?;
        let json = serde_json::from_slice(&body);
        json.map_err(|error| Error::Protocol { host, flaw: Flaw::Json(error) })
    }

    /// Makes a call and returns the body of its answer, if that is a success.
    pub(super) async fn exchange(&self, call: Call) -> Result<Bytes, Error> {
        Ok(self.exchange_whole(call).await?.into_body())
    }

    pub(super) async fn exchange_whole(&self, call: Call) -> Result<Response<Bytes>, Error> {
        let host = self.host(&call);
        let updates = call.precondition == Some(IF_MATCH);
        let request = self.request(call)?;
        let deadline = clock::now() + DEADLINE;
        let response = self
            .http
            .send(request, MAX_BODY, deadline)
            .await
            .map_err(|error| unanswered(&host, error))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok(Response::from_parts(head, body));
        }
        let retry_after = wire_http::retry_after(&head.headers, clock::wall());
        Err(match error::refused(&host, head.status, &head.headers, &body, retry_after) {
            // What was to be changed is not there.
            Error::Conflict(said) if updates && head.status == StatusCode::PRECONDITION_FAILED => {
                Error::NotFound(said)
            }
            error => error,
        })
    }

    fn request(&self, call: Call) -> Result<Request<Bytes>, Error> {
        let mut url = self.base.url(call.cluster.as_ref(), &call.path);
        let separator = if call.path.contains('?') { '&' } else { '?' };
        url.push(separator);
        url.push_str(API_VERSION);
        let mut request = Request::new(call.body);
        *request.method_mut() = call.method;
        *request.uri_mut() = url.parse().map_err(|_| invalid("the address is not valid"))?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !request.body().is_empty() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        let headers = request.headers_mut();
        if let Some(precondition) = call.precondition {
            headers.insert(precondition, HeaderValue::from_static("*"));
        }
        if let Some(value) = self.authorization(call.token.as_ref())? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn authorization(&self, token: Option<&Secret>) -> Result<Option<HeaderValue>, Error> {
        let (scheme, secret) = match (token, &self.credential) {
            (Some(token), _) | (None, Credential::Tunnel(token)) => ("tunnel", token),
            (None, Credential::User(key)) => ("Bearer", key),
            (None, Credential::Anonymous) => return Ok(None),
        };
        let value = wire_http::authorization(scheme, secret);
        value.map(Some).map_err(|error| invalid(&format!("the key or token is damaged: {error}")))
    }

    pub(super) fn host(&self, call: &Call) -> Box<str> {
        self.base.authority(call.cluster.as_ref()).into()
    }
}

/// Why no answer came.
fn unanswered(host: &str, error: wire_http::Error) -> Error {
    let host = host.into();
    match error {
        wire_http::Error::Connect(error @ ConnectError::Tls { .. }) => {
            Error::Untrusted { host, source: error.into() }
        }
        wire_http::Error::Connect(error) => Error::Unreachable { host, source: error.into() },
        wire_http::Error::TooLarge { .. } => Error::Protocol { host, flaw: Flaw::TooLarge },
        error => Error::Unreachable { host, source: error.into() },
    }
}

/// A request that is not even sent.
pub(super) fn invalid(detail: &str) -> Error {
    let problem = adit_proto::contracts::ProblemDetails::new("Invalid request.", detail);
    Error::Invalid(error::Said { problem, request_id: None })
}
