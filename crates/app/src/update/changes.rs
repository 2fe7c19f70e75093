//! What is made, changed and removed.

use std::time::{Duration, Instant};

use adit_tunnel::host;

use super::Turn;
use crate::command::Ticket;
use crate::effect::Effect;
use crate::event::{Done, Trouble};
use crate::failure::Code;
use crate::known::{Known, KnownPort};
use crate::place_key::PlaceKey;
use crate::state::change::{Change, Made, Stage, What};
use crate::state::{Remembered, State};
use crate::tunnel_key::TunnelKey;

/// For so long a removal can be undone.
const UNDO: Duration = Duration::from_secs(6);

/// For so long a list may lag behind. After it, what the list says is shown, whatever was asked for.
pub(super) const SETTLE: Duration = Duration::from_secs(60);

/// How often a list is asked for while it lags behind.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

impl Turn<'_> {
    /// Begins a change that is sent at once.
    pub(super) fn begin(&mut self, what: What) -> Ticket {
        let ticket = self.add(what, Stage::Sent);
        self.send(ticket);
        ticket
    }

    /// Begins a change that waits for a change of mind. What is on its way out already is not removed twice.
    pub(super) fn begin_undoable(&mut self, what: What) {
        let is_going = match &what {
            What::DeletePort { tunnel, port } => self.state.is_port_hidden(tunnel, *port),
            What::Delete(tunnel) => self.state.is_hidden(tunnel),
            _ => false,
        };
        if !is_going {
            self.add(what, Stage::Undoable { until: self.at() + UNDO });
        }
    }

    fn add(&mut self, what: What, stage: Stage) -> Ticket {
        let ticket = self.state.ticket();
        let change = Change { ticket, what, stage };
        // A new attempt puts away what became of the one before.
        self.state.changes.retain(|old| !(old.failure().is_some() && old.is_same(&change)));
        self.state.changes.push(change);
        ticket
    }

    pub(super) fn undo(&mut self, ticket: Ticket) {
        let can_be = |change: &Change| {
            change.ticket == ticket
                && matches!(change.stage, Stage::Undoable { .. } | Stage::Held { .. })
        };
        let undone = self.state.changes.extract_if(.., |change| can_be(change));
        let places: Vec<_> = undone.map(|change| change.place().clone()).collect();
        // What was to be hosted again meanwhile waits for an answer.
        for place in places {
            let now = self.at();
            let waits = |it: &Remembered| it.key.place == place && it.resume.is_some();
            if self.state.remembered.iter().any(waits)
                && let Some(place) = self.state.place_mut(&place)
            {
                place.by(now);
            }
        }
    }

    pub(super) fn hold(&mut self, ticket: Ticket, held: bool) {
        let now = self.at();
        let Some(change) = self.state.change_mut(ticket) else { return };
        change.stage = match (&change.stage, held) {
            (Stage::Undoable { until }, true) => {
                Stage::Held { left: until.saturating_duration_since(now) }
            }
            (Stage::Held { left }, false) => Stage::Undoable { until: now + *left },
            _ => return,
        };
    }

    pub(super) fn retry(&mut self, ticket: Ticket) {
        if self.state.change_mut(ticket).is_some_and(|change| change.failure().is_some()) {
            self.send(ticket);
        }
    }

    pub(super) fn dismiss(&mut self, ticket: Ticket) {
        let is_it = |change: &Change| change.ticket == ticket && change.failure().is_some();
        self.state.changes.retain(|change| !is_it(change));
    }

    /// Sends what can no longer be undone, and gives up on lists that lag too far behind.
    pub(super) fn changes_due(&mut self) {
        let now = self.at();
        let is_old = |change: &Change| change.settles_since().is_some_and(|at| at + SETTLE <= now);
        self.state.changes.retain(|change| !is_old(change));
        let due: Vec<_> = (self.state.changes.iter())
            .filter(|change| matches!(change.stage, Stage::Undoable { until } if until <= now))
            .map(|change| change.ticket)
            .collect();
        due.into_iter().for_each(|ticket| self.send(ticket));
    }

    /// Asks the service for a change. A tunnel with an engine is stopped first, and its removal waits for that.
    fn send(&mut self, ticket: Ticket) {
        let Some(change) = self.state.change(ticket) else { return };
        let what = change.what.clone();
        if let What::Delete(tunnel) = &what {
            self.forget(tunnel);
            if self.state.hosted.contains_key(tunnel) {
                self.stop(tunnel);
                return self.stage(ticket, Stage::Stopping);
            }
        }
        self.stage(ticket, Stage::Sent);
        self.effects.push(match what {
            What::Create(draft) => {
                let tunnel = Box::new(draft.to_contract(self.now.wall));
                Effect::Create { ticket, place: draft.place, tunnel }
            }
            What::AddPort { tunnel, port } => Effect::AddPort { ticket, tunnel, port },
            What::ChangePort { tunnel, port } => Effect::ChangePort { ticket, tunnel, port },
            What::DeletePort { tunnel, port } => Effect::DeletePort { ticket, tunnel, port },
            What::Delete(tunnel) => Effect::DeleteTunnel { ticket, tunnel },
            What::Manage { tunnel, job } => {
                Effect::Manage { ticket, tunnel, job, now: self.now.wall }
            }
        });
    }

    /// A tunnel's engine is gone: its removal goes on, if that waited. `true` when it did.
    pub(super) fn send_stopped(&mut self, tunnel: &TunnelKey) -> bool {
        let waits = |change: &&Change| {
            matches!(change.stage, Stage::Stopping) && change.tunnel() == Some(tunnel)
        };
        let Some(ticket) = self.state.changes.iter().find(waits).map(|it| it.ticket) else {
            return false;
        };
        self.send(ticket);
        true
    }

    pub(super) fn changed(&mut self, ticket: Ticket, result: Result<Done, Trouble>) {
        let Some(change) = self.state.change(ticket) else { return };
        if !matches!(change.stage, Stage::Sent) {
            return;
        }
        let (place, what) = (change.place().clone(), change.what.clone());
        match result {
            Ok(Done::Managed(got)) => self.managed(ticket, got),
            Ok(done) => self.done(ticket, &place, &what, done),
            Err(trouble) => {
                if trouble.code() == Code::SignIn {
                    self.signed_out(&place);
                }
                self.not_managed(ticket, &trouble.failure);
                self.stage(ticket, Stage::Failed(trouble.failure.clone()));
                self.errand_fails(ticket, trouble.failure);
            }
        }
    }

    fn done(&mut self, ticket: Ticket, place: &PlaceKey, what: &What, done: Done) {
        let made = match &done {
            Done::Created(tunnel) => {
                Known::of(tunnel, self.now.wall).map(|it| Made::Tunnel(Box::new(it)))
            }
            Done::Port(port) => Some(Made::Port(KnownPort::of(port))),
            Done::Deleted | Done::Managed(_) => None,
        };
        match what {
            What::Delete(tunnel) => {
                // What could not be changed about it, and that it was made, is of no interest any more.
                self.state.changes.retain(|it| {
                    let is_about = it.failure().is_some() && it.tunnel() == Some(tunnel);
                    !is_about && !it.has_made(tunnel)
                });
                self.state.troubles.remove(tunnel);
                self.state.left.remove(tunnel);
                self.state.traffic.forget(tunnel);
                if self.state.history.forget(tunnel) {
                    self.save_history_later();
                }
            }
            What::AddPort { tunnel, .. }
            | What::ChangePort { tunnel, .. }
            | What::DeletePort { tunnel, .. } => self.tell(tunnel, host::Command::RefreshPorts),
            What::Create(_) | What::Manage { .. } => {}
        }
        let (since, made) = (self.at(), made.unwrap_or(Made::Nothing));
        let made_tunnel = match &made {
            Made::Tunnel(known) => Some(TunnelKey { place: place.clone(), id: known.id.clone() }),
            Made::Port(_) | Made::Nothing => None,
        };
        self.stage(ticket, Stage::Settling { since, made });
        self.errand_goes_on(ticket, made_tunnel);
        if let Some(place) = self.state.place_mut(place) {
            place.by(since);
        }
    }

    /// Lets go of what a list, asked for at `asked`, confirms; asks again soon while something is not.
    pub(super) fn settle(&mut self, place: &PlaceKey, asked: Instant) {
        let state = &mut *self.state;
        let settled: Vec<_> = (state.changes.iter())
            .filter(|change| change.place() == place)
            .filter(|change| change.settles_since().is_some_and(|since| since <= asked))
            .filter(|change| state.confirms(change))
            .map(|change| change.ticket)
            .collect();
        state.changes.retain(|change| !settled.contains(&change.ticket));
        let is_open = |change: &Change| change.place() == place && change.settles_since().is_some();
        if state.changes.iter().any(is_open) {
            let at = self.now.at + SETTLE_EVERY;
            if let Some(place) = self.state.place_mut(place) {
                place.by(at);
            }
        }
    }

    fn stage(&mut self, ticket: Ticket, stage: Stage) {
        if let Some(change) = self.state.change_mut(ticket) {
            change.stage = stage;
        }
    }
}

