//! The entrance of a tunnel's own host, which exchanges a one-time code for a cookie.

use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use jiff::Timestamp;

use super::{Guest, Sharing, bare, cookie, to};
use crate::api::Query;
use crate::auth::Pass;
use crate::edge::problem::Problem;
use crate::record::{ShareRecord, TunnelRecord};

/// The one path of a tunnel's host that is the relay's. It is not asked for by anybody who was not sent.
pub(super) const PATH: &str = "/.adit/enter";

/// Whether a path of a tunnel's host is its entrance.
pub(crate) fn is_entry(path: &str) -> bool {
    path == PATH
}

impl Sharing {
    /// Lets in who has a code for this port: gives him the cookie, and sends him where he wanted to go.
    ///
    /// # Errors
    /// When the code is used, too old, or for something else; or its link has ended meanwhile.
    pub(crate) fn enter(
        &self,
        request: &Parts,
        tunnel: &TunnelRecord,
        port: u16,
        secure: bool,
        now: Timestamp,
        at: Instant,
    ) -> Result<Response<Bytes>, Problem> {
        match request.method {
            Method::GET => {}
            // Whoever only looks ahead does not use it up.
            Method::HEAD => return Ok(bare(StatusCode::OK)),
            _ => return Err(Problem::CodeUsed),
        }
        let query = Query::parse(request.uri.query());
        let code = query.first("code").ok_or(Problem::CodeUsed)?;
        let grant = self.codes().take(code, at).ok_or(Problem::CodeUsed)?;
        if grant.tunnel != tunnel.id || grant.port != port {
            return Err(Problem::CodeUsed);
        }
        let share = tunnel.share(&grant.share, now).filter(|share| share.opens(port));
        let share = share.ok_or(Problem::LinkEnded)?;
        let location = HeaderValue::try_from(to::path(query.first("to")));
        let mut response = bare(StatusCode::SEE_OTHER);
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location.map_err(|_| Problem::Store)?);
        let own = match self.guest(&request.headers, tunnel, port, secure, now) {
            Guest::Welcome(own) => tunnel.share(&own, now),
            Guest::Stranger | Guest::Late => None,
        };
        // Whoever has come by a better link keeps what that gave him.
        if own.is_some_and(|own| is_better(own, share)) {
            return Ok(response);
        }
        let pass = Pass {
            share: share.id.clone(),
            tunnel: tunnel.id.clone(),
            port: share.port,
            expires: share.expires,
        };
        let pass = self.key.seal(&pass).map_err(|_| Problem::Store)?;
        let cookie = cookie::set(&pass, secure, share.expires, now).ok_or(Problem::Store)?;
        headers.insert(header::SET_COOKIE, cookie);
        Ok(response)
    }
}

/// Whether one link opens no less than another, for longer.
fn is_better(one: &ShareRecord, than: &ShareRecord) -> bool {
    one.expires > than.expires && one.port.is_none_or(|port| than.port == Some(port))
}
