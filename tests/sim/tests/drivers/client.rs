//! A client of a story, which hears of other networks when it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_proto::change::Change;
use adit_tunnel::client::{self, ClientHandle, Config, Event, State};
use adit_tunnel::management::Locator;
use adit_wire::change::{Reporter, Watcher};
use adit_wire::clock;

use crate::host::{connector, owner};
use crate::net::{Net, Who};

/// Whose connections its own are: none of the hosts has so high a number.
pub(crate) const CLIENT: usize = 7;

pub(crate) struct Client {
    handle: ClientHandle,
    reporter: Reporter,
}

impl Client {
    pub(crate) fn start(net: &Arc<Net>, at: &Locator) -> Self {
        let who: Who = Some(CLIENT);
        let (reporter, watcher) = Watcher::told();
        let mut config = Config::new(Arc::new(owner(net, who)), connector(net, who), at.clone());
        config.changes = Some(watcher);
        config.numbers = client::Numbers::chosen_by(|_| 0);
        Self { handle: client::Client::spawn(config), reporter }
    }

    /// The network is another one, as it hears.
    pub(crate) fn moved(&self) -> Instant {
        self.reporter.report(Change::Network);
        clock::now()
    }

    /// Waits for a state; how long after `since` it came, in virtual time.
    pub(crate) async fn until(&mut self, wanted: State, since: Instant) -> Duration {
        self.event(|event| matches!(event, Event::State(state) if *state == wanted)).await;
        clock::now() - since
    }

    /// Waits until it waits for longer than this before it tries again.
    pub(crate) async fn waits_for(&mut self, more_than: Duration) {
        self.event(|event| matches!(event, Event::Retry { wait, .. } if *wait > more_than)).await;
    }

    async fn event(&mut self, fits: impl Fn(&Event) -> bool) {
        while !fits(&self.handle.next().await.expect("it goes on")) {}
    }

    pub(crate) async fn stop(self) {
        self.handle.stop().await;
    }
}
