//! What places tell: whether they can be used, their lists, single tunnels.

use std::time::{Duration, Instant};

use adit_proto::contracts;

use super::Turn;
use crate::effect::Effect;
use crate::event::{Preflight, Trouble};
use crate::failure::Code;
use crate::known::Known;
use crate::place_key::PlaceKey;
use crate::state::change::Change;
use crate::state::place::{Access, Asked, Entry, Failed, Place};
use crate::tunnel_key::TunnelKey;

/// Ports that the list does not tell are asked for again after this, and when their count changes.
const PORTS_EVERY: Duration = Duration::from_secs(600);

/// So long after an engine has lost its connection the place is asked: a relay that is replaced is back by then.
const AWAY: Duration = Duration::from_secs(2);

impl Turn<'_> {
    pub(super) fn ask_check(&mut self, key: &PlaceKey) {
        let now = self.at();
        let Some(place) = self.state.place_mut(key) else { return };
        if place.checking {
            // What is being found out may be of before that which is asked about.
            return place.by(now);
        }
        (place.checking, place.soon) = (true, None);
        self.effects.push(Effect::Check(key.clone()));
    }

    pub(super) fn ask_list(&mut self, key: &PlaceKey) {
        let (serial, at) = (self.state.serial(), self.at());
        let Some(place) = self.state.place_mut(key) else { return };
        (place.asked, place.soon) = (Some(Asked { serial, at }), None);
        self.effects.push(Effect::List { place: key.clone(), serial });
    }

    pub(super) fn checked(&mut self, key: &PlaceKey, found: Preflight) {
        let (now, wall) = (self.at(), self.now.wall);
        let Some(place) = self.state.place_mut(key) else { return };
        let was_ready = place.access == Access::Ready;
        (place.checking, place.finished) = (false, Some(now));
        let is_in_vain = matches!(found, Preflight::CommandMissing | Preflight::CommandOld { .. });
        place.looked = is_in_vain.then_some(wall);
        let account = match found {
            // What failed before is mended by a list, not by this.
            Preflight::Ready { account } => account,
            Preflight::SignedOut => {
                place.sign_out(wall);
                return place.failed = None;
            }
            Preflight::CommandMissing => return place.cannot_be_used(Access::CommandMissing),
            Preflight::CommandOld { version } => {
                return place.cannot_be_used(Access::CommandOld(version));
            }
            Preflight::Failed(trouble) => return place.fail(trouble),
        };
        (place.access, place.account, place.lapsed) = (Access::Ready, account, None);
        place.by(now);
        if !was_ready {
            self.arm(key);
            self.go_on(key);
        }
    }

    /// An engine reached a place: where no way led before, its list is asked for at once.
    pub(super) fn is_reached(&mut self, key: &PlaceKey) {
        let now = self.at();
        let Some(place) = self.state.place_mut(key) else { return };
        let is_unreachable = |failed: &Failed| {
            failed.trouble.code() == Code::Unreachable && failed.trouble.retry_after.is_none()
        };
        if place.failed.as_ref().is_some_and(is_unreachable) {
            place.by(now);
        }
    }

    /// An engine lost its connection to a place: who looks at it hears soon whether the place is there.
    pub(super) fn may_be_away(&mut self, key: &PlaceKey) {
        let (at, is_seen) = (self.at() + AWAY, self.state.visible);
        let waits = |place: &Place| {
            place.failed.as_ref().is_some_and(|failed| failed.trouble.retry_after.is_some())
        };
        if let Some(place) = self.state.place_mut(key).filter(|it| is_seen && !waits(it)) {
            place.by(at);
        }
    }

    pub(super) fn listed(
        &mut self,
        key: &PlaceKey,
        serial: u64,
        result: Result<Vec<contracts::Tunnel>, Trouble>,
    ) {
        let now = self.now;
        let Some(place) = self.state.place_mut(key) else { return };
        // An answer to a question that is not open any more is older than what is known.
        let Some(asked) = place.asked.filter(|asked| asked.serial == serial) else { return };
        (place.asked, place.finished) = (None, Some(now.at));
        match result {
            Ok(tunnels) => {
                place.failed = None;
                place.answered = Some(now.at.saturating_duration_since(asked.at));
                (place.as_of, place.told) = (Some(now.wall), Some(asked.at));
                let known = tunnels.iter().filter_map(|tunnel| Known::of(tunnel, now.wall));
                place.merge(known.collect(), asked.at);
                self.settle(key, asked.at);
                self.count_missing(key);
                self.forget_troubles(key);
                self.show_unknown(key);
                self.resume(key);
                self.save_lists_when_told(key);
            }
            Err(trouble) => {
                let code = trouble.code();
                place.fail(trouble);
                if code == Code::SignIn {
                    self.signed_out(key);
                }
            }
        }
    }

    pub(super) fn shown(
        &mut self,
        tunnel: &TunnelKey,
        serial: u64,
        result: Result<Box<contracts::Tunnel>, Trouble>,
    ) {
        let now = self.now.wall;
        let Some(entry) = self.state.entry_mut(tunnel) else { return };
        let Some(asked) = entry.showing.filter(|asked| asked.serial == serial) else { return };
        entry.showing = None;
        match result.map(|told| Known::of(&told, now)) {
            Ok(Some(known)) => {
                entry.take(known, asked.at);
                self.settle(&tunnel.place, asked.at);
                self.resume(&tunnel.place);
            }
            // An answer that is about no tunnel tells nothing; the next list brings the next question.
            Ok(None) => {}
            Err(trouble) => {
                entry.trouble = Some(trouble.failure.clone());
                match trouble.code() {
                    Code::SignIn => self.signed_out(&tunnel.place),
                    Code::NotFound => self.unknown(tunnel),
                    _ => {}
                }
            }
        }
        self.save_lists_when_told(&tunnel.place);
    }

    /// Writes the lists, once for all the answers that belong to one list.
    fn save_lists_when_told(&mut self, key: &PlaceKey) {
        let Some(place) = self.state.place(key) else { return };
        if place.entries.iter().all(|entry| entry.showing.is_none()) {
            self.save_lists();
        }
    }

    /// Why a tunnel could not be started or changed is of no interest once it is gone.
    fn forget_troubles(&mut self, key: &PlaceKey) {
        let state = &mut *self.state;
        let is_gone = |tunnel: &TunnelKey| {
            tunnel.place == *key
                && state.known(tunnel).is_none()
                && !state.hosted.contains_key(tunnel)
        };
        let is_over = |change: &&Change| {
            change.failure().is_some()
                && change.tunnel().is_some_and(is_gone)
                && !state.is_waited_for(change.ticket)
        };
        let over: Vec<_> = state.changes.iter().filter(is_over).map(|it| it.ticket).collect();
        state.changes.retain(|change| !over.contains(&change.ticket));
        let Some(place) = state.places.iter().find(|place| place.key == *key) else { return };
        state.troubles.retain(|it, _| it.place != *key || place.entry(&it.id).is_some());
    }

    /// Asks for the tunnels whose ports the list did not tell.
    fn show_unknown(&mut self, key: &PlaceKey) {
        let now = self.at();
        let Some(place) = self.state.place(key) else { return };
        // A change that is not confirmed: what was told of it may lag behind.
        let in_change = |entry: &Entry| {
            let tunnel = place.key_of(&entry.known.id);
            let is_open = |change: &Change| {
                change.tunnel() == Some(&tunnel) && change.settles_since().is_some()
            };
            self.state.changes.iter().any(is_open)
        };
        let unknown: Vec<_> = (place.entries.iter())
            .filter(|entry| entry.lacks_ports(now) || in_change(entry))
            .map(|entry| place.key_of(&entry.known.id))
            .filter(|tunnel| !self.state.is_hidden(tunnel))
            .collect();
        unknown.iter().for_each(|tunnel| self.show(tunnel));
    }

    /// Asks for a tunnel's ports where one of them has no address yet.
    pub(super) fn show_without_urls(&mut self, tunnel: &TunnelKey) {
        let ports = self.state.entry(tunnel).and_then(|entry| entry.known.ports.as_ref());
        if ports.is_some_and(|ports| ports.iter().any(|port| port.urls.is_empty())) {
            self.show(tunnel);
        }
    }

    fn show(&mut self, tunnel: &TunnelKey) {
        let (serial, at) = (self.state.serial(), self.at());
        let Some(entry) = self.state.entry_mut(tunnel) else { return };
        if entry.showing.is_none() {
            entry.showing = Some(Asked { serial, at });
            self.effects.push(Effect::Show { tunnel: tunnel.clone(), serial });
        }
    }
}

