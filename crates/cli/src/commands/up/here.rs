//! The tunnel of `adit up` on this computer: a trial relay in this process, which finds its tunnel,
//! its keys and its ports again, so that the URL survives a restart.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use adit_proto::id::FullId;
use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config, Storage};
use adit_relay::server::SpawnError;
use adit_tunnel::management::{Base, Credential, Filter, Management, Rest};
use adit_wire::net::{Connector, Proxies};
use adit_wire::tls;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::relay;
use super::stage::Stage;
use crate::claim::Claim;
use crate::context::Context;
use crate::durable;
use crate::failure::{Code, Failure, Outcome};
use crate::reach::Reaches;
use crate::screen::remark;

/// What a trial relay keeps besides its own store.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    version: u32,
    /// The port that it listened on last; 0 for none.
    listen: u16,
}

const VERSION: u32 = 1;

/// Starts the relay and finds or makes its tunnel.
pub(super) async fn set(plan: &Plan, context: &Context) -> Outcome<Stage> {
    let directory = context.places.state.join("embedded").join(plan.key());
    let claim = Claim::take(&directory, plan.key())?;
    let owner_key = random_key();
    let server = start(&directory, owner_key.clone(), plan).await?;
    let connector = Connector::new(tls::Client::system(), Proxies::none());
    let url = format!("http://{}", loopback(server.addr()));
    let base = Base::parse(&url).expect("an address and port make a base");
    let management: Arc<dyn Management> =
        Arc::new(Rest::new(connector.clone(), base, Credential::User(owner_key)));
    let tunnel = find_or_make(&*management, plan).await?;
    Ok(Stage {
        management,
        connector,
        tunnel,
        temporary: false,
        reaches: Reaches::TRIAL,
        server: Some(server),
        claim,
    })
}

async fn start(directory: &Path, owner_key: Secret, plan: &Plan) -> Outcome<Server> {
    let path = directory.join("trial.json");
    let last = remembered(&path)?;
    let config = |port| {
        let storage = Storage::Directory(directory.join("relay"));
        let mut config = Config::embedded(owner_key.clone(), storage);
        config.listen.set_port(port);
        config
    };
    let server = match Server::spawn(config(last)).await {
        Err(SpawnError::Bind(_)) if last != 0 => {
            remark(format!(
                "port {last} is in use by something else; the URLs for browsers change"
            ));
            Server::spawn(config(0)).await
        }
        spawned => spawned,
    };
    let server = server.map_err(|error| failure(plan.key(), &error))?;
    let listen = server.addr().port();
    if listen != last {
        let memory = serde_json::to_string(&Memory { version: VERSION, listen });
        durable::write(&path, &memory.expect("numbers are JSON"))?;
    }
    Ok(server)
}

/// The port of the last time. A note that makes no sense is set aside; the relay's own store, which
/// holds the tunnel, is not touched.
fn remembered(path: &Path) -> Outcome<u16> {
    let Some(text) = durable::read(path)? else { return Ok(0) };
    match serde_json::from_str::<Memory>(&text) {
        Ok(memory) if memory.version == VERSION => Ok(memory.listen),
        _ => {
            let aside = durable::set_aside(path)?;
            let path = path.display();
            remark(format!("{path} is damaged and was moved to {}", aside.display()));
            Ok(0)
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

fn loopback(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, addr.port()).into() } else { addr }
}

fn failure(key: &str, error: &SpawnError) -> Failure {
    let failure =
        |code| Failure::caused(code, format_args!("the trial relay {key} cannot start"), error);
    match error {
        SpawnError::Running(_) => failure(Code::AlreadyRunning),
        SpawnError::Bind(_) => failure(Code::Listen),
        SpawnError::Tls(_) => failure(Code::Internal),
        SpawnError::Directory { .. } | SpawnError::Store(_) | SpawnError::Key(_) => {
            failure(Code::Storage)
                .hint("make room or check the rights there; `adit up --name <other>` starts afresh")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_the_last_time_is_remembered_and_a_damaged_note_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trial.json");
        assert_eq!(remembered(&path).unwrap(), 0);
        durable::write(&path, r#"{"version":1,"listen":4001}"#).unwrap();
        assert_eq!(remembered(&path).unwrap(), 4001);
        for damaged in ["", "{\"version\":1,\"listen\":99999}", "{\"version\":1"] {
            durable::write(&path, damaged).unwrap();
            assert_eq!(remembered(&path).unwrap(), 0);
            assert!(!path.exists());
        }
    }

    #[test]
    fn keys_are_new_each_time() {
        assert_eq!(random_key().expose().len(), 64);
        assert_ne!(random_key(), random_key());
    }
}
