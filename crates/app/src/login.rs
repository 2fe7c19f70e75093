//! Signing in to a relay: its key is checked there, and kept only if it is good.

use adit_proto::token::Secret;
use adit_tunnel::management::{Credential, Rest};
use adit_wire::net::Connector;
use adit_wire::task;

use crate::credentials::{Credentials, SignIn};
use crate::failure::{Code, Failure, Outcome};
use crate::places::Places;
use crate::relay_url::RelayUrl;

/// Who is signed in now.
#[derive(Debug)]
pub struct SignedIn {
    /// As whom, where the relay tells that.
    pub user: Option<String>,
    /// All sign-ins, with the new one.
    pub credentials: Credentials,
}

/// Asks a relay whether a key is good, and keeps it then.
///
/// # Errors
/// When the relay does not know the key or does not answer; when it cannot be kept.
pub async fn with_key(
    places: &Places,
    relay: &RelayUrl,
    key: Secret,
    connector: Connector,
) -> Outcome<SignedIn> {
    let service = Rest::new(connector, relay.base(), Credential::User(key.clone()));
    let user =
        service.whoami().await.map_err(|error| match Failure::service("sign in", &error) {
            failure if failure.code == Code::SignIn => {
                failure.hint("the relay does not know this key; ask its operator for one")
            }
            failure => failure,
        })?;
    let (path, relay) = (places.credentials(), relay.clone());
    let credentials = task::blocking("keep key", move || {
        let mut credentials = Credentials::load(path)?;
        credentials.put(SignIn { relay, key })?;
        Ok::<_, Failure>(credentials)
    });
    Ok(SignedIn { user, credentials: credentials.await? })
}

/// Forgets the key for a relay; `false` when there was none.
///
/// # Errors
/// When the file cannot be read or written.
pub async fn forget_key(places: &Places, relay: &RelayUrl) -> Outcome<bool> {
    let (path, relay) = (places.credentials(), relay.clone());
    task::blocking("forget key", move || Credentials::load(path)?.remove(&relay)).await
}
