//! Tunnels as the service keeps them: create, look up, change, share and remove.
//!
//! [`Management`] is what the host engine, the client and the commands need of a service. Of the
//! implementations here, [`Rest`] speaks the management API of a relay, and [`cli::Cli`] asks the
//! official `devtunnel` command for Microsoft's. Nothing in here decides when to try again; [`Error`]
//! says what may be tried.

pub mod access;
mod base;
pub mod change;
pub mod cli;
mod error;
mod rest;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{
    AccessSubject, ClusterDetails, NamedRateStatus, ProblemDetails, Tunnel, TunnelEndpoint,
    TunnelPort,
};
use adit_proto::id::{ClusterId, FullId, FullIdError, TunnelId};
use adit_proto::renewal::Life;
use adit_proto::token::Secret;
use jiff::Timestamp;
use tokio::sync::watch;

pub use base::{BadBase, Base};
pub use error::{Error, Flaw, Said, explain};
use error::{absent, not_shown, unable};
pub use rest::{Credential, Rest};

/// The answer to a call, to be awaited. Boxed, so that a place can be chosen at run time; calls
/// are rare and go over a network.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A service that keeps tunnels.
///
/// Every call has a deadline of its own and may be dropped. Every call fails with the [`Error`]
/// that says what its caller can do.
pub trait Management: fmt::Debug + Send + Sync + 'static {
    /// Creates a tunnel, with its ports. Without an id it gets a generated one.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when the given id or name is taken.
    fn create<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel>;

    /// Looks a tunnel up, by id or by name.
    fn get<'a>(&'a self, at: &'a Locator, want: Want) -> Answer<'a, Tunnel>;

    /// Lists the caller's tunnels.
    fn list<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Vec<Tunnel>>;

    /// Changes a tunnel that exists: what is absent in `tunnel` stays, a list that is present
    /// replaces the old one.
    fn update<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel>;

    /// Removes a tunnel; `false` when there was none.
    fn delete<'a>(&'a self, at: &'a Locator) -> Answer<'a, bool>;

    /// Lists the ports of a tunnel.
    fn ports<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<TunnelPort>>;

    /// Adds a port.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when the tunnel has it already.
    fn create_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort>;

    /// Changes a port that exists: what is absent in `port` stays.
    fn update_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort>;

    /// Removes a port; `false` when the tunnel had none of this number.
    fn delete_port<'a>(&'a self, at: &'a Locator, port: u16) -> Answer<'a, bool>;

    /// Registers where a host is, with its host token, and learns the relay's addresses.
    fn put_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        token: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint>;

    /// Removes a host's registration, with its host token; `false` when there was none.
    fn delete_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        id: &'a str,
        token: &'a Secret,
    ) -> Answer<'a, bool>;

    /// Asks for a token with one scope.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] when the caller may not have it.
    fn mint<'a>(&'a self, at: &'a Locator, scope: Scope) -> Answer<'a, Secret>;

    /// Asks for one token with all these scopes, for the tunnel or for one of its ports only.
    ///
    /// A service that makes tokens for whole tunnels and single scopes only makes no other.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] when the caller may not have it.
    fn issue<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        scopes: Scopes,
    ) -> Answer<'a, Secret> {
        let mut each = scopes.iter();
        match (port, each.next(), each.next()) {
            (None, Some(scope), None) => self.mint(at, scope),
            _ => Box::pin(async { Err(unable("tokens for a port, or with several scopes")) }),
        }
    }

    /// Makes a link by which whoever has it may visit one port, or all, until then.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for those who may not change who visits, and when the tunnel has as many
    /// links as it may; [`Error::Invalid`] where the service has no such links.
    fn create_link<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        until: Timestamp,
    ) -> Answer<'a, Link> {
        let _ = (at, port, until);
        Box::pin(async { Err(unable(LINKS)) })
    }

    /// The links of a tunnel that have not ended, without their addresses.
    ///
    /// # Errors
    ///
    /// As for [`create_link`](Self::create_link).
    fn links<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<Link>> {
        let _ = at;
        Box::pin(async { Err(unable(LINKS)) })
    }

    /// Revokes a link: who came by it is let in no more. `false` when the tunnel had none of this id.
    ///
    /// # Errors
    ///
    /// As for [`create_link`](Self::create_link).
    fn delete_link<'a>(&'a self, at: &'a Locator, id: &'a str) -> Answer<'a, bool> {
        let _ = (at, id);
        Box::pin(async { Err(unable(LINKS)) })
    }

    /// Finds the ids of subjects of access lists that are known by name. One that is not found stays
    /// without an id.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the service knows nobody by name.
    fn resolve<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        let _ = subjects;
        Box::pin(async { Err(unable("users and groups by name")) })
    }

    /// Finds the names of subjects that are known by id. One that is not found stays without a name.
    fn format<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        Box::pin(async { Ok(subjects.to_vec()) })
    }

    /// What the caller may use, and what is used.
    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>>;

    /// The service's clusters.
    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>>;

    /// Changes a port also where it has to be removed and made again for that, with everything that it
    /// had. Its visitors are cut off meanwhile, which somebody has to have agreed to.
    ///
    /// A service that changes ports in place does that.
    fn replace_port<'a>(
        &'a self,
        at: &'a Locator,
        port: &'a TunnelPort,
        _: Confirmed,
    ) -> Answer<'a, TunnelPort> {
        self.update_port(at, port)
    }

    /// Fresh tokens to host a tunnel with, and with `look` the tunnel with its ports, which a service
    /// that tells it by the way tells always. Where calls wait for each other, `turns` hears of it.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] when the caller may not host it.
    fn authorize<'a>(
        &'a self,
        at: &'a Locator,
        look: bool,
        turns: Turns,
    ) -> Answer<'a, Authorized> {
        let _ = (look, turns);
        Box::pin(async move {
            let tunnel = self.get(at, Want::PORTS.token(Scope::Host)).await?;
            let host = tunnel.token(Scope::Host).filter(|token| !token.is_empty()).cloned();
            let detail = "the service gave no token to host this tunnel with";
            let host = host.ok_or_else(|| {
                let problem = ProblemDetails::new("No token.", detail);
                Error::Invalid(Said { problem, request_id: None })
            })?;
            Ok(Authorized { tokens: HostTokens { host, ports: None }, tunnel: Some(tunnel) })
        })
    }

    /// Looks at a tunnel and its ports while it is hosted with these tokens.
    fn follow<'a>(&'a self, at: &'a Locator, tokens: &'a HostTokens) -> Answer<'a, Tunnel> {
        let _ = tokens;
        self.get(at, Want::PORTS)
    }

    /// Registers a port that will be hosted, as it was looked up just now. A service whose hosts need
    /// not do that does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the port cannot be served like that, now or later.
    fn register<'a>(
        &'a self,
        at: &'a Locator,
        port: &'a TunnelPort,
        tokens: &'a HostTokens,
    ) -> Answer<'a, ()> {
        let _ = (at, port, tokens);
        Box::pin(async { Ok(()) })
    }

    /// How long a hosted tunnel lives, and until when.
    fn life<'a>(&'a self, at: &'a Locator, tokens: &'a HostTokens) -> Answer<'a, Life> {
        let _ = tokens;
        Box::pin(async move { Ok(Life::of(&self.get(at, Want::NOTHING).await?)) })
    }

    /// Gives a tunnel its whole life again; `life` is the one it has. From an hour to 30 days.
    fn renew<'a>(&'a self, at: &'a Locator, life: Duration) -> Answer<'a, ()> {
        Box::pin(async move {
            let tunnel = Tunnel {
                tunnel_id: Some(at.id.to_string()),
                cluster_id: at.cluster.as_ref().map(ToString::to_string),
                custom_expiration: u32::try_from(life.as_secs()).ok(),
                ..Tunnel::default()
            };
            self.update(&tunnel, Want::NOTHING).await.map(drop)
        })
    }
}

