//! Microsoft's Dev Tunnels service, managed through the official `devtunnel` command.
//!
//! The command holds the user's sign-in. Every question is one process of it, started directly and
//! never through a shell, with a deadline; dropping the question ends the process. Only so many run at
//! a time. None is on the way of what is forwarded: a hosted tunnel is followed through the service's
//! REST API with the tokens that it is hosted with.
//!
//! Not verified against Microsoft's live service.

mod access;
mod account;
mod by_hand;
mod change;
mod classify;
#[cfg(test)]
mod fixtures;
mod journal;
mod json;
mod line;
mod list;
mod merge;
mod pauses;
mod process;
mod remake;
mod shape;
mod trouble;
mod version;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{ClusterDetails, NamedRateStatus, Tunnel, TunnelEndpoint, TunnelPort};
use adit_proto::renewal::Life;
use adit_proto::token::Secret;
use adit_wire::clock;
use adit_wire::net::Connector;
use serde::de::DeserializeOwned;

use self::journal::Journal;
use self::line::{Line, invalid};
use self::pauses::Pauses;
use self::process::Runner;
use self::shape::{Access, Item, Minted, Shown, ShownPort};
use super::{
    Answer, Authorized, Base, Confirmed, Credential, Error, Filter, HostTokens, Locator,
    Management, Rest, Turns, Want,
};

pub use account::Account;
pub use journal::owed;
pub use trouble::Trouble;
pub use version::{OLDEST, Version};

/// Where Microsoft's production service is.
pub const SERVICE: &str = "https://global.rel.tunnels.api.visualstudio.com/";

/// The command's name, to be found on the `PATH`.
pub const PROGRAM: &str = "devtunnel";

/// The patience with one process: it starts a runtime and asks a service far away.
const DEADLINE: Duration = Duration::from_secs(25);

/// Processes at a time. Each is a runtime of its own that fills a core while it starts.
const CONCURRENT: usize = 4;

/// Which command is used, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The command: a path, or a name to be found on the `PATH`.
    pub program: OsString,
    /// The service that the tokens are for.
    pub service: Base,
    /// The patience with one process.
    pub deadline: Duration,
    /// Processes at a time, at least one.
    pub concurrent: usize,
    /// The file in which ports are noted before they are removed to be made again, beside which its lock is. Without one
    /// a port is lost if this process ends in between.
    pub journal: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let service = Base::parse(SERVICE).expect("the address is one");
        let (program, deadline, concurrent) = (PROGRAM.into(), DEADLINE, CONCURRENT);
        Self { program, service, deadline, concurrent, journal: None }
    }
}

/// Who knows a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// A Microsoft account, personal or of an organization.
    #[default]
    Microsoft,
    /// A GitHub account.
    GitHub,
}

/// Manages through the command. Cheap to clone; clones share the limit of processes.
#[derive(Clone)]
pub struct Cli {
    inner: Arc<Inner>,
    way: Arc<Way>,
    /// Who hears when its calls wait for their turn.
    turns: Option<Turns>,
}

/// How the service is reached.
struct Way {
    runner: Runner,
    /// The same service without a credential of its own: for what tunnels' tokens are enough for.
    rest: Rest,
}

struct Inner {
    journal: Option<Journal>,
    pauses: Pauses,
}

impl Cli {
    /// Starts no process yet.
    pub fn new(connector: Connector, config: &Config) -> Self {
        let rest = Rest::new(connector.clone(), config.service.clone(), Credential::Anonymous);
        let journal = config.journal.clone().map(Journal::new);
        let way = Way { runner: Runner::new(connector, config), rest };
        let inner = Inner { journal, pauses: Pauses::default() };
        Self { inner: Arc::new(inner), way: Arc::new(way), turns: None }
    }

    /// One that reaches the service another way, processes included, and shares everything else; the same where it
    /// goes that way already.
    pub fn through(&self, connector: &Connector) -> Self {
        if self.runner().goes(connector) {
            return self.clone();
        }
        let rest = Rest::new(connector.clone(), self.rest().base().clone(), Credential::Anonymous);
        let way = Way { runner: self.runner().through(connector.clone()), rest };
        Self { way: Arc::new(way), ..self.clone() }
    }

