//! What happens in a world by its plan.

use std::collections::BTreeSet;

use adit_app::command::{self, Command, Draft, ErrandId, Ticket};
use adit_app::message::Offer;
use adit_app::place_key::{Kind, PlaceKey};
use adit_app::port::Port;
use adit_app::preferences::NewTunnels;
use adit_app::setup::Ask as Setup;
use adit_app::tunnel_key::TunnelKey;

use super::{Due, World, note};
use crate::model::Stage;
use crate::plan::{Ask, What};

impl World<'_> {
    pub(super) fn step(&mut self, at: usize) {
        // What was to happen while the computer slept may come too late.
        if self.is_mended {
            return;
        }
        let step = self.plan.steps[at].clone();
        note!(self, "step {:?} for {:?}", step.what, step.lasts);
        self.schedule.after(step.lasts, Due::Over(at));
        let now = self.now();
        match step.what {
            What::Ask(ask) => self.ask(&ask),
            What::Crash => {
                self.comes_back();
                self.crash();
            }
            What::Quit => {
                self.comes_back();
                self.command(Command::Quit);
            }
            What::SignOut(place) => {
                self.services[place].is_signed_in = false;
                let place = self.services[place].key.clone();
                let there = self.engines.keys().filter(|tunnel| tunnel.place == place);
                there.cloned().collect::<Vec<_>>().iter().for_each(|it| self.signed_out(it));
            }
            What::SignInElsewhere(place) => self.services[place].is_signed_in = true,
            What::Down(place, hangs) => {
                (self.services[place].is_up, self.services[place].hangs) = (false, hangs);
                let place = self.services[place].key.clone();
                let there = self.engines.keys().filter(|tunnel| tunnel.place == place);
                there.cloned().collect::<Vec<_>>().iter().for_each(|it| self.cut(it));
            }
            What::Refuses(place) => self.services[place].refuses = true,
            What::Deaf(place) => self.services[place].is_deaf = true,
            What::NoCommand => self.has_command = false,
            What::Appear(tunnel) => {
                let tunnel = self.named(tunnel);
                let service = self.service(&tunnel.place);
                service.tunnels.entry(tunnel).or_default().ports.insert(3000);
                service.changed(now);
            }
            What::Vanish(tunnel) => {
                let tunnel = self.named(tunnel);
                let service = self.service(&tunnel.place);
                service.tunnels.remove(&tunnel);
                service.changed(now);
                self.cut(&tunnel);
            }
            What::Toggle(tunnel, port) => {
                let tunnel = self.named(tunnel);
                let service = self.service(&tunnel.place);
                if let Some(truth) = service.tunnels.get_mut(&tunnel)
                    && !truth.ports.remove(&port)
                {
                    truth.ports.insert(port);
                }
                service.changed(now);
            }
            What::Taken(tunnel) => self.taken(tunnel, true),
            What::Free(tunnel) => self.taken(tunnel, false),
            What::Forbid(tunnel) => {
                let tunnel = self.named(tunnel);
                self.forbidden.insert(tunnel.clone());
                self.cut(&tunnel);
            }
            What::Claimed(tunnel) => {
                let tunnel = self.named(tunnel);
                self.claimed.insert(tunnel);
            }
            What::Cut(tunnel) => self.cut(&self.named(tunnel)),
            What::Dies(tunnel) => {
                let tunnel = self.named(tunnel);
                if self.engines.contains_key(&tunnel) {
                    self.engine_ends(&tunnel);
                }
            }
            What::LocalDown(tunnel) => {
                let tunnel = self.named(tunnel);
                self.local_down.insert(tunnel.clone());
                self.local_changed(&tunnel);
            }
            What::DiskFull => self.disk.is_full = true,
            What::Clock(seconds) => self.shift += seconds,
            What::Sleep => self.asleep = self.asleep.max(now + step.lasts),
        }
    }

    /// What began with a step is over.
    pub(super) fn over(&mut self, at: usize) {
        match self.plan.steps[at].what {
            What::Ask(Ask::Hold(_)) => self.let_go(),
            What::Down(place, _) => self.services[place].is_up = true,
            What::Refuses(place) => self.services[place].refuses = false,
            What::Deaf(place) => self.services[place].is_deaf = false,
            What::NoCommand => self.has_command = true,
            What::Forbid(tunnel) => {
                self.forbidden.remove(&self.named(tunnel));
            }
            What::Claimed(tunnel) => {
                self.claimed.remove(&self.named(tunnel));
            }
            What::LocalDown(tunnel) => {
                let tunnel = self.named(tunnel);
                self.local_down.remove(&tunnel);
                self.local_changed(&tunnel);
            }
            What::DiskFull => self.disk.is_full = false,
            _ => {}
        }
    }

    /// Nobody looks at what can be undone any more.
    pub(super) fn let_go(&mut self) {
        let held = self.model.removals.iter().filter(|it| matches!(it.stage, Stage::Held { .. }));
        for ticket in held.map(|it| it.ticket).collect::<Vec<_>>() {
            self.command(Command::HoldUndo { ticket, held: false });
        }
    }

    fn taken(&mut self, tunnel: usize, elsewhere: bool) {
        let (tunnel, now) = (self.named(tunnel), self.now());
        let service = self.service(&tunnel.place);
        if let Some(truth) = service.tunnels.get_mut(&tunnel) {
            truth.elsewhere = elsewhere;
            service.changed(now);
            if elsewhere {
                self.cut(&tunnel);
            }
        }
    }

    fn named(&self, at: usize) -> TunnelKey {
        self.tunnels[at % self.tunnels.len()].clone()
    }

    fn ask(&mut self, ask: &Ask) {
        let command = match ask {
            Ask::Host(tunnel) => Command::Host(self.named(*tunnel)),
            Ask::Stop(tunnel) => Command::Stop(self.named(*tunnel)),
            Ask::StopAll => Command::StopAll,
            Ask::Drop(tunnel) => Command::Drop(self.named(*tunnel)),
            Ask::TakeOver(tunnel) => Command::TakeOver(self.named(*tunnel)),
            Ask::TryNow(tunnel) => Command::TryNow(self.named(*tunnel)),
            Ask::Lend(tunnel) => Command::Lend(self.named(*tunnel)),
            Ask::GiveBack(tunnel) => Command::GiveBack(self.named(*tunnel)),
            Ask::Delete(tunnel) => Command::Delete(self.named(*tunnel)),
            Ask::DeletePort(tunnel, port) => {
                Command::DeletePort { tunnel: self.named(*tunnel), port: *port }
            }
            Ask::AddPort(tunnel, port) => {
                Command::AddPort { tunnel: self.named(*tunnel), port: to_port(*port) }
            }
            Ask::Undo(at) => match self.undoable(*at) {
                Some(ticket) => Command::Undo(ticket),
                None => return,
            },
            Ask::Hold(at) => match self.undoable(*at) {
                Some(ticket) => Command::HoldUndo { ticket, held: true },
                None => return,
            },
            Ask::Retry(at) => match self.failed().get(*at) {
                Some(ticket) => Command::Retry(*ticket),
                None => return,
            },
            Ask::Dismiss(at) => match self.failed().get(*at) {
                Some(ticket) => Command::Dismiss(*ticket),
                None => return,
            },
            Ask::Create(place) => Command::Create(Box::new(self.draft(*place))),
            Ask::Errand(place, port) => {
                let port = Some(to_port(*port).into());
                let wish = command::Wish::Create { draft: self.draft(*place), port };
                let id = ErrandId(self.summary.inputs);
                Command::Begin(Box::new(command::Errand { id, wish }))
            }
            Ask::Refresh => Command::Refresh(None),
            Ask::Check(place) => Command::CheckAgain(self.services[*place].key.clone()),
            Ask::SignIn(place) => sign_in(&self.services[*place].key.clone()),
            Ask::Visible(visible) => Command::Visible(*visible),
            Ask::Set(edit) => Command::Set(edit.clone()),
        };
        self.command(command);
    }

    fn draft(&self, place: usize) -> Draft {
        Draft::new(self.services[place].key.clone(), &NewTunnels::default())
    }

    /// One of what the window offers to undo.
    fn undoable(&self, at: usize) -> Option<Ticket> {
        let view = self.view.as_ref()?;
        let tickets: Vec<_> = view.undo.iter().flat_map(|undo| undo.tickets.clone()).collect();
        tickets.get(at % tickets.len().max(1)).copied()
    }

    /// What failed and is offered to be tried again.
    pub(super) fn failed(&self) -> Vec<Ticket> {
        let conditions = self.view.iter().flat_map(|view| &view.conditions);
        let tickets = conditions.filter_map(|condition| match condition.offer {
            Some(Offer::Retry(ticket)) => Some(ticket),
            _ => None,
        });
        let notices = self.view.iter().flat_map(|view| &view.cards).flat_map(|card| &card.notices);
        let cards = self.view.iter().flat_map(|view| &view.cards).map(|card| &card.standing);
        let on_cards = notices.chain(cards).filter_map(|standing| match standing.offer {
            Some(Offer::Retry(ticket)) => Some(ticket),
            _ => None,
        });
        tickets.chain(on_cards).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

pub(super) fn sign_in(place: &PlaceKey) -> Command {
    Command::Setup(match place.kind() {
        Kind::Microsoft => Setup::SignIn { provider: Default::default(), by_code: false },
        _ => Setup::UseRelay {
            relay: place.as_str().parse().expect("a good address"),
            key: adit_proto::token::Secret::new("key"),
        },
    })
}

fn to_port(number: u16) -> Port {
    number.to_string().parse().expect("a good port")
}
