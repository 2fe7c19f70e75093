//! One call of the management API before it is a request.

use std::fmt::Write as _;

use adit_proto::id::ClusterId;
use adit_proto::token::Secret;
use bytes::Bytes;
use http::Method;
use http::header::HeaderName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::super::error::Error;
use super::super::{Locator, Want};
use super::exchange::invalid;

/// What stays as it is in a path segment or a query value.
pub(super) const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// One call before it is a request.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) cluster: Option<ClusterId>,
    /// With the query so far.
    pub(super) path: String,
    pub(super) precondition: Option<HeaderName>,
    /// Used instead of the client's credential.
    pub(super) token: Option<Secret>,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, path: String) -> Self {
        let body = Bytes::new();
        Self { method, cluster: None, path, precondition: None, token: None, body }
    }

    /// A call about one tunnel.
    pub(super) fn to(method: Method, at: &Locator, rest: &str) -> Self {
        Self::new(method, format!("/tunnels/{}{rest}", at.id)).at(at.cluster.clone())
    }

    pub(super) fn at(self, cluster: Option<ClusterId>) -> Self {
        Self { cluster, ..self }
    }

    pub(super) fn token(self, token: &Secret) -> Self {
        Self { token: Some(token.clone()), ..self }
    }

    pub(super) fn want(self, want: Want) -> Self {
        let call = if want.ports { self.query("includePorts", &["true"]) } else { self };
        match want.token {
            Some(scope) => call.query("tokenScopes", &[scope.as_str()]),
            None => call,
        }
    }

    /// Adds a parameter: a list whose commas stay commas.
    pub(super) fn query(mut self, name: &str, values: &[impl AsRef<str>]) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        for (at, value) in values.iter().enumerate() {
            self.path.push(if at == 0 { '=' } else { ',' });
            // Writing to a string cannot fail.
            let _ = write!(self.path, "{}", utf8_percent_encode(value.as_ref(), PLAIN));
        }
        self
    }

    pub(super) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(|_| invalid("it cannot be written as JSON"))?;
        Ok(Self { body: body.into(), ..self })
    }
}

/// What ids are made of.
pub(super) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    bytes
}
