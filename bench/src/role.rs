//! The other processes of a run: this program, started as a relay or as a host.

use std::{env, io, pin::pin, sync::Arc};

use adit_proto::{contracts::Tunnel, id::FullId, token::Secret};
use adit_relay::{
    Server,
    config::{Config as RelayConfig, Storage},
};
use adit_tunnel::{
    host::{Config, Event, Host},
    management::{Base, Credential, Management, Rest, Want},
};
use adit_wire::net::Connector;
use serde_json::json;
use tokio::io::AsyncReadExt;

/// Runs a relay in memory whose owner has the key in `ADIT_BENCH_KEY`; prints its address first.
pub(crate) async fn relay() -> io::Result<()> {
    let config = RelayConfig::embedded(key()?, Storage::Memory);
    let server = Server::spawn(config).await.map_err(io::Error::other)?;
    println!("{}", server.addr());
    until_end_of_input().await
}

fn key() -> io::Result<Secret> {
    env::var("ADIT_BENCH_KEY").map(Secret::new).map_err(io::Error::other)
}

/// Whoever started this keeps its standard input open for as long as it is wanted.
async fn until_end_of_input() -> io::Result<()> {
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await.map(|_| ())
}

/// Hosts a port of a new tunnel, open to everybody, on the relay at the first argument; prints the
/// tunnel's id once it is hosted.
pub(crate) async fn host(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let usage = || io::Error::other("usage: host <relay> <port>");
    let relay = arguments.next().ok_or_else(usage)?;
    let port: u16 = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(usage)?;
    let (connector, management) = management(&relay, key()?)?;
    let id = create(&management, port).await?;
    let mut host = Host::spawn(Config::new(management, connector, id.clone().into()));
    let mut input = pin!(until_end_of_input());
    loop {
        tokio::select! {
            event = host.next() => match event {
                Some(Event::Ready { .. }) => println!("{}", id.tunnel),
                Some(Event::State(state)) => eprintln!("host: {state:?}"),
                Some(_) => {}
                None => return Err(io::Error::other("the host ended")),
            },
            ended = &mut input => {
                host.stop().await;
                return ended;
            }
        }
    }
}

/// Makes such a tunnel, which is not hosted yet.
#[cfg(unix)]
pub(crate) async fn make(relay: &str, port: u16, key: &str) -> io::Result<FullId> {
    let (_, management) = management(relay, Secret::new(key))?;
    create(&management, port).await
}

fn management(relay: &str, key: Secret) -> io::Result<(Connector, Arc<Rest>)> {
    let connector = Connector::default();
    let base = Base::parse(&format!("http://{relay}/")).map_err(io::Error::other)?;
    let rest = Rest::new(connector.clone(), base, Credential::User(key));
    Ok((connector, Arc::new(rest)))
}

async fn create(management: &Rest, port: u16) -> io::Result<FullId> {
    let wanted: Tunnel = serde_json::from_value(json!({
        "ports": [{ "portNumber": port, "protocol": "http" }],
        "accessControl": {
            "entries": [{ "type": "Anonymous", "subjects": [], "scopes": ["connect"] }],
        },
    }))?;
    let made = management.create(&wanted, Want::PORTS).await.map_err(io::Error::other)?;
    made.full_id().ok_or_else(|| io::Error::other("a tunnel without an id"))
}