impl Place {
    fn cannot_be_used(&mut self, access: Access) {
        (self.access, self.account, self.failed) = (access, None, None);
    }

    fn fail(&mut self, trouble: Trouble) {
        let count = self.failed.as_ref().map_or(0, |failed| failed.count).saturating_add(1);
        self.failed = Some(Failed { trouble, count });
    }

    /// Takes in a whole list. Nothing changes its place: what is new comes last.
    fn merge(&mut self, told: Vec<Known>, asked: Instant) {
        let mut told: Vec<_> = told.into_iter().map(Some).collect();
        self.entries.retain_mut(|entry| {
            let is_it = |it: &&mut Option<Known>| {
                it.as_ref().is_some_and(|known| known.id == entry.known.id)
            };
            match told.iter_mut().find(is_it).and_then(Option::take) {
                Some(known) => {
                    entry.take(known, asked);
                    true
                }
                None => false,
            }
        });
        self.entries.extend(told.into_iter().flatten().map(|known| Entry::told(known, asked)));
    }
}

impl Entry {
    fn lacks_ports(&self, now: Instant) -> bool {
        let Some((ports, at)) = self.known.ports.as_ref().zip(self.ports_at) else { return true };
        let has_other_count =
            self.known.port_count.is_some_and(|count| count != ports.len() as u64);
        has_other_count || self.trouble.is_some() || now >= at + PORTS_EVERY
    }
}
