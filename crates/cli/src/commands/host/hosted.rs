//! The tunnels that one process hosts side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::failure::Outcome;
use adit_app::places::Places;
use adit_proto::id::FullId;
use adit_tunnel::host::{Command, Commander, Config, Event, Host, HostHandle, Identity};
use adit_wire::change::Watcher;
use adit_wire::task::Group;
use tokio::sync::mpsc;

use super::services::Service;
use crate::check::Check;

/// Events that wait to be told. Full means that the tunnels' own queues fill up next, which drop
/// and count: nothing that is forwarded waits for a screen.
const EVENTS: usize = 64;

/// The tunnels that are hosted.
#[derive(Debug)]
pub(super) struct Hosted {
    identity: Identity,
    check: Check,
    changes: Watcher,
    /// Where each tunnel's claim is.
    places: Places,
    live: BTreeMap<FullId, Live>,
    tasks: Group,
    sender: mpsc::Sender<(FullId, Option<Event>)>,
    events: mpsc::Receiver<(FullId, Option<Event>)>,
}

#[derive(Debug)]
struct Live {
    commander: Commander,
    service: Arc<Service>,
    claim: Claim,
    renew: bool,
    gave_up: bool,
    stands_by: bool,
    ends: Ends,
}

/// What becomes of a tunnel that stands by because another host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StandBy {
    /// It goes on standing by.
    Stays,
    /// It is taken over, as somebody decided.
    Ends,
}

/// Whether a tunnel is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    No,
    /// It was told to.
    Told,
    /// It was told to, and then to be hosted again.
    ToBegin,
}

impl Hosted {
    /// None yet.
    pub(super) fn new(places: Places, check: Check) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let (identity, tasks) = (Identity::random(), Group::new("hosts"));
        let (live, changes) = (BTreeMap::new(), Watcher::spawn());
        Self { identity, check, changes, places, live, tasks, sender, events }
    }

    /// Makes sure that no other process of this user hosts a tunnel.
    pub(super) fn claim(&self, tunnel: &FullId, service: &Service) -> Outcome<Claim> {
        Claim::take(&self.places.claim_of(tunnel), &format!("{tunnel} on {}", service.place))
    }

    /// Starts to host a tunnel, and with `renew` keeps it from running out.
    pub(super) fn start(
        &mut self,
        tunnel: &FullId,
        claim: Claim,
        service: Arc<Service>,
        renew: bool,
    ) {
        let (management, connector) = (service.management.clone(), service.connector.clone());
        let mut config = Config::new(management, connector, tunnel.clone().into());
        config.identity = self.identity.clone();
        config.renew = renew;
        config.health = self.check.interval();
        config.changes = Some(self.changes.clone());
        let handle = Host::spawn(config);
        let commander = handle.commander();
        let (gave_up, stands_by, ends) = (false, false, Ends::No);
        let live = Live { commander, service, claim, renew, gave_up, stands_by, ends };
        self.live.insert(tunnel.clone(), live);
        self.tasks.spawn("host events", relay_events(handle, tunnel.clone(), self.sender.clone()));
    }

    /// Takes up a tunnel that is hosted, had given up, stands by or is ending; `false` when it is
    /// none of them. One that gave up goes on with `service`, which may have another sign-in.
    pub(super) async fn resume(
        &mut self,
        tunnel: &FullId,
        stand_by: StandBy,
        service: &Arc<Service>,
    ) -> bool {
        let Some(live) = self.live.get_mut(tunnel) else { return false };
        if live.ends != Ends::No {
            live.ends = Ends::ToBegin;
            return true;
        }
        let is_new = live.service.place == service.place && !Arc::ptr_eq(&live.service, service);
        if live.gave_up && is_new {
            live.service = service.clone();
            live.ends = Ends::ToBegin;
            live.commander.command(Command::Stop).await;
            return true;
        }
        live.gave_up = false;
        let command = match (live.stands_by, stand_by) {
            (true, StandBy::Stays) => return true,
            (true, StandBy::Ends) => Command::TakeOver,
            (false, _) => Command::Start,
        };
        live.commander.command(command).await;
        true
    }

    /// Ends the hosting of a tunnel in good order.
    pub(super) async fn stop(&mut self, tunnel: &FullId) {
        if let Some(live) = self.live.get_mut(tunnel) {
            live.ends = Ends::Told;
            live.commander.command(Command::Stop).await;
        }
    }

    /// Tells a tunnel something, if it is hosted.
    pub(super) async fn tell(&self, tunnel: &FullId, command: Command) {
        if let Some(live) = self.live.get(tunnel) {
            live.commander.command(command).await;
        }
    }

    /// What happens next; `None` for the end of that tunnel. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> (FullId, Option<Event>) {
        self.events.recv().await.expect("a sender is kept here")
    }

    /// Says where a tunnel can be reached.
    pub(super) fn note(&self, tunnel: &FullId, urls: &[String]) {
        if let Some(live) = self.live.get(tunnel) {
            live.claim.note_or_warn(urls);
        }
    }

    /// A tunnel went into a state other than having given up.
    pub(super) fn is_in(&mut self, tunnel: &FullId, stands_by: bool) {
        if let Some(live) = self.live.get_mut(tunnel) {
            live.stands_by = stands_by;
        }
    }

    /// A tunnel gave up.
    pub(super) fn gave_up(&mut self, tunnel: &FullId) {
        if let Some(live) = self.live.get_mut(tunnel) {
            live.gave_up = true;
        }
    }

    /// A tunnel is hosted no longer; `true` when it begins again.
    pub(super) fn ended(&mut self, tunnel: &FullId) -> bool {
        match self.live.remove(tunnel) {
            Some(Live { ends: Ends::ToBegin, claim, service, renew, .. }) => {
                self.start(tunnel, claim, service, renew);
                true
            }
            _ => false,
        }
    }

    /// Where a tunnel lives.
    pub(super) fn service(&self, tunnel: &FullId) -> Option<Arc<Service>> {
        self.live.get(tunnel).map(|live| live.service.clone())
    }

    /// Whether there is no tunnel that may still be hosted.
    pub(super) fn all_gave_up(&self) -> bool {
        self.live.values().all(|live| live.gave_up)
    }

    /// Whether one of them is kept from running out.
    pub(super) fn renews(&self) -> bool {
        self.live.values().any(|live| live.renew)
    }

    /// Whether one of them waits because another host has it.
    pub(super) fn stands_by(&self) -> bool {
        self.live.values().any(|live| live.stands_by)
    }

    /// Those that nobody has told to end.
    pub(super) fn staying(&self) -> impl Iterator<Item = &FullId> {
        self.live.iter().filter(|(_, live)| live.ends != Ends::Told).map(|(id, _)| id)
    }

    /// The tunnels.
    pub(super) fn ids(&self) -> impl Iterator<Item = &FullId> {
        self.live.keys()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }
}

/// Brings the events of one tunnel into the common queue, its end last.
async fn relay_events(
    mut handle: HostHandle,
    tunnel: FullId,
    sender: mpsc::Sender<(FullId, Option<Event>)>,
) {
    while let Some(event) = handle.next().await {
        if sender.send((tunnel.clone(), Some(event))).await.is_err() {
            return;
        }
    }
    let _ = sender.send((tunnel, None)).await;
}
