//! The place "here": the tunnels of this computer, on a trial relay that starts when it is first needed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{
    AccessSubject, ClusterDetails, NamedRateStatus, Tunnel, TunnelEndpoint, TunnelPort,
};
use adit_proto::id::TunnelId;
use adit_proto::token::Secret;
use adit_tunnel::management::{Answer, Error, Filter, Locator, Management, Rest, Want};
use adit_wire::clock;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::{Relay, Setup, lan_address, store};
use crate::failure::{Failure, Outcome};

/// The tunnels of this computer. Cheap to clone; all clones are one relay.
///
/// As a [`Management`] it is the relay's own with two differences. Where ports are served is remembered, and where the
/// local network may come in its addresses are told too: they are the owner's to give out.
#[derive(Clone, Debug)]
pub struct Here {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    called: String,
    /// The same for the whole process, so that a relay that begins anew knows those who use it.
    owner_key: Secret,
    /// This computer's address in the local network, now.
    address: fn() -> Outcome<IpAddr>,
    /// Read as long as something is asked; written to begin and to end.
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    is_for_lan: bool,
    has_ended: bool,
}

#[derive(Debug)]
struct Running {
    relay: Relay,
    rest: Rest,
    /// At which of this computer's addresses the local network comes in.
    lan: Option<IpAddr>,
}

impl Here {
    /// In `directory`, of which the caller must be the only holder. Nothing is started yet.
    pub fn new(directory: impl Into<PathBuf>, called: impl Into<String>) -> Self {
        Self::at(directory, called, lan_address)
    }

    /// The same where `address` tells this computer's address in the local network.
    pub(super) fn at(
        directory: impl Into<PathBuf>,
        called: impl Into<String>,
        address: fn() -> Outcome<IpAddr>,
    ) -> Self {
        let Setup { directory, called, owner_key, .. } = Setup::new(directory, called);
        let state = RwLock::default();
        Self { shared: Arc::new(Shared { directory, called, owner_key, address, state }) }
    }

    /// Lets the local network in, or not any more. A relay that runs begins anew where that changes something, also because
    /// this computer has another address by now; its hosts come back to it.
    ///
    /// # Errors
    /// When it does not begin again. It is tried again when it is next needed.
    pub async fn let_lan_in(&self, wanted: bool) -> Outcome {
        let mut state = self.shared.state.write().await;
        let was_wanted = std::mem::replace(&mut state.is_for_lan, wanted);
        let Some(running) = &state.running else { return Ok(()) };
        let lan = self.lan(wanted);
        // In no network it stays as it is: it may be the same one that comes back.
        if was_wanted == wanted && (lan.is_none() || lan == running.lan) {
            return Ok(());
        }
        if let Some(running) = state.running.take() {
            running.end(Duration::ZERO).await;
        }
        state.running = Some(self.start(lan).await?);
        Ok(())
    }

    /// Ends the relay, if it runs, after the requests at hand, for which there is `grace`. It does not start again.
    pub async fn end(&self, grace: Duration) {
        let deadline = clock::now() + grace;
        let state = clock::until(deadline, self.shared.state.write()).await;
        // Whoever still asks something then is cut off with the process.
        let Ok(mut state) = state else { return };
        state.has_ended = true;
        if let Some(running) = state.running.take() {
            running.end(deadline.saturating_duration_since(clock::now())).await;
        }
    }

    /// Whether the relay runs.
    pub async fn is_running(&self) -> bool {
        self.shared.state.read().await.running.is_some()
    }

    async fn running(&self) -> Result<RwLockReadGuard<'_, Running>, Error> {
        let state = self.shared.state.read().await;
        if let Ok(running) = RwLockReadGuard::try_map(state, |state| state.running.as_ref()) {
            return Ok(running);
        }
        let mut state = self.shared.state.write().await;
        if state.has_ended {
            return Err(unreachable("the application ends".to_owned()));
        }
        if state.running.is_none() {
            let lan = self.lan(state.is_for_lan);
            let started = self.start(lan).await;
            state.running = Some(started.map_err(|failure| unreachable(failure.message))?);
        }
        RwLockReadGuard::try_map(state.downgrade(), |state| state.running.as_ref())
            .map_err(|_| unreachable("it ended at once".to_owned()))
    }

    /// Where the local network comes in. A computer without one is reached by itself only, whatever was asked for.
    fn lan(&self, is_wanted: bool) -> Option<IpAddr> {
        let told = |failure: &Failure| tracing::warn!("{}", failure.message);
        is_wanted.then(self.shared.address)?.inspect_err(told).ok()
    }

    async fn start(&self, lan: Option<IpAddr>) -> Outcome<Running> {
        let Shared { directory, called, owner_key, .. } = &*self.shared;
        let (directory, called, owner_key) = (directory.clone(), called.clone(), owner_key.clone());
        let relay = Setup { directory, called, lan, owner_key }.start().await?;
        relay.remarks().iter().for_each(|remark| tracing::warn!("{remark}"));
        let rest = relay.management();
        Ok(Running { relay, rest, lan })
    }

    /// Whether there may be a tunnel: nobody starts a relay to hear that there is none.
    fn was_used(&self) -> bool {
        store(&self.shared.directory).exists()
    }
}

