//! What the application hears: answers, and what engines tell.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_app::command::Ticket;
use adit_app::event::{Done, Event, Preflight};
use adit_app::failure::Code;
use adit_app::known::Known;
use adit_app::place_key::PlaceKey;
use adit_app::tunnel_key::TunnelKey;
use adit_proto::contracts;
use adit_tunnel::host::{self, GiveUp};
use jiff::Timestamp;

use super::seen::Ends;
use super::{Create, Errand, Model, Removal, Stage, Wish};
use crate::check::Summary;

impl Model {
    pub(super) fn event(&mut self, event: &Event, now: Duration, summary: &mut Summary) {
        match event {
            Event::Listed { place, serial, result } => {
                let open = self.lists.get(place).filter(|(open, _)| open == serial).copied();
                let Some((_, asked)) = open else { return summary.late += 1 };
                self.lists.remove(place);
                if let Ok(tunnels) = result {
                    let tunnels: Vec<_> = tunnels.iter().filter_map(known).collect();
                    self.listed(place, &tunnels, asked, summary);
                }
            }
            Event::Shown { tunnel, serial, result } => {
                if self.shows.get(tunnel) != Some(serial) {
                    return summary.late += 1;
                }
                self.shows.remove(tunnel);
                match result {
                    Ok(told) => self.yields(tunnel, &known(told)),
                    Err(trouble) if trouble.code() == Code::NotFound => {
                        self.misses(tunnel, summary)
                    }
                    Err(_) => {}
                }
            }
            Event::Changed { ticket, result } => self.changed(*ticket, result.as_ref().ok(), now),
            Event::Engine { tunnel, event } => {
                let Some(seen) = self.engines.get_mut(tunnel) else { return };
                seen.apply(event);
                let gone = host::State::Error(GiveUp::UnknownTunnel);
                if matches!(event, host::Event::State(state) if *state == gone) {
                    self.misses(tunnel, summary);
                }
            }
            Event::NotHosted { tunnel, failure } => {
                // A sign-in mends one of them.
                self.ended(tunnel, failure.code != Code::SignIn);
            }
            Event::Ended(tunnel) => self.ended(tunnel, true),
            Event::Checked { found: Preflight::Ready { .. }, .. } => self.is_ready = true,
            _ => {}
        }
    }

    /// An engine is gone. By a mistake of its own it is not started again.
    fn ended(&mut self, tunnel: &TunnelKey, for_good: bool) {
        let Some(seen) = self.engines.remove(tunnel) else { return };
        let wish = self.wish(tunnel);
        wish.trouble = seen.ends == Ends::No;
        wish.yielded |= wish.trouble && for_good;
    }

    fn listed(
        &mut self,
        place: &PlaceKey,
        tunnels: &[Known],
        asked: Duration,
        summary: &mut Summary,
    ) {
        let key = |known: &Known| TunnelKey { place: place.clone(), id: known.id.clone() };
        let told: BTreeSet<_> = tunnels.iter().map(key).collect();
        self.creates.retain(|_, create| {
            !matches!(create, Create::Settling { since, tunnel } if *since <= asked && told.contains(tunnel))
        });
        self.removals.retain(|it| {
            let is_settled = matches!(it.stage, Stage::Settling { since } if since <= asked);
            it.tunnel.place != *place || !is_settled || told.contains(&it.tunnel)
        });
        self.shows.retain(|tunnel, _| tunnel.place != *place || told.contains(tunnel));
        let made: BTreeSet<_> = self.made().cloned().collect();
        let mut missing = Vec::new();
        for (tunnel, wish) in self.wishes.iter_mut().filter(|(tunnel, _)| tunnel.place == *place) {
            let is_there = told.contains(tunnel);
            wish.trouble &= is_there;
            let is_served = self.engines.get(tunnel).is_some_and(|seen| !seen.has_given_up());
            if is_there || made.contains(tunnel) || is_served {
                wish.missing = 0;
            } else {
                missing.push(tunnel.clone());
            }
        }
        missing.iter().for_each(|tunnel| self.misses(tunnel, summary));
        for known in tunnels {
            self.yields(&key(known), &Some(known.clone()));
        }
        self.told.insert(place.clone(), told);
    }

    /// A tunnel that another computer has, or that has no port, is not hosted by itself.
    fn yields(&mut self, tunnel: &TunnelKey, known: &Option<Known>) {
        let Some(known) = known else { return };
        let is_empty = known.ports.as_ref().is_some_and(Vec::is_empty);
        if !self.engines.contains_key(tunnel) && (known.hosts > 0 || is_empty) {
            self.wish(tunnel).yielded = true;
        }
    }

    /// An answer did not know a tunnel.
    fn misses(&mut self, tunnel: &TunnelKey, summary: &mut Summary) {
        let wish = self.wish(tunnel);
        if !wish.kept {
            return;
        }
        wish.missing += 1;
        if wish.missing == 2 {
            summary.forgotten += 1;
            *wish = Wish { lent: wish.lent, trouble: wish.trouble, ..Wish::default() };
            self.forgotten.push(tunnel.clone());
            if self.engines.get(tunnel).is_some_and(|seen| seen.ends == Ends::ToBegin) {
                self.ends(tunnel);
            }
        }
    }

    fn changed(&mut self, ticket: Ticket, done: Option<&Done>, now: Duration) {
        if let Some(create @ Create::Sent) = self.creates.get_mut(&ticket) {
            *create = match done {
                Some(Done::Created(tunnel)) => {
                    let id = tunnel.full_id().expect("the service gives ids");
                    let place = self.place_of.remove(&ticket).expect("it was asked somewhere");
                    Create::Settling { since: now, tunnel: TunnelKey { place, id } }
                }
                _ => Create::Failed,
            };
        }
        if let Some(errand) = self.errands.remove(&ticket) {
            self.errand_changed(ticket, errand, done);
        }
        let is_it = |it: &&mut Removal| it.ticket == ticket && it.stage == Stage::Sent;
        let Some(removal) = self.removals.iter_mut().find(is_it) else { return };
        removal.stage = match done {
            Some(_) => Stage::Settling { since: now },
            None => Stage::Failed,
        };
        if removal.port.is_none() && done.is_some() {
            let tunnel = removal.tunnel.clone();
            self.wish(&tunnel).trouble = false;
            self.creates.retain(
                |_, it| !matches!(it, Create::Settling { tunnel: made, .. } if *made == tunnel),
            );
            self.removals.retain(|it| it.tunnel != tunnel || it.stage != Stage::Failed);
        }
    }

    fn errand_changed(&mut self, ticket: Ticket, errand: Errand, done: Option<&Done>) {
        match (done, errand.tunnel.clone()) {
            (None, _) if errand.is_left => {}
            (None, _) => {
                self.errands.insert(ticket, Errand { has_failed: true, ..errand });
            }
            (Some(_), None) => {
                self.errand_goes_on = Some(Errand { has_failed: false, ..errand });
            }
            (Some(_), Some(tunnel)) if !self.is_hidden(&tunnel) => {
                let wish = self.wish(&tunnel);
                (wish.on, wish.kept, wish.trouble, wish.yielded) = (true, true, false, false);
                self.goes_on(&tunnel);
            }
            (Some(_), Some(_)) => {}
        }
    }
}

/// What an answer says of a tunnel. Who may visit it is not followed here, nor when that ends.
fn known(tunnel: &contracts::Tunnel) -> Option<Known> {
    Known::of(tunnel, Timestamp::UNIX_EPOCH)
}
