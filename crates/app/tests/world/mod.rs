//! A relay, a user of it, and files in a folder that goes away.

mod services;

use std::sync::Arc;
use std::time::Duration;

use adit_app::controller::{Config, Handle};
use adit_app::environment::Environment;
use adit_app::persist::Files;
use adit_app::place_key::PlaceKey;
use adit_app::places::Places;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::View;
use adit_proto::contracts::{Tunnel, TunnelPort};
use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config as Relay, Loopback, Storage};
use adit_tunnel::host::Identity;
use adit_tunnel::management::{Credential, Locator, Management, Rest, Want};
use adit_wire::clock;
use adit_wire::net::Connector;

pub(crate) use self::services::Calls;
use self::services::Watched;

/// How long anything may take on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(60);

/// How often the relay is looked at where nobody tells.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct World {
    folder: tempfile::TempDir,
    place: PlaceKey,
    pub(crate) calls: Arc<Calls>,
    rest: Arc<Rest>,
    _relay: Server,
}

impl World {
    pub(crate) async fn new() -> Self {
        let key = || Secret::from("adit_key-of-the-test");
        let mut config = Relay::embedded(key(), Storage::Memory);
        config.loopback = Some(Loopback::default());
        let relay = Server::spawn(config).await.unwrap();
        let url = format!("http://{}", relay.addr());
        let base = url.parse::<adit_app::relay_url::RelayUrl>().unwrap().base();
        let rest = Arc::new(Rest::new(Connector::default(), base, Credential::User(key())));
        Self {
            folder: tempfile::tempdir().unwrap(),
            place: PlaceKey::from(url),
            calls: Arc::default(),
            rest,
            _relay: relay,
        }
    }

    pub(crate) fn place(&self) -> &PlaceKey {
        &self.place
    }

    pub(crate) fn directory(&self) -> std::path::PathBuf {
        self.folder.path().join("app")
    }

    pub(crate) fn places(&self) -> Places {
        let directory = || Some(self.folder.path().into());
        let environment = Environment {
            config: directory(),
            state_dir: directory(),
            data_dir: directory(),
            ..Environment::default()
        };
        Places::new(&environment).unwrap()
    }

    pub(crate) async fn spawn(&self) -> Handle {
        let config = Config {
            places: vec![self.place.clone()],
            services: Arc::new(Watched::new(self.rest.clone(), self.calls.clone())),
            files: Files::new(self.directory()),
            claims: Some(self.places()),
            identity: Identity::random(),
        };
        config.spawn().await
    }

    /// Makes a tunnel behind the application's back.
    pub(crate) async fn tunnel(&self, name: &str, ports: &[u16]) -> TunnelKey {
        let port = |number: &u16| TunnelPort { port_number: *number, ..TunnelPort::default() };
        let tunnel = Tunnel {
            name: Some(name.to_owned()),
            ports: Some(ports.iter().map(port).collect()),
            ..Tunnel::default()
        };
        let made = self.rest.create(&tunnel, Want::NOTHING).await.unwrap();
        TunnelKey { place: self.place.clone(), id: made.full_id().unwrap() }
    }

    /// How many hosts the relay counts.
    pub(crate) async fn hosts(&self, name: &str) -> u64 {
        let at: Locator = name.parse().unwrap();
        let told = self.rest.get(&at, Want::NOTHING).await.unwrap();
        told.status.unwrap().host_connection_count.map_or(0, |count| count.current)
    }

    pub(crate) async fn until_hosts(&self, name: &str, count: u64) {
        soon(async {
            while self.hosts(name).await != count {
                clock::sleep(LOOK).await;
            }
        })
        .await;
    }

    pub(crate) async fn until_gone(&self, name: &str) {
        let at: Locator = name.parse().unwrap();
        soon(async {
            while self.rest.get(&at, Want::NOTHING).await.is_ok() {
                clock::sleep(LOOK).await;
            }
        })
        .await;
    }
}

/// The first view of which this holds.
pub(crate) async fn until(app: &Handle, holds: impl Fn(&View) -> bool) -> Arc<View> {
    let mut views = app.views();
    let found = soon(async { views.wait_for(|view| holds(view)).await.map(|view| view.clone()) });
    found.await.expect("the controller runs")
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    clock::until(clock::now() + SOON, future).await.expect("it takes no minute")
}