fn unreachable(cause: String) -> Error {
    Error::Unreachable { host: "this computer".into(), source: cause.into() }
}

impl Running {
    /// What is told of a tunnel, with where its ports are.
    async fn told(&self, mut tunnel: Tunnel) -> Tunnel {
        let id = tunnel.tunnel_id.as_deref().and_then(|id| id.parse().ok());
        if let (Some(id), Some(ports)) = (id, &mut tunnel.ports) {
            ports.iter_mut().for_each(|port| self.place(&id, port));
            let numbers: Vec<_> = ports.iter().map(|port| port.port_number).collect();
            noted(self.relay.remember(&id, &numbers).await);
        }
        tunnel
    }

    async fn told_port(&self, at: &Locator, mut port: TunnelPort) -> TunnelPort {
        if let Some(id) = port.tunnel_id.as_deref().and_then(|id| id.parse::<TunnelId>().ok()) {
            self.place(&id, &mut port);
        }
        // The tunnel's other ports belong into the same note.
        if let Ok(tunnel) = self.rest.get(at, Want::PORTS).await {
            self.told(tunnel).await;
        }
        port
    }

    /// Adds the port's address for the local network to those that the relay tells.
    fn place(&self, tunnel: &TunnelId, port: &mut TunnelPort) {
        let lan = self.relay.addresses(tunnel, port.port_number).and_then(|it| it.lan);
        let uris = port.port_forwarding_uris.get_or_insert_default();
        uris.extend(lan.map(|at| format!("http://{at}/")));
    }

    async fn end(self, grace: Duration) {
        if !self.relay.shutdown(grace).await {
            tracing::info!("connections to the trial relay were cut");
        }
    }
}

/// That something could not be noted is no reason to serve nothing: it matters at the next start only.
fn noted(written: Outcome) {
    if let Err(Failure { message, .. }) = written {
        tracing::warn!(reason = message, "where ports are served could not be noted");
    }
}

impl Management for Here {
    fn create<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let running = self.running().await?;
            let made = running.rest.create(tunnel, want).await?;
            Ok(running.told(made).await)
        })
    }

    fn get<'a>(&'a self, at: &'a Locator, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let running = self.running().await?;
            let tunnel = running.rest.get(at, want).await?;
            Ok(running.told(tunnel).await)
        })
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Vec<Tunnel>> {
        Box::pin(async move {
            if !self.was_used() {
                return Ok(Vec::new());
            }
            let running = self.running().await?;
            let mut tunnels = Vec::new();
            for tunnel in running.rest.list(filter).await? {
                tunnels.push(running.told(tunnel).await);
            }
            let (ports, access) = (filter.ports, filter.access);
            if *filter == (Filter { ports, access, ..Filter::default() }) {
                let ids: Vec<_> = tunnels.iter().filter_map(|it| it.tunnel_id.clone()).collect();
                let is_there = |id: &TunnelId| ids.iter().any(|it| it == id.as_str());
                noted(running.relay.retain(is_there).await);
            }
            Ok(tunnels)
        })
    }

    fn update<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let running = self.running().await?;
            let changed = running.rest.update(tunnel, want).await?;
            Ok(running.told(changed).await)
        })
    }

    fn delete<'a>(&'a self, at: &'a Locator) -> Answer<'a, bool> {
        Box::pin(async move { self.running().await?.rest.delete(at).await })
    }

    fn ports<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<TunnelPort>> {
        Box::pin(async move { Ok(self.get(at, Want::PORTS).await?.ports.unwrap_or_default()) })
    }

    fn create_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(async move {
            let running = self.running().await?;
            let made = running.rest.create_port(at, port).await?;
            Ok(running.told_port(at, made).await)
        })
    }

    fn update_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(async move {
            let running = self.running().await?;
            let changed = running.rest.update_port(at, port).await?;
            Ok(running.told_port(at, changed).await)
        })
    }

    fn delete_port<'a>(&'a self, at: &'a Locator, port: u16) -> Answer<'a, bool> {
        Box::pin(async move { self.running().await?.rest.delete_port(at, port).await })
    }

    fn put_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        token: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint> {
        Box::pin(async move { self.running().await?.rest.put_endpoint(at, endpoint, token).await })
    }

    fn delete_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        id: &'a str,
        token: &'a Secret,
    ) -> Answer<'a, bool> {
        Box::pin(async move { self.running().await?.rest.delete_endpoint(at, id, token).await })
    }

    fn mint<'a>(&'a self, at: &'a Locator, scope: Scope) -> Answer<'a, Secret> {
        Box::pin(async move { self.running().await?.rest.mint(at, scope).await })
    }

    fn issue<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        scopes: Scopes,
    ) -> Answer<'a, Secret> {
        Box::pin(async move { self.running().await?.rest.issue(at, port, scopes).await })
    }

    fn resolve<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        Box::pin(async move { self.running().await?.rest.resolve(subjects).await })
    }

    fn format<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        Box::pin(async move { self.running().await?.rest.format(subjects).await })
    }

    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>> {
        Box::pin(async move { self.running().await?.rest.limits().await })
    }

    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>> {
        Box::pin(async move { self.running().await?.rest.clusters().await })
    }
}
