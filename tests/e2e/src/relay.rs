//! A relay of the test's own, in this process, behind a fault proxy that everybody goes through.

use std::path::Path;

use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::config::{Config, Storage};

use crate::deadline::soon;
use crate::faultproxy::FaultProxy;

/// The key of the only user.
const OWNER_KEY: &str = "adit_the_owner_of_this_test";

/// A running relay. It ends when dropped.
#[derive(Debug)]
pub struct Relay {
    _server: Server,
    proxy: FaultProxy,
}

impl Relay {
    /// Starts a relay that forgets everything at its end.
    pub async fn start() -> Self {
        Self::with(Storage::Memory, |_| ()).await
    }

    /// Starts a relay that keeps its state in `directory`.
    pub async fn in_directory(directory: &Path) -> Self {
        Self::with(Storage::Directory(directory.to_owned()), |_| ()).await
    }

    /// Starts a relay whose configuration `change` may alter.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with(storage: Storage, change: impl FnOnce(&mut Config)) -> Self {
        let proxy = FaultProxy::start().await;
        let mut config = Config::embedded(Secret::from(OWNER_KEY.to_owned()), storage);
        let advertised = format!("http://{}/", proxy.addr());
        config.advertised_url = Some(advertised.parse().expect("an http URL"));
        change(&mut config);
        let server = soon("the relay to start", Server::spawn(config)).await;
        let server = server.unwrap_or_else(|error| panic!("the relay did not start: {error}"));
        proxy.serve(server.addr());
        Self { _server: server, proxy }
    }

    /// The service URI to give to a management client; through the proxy.
    pub fn service(&self) -> String {
        format!("http://{}/", self.proxy.addr())
    }

    /// The owner's `Authorization` header.
    pub fn owner(&self) -> String {
        format!("Bearer {OWNER_KEY}")
    }

    /// The owner's API key alone, as a person would type it.
    pub fn owner_key(&self) -> &'static str {
        OWNER_KEY
    }

    /// The proxy in front of it.
    pub fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }
}
