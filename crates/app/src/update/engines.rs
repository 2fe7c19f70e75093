//! Hosting: what engines are told, and what they tell.

use adit_tunnel::host::{self, GiveUp, State as Engine};

use super::Turn;
use crate::effect::Effect;
use crate::failure::{Code, Failure};
use crate::place_key::PlaceKey;
use crate::state::{Ends, Hosted, Remembered};
use crate::status::{self, ErrorKind};
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    /// Hosts a tunnel, or takes it up again where it has given up or is on its way out.
    pub(super) fn host(&mut self, tunnel: &TunnelKey) {
        let is_given_up = self.state.is_given_up_elsewhere(tunnel);
        if let Some(hosted) = self.state.hosted.get_mut(tunnel) {
            if hosted.ends != Ends::No {
                hosted.ends = Ends::ToBegin;
            } else if is_given_up {
                self.tell(tunnel, host::Command::TakeOver);
            } else if hosted.status.state == status::State::Error {
                self.tell(tunnel, host::Command::Start);
            }
            return;
        }
        // Nothing begins behind the end: an answer may come that was asked for before.
        if self.state.quitting.is_some() {
            return;
        }
        self.state.troubles.remove(tunnel);
        let name = self.state.known(tunnel).and_then(|known| known.name.clone());
        let (id, place) = (tunnel.id.to_string(), tunnel.place.to_string());
        let status = status::Tunnel::new(id, place, name, self.now.wall);
        self.state.hosted.insert(tunnel.clone(), Hosted { status, ends: Ends::No });
        self.effects.push(Effect::Host(tunnel.clone()));
    }

    /// Takes a tunnel from whoever has it; a new host does so by coming.
    pub(super) fn take_over(&mut self, tunnel: &TunnelKey) {
        if self.state.hosted.get(tunnel).is_some_and(Hosted::stands_by) {
            self.tell(tunnel, host::Command::TakeOver);
        } else {
            self.host(tunnel);
        }
    }

    /// Ends the hosting in good order.
    pub(super) fn stop(&mut self, tunnel: &TunnelKey) {
        self.state.troubles.remove(tunnel);
        let Some(hosted) = self.state.hosted.get_mut(tunnel) else { return };
        let is_first = hosted.ends == Ends::No;
        hosted.ends = Ends::Told;
        if is_first {
            let command = host::Command::Stop;
            self.effects.push(Effect::Tell { tunnel: tunnel.clone(), command });
        }
    }

    /// Tells a tunnel's engine something, if it has one that stays.
    pub(super) fn tell(&mut self, tunnel: &TunnelKey, command: host::Command) {
        let now = self.now.wall;
        let Some(hosted) = self.state.hosted.get_mut(tunnel) else { return };
        if hosted.ends != Ends::No {
            return;
        }
        // What it gave up for is over as soon as it is told, or somebody hears of it once more.
        if command == host::Command::Start {
            hosted.status.apply(&host::Event::State(Engine::Connecting), now);
        }
        self.effects.push(Effect::Tell { tunnel: tunnel.clone(), command });
    }

    /// Hosts a tunnel again after the next start.
    pub(super) fn remember(&mut self, tunnel: &TunnelKey) {
        if let Some(it) = self.state.remembered.iter_mut().find(|it| it.key == *tunnel) {
            it.rests = false;
            return;
        }
        let key = tunnel.clone();
        self.state.remembered.push(Remembered { key, missing: 0, resume: None, rests: false });
        self.save_memory();
    }

    /// Somebody wants to see how things are now: what waits for its next try does not wait any longer.
    pub(super) fn try_now(&mut self, only: Option<&PlaceKey>) {
        let waits = |(key, hosted): (&TunnelKey, &Hosted)| {
            let is_there = only.is_none_or(|place| key.place == *place);
            (is_there && hosted.status.state == status::State::Reconnecting).then(|| key.clone())
        };
        let waiting: Vec<_> = self.state.hosted.iter().filter_map(waits).collect();
        waiting.iter().for_each(|tunnel| self.tell(tunnel, host::Command::RetryNow));
    }

    /// Ends the hosting of all, for now: what was hosted is hosted again at the next start.
    pub(super) fn stop_all(&mut self) {
        self.rest_all();
        let hosted: Vec<_> = self.state.hosted.keys().cloned().collect();
        hosted.iter().for_each(|tunnel| self.stop(tunnel));
    }

    /// Nothing that is remembered is hosted before the next start.
    pub(super) fn rest_all(&mut self) {
        for remembered in &mut self.state.remembered {
            (remembered.resume, remembered.rests) = (None, true);
        }
    }

    /// Does not host it again.
    pub(super) fn forget(&mut self, tunnel: &TunnelKey) {
        self.forget_if(|it| it == tunnel);
    }

    /// Does not host these again.
    pub(super) fn forget_if(&mut self, is_it: impl Fn(&TunnelKey) -> bool) {
        let before = self.state.remembered.len();
        self.state.remembered.retain(|it| !is_it(&it.key));
        if self.state.remembered.len() < before {
            self.save_memory();
        }
    }

    /// An engine told something. One that has ended, or never was, tells nothing.
    pub(super) fn engine(&mut self, tunnel: &TunnelKey, event: &host::Event) {
        let Some(hosted) = self.state.hosted.get_mut(tunnel) else { return };
        hosted.status.apply(event, self.now.wall);
        if self.state.history.note(tunnel, event, self.now.wall) {
            self.save_history_later();
        }
        match event {
            host::Event::State(Engine::Standby) => {
                let now = self.at();
                self.state.taken.insert(tunnel.clone(), now);
            }
            host::Event::State(Engine::Hosting) => self.is_reached(&tunnel.place),
            host::Event::State(Engine::Reconnecting) => self.may_be_away(&tunnel.place),
            host::Event::ReloginRequired => self.signed_out(&tunnel.place),
            host::Event::State(Engine::Error(GiveUp::SignIn)) => self.signed_out(&tunnel.place),
            host::Event::State(Engine::Error(GiveUp::UnknownTunnel)) => self.unknown(tunnel),
            // Some services give ports their addresses when they are first hosted.
            host::Event::Ready { .. } => self.show_without_urls(tunnel),
            _ => {}
        }
    }

    /// A tunnel could not even begin.
    pub(super) fn not_hosted(&mut self, tunnel: &TunnelKey, failure: Failure) {
        let Some(hosted) = self.state.hosted.remove(tunnel) else { return };
        if failure.code == Code::SignIn {
            self.signed_out(&tunnel.place);
        }
        // Who stopped it meanwhile has no use for why it did not begin.
        if hosted.ends == Ends::No {
            self.state.troubles.insert(tunnel.clone(), failure);
        }
        self.engine_is_gone(tunnel, hosted.ends);
    }

    /// An engine is gone.
    pub(super) fn ended(&mut self, tunnel: &TunnelKey) {
        let Some(hosted) = self.state.hosted.remove(tunnel) else { return };
        self.state.left.insert(tunnel.clone(), self.at());
        self.state.taken.remove(tunnel);
        if hosted.ends == Ends::No {
            let message = format!("the engine of {tunnel} ended by itself");
            let failure =
                Failure::new(Code::Internal, message).hint("start it again; the log says why");
            self.state.troubles.insert(tunnel.clone(), failure);
        }
        self.engine_is_gone(tunnel, hosted.ends);
    }

    fn engine_is_gone(&mut self, tunnel: &TunnelKey, ends: Ends) {
        if self.send_stopped(tunnel) {
            return;
        }
        if ends == Ends::ToBegin {
            self.host(tunnel);
        }
    }

    /// Somebody signed in: what waited for that goes on.
    pub(super) fn go_on(&mut self, place: &PlaceKey) {
        let waiting: Vec<_> = (self.state.hosted.iter())
            .filter(|(key, _)| key.place == *place)
            .filter_map(|(key, hosted)| {
                let error = hosted.status.error.as_ref()?;
                (error.kind == ErrorKind::SignIn).then(|| (key.clone(), hosted.status.state))
            })
            .collect();
        for (tunnel, state) in waiting {
            let command = match state {
                status::State::Error => host::Command::Start,
                // It still serves: new tokens before the old ones end.
                _ => host::Command::Renew,
            };
            self.tell(&tunnel, command);
        }
    }
}
