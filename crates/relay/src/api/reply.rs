//! Answers, and what all of them carry.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::problem::Problem;
use crate::body::{self, Body};

/// An answer that is not a problem.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    json: Option<Vec<u8>>,
}

impl Reply {
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("contracts are plain structs with text keys");
        Self { status, json: Some(json) }
    }

    pub(super) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// Done, and nothing to say.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, json: None }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(match self.json {
            Some(json) => body::full(json),
            None => body::empty(),
        });
        *response.status_mut() = self.status;
        if self.status != StatusCode::NO_CONTENT {
            set(response.headers_mut(), header::CONTENT_TYPE, "application/json; charset=utf-8");
        }
        set(response.headers_mut(), header::CACHE_CONTROL, "no-store");
        response
    }
}

impl Problem {
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Reply::json(self.status, &self.details).into_response();
        let headers = response.headers_mut();
        set(headers, header::CONTENT_TYPE, "application/problem+json; charset=utf-8");
        if self.status == StatusCode::UNAUTHORIZED {
            set(headers, header::WWW_AUTHENTICATE, "Bearer realm=\"adit\", tunnel realm=\"adit\"");
        }
        if let Some(methods) = self.allow {
            set(headers, header::ALLOW, methods);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What every answer of this relay says about itself. Without the first, the SDKs tell people that
/// a firewall is in the way; the second is for finding a request in the log.
pub(crate) fn sign(headers: &mut HeaderMap, request_id: &str) {
    set(headers, HeaderName::from_static("x-served-by"), "tunnels-adit");
    let name = HeaderName::from_static("vssaas-request-id");
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(name, id);
    }
}

/// A random id in the form of a UUID.
pub(crate) fn request_id() -> String {
    let mut random = [0; 16];
    // An id that is all zeros is less useful than another, and harms nobody.
    let _ = getrandom::fill(&mut random);
    let hex = format!("{:032x}", u128::from_be_bytes(random));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Lets pages of any origin call the API. It uses no cookies, so this gives them nothing that they
/// do not bring themselves.
pub(super) fn share(headers: &mut HeaderMap) {
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    let exposed = "VsSaaS-Request-Id, X-Served-By";
    set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// The answer to a browser that asks whether it may call the API.
pub(super) fn preflight(request: &HeaderMap) -> Response<Body> {
    let mut response = Reply::nothing().into_response();
    let headers = response.headers_mut();
    set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT, POST, DELETE, OPTIONS");
    set(headers, header::ACCESS_CONTROL_MAX_AGE, "86400");
    set(headers, header::VARY, "Access-Control-Request-Headers");
    // Applications may send headers of their own; none of them is refused.
    let wanted = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = wanted.unwrap_or(HeaderValue::from_static(
        "authorization, content-type, if-match, if-none-match, if-not-match, user-agent, \
         x-tunnel-cluster-source, x-request-id",
    ));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
