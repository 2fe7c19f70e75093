//! Who may visit a port.

use adit_proto::access::Scope;
use http::{HeaderMap, header};
use jiff::Timestamp;

use super::headers::TUNNEL_AUTHORIZATION;
use super::problem::Problem;
use crate::auth::{Auth, Caller, Refused, Unrecognized};
use crate::record::TunnelRecord;

/// Lets a visitor in, or says why not.
///
/// Whoever may come without a credential comes without one, so that an application behind an open
/// tunnel gets its own `Authorization` untouched. With `bearer`, that header may carry the right
/// to connect; it then goes no further.
///
/// # Errors
///
/// [`Problem::SignIn`], [`Problem::BadToken`], [`Problem::Forbidden`] or [`Problem::Store`].
pub(super) async fn admit(
    auth: &Auth,
    tunnel: &TunnelRecord,
    port: u16,
    bearer: bool,
    headers: &mut HeaderMap,
    now: Timestamp,
) -> Result<(), Problem> {
    let allow = |caller: &Caller| auth.allow(caller, tunnel, Some(port), Scope::Connect, now);
    let Err(refused) = allow(&Caller::Anonymous) else { return Ok(()) };
    let own = headers.get(TUNNEL_AUTHORIZATION);
    let credential = own.or_else(|| headers.get(header::AUTHORIZATION).filter(|_| bearer));
    let Some(credential) = credential else { return Err(problem(&refused)) };
    let caller = auth.recognize(Some(credential), now).await.map_err(|error| match error {
        Unrecognized::Unidentified(_) => Problem::BadToken,
        Unrecognized::Store(error) => {
            tracing::error!(%error, "the users could not be read");
            Problem::Store
        }
    })?;
    allow(&caller).map_err(|refused| problem(&refused))?;
    if own.is_none() {
        headers.remove(header::AUTHORIZATION);
    }
    Ok(())
}

fn problem(refused: &Refused) -> Problem {
    match refused {
        Refused::SignInRequired => Problem::SignIn,
        Refused::Revoked => Problem::BadToken,
        Refused::WrongToken(_) | Refused::Access(_) => Problem::Forbidden,
    }
}