/// What services without [`Management::links`] say.
const LINKS: &str = "links that share a tunnel";

/// A link that shares a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is revoked by. It opens nothing.
    pub id: String,
    /// The link itself, which whoever has may visit by; told only when it is made.
    pub url: Option<Secret>,
    /// The one port that it opens; all of them without one.
    pub port: Option<u16>,
    /// When it ends.
    pub expires: Timestamp,
}

/// Somebody has agreed that a port is removed and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed;

/// Whether a call runs, or waits until others have had their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It, or another call that the answer takes, has just begun.
    Runs,
    /// It waits. What time it has to answer has not begun.
    Waits,
}

/// Hears of the turns of a call. Only the last is of interest.
pub type Turns = watch::Sender<Turn>;

/// The tokens that a tunnel is hosted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTokens {
    /// Registers the endpoint, connects, and announces ports.
    pub host: Secret,
    /// Registers ports, on services whose hosts have to do that.
    pub ports: Option<Secret>,
}

impl HostTokens {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.host).chain(&self.ports)
    }
}

/// What a host was given.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// The tokens.
    pub tokens: HostTokens,
    /// The tunnel with its ports, if it was looked at.
    pub tunnel: Option<Tunnel>,
}

/// Names a tunnel: `id.cluster`, or an id or a name without a cluster, which the service
/// resolves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locator {
    /// The id, or a name: both look alike.
    pub id: TunnelId,
    /// Where it lives, if that is known.
    pub cluster: Option<ClusterId>,
}

impl From<FullId> for Locator {
    fn from(id: FullId) -> Self {
        Self { id: id.tunnel, cluster: Some(id.cluster) }
    }
}

impl FromStr for Locator {
    type Err = FullIdError;

    fn from_str(text: &str) -> Result<Self, FullIdError> {
        if text.contains('.') {
            return Ok(text.parse::<FullId>()?.into());
        }
        Ok(Self { id: text.parse().map_err(FullIdError::Tunnel)?, cluster: None })
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cluster {
            Some(cluster) => write!(f, "{}.{cluster}", self.id),
            None => self.id.fmt(f),
        }
    }
}

/// What an answer about a tunnel should carry beyond its bare definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// The ports.
    pub ports: bool,
    /// A fresh token with this scope.
    pub token: Option<Scope>,
}

impl Want {
    /// Nothing more.
    pub const NOTHING: Self = Self { ports: false, token: None };
    /// The ports.
    pub const PORTS: Self = Self { ports: true, token: None };

    /// Asks for a token as well.
    #[must_use]
    pub const fn token(self, scope: Scope) -> Self {
        Self { token: Some(scope), ..self }
    }
}

/// Which tunnels to list. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this cluster's.
    pub cluster: Option<ClusterId>,
    /// Only those with one of these labels; without any, labels do not matter.
    pub labels: Vec<String>,
    /// Only those with every label.
    pub all_labels: bool,
    /// Only those that the caller owns, not those that others share with the caller.
    pub owned: bool,
    /// Include the ports of each.
    pub ports: bool,
    /// Include the access list of each, where the place tells them in a list.
    pub access: bool,
}