    fn runner(&self) -> &Runner {
        &self.way.runner
    }

    fn rest(&self) -> &Rest {
        &self.way.rest
    }

    fn journal(&self) -> Option<&Journal> {
        self.inner.journal.as_ref()
    }

    fn pauses(&self) -> &Pauses {
        &self.inner.pauses
    }

    async fn ask(&self, line: &Line) -> Result<Secret, Error> {
        self.runner().ask(line, self.turns.as_ref()).await
    }

    /// Makes a call and reads the JSON of its answer.
    async fn read<T: DeserializeOwned>(&self, line: &Line) -> Result<T, Error> {
        let answer = self.ask(line).await?;
        let flaw = "there is no JSON that tells it";
        json::find(answer.expose())
            .ok_or_else(|| Trouble::Garbled { what: line.what(), flaw }.into())
    }

    /// Makes a call whose answer does not matter.
    async fn tell(&self, line: &Line) -> Result<(), Error> {
        self.ask(line).await.map(drop)
    }

    async fn show(&self, at: &Locator) -> Result<Tunnel, Error> {
        let line = Line::new("show").value(at).words(&["-j"]);
        let shown = contract(self.read::<Shown>(&line).await?.tunnel);
        // A future of its own, because it may ask for a token in turn.
        Ok(Box::pin(self.whole(shown)).await)
    }

    /// One scope a call: the command mixes up several.
    async fn token(&self, at: &Locator, scope: Scope) -> Result<Secret, Error> {
        let line = Line::new("token").value(at).option("--scopes", scope).words(&["-j"]);
        let token = self.read::<Minted>(&line).await?.token;
        match token.is_empty() {
            true => Err(Trouble::Garbled { what: line.what(), flaw: "the token is empty" }.into()),
            false => Ok(token),
        }
    }

    /// Tokens to host with, minted side by side, and the tunnel if it has to be looked at.
    async fn authorized(&self, at: &Locator, look: bool) -> Result<Authorized, Error> {
        let shown = async {
            match look {
                true => self.show(at).await.map(Some),
                false => Ok(None),
            }
        };
        let (tunnel, host, ports) = tokio::try_join!(
            shown,
            self.token(at, Scope::Host),
            self.token(at, Scope::ManagePorts)
        )?;
        Ok(Authorized { tunnel, tokens: HostTokens { host, ports: Some(ports) } })
    }

    /// The tunnel as the service tells it to the holder of its tokens; the command is asked only
    /// where the service tells them nothing.
    async fn followed(&self, at: &Locator, tokens: &HostTokens) -> Result<Tunnel, Error> {
        match self.rest().get_with(at, Want::PORTS, &tokens.host).await {
            Err(Error::SignIn(_) | Error::Forbidden(_)) => self.show(at).await,
            Ok(tunnel) => Ok(self.whole(tunnel).await),
            Err(error) => Err(error),
        }
    }
}

