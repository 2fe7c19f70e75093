//! Compares what is shown with what is, when nothing is under way any more.

use std::collections::BTreeSet;

use adit_app::message::{Counted, Message};
use adit_app::view::{Card, Hosts, Icon, Mood, Usable};

use super::World;
use super::engines::Is;
use super::service::Truth;
use crate::check::Promise;
use crate::words::keys;

impl World<'_> {
    /// What is wrong with a tunnel that is gone is of no interest to anybody.
    pub(super) fn nothing_is_said_of_what_is_gone(&mut self) {
        let Some(view) = &self.view else { return };
        let there = |of: &_| view.cards.iter().any(|card| card.tunnel() == Some(of));
        let gone = view
            .conditions
            .iter()
            .find(|condition| condition.about.tunnel().is_some_and(|tunnel| !there(tunnel)));
        if let Some(condition) = gone {
            let text = format!("said of what is not there: {condition:?}");
            self.fail(Promise::Agrees, text);
        }
    }

    /// What is shown is what is.
    pub(super) fn compare(&mut self) {
        if let Some(text) = self.differs_from_truth() {
            self.fail(Promise::Agrees, text);
        }
        let (tunnels, places) = (self.tunnels.len(), self.services.len());
        let Some(mind) = &self.app else { return };
        let too_much = mind.state().sizes().into_iter().find(|(name, count)| {
            let most = match *name {
                "places" => places,
                "hosted" => self.engines.len(),
                "remembered" => self.model.memory.len(),
                "changes" | "left" | "unsaved" => 0,
                "errands" => 1,
                "urls" => 3 * (self.engines.len() + self.model.memory.len()),
                _ => 4 * tunnels + 8,
            };
            *count > most
        });
        if let Some((name, count)) = too_much {
            self.fail(Promise::Bounded, format!("{count} {name}"));
        }
    }

    fn differs_from_truth(&mut self) -> Option<String> {
        let view = self.view.clone()?;
        self.summary.elsewhere +=
            view.cards.iter().filter(|card| card.hosts == Hosts::Elsewhere).count() as u64;
        for place in &view.places {
            if place.usable != Usable::Ready || place.trouble.is_some() {
                return Some(format!("all is well, and not {place:?}"));
            }
        }
        let listed = self.services.iter().flat_map(|service| service.tunnels.keys());
        let there: BTreeSet<_> = listed.chain(self.engines.keys()).cloned().collect();
        let shown: BTreeSet<_> = view.cards.iter().filter_map(|it| it.tunnel().cloned()).collect();
        if shown != there || view.cards.len() != there.len() {
            return Some(format!("there are {}, and shown {}", keys(&there), keys(&shown)));
        }
        for card in &view.cards {
            let tunnel = card.tunnel()?;
            let truth =
                self.service(&tunnel.place).tunnels.get(tunnel).cloned().unwrap_or_default();
            if let Some(text) = self.card_differs(card, &truth) {
                return Some(text);
            }
        }
        self.sum_differs(&view)
    }

    fn card_differs(&self, card: &Card, truth: &Truth) -> Option<String> {
        let tunnel = card.tunnel()?;
        let has_trouble = self.model.wishes.get(tunnel).is_some_and(|wish| wish.trouble);
        let is_up = |ports: bool| if ports { Mood::Live } else { Mood::Checking };
        let (mood, hosts) = match self.engines.get(tunnel).map(|engine| engine.is) {
            Some(Is::Up) => (is_up(!truth.ports.is_empty()), Hosts::Us),
            Some(Is::StandingBy) if !truth.elsewhere && card.hosts == Hosts::Nobody => {
                (Mood::Standby, Hosts::Nobody)
            }
            Some(Is::StandingBy) => (Mood::Standby, Hosts::Elsewhere),
            Some(Is::GivenUp) => (Mood::Error, Hosts::Us),
            Some(_) => return Some(format!("{tunnel} is not at rest")),
            None if has_trouble && truth.elsewhere => (Mood::Error, Hosts::Elsewhere),
            None if has_trouble => (Mood::Error, Hosts::Nobody),
            None if truth.elsewhere => (Mood::Standby, Hosts::Elsewhere),
            None => (Mood::Stopped, Hosts::Nobody),
        };
        let rows: BTreeSet<_> = card.rows.iter().map(|row| row.port).collect();
        let is_gone = !self.services.iter().any(|it| it.tunnels.contains_key(tunnel));
        if (card.standing.mood, card.hosts) != (mood, hosts) || (rows != truth.ports && !is_gone) {
            return Some(format!(
                "{tunnel} is {mood:?}, {hosts:?}, {truth:?}, and shown as {:?}, {:?}, {rows:?}",
                card.standing, card.hosts
            ));
        }
        (!card.notices.is_empty()).then(|| format!("all is well, and it says {:?}", card.notices))
    }

    /// Headline and tray, by what is.
    fn sum_differs(&self, view: &adit_app::view::View) -> Option<String> {
        let engines = || self.engines.values();
        let wishes = self.model.wishes.iter();
        let troubles = wishes.filter(|(tunnel, wish)| {
            wish.trouble && view.cards.iter().any(|card| card.tunnel() == Some(*tunnel))
        });
        let troubles = troubles.count();
        let needs_person = engines().any(|it| matches!(it.is, Is::StandingBy | Is::GivenUp))
            || troubles > 0
            || self.clock_was_wrong(view);
        let icon = match (needs_person, self.engines.is_empty()) {
            (true, _) => Icon::Attention,
            (false, true) => Icon::Offline,
            (false, false) => Icon::Ok,
        };
        if view.tray.icon != icon {
            return Some(format!(
                "{icon:?}, and the tray is {:?}: {:?}",
                view.tray, view.conditions
            ));
        }
        let has_ports = |tunnel: &&_| {
            let service = self.services.iter().find(|it| it.tunnels.contains_key(*tunnel));
            service.is_some_and(|it| !it.tunnels[*tunnel].ports.is_empty())
        };
        let up = self.engines.iter().filter(|(_, engine)| engine.is == Is::Up);
        let live = up.map(|(tunnel, _)| tunnel).filter(has_ports).count() as u64;
        let is_right = match &view.headline.text {
            Message::LiveCount { live: told, .. }
            | Message::Count { what: Counted::Live, n: told } => *told == live,
            _ => live == 0,
        };
        (!is_right).then(|| format!("{live} live, and the headline says {:?}", view.headline))
    }

    /// It stays said that a list was from the future, until the next start.
    fn clock_was_wrong(&self, view: &adit_app::view::View) -> bool {
        let is_it = |it: &adit_app::condition::Condition| it.text == Message::ClockWrong;
        self.plan.has_clock_jumps() && view.conditions.iter().any(is_it)
    }
}
