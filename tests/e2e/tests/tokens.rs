//! What opens a tunnel, and what does not.

use adit_e2e::origin::Origin;
use adit_e2e::peer::{Peer, Refusal, Role};
use adit_e2e::relay::Relay;
use adit_e2e::stage::{Manner, SdkHost, exchange_through};
use adit_relay::auth::Signer;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// A hosted tunnel, and what the owner can read of it with its endpoints.
struct Scene {
    relay: Relay,
    origin: Origin,
    host: SdkHost,
}

impl Scene {
    async fn set(tunnel: Value) -> Self {
        Self::on(Relay::start().await, tunnel).await
    }

    async fn on(relay: Relay, tunnel: Value) -> Self {
        let origin = Origin::start().await;
        let mut tunnel = tunnel;
        tunnel["ports"] = json!([{"portNumber": origin.port(), "protocol": "http"}]);
        let host = SdkHost::with(&relay, tunnel, Manner::default()).await;
        Self { relay, origin, host }
    }

    /// A client that has nothing but what is given: no login, and the tunnel with this token.
    async fn client(&self, token: Option<&str>) -> Result<Peer, Refusal> {
        let mut owner = Peer::start(Role::Manage);
        owner.open(&self.relay.service(), Some(&self.relay.owner())).await;
        let mut tunnel = owner.call("getTunnel", json!([self.host.locator()])).await?;
        tunnel["accessTokens"] = token.map_or(json!({}), |token| json!({"connect": token}));

        let mut client = Peer::start(Role::Client);
        client.open(&self.relay.service(), None).await;
        client.ask("tunnel", json!({"value": tunnel})).await?;
        client.ask("connect", json!({})).await?;
        Ok(client)
    }
}

#[tokio::test]
async fn a_private_tunnel_opens_for_a_connect_token_alone() {
    let scene = Scene::set(json!({})).await;
    let mut client = scene.client(Some(scene.host.token("connect"))).await.unwrap();
    exchange_through(&mut client, scene.origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn a_private_tunnel_stays_closed_without_one() {
    let scene = Scene::set(json!({})).await;
    let refusal = scene.client(None).await.unwrap_err();
    assert!(refusal.message.contains("401"), "{refusal}");
}

#[tokio::test]
async fn an_anonymous_tunnel_opens_for_everybody() {
    let anyone = json!({"entries": [{"type": "Anonymous", "subjects": [], "scopes": ["connect"]}]});
    let scene = Scene::set(json!({"accessControl": anyone})).await;
    let mut client = scene.client(None).await.unwrap();
    exchange_through(&mut client, scene.origin.port(), 1000, 1000).await;
}

#[tokio::test]
async fn an_altered_token_is_no_token() {
    let scene = Scene::set(json!({})).await;
    let token = scene.host.token("connect");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let altered = format!("{signed}.{flipped}{}", &signature[1..]);
    let refusal = scene.client(Some(&altered)).await.unwrap_err();
    assert!(refusal.message.contains("401"), "{refusal}");
}

#[tokio::test]
async fn an_expired_token_is_refused_although_it_was_right() {
    let directory = tempfile::tempdir().unwrap();
    let relay = Relay::in_directory(directory.path()).await;
    let scene = Scene::on(relay, json!({})).await;
    let key = directory.path().join("token-key.p8");
    let signer = Signer::load(&key, "loc1".parse().unwrap()).unwrap();
    let now = Timestamp::now();
    let mut token = signer.verify(scene.host.token("connect"), now).unwrap();
    token.expires = now + 1.minute();
    let good = signer.mint(&token).unwrap();
    scene.client(Some(good.expose())).await.unwrap();
    token.expires = now - 1.minute();
    let expired = signer.mint(&token).unwrap();
    let refusal = scene.client(Some(expired.expose())).await.unwrap_err();
    assert!(refusal.message.contains("401"), "{refusal}");
}

#[tokio::test]
async fn a_token_of_another_tunnel_is_refused() {
    let scene = Scene::set(json!({})).await;
    let mut owner = Peer::start(Role::Manage);
    owner.open(&scene.relay.service(), Some(&scene.relay.owner())).await;
    let options = json!({"tokenScopes": ["connect"]});
    let other = owner.call("createTunnel", json!([{}, options])).await.unwrap();
    let refusal = scene.client(other["accessTokens"]["connect"].as_str()).await.unwrap_err();
    assert!(refusal.message.contains("403"), "{refusal}");
}

#[tokio::test]
async fn a_token_to_connect_does_not_host() {
    let scene = Scene::set(json!({})).await;
    let mut tunnel = scene.host.tunnel.clone();
    tunnel["accessTokens"] = json!({"host": scene.host.token("connect")});
    let mut other = Peer::start(Role::Host);
    // The owner may register an endpoint; the socket then is the token's business.
    other.open(&scene.relay.service(), Some(&scene.relay.owner())).await;
    other.ask("tunnel", json!({"value": tunnel})).await.unwrap();
    let refusal = other.ask("connect", json!({})).await.unwrap_err();
    assert!(refusal.message.contains("403"), "{refusal}");
}