impl State {
    pub(super) fn change(&self, ticket: Ticket) -> Option<&Change> {
        self.changes.iter().find(|change| change.ticket == ticket)
    }

    fn change_mut(&mut self, ticket: Ticket) -> Option<&mut Change> {
        self.changes.iter_mut().find(|change| change.ticket == ticket)
    }

    /// Whether what the service told last shows a change that it has made.
    fn confirms(&self, change: &Change) -> bool {
        // Ports that were asked for before the change say nothing of it.
        let port = |tunnel: &TunnelKey, number: u16| {
            let entry = self.entry(tunnel)?;
            (entry.ports_at >= change.settles_since()).then(|| entry.known.port(number))
        };
        match (&change.what, &change.stage) {
            (What::Create(draft), Stage::Settling { made: Made::Tunnel(known), .. }) => {
                self.place(&draft.place).is_none_or(|place| place.entry(&known.id).is_some())
            }
            // What was read after it stands in the list already.
            (What::Create(_) | What::Manage { .. }, _) => true,
            (What::Delete(tunnel), _) => self.entry(tunnel).is_none(),
            (What::AddPort { tunnel, port: it }, _) => {
                port(tunnel, it.number).is_some_and(|found| found.is_some())
            }
            (What::ChangePort { tunnel, port: it }, _) => {
                let wanted = it.to_contract().protocol.unwrap_or_default();
                port(tunnel, it.number).flatten().is_some_and(|found| found.protocol == wanted)
            }
            (What::DeletePort { tunnel, port: number }, _) => {
                self.entry(tunnel).is_none()
                    || port(tunnel, *number).is_some_and(|found| found.is_none())
            }
        }
    }
}

impl Change {
    /// Whether a tunnel was made by it that a list is still to show.
    fn has_made(&self, tunnel: &TunnelKey) -> bool {
        matches!(&self.stage, Stage::Settling { made: Made::Tunnel(known), .. }
            if known.id == tunnel.id && *self.place() == tunnel.place)
    }

    /// Whether it is another attempt at the same.
    fn is_same(&self, other: &Self) -> bool {
        if let (Some(one), Some(two)) = (self.what.put_port(), other.what.put_port()) {
            return one == two;
        }
        match (&self.what, &other.what) {
            (What::Create(one), What::Create(two)) => {
                one.place == two.place && one.name == two.name
            }
            (What::Delete(one), What::Delete(two)) => one == two,
            (
                What::DeletePort { tunnel: one, port: first },
                What::DeletePort { tunnel: two, port: second },
            ) => one == two && first == second,
            (
                What::Manage { tunnel: one, job: first },
                What::Manage { tunnel: two, job: second },
            ) => one == two && first.is_same(second),
            _ => false,
        }
    }
}
