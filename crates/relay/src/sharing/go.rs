//! What a link leads to: `GET /go/{secret}` on the management host.
//!
//! It may be opened any number of times, by people and by whatever looks ahead of them: it gives each
//! a code of their own and takes nothing from anybody.

use std::fmt::Write as _;
use std::time::Instant;

use adit_proto::constraints::parse_port_number;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Grant, Sharing, bare, seal, to, unguessable};
use crate::api::Query;
use crate::auth::hash_key;
use crate::edge::pages::{self, Audience};
use crate::edge::problem::Problem;
use crate::record::{ShareRecord, TunnelRecord};

/// The secret of the link that a path of the management host is, if it is one.
pub(crate) fn secret(path: &str) -> Option<&str> {
    path.strip_prefix("/go/")
}

impl Sharing {
    /// Answers whoever opens a link.
    pub(crate) fn go<B>(
        &self,
        request: &Request<B>,
        now: Timestamp,
        at: Instant,
    ) -> Response<Bytes> {
        let mut response = self.lead(request, now, at).unwrap_or_else(|problem| {
            pages::respond(&problem, &Audience::of(request.method(), request.headers()))
        });
        seal(response.headers_mut());
        response
    }

    fn lead<B>(
        &self,
        request: &Request<B>,
        now: Timestamp,
        at: Instant,
    ) -> Result<Response<Bytes>, Problem> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = bare(StatusCode::METHOD_NOT_ALLOWED);
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(refused);
        }
        // One look in a table, by the hash: it takes as long for a secret that never was as for one
        // that was revoked.
        let hash = hash_key(secret(request.uri().path()).unwrap_or_default());
        let tunnel = self.directory.shared_by(&hash).ok_or(Problem::NoLink)?;
        let share = tunnel.share_with(&hash, now).ok_or(Problem::NoLink)?;
        let query = Query::parse(request.uri().query());
        let port = port(&tunnel, share, query.first("port"))?;
        if request.method() == Method::HEAD {
            return Ok(bare(StatusCode::OK));
        }
        let code = unguessable().map_err(|_| Problem::Store)?;
        let grant = Grant { tunnel: tunnel.id.clone(), share: share.id.clone(), port };
        self.codes().put(&code, grant, at);
        let mut location = self.links.entrance(&tunnel.id, port, &code);
        if let Some(wanted) = query.first("to") {
            let path = to::path(Some(wanted));
            // Writing to a string cannot fail.
            let _ = write!(location, "&to={}", utf8_percent_encode(&path, NON_ALPHANUMERIC));
        }
        let mut response = bare(StatusCode::SEE_OTHER);
        let location = HeaderValue::try_from(location).map_err(|_| Problem::Store)?;
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }
}

/// The port that a link leads to: its own, else the one that is asked for, else the first.
fn port(tunnel: &TunnelRecord, share: &ShareRecord, asked: Option<&str>) -> Result<u16, Problem> {
    let asked = asked.and_then(|text| parse_port_number(text).ok());
    match share.port.or(asked) {
        Some(port) if tunnel.ports.contains_key(&port) => Ok(port),
        Some(port) => Err(Problem::NoPort(port)),
        None => {
            let first = tunnel.default_port().or_else(|| tunnel.ports.keys().next().copied());
            first.ok_or(Problem::NoPorts)
        }
    }
}
