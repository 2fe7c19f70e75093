//! What every command is given, and what several of them do first.

use adit_proto::contracts::Tunnel;
use adit_proto::id::FullId;
use adit_proto::token::Secret;
use adit_tunnel::management::{Credential, Locator, Management, Rest, Want};
use adit_wire::net::Connector;

use crate::credentials::{self, Credentials, SignIn};
use crate::environment::Environment;
use crate::failure::{Code, Failure, Outcome};
use crate::place::{self, Because, Place, Wishes};
use crate::places::Places;
use crate::relay_url::RelayUrl;
use crate::screen::Screen;
use crate::settings::Settings;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Results, events and errors as JSON.
    pub(crate) json: bool,
    pub(crate) places: Places,
    pub(crate) screen: Screen,
    on: Option<String>,
    api_key: Option<Secret>,
}

impl Context {
    /// From what the environment says.
    pub(crate) fn new(json: bool, environment: Environment) -> Outcome<Self> {
        Ok(Self {
            json,
            places: Places::new(&environment)?,
            screen: Screen::new(&environment),
            on: environment.on,
            api_key: environment.api_key,
        })
    }

    /// The stored sign-ins.
    pub(crate) fn credentials(&self) -> Outcome<Credentials> {
        Credentials::load(self.places.credentials())
    }

    /// Where a tunnel is to live, and why.
    pub(crate) fn choose(
        &self,
        asked: Option<Place>,
        project: Option<Place>,
    ) -> Outcome<(Place, Because)> {
        let environment = match &self.on {
            Some(text) => Some(text.parse().map_err(|error| {
                Failure::new(Code::Usage, format!("ADIT_ON is `{text}`: {error}"))
            })?),
            None => None,
        };
        let settings = Settings::load(&self.places.settings())?.r#where;
        let wishes = Wishes { asked, environment, project, settings };
        Ok(place::choose(wishes, &self.credentials()?))
    }

    /// The relay to use, for a command that needs one.
    pub(crate) fn relay(&self, asked: Option<Place>) -> Outcome<RelayUrl> {
        match self.choose(asked, None)? {
            (Place::Relay(relay), _) => Ok(relay),
            (Place::Here, Because::ManySignIns) => {
                Err(Failure::new(Code::Usage, "you are signed in to several relays")
                    .hint("say which with --on <relay>, or choose one with: adit use <relay>"))
            }
            (Place::Here, _) => Err(Failure::new(Code::SignIn, "you are signed in to no relay")
                .hint("sign in with: adit login <relay URL>")),
        }
    }

    /// The user's key for a relay: `ADIT_API_KEY`, else the stored one.
    pub(crate) fn key(&self, relay: &RelayUrl) -> Outcome<Secret> {
        if let Some(key) = &self.api_key {
            return credentials::parse_key(key.expose())
                .map_err(|failure| failure.hint("ADIT_API_KEY is set to it"));
        }
        let credentials = self.credentials()?;
        match credentials.find(relay) {
            Some(SignIn { key, .. }) => Ok(key.clone()),
            None => Err(Failure::new(Code::SignIn, format!("you are not signed in to {relay}"))
                .hint(format!("sign in with: adit login {relay}"))),
        }
    }

    /// The management API of a relay, as its signed-in user.
    pub(crate) fn service(&self, relay: &RelayUrl) -> Outcome<Rest> {
        Ok(service(relay, self.key(relay)?))
    }

    /// The management API of a relay, as its signed-in user or, where there is none, as a stranger.
    pub(crate) fn service_for_anybody(&self, relay: &RelayUrl) -> Outcome<Rest> {
        match self.key(relay) {
            Ok(key) => Ok(service(relay, key)),
            Err(failure) if failure.code == Code::SignIn => {
                Ok(Rest::new(connector(), relay.base(), Credential::Anonymous))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether `ADIT_API_KEY` is set.
    pub(crate) fn has_key_in_environment(&self) -> bool {
        self.api_key.is_some()
    }
}

/// The tunnel that is meant, with its cluster. The relay is asked only where that is not given.
pub(crate) async fn find(service: &dyn Management, locator: &Locator) -> Outcome<FullId> {
    if let Some(cluster) = &locator.cluster {
        return Ok(FullId { tunnel: locator.id.clone(), cluster: cluster.clone() });
    }
    let tunnel = service.get(locator, Want::NOTHING).await;
    let tunnel = tunnel
        .map_err(|error| Failure::service(format_args!("look up the tunnel {locator}"), &error))?;
    full_id(&tunnel)
}

/// The id that a relay must give a tunnel.
pub(crate) fn full_id(tunnel: &Tunnel) -> Outcome<FullId> {
    tunnel.full_id().ok_or_else(|| {
        Failure::new(Code::Unreachable, "the relay answered without the id of the tunnel")
    })
}

/// The management API of a relay, as the user with that key.
pub(crate) fn service(relay: &RelayUrl, key: Secret) -> Rest {
    Rest::new(connector(), relay.base(), Credential::User(key))
}

/// Connects through the system's proxies and trusts the system's certificates.
pub(crate) fn connector() -> Connector {
    Connector::default()
}