impl Management for Cli {
    fn create<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let made = self.make(tunnel).await?;
            self.with_token(made, want).await
        })
    }

    fn get<'a>(&'a self, at: &'a Locator, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let Some(scope) = want.token else { return self.show(at).await };
            let (tunnel, token) = tokio::try_join!(self.show(at), self.token(at, scope))?;
            Ok(holding(tunnel, scope, token))
        })
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Vec<Tunnel>> {
        Box::pin(self.all(filter))
    }

    fn update<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let changed = self.change(tunnel).await?;
            self.with_token(changed, want).await
        })
    }

    fn delete<'a>(&'a self, at: &'a Locator) -> Answer<'a, bool> {
        Box::pin(async move {
            let line = Line::new("delete").value(at).words(&["-f", "-j"]);
            self.forget(at, None).await?;
            was_there(self.tell(&line).await)
        })
    }

    fn ports<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<TunnelPort>> {
        Box::pin(async move { Ok(self.show(at).await?.ports.unwrap_or_default()) })
    }

    fn create_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(self.add_port(at, port))
    }

    fn update_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(self.change_port(at, port))
    }

    fn replace_port<'a>(
        &'a self,
        at: &'a Locator,
        port: &'a TunnelPort,
        confirmed: Confirmed,
    ) -> Answer<'a, TunnelPort> {
        Box::pin(self.remake_port(at, port, confirmed))
    }

    fn delete_port<'a>(&'a self, at: &'a Locator, port: u16) -> Answer<'a, bool> {
        Box::pin(async move {
            let line = Line::new("port delete").value(at).option("-p", port).words(&["-j"]);
            self.forget(at, Some(port)).await?;
            was_there(self.tell(&line).await)
        })
    }

    fn put_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        token: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint> {
        self.rest().put_endpoint(at, endpoint, token)
    }

    fn delete_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        id: &'a str,
        token: &'a Secret,
    ) -> Answer<'a, bool> {
        self.rest().delete_endpoint(at, id, token)
    }

    fn mint<'a>(&'a self, at: &'a Locator, scope: Scope) -> Answer<'a, Secret> {
        Box::pin(self.token(at, scope))
    }

    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>> {
        Box::pin(async {
            Err(invalid("the command tells limits to people only: run `devtunnel limits`"))
        })
    }

    /// The service tells them to anybody.
    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>> {
        self.rest().clusters()
    }

    fn authorize<'a>(
        &'a self,
        at: &'a Locator,
        look: bool,
        turns: Turns,
    ) -> Answer<'a, Authorized> {
        let heard = Self { turns: Some(turns), ..self.clone() };
        Box::pin(async move { heard.authorized(at, look).await })
    }

    fn follow<'a>(&'a self, at: &'a Locator, tokens: &'a HostTokens) -> Answer<'a, Tunnel> {
        Box::pin(self.followed(at, tokens))
    }

    fn register<'a>(
        &'a self,
        at: &'a Locator,
        port: &'a TunnelPort,
        tokens: &'a HostTokens,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let Some(token) = &tokens.ports else { return Ok(()) };
            // Who looks at it next makes it, with more than is known here.
            if self.is_noted(at, port.port_number) {
                return Ok(());
            }
            // Anything more would change what its owner has set.
            let bare = TunnelPort {
                port_number: port.port_number,
                protocol: Some(port.protocol.clone().unwrap_or_default()),
                ..TunnelPort::default()
            };
            match self.rest().create_port_with(at, &bare, token).await {
                // It is there, which is what was wanted.
                Ok(_) | Err(Error::Conflict(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    /// Asks the service: the command tells what is left of a life, and not how long it is.
    fn life<'a>(&'a self, at: &'a Locator, tokens: &'a HostTokens) -> Answer<'a, Life> {
        Box::pin(async move {
            Ok(Life::of(&self.rest().get_with(at, Want::NOTHING, &tokens.host).await?))
        })
    }

    fn renew<'a>(&'a self, at: &'a Locator, life: Duration) -> Answer<'a, ()> {
        Box::pin(async move {
            let life = access::whole_hours(life)?;
            let line = Line::new("update").value(at).option("--expiration", life).words(&["-j"]);
            self.tell(&line).await
        })
    }
}

impl Cli {
    async fn with_token(&self, tunnel: Tunnel, want: Want) -> Result<Tunnel, Error> {
        let (Some(scope), Some(at)) = (want.token, locator(&tunnel)) else { return Ok(tunnel) };
        let token = self.token(&at, scope).await?;
        Ok(holding(tunnel, scope, token))
    }
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cli")
            .field("runner", self.runner())
            .field("rest", self.rest())
            .finish_non_exhaustive()
    }
}

fn contract(item: Item) -> Tunnel {
    item.into_tunnel(clock::wall())
}

/// Where a tunnel is that the command told of.
fn locator(tunnel: &Tunnel) -> Option<Locator> {
    match tunnel.full_id() {
        Some(id) => Some(id.into()),
        None => tunnel.tunnel_id.as_deref()?.parse().ok(),
    }
}

fn holding(tunnel: Tunnel, scope: Scope, token: Secret) -> Tunnel {
    let access_tokens = Some([(scope.to_string(), token)].into());
    Tunnel { access_tokens, ..tunnel }
}

fn was_there(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
