//! The tunnel of `adit up` on this computer: a trial relay in this process, which finds its tunnel,
//! its keys and its ports again, so that the URL survives a restart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::durable;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::reach::Reaches;
use adit_proto::id::{FullId, TunnelId};
use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config, Loopback, Storage};
use adit_relay::server::SpawnError;
use adit_tunnel::management::{Base, Credential, Filter, Management, Rest};
use adit_wire::net::{Connector, Proxies};
use adit_wire::tls;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::stage::{LanUrl, Stage};
use super::{lan, relay};
use crate::context::Context;
use crate::screen::remark;

/// What a trial relay keeps besides its own store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    version: u32,
    /// The port that it listened on last; 0 for none.
    listen: u16,
    /// The tunnel of the last time, and where each of its ports had its own listener.
    tunnel: Option<TunnelId>,
    ports: BTreeMap<u16, u16>,
}

const VERSION: u32 = 1;

/// Starts the relay and finds or makes its tunnel.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    let directory = context.profile.places.state.join("embedded").join(plan.key());
    let claim = Claim::take(&directory, &plan.called())?;
    let note = directory.join("trial.json");
    let last = remembered(&note)?;
    let owner_key = random_key();
    let server = start(&directory, owner_key.clone(), &last, plan).await?;
    let connector = Connector::new(tls::Client::system(), Proxies::none());
    let base = Base::parse(&format!("http://{}", server.addr())).expect("an address makes a base");
    let management: Arc<dyn Management> =
        Arc::new(Rest::new(connector.clone(), base, Credential::User(owner_key)));
    let tunnel = find_or_make(&*management, plan).await?;
    let (now, lan) = listeners(&server, &tunnel.tunnel, plan);
    if now != last {
        let text = serde_json::to_string(&now).expect("numbers and texts are JSON");
        durable::write(&note, &text)?;
    }
    Ok(Stage {
        management,
        connector,
        tunnel,
        temporary: false,
        reaches: Reaches::TRIAL,
        server: Some(server),
        lan,
        claim,
    })
}

async fn start(directory: &Path, owner_key: Secret, last: &Memory, plan: &Plan) -> Outcome<Server> {
    let ports = last
        .tunnel
        .iter()
        .flat_map(|tunnel| last.ports.iter().map(|(port, at)| ((tunnel.clone(), *port), *at)));
    let lan = if plan.lan { Some(lan::address()?) } else { None };
    let loopback = Loopback { lan, ports: ports.collect() };
    let config = |port| {
        let storage = Storage::Directory(directory.join("relay"));
        let mut config = Config::embedded(owner_key.clone(), storage);
        config.listen.set_port(port);
        config.loopback = Some(loopback.clone());
        config
    };
    let server = match Server::spawn(config(last.listen)).await {
        Err(SpawnError::Bind(_)) if last.listen != 0 => {
            let port = last.listen;
            remark(format!(
                "port {port} is in use by something else; the URLs for browsers change"
            ));
            Server::spawn(config(0)).await
        }
        spawned => spawned,
    };
    server.map_err(|error| failure(&plan.called(), &error))
}

/// Where the ports are served now: to be remembered, and for the local network to be told.
fn listeners(server: &Server, tunnel: &TunnelId, plan: &Plan) -> (Memory, Vec<LanUrl>) {
    let (mut ports, mut lan) = (BTreeMap::new(), Vec::new());
    for port in &plan.ports {
        let Some(addresses) = server.addresses(tunnel, port.number) else { continue };
        ports.insert(port.number, addresses.loopback.port());
        let url =
            addresses.lan.map(|at| LanUrl { port: port.number, url: format!("http://{at}/") });
        lan.extend(url);
    }
    let (version, listen) = (VERSION, server.addr().port());
    (Memory { version, listen, tunnel: Some(tunnel.clone()), ports }, lan)
}

/// What was true the last time. A note that makes no sense is set aside; the relay's own store, which
/// holds the tunnel, is not touched.
fn remembered(path: &Path) -> Outcome<Memory> {
    let Some(text) = durable::read(path)? else { return Ok(Memory::default()) };
    match serde_json::from_str::<Memory>(&text) {
        Ok(memory) if memory.version == VERSION => Ok(memory),
        _ => {
            let aside = durable::set_aside(path)?;
            let path = path.display();
            remark(format!("{path} is damaged and was moved to {}", aside.display()));
            Ok(Memory::default())
        }
    }
}

/// A trial relay has one tunnel.
async fn find_or_make(service: &dyn Management, plan: &Plan) -> Outcome<FullId> {
    let filter = Filter { ports: true, ..Filter::default() };
    let tunnels = service.list(&filter).await;
    let tunnels = tunnels.map_err(|error| Failure::service("look up the tunnel", &error))?;
    match tunnels.first() {
        Some(tunnel) => relay::adjust(service, tunnel, plan).await,
        None => relay::make(service, plan, relay::Lasting::Kept).await,
    }
}

/// The owner's key is for this process only: nobody else has business with the trial relay.
fn random_key() -> Secret {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn failure(called: &str, error: &SpawnError) -> Failure {
    let failure = |code| {
        Failure::caused(code, format_args!("the trial relay for {called} cannot start"), error)
    };
    match error {
        SpawnError::Running(_) | SpawnError::HandOver { .. } => failure(Code::AlreadyRunning),
        SpawnError::Bind(_) => failure(Code::Listen),
        SpawnError::Tls(_) => failure(Code::Internal),
        SpawnError::Directory { .. } | SpawnError::Store(_) | SpawnError::Key(_) => {
            failure(Code::Storage).hint("make room on that disk, or check who may write there")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_is_remembered_and_a_damaged_note_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trial.json");
        assert_eq!(remembered(&path).unwrap(), Memory::default());
        let memory = Memory {
            version: VERSION,
            listen: 4001,
            tunnel: "quiet-fox-4k9x2bd".parse().ok(),
            ports: BTreeMap::from([(3000, 4002)]),
        };
        durable::write(&path, &serde_json::to_string(&memory).unwrap()).unwrap();
        assert_eq!(remembered(&path).unwrap(), memory);
        for damaged in ["", r#"{"version":1,"listen":99999}"#, r#"{"version":1"#] {
            durable::write(&path, damaged).unwrap();
            assert_eq!(remembered(&path).unwrap(), Memory::default());
            assert!(!path.exists());
        }
    }

    #[test]
    fn keys_are_new_each_time() {
        assert_eq!(random_key().expose().len(), 64);
        assert_ne!(random_key(), random_key());
    }
}
