//! Private sharing: who opens a link is let in to a tunnel that is closed to everybody else.
//!
//! A link leads to the management host, whose content is ours, and carries a secret (`go`). From
//! there a one-time code (`codes`) takes the visitor to the tunnel's own host, which exchanges it
//! for a cookie of that host alone (`enter`, `cookie`) and forgets it. What the cookie holds is a
//! signed [`Pass`](crate::auth::Pass); whether its link is still there is looked up in the directory
//! for each request, so that a link that is revoked lets nobody in from then on.
//!
//! Nothing here says who may make links (that is the API's) or what else a request must be like
//! (that is the edge's).

mod codes;
pub(crate) mod cookie;
mod enter;
mod go;
mod to;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_proto::id::TunnelId;
use adit_proto::token::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;

use crate::api::Links;
use crate::auth::PassKey;
use crate::directory::Directory;
use crate::edge::pages::SERVED_BY;
use crate::record::TunnelRecord;

use codes::Codes;

pub(crate) use enter::is_entry;
pub(crate) use go::secret;

/// What links of a relay need. There is one only on a relay that has a domain.
pub struct Sharing {
    directory: Arc<Directory>,
    key: PassKey,
    links: Links,
    codes: Mutex<Codes>,
}

/// What a visitor's cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guest {
    /// Nothing about this port.
    Stranger,
    /// That he came by a link that is no more.
    Late,
    /// That he came by a link to this port, of this id.
    Welcome(String),
}

impl Sharing {
    /// Lets visitors in to the tunnels of `directory`, whose addresses are `links`.
    pub(crate) fn new(directory: Arc<Directory>, key: PassKey, links: Links) -> Self {
        Self { directory, key, links, codes: Mutex::default() }
    }

    /// What the cookies of a request say about a port.
    pub(crate) fn guest(
        &self,
        headers: &HeaderMap,
        tunnel: &TunnelRecord,
        port: u16,
        secure: bool,
        now: Timestamp,
    ) -> Guest {
        let mut guest = Guest::Stranger;
        for value in cookie::values(headers, secure) {
            let Some(pass) = self.key.open(value, now) else { continue };
            if pass.tunnel != tunnel.id || pass.port.is_some_and(|own| own != port) {
                continue;
            }
            match tunnel.share(&pass.share, now) {
                Some(share) if share.opens(port) => return Guest::Welcome(pass.share),
                Some(_) => {}
                None => guest = Guest::Late,
            }
        }
        guest
    }

    fn codes(&self) -> MutexGuard<'_, Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharing").finish_non_exhaustive()
    }
}

/// What a one-time code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    tunnel: TunnelId,
    share: String,
    port: u16,
}

/// 256 random bits as they stand in a URL.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn unguessable() -> Result<Secret, getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    Ok(Secret::from(BASE64_URL_SAFE_NO_PAD.encode(random)))
}

/// An answer of ours without a body, that nothing keeps and no page learns of.
fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVED_BY.0, SERVED_BY.1);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    seal(headers);
    response
}

/// Keeps an answer, and the address that it answers, from going any further.
fn seal(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests;
