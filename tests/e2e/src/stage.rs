//! Scenes that many tests begin with: Microsoft's SDK as the host or the client of a tunnel on a
//! relay of the test's own.

use serde_json::{Value, json};

use crate::origin::exchange;
use crate::peer::{Offer, Peer, Role};
use crate::relay::Relay;

/// How an SDK host or client behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// The protocol versions it offers.
    pub offer: Offer,
    /// Whether it encrypts end to end when the other end does too; the SDK's own default is yes.
    pub encrypted: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { offer: Offer::Default, encrypted: true }
    }
}

/// The SDK hosting a tunnel.
#[derive(Debug)]
pub struct SdkHost {
    /// The process; its kept tunnel is the one it hosts.
    pub peer: Peer,
    /// The tunnel as it was created, with tokens for `host` and `connect`.
    pub tunnel: Value,
}

impl SdkHost {
    /// Creates a tunnel with these ports and hosts it.
    pub async fn start(relay: &Relay, ports: &[u16], manner: Manner) -> Self {
        let ports: Vec<_> =
            ports.iter().map(|port| json!({"portNumber": port, "protocol": "http"})).collect();
        Self::with(relay, json!({"ports": ports}), manner).await
    }

    /// Creates this tunnel and hosts it.
    pub async fn with(relay: &Relay, tunnel: Value, manner: Manner) -> Self {
        let mut peer = Peer::offering(Role::Host, manner.offer);
        peer.open(&relay.service(), Some(&relay.owner())).await;
        let options = json!({"tokenScopes": ["host", "connect"], "includePorts": true});
        let tunnel = peer.call_and_keep("createTunnel", json!([tunnel, options])).await;
        let tunnel = tunnel.expect("the tunnel is created");
        let connect = json!({"encrypted": manner.encrypted});
        peer.ask("connect", connect).await.expect("the host connects");
        Self { peer, tunnel }
    }

    /// `{tunnelId, clusterId}`: what one must know to find the tunnel.
    pub fn locator(&self) -> Value {
        locator(&self.tunnel)
    }

    /// The token that lets others do `scope`.
    pub fn token(&self, scope: &str) -> &str {
        self.tunnel["accessTokens"][scope].as_str().expect("the token was asked for")
    }
}

/// The SDK as a client that presents the owner's key to the service.
pub async fn sdk_client(relay: &Relay, tunnel: &Value, manner: Manner) -> Peer {
    let mut peer = Peer::offering(Role::Client, manner.offer);
    peer.open(&relay.service(), Some(&relay.owner())).await;
    let options = json!({"tokenScopes": ["connect"], "includePorts": true});
    let found = peer.call_and_keep("getTunnel", json!([locator(tunnel), options])).await;
    found.expect("the tunnel is found");
    let connect = json!({"encrypted": manner.encrypted});
    peer.ask("connect", connect).await.expect("the client connects");
    peer
}

/// The port of this machine where `client` forwards the tunnel's `port`, once it does.
pub async fn local_port(client: &mut Peer, port: u16) -> u16 {
    let local = client.ask("port", json!({"port": port})).await.expect("the port is forwarded");
    let local = local.as_u64().and_then(|port| u16::try_from(port).ok());
    local.expect("the client listens for it")
}

/// Moves bytes both ways through `client` and checks each.
///
/// # Panics
/// When one is missing or wrong.
pub async fn exchange_through(client: &mut Peer, port: u16, up: u64, down: u64) {
    let local = local_port(client, port).await;
    exchange_at(local, u64::from(port), up, down).await;
}

/// Moves bytes both ways over a connection to this port of this machine and checks each.
///
/// # Panics
/// When one is missing or wrong.
pub async fn exchange_at(local: u16, seed: u64, up: u64, down: u64) {
    let done = async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", local)).await?;
        exchange(stream, seed, up, down).await
    };
    done.await.unwrap_or_else(|error| panic!("{up} bytes up and {down} down: {error}"));
}

/// `{tunnelId, clusterId}` of a tunnel.
pub fn locator(tunnel: &Value) -> Value {
    json!({"tunnelId": tunnel["tunnelId"], "clusterId": tunnel["clusterId"]})
}
