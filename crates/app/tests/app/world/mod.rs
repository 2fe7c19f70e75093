//! A relay, a user of it, and files in a folder that goes away.

#![allow(dead_code)] // Each test file uses its part.

mod services;

use std::path::Path;
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
use adit_wire::net::Connector;
use adit_wire::{clock, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
        Places::new(&environment(self.folder.path())).unwrap()
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

/// An environment with all files in a folder, and without the official command.
pub(crate) fn environment(folder: &Path) -> Environment {
    let directory = || Some(folder.into());
    Environment {
        config: directory(),
        state_dir: directory(),
        data_dir: directory(),
        devtunnel: Some(folder.join("nowhere").into()),
        ..Environment::default()
    }
}

/// A local server that answers every request with this, and its port.
pub(crate) async fn origin(text: &'static str) -> (u16, task::Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = task::spawn("origin", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let length = text.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, serving)
}

/// What a visitor of a URL on this computer gets.
pub(crate) async fn visit(url: &str) -> String {
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    soon(async {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await
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
