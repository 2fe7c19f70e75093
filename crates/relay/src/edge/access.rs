//! Who may visit a port.

use adit_proto::access::Scope;
use http::request::Parts;
use http::{HeaderValue, header};
use jiff::Timestamp;

use super::headers::TUNNEL_AUTHORIZATION;
use super::problem::Problem;
use super::samesite;
use crate::auth::{Auth, Caller, Refused, Unrecognized};
use crate::record::TunnelRecord;
use crate::sharing::{Guest, Sharing};

/// How a visitor came to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// As everybody is.
    Open,
    /// By a credential.
    Known,
    /// By the link of this id.
    Guest(String),
}

/// The port that somebody wants to visit, and what decides about it.
pub(super) struct Gate<'a> {
    pub(super) auth: &'a Auth,
    /// Nothing on a relay without links.
    pub(super) sharing: Option<&'a Sharing>,
    pub(super) tunnel: &'a TunnelRecord,
    pub(super) port: u16,
    /// Whether `Authorization` may carry the right to connect.
    pub(super) bearer: bool,
    /// The authority that was asked for.
    pub(super) host: &'a HeaderValue,
    /// Whether the visitor speaks TLS, with us or with a proxy before us.
    pub(super) secure: bool,
}

impl Gate<'_> {
    /// Lets a visitor in, or says why not.
    ///
    /// Whoever may come without a credential comes without one, so that an application behind an open
    /// tunnel gets its own `Authorization` untouched. With `bearer`, that header may carry the right
    /// to connect; it then goes no further. Who has neither may have come by a link.
    ///
    /// # Errors
    ///
    /// [`Problem::SignIn`], [`Problem::BadToken`], [`Problem::LinkEnded`], [`Problem::Forbidden`],
    /// [`Problem::ForeignPage`] or [`Problem::Store`].
    pub(super) async fn admit(
        &self,
        request: &mut Parts,
        now: Timestamp,
    ) -> Result<Entry, Problem> {
        let Err(refused) = self.allow(&Caller::Anonymous, now) else { return Ok(Entry::Open) };
        let own = request.headers.get(TUNNEL_AUTHORIZATION);
        let bearer = || request.headers.get(header::AUTHORIZATION).filter(|_| self.bearer);
        let Some(credential) = own.or_else(bearer) else {
            return self.admit_guest(request, &refused, now);
        };
        let caller = self.auth.recognize(Some(credential), now).await;
        let caller = caller.map_err(|error| match error {
            Unrecognized::Unidentified(_) => Problem::BadToken,
            Unrecognized::Store(error) => {
                tracing::error!(%error, "the users could not be read");
                Problem::Store
            }
        })?;
        self.allow(&caller, now).map_err(|refused| problem(&refused))?;
        if own.is_none() {
            request.headers.remove(header::AUTHORIZATION);
        }
        Ok(Entry::Known)
    }

    /// Lets in who came by a link, for what he asks himself and not for what other pages make his
    /// browser ask. What is denied to everybody no link opens.
    fn admit_guest(
        &self,
        request: &Parts,
        refused: &Refused,
        now: Timestamp,
    ) -> Result<Entry, Problem> {
        let Some(sharing) = self.sharing else { return Err(problem(refused)) };
        let Self { tunnel, port, secure, .. } = *self;
        match sharing.guest(&request.headers, tunnel, port, secure, now) {
            Guest::Stranger => Err(problem(refused)),
            Guest::Late => Err(Problem::LinkEnded),
            Guest::Welcome(_) if self.auth.denies_guests(tunnel, port, now) => {
                Err(Problem::Forbidden)
            }
            Guest::Welcome(link) if samesite::is_own(request, self.host, secure) => {
                Ok(Entry::Guest(link))
            }
            Guest::Welcome(_) => Err(Problem::ForeignPage),
        }
    }

    fn allow(&self, caller: &Caller, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
        self.auth.allow(caller, self.tunnel, Some(self.port), Scope::Connect, now)
    }
}

/// Whether who came by the link of this id may still be at a port.
pub(super) fn is_welcome(
    auth: &Auth,
    tunnel: &TunnelRecord,
    port: u16,
    link: &str,
    now: Timestamp,
) -> bool {
    tunnel.share(link, now).is_some_and(|share| share.opens(port))
        && !auth.denies_guests(tunnel, port, now)
}

fn problem(refused: &Refused) -> Problem {
    match refused {
        Refused::SignInRequired => Problem::SignIn,
        Refused::Revoked => Problem::BadToken,
        Refused::WrongToken(_) | Refused::Access(_) => Problem::Forbidden,
    }
}
