//! What is to be seen of a tunnel with an engine, and of all.

use std::collections::{BTreeMap, BTreeSet};

use adit_app::message::{Counted, Message};
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, CardId, Hosts, Mood, View};
use adit_tunnel::host::{Event, Label, State};

use super::Model;
use crate::words::keys;

/// What an engine told.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    state: State,
    pub(crate) ends: Ends,
    /// Its ports: whether the local server is away, and what is known of the URL.
    ports: BTreeMap<u16, (bool, Option<Label>)>,
}

/// Whether an engine was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    No,
    Told,
    /// And the tunnel is to be hosted again then.
    ToBegin,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { state: State::Connecting, ends: Ends::No, ports: BTreeMap::new() }
    }
}

impl Seen {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::State(state) => self.state = state.clone(),
            Event::Ready { urls } | Event::UrlChanged { urls } => {
                let there: BTreeSet<_> = urls.iter().map(|of| of.port).collect();
                self.ports.retain(|port, _| there.contains(port));
                there.into_iter().for_each(|port| {
                    self.ports.entry(port).or_default();
                });
            }
            Event::LocalDown { port, .. } => self.ports.entry(*port).or_default().0 = true,
            Event::LocalUp { port } => self.ports.entry(*port).or_default().0 = false,
            Event::Health { port, health } => {
                self.ports.entry(*port).or_default().1 = Some(health.label);
            }
            _ => {}
        }
    }

    /// It was told to begin once more.
    pub(crate) fn starts(&mut self) {
        self.state = State::Connecting;
    }

    pub(crate) fn has_given_up(&self) -> bool {
        matches!(self.state, State::Error(_))
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The glyph that it is to have.
    pub(crate) fn mood(&self) -> Mood {
        match (self.ends, &self.state) {
            (Ends::ToBegin, _) => Mood::Connecting,
            (Ends::Told, _) | (_, State::Stopped) => Mood::Stopped,
            (_, State::Idle | State::Connecting) => Mood::Connecting,
            (_, State::Reconnecting) => Mood::Reconnecting,
            (_, State::Standby) => Mood::Standby,
            (_, State::Error(_)) => Mood::Error,
            (_, State::Hosting) => self.worst(),
        }
    }

    /// That of its worst port.
    fn worst(&self) -> Mood {
        let of = |(is_down, label): &(bool, Option<Label>)| match label {
            _ if *is_down => Mood::Local,
            Some(Label::Operational) => Mood::Live,
            Some(_) => Mood::Local,
            None => Mood::Checking,
        };
        self.ports.values().map(of).max().unwrap_or(Mood::Checking)
    }
}

/// What is shown that should not be, or the other way round.
pub(crate) fn differs(view: &View, model: &Model) -> Option<String> {
    cards(view, model).or_else(|| engines(view, model)).or_else(|| counts(view))
}

fn cards(view: &View, model: &Model) -> Option<String> {
    let told = model.told.values().flatten();
    let there: BTreeSet<&TunnelKey> =
        told.chain(model.made()).chain(model.engines.keys()).collect();
    let there: Vec<_> = there.into_iter().filter(|key| !model.is_hidden(key)).collect();
    let mut shown: Vec<_> = view.cards.iter().filter_map(Card::tunnel).collect();
    shown.sort();
    if shown != there {
        return Some(format!("cards for {}, and there are {}", keys(shown), keys(there)));
    }
    let (surely, perhaps) = model.new_cards();
    let new = view.cards.iter().filter_map(|card| match card.id {
        CardId::New(ticket) => Some(ticket),
        CardId::Tunnel(_) => None,
    });
    let new: BTreeSet<_> = new.collect();
    let all: BTreeSet<_> = surely.union(&perhaps).copied().collect();
    (!surely.is_subset(&new) || !new.is_subset(&all))
        .then(|| format!("being made: {surely:?}, perhaps {perhaps:?}, and shown {new:?}"))
}

fn engines(view: &View, model: &Model) -> Option<String> {
    view.cards.iter().find_map(|card| {
        let tunnel = card.tunnel()?;
        let Some(seen) = model.engines.get(tunnel) else {
            let is_hosted = card.toggle.on || card.hosts == Hosts::Us;
            return is_hosted.then(|| format!("{tunnel} is shown as hosted"));
        };
        let mood = seen.mood();
        let hosts = match (mood, &card.standing.text) {
            // Whoever took it may host it no longer.
            (Mood::Standby, Message::GivenUpElsewhere) => Hosts::Nobody,
            (Mood::Standby, _) => Hosts::Elsewhere,
            _ => Hosts::Us,
        };
        let on = seen.ends != Ends::Told;
        let is_right = (card.standing.mood, card.hosts, card.toggle.on) == (mood, hosts, on);
        (!is_right).then(|| {
            format!(
                "{tunnel} is {seen:?}, and shown as {:?}, {:?}, {:?}",
                card.standing, card.hosts, card.toggle
            )
        })
    })
}

/// Numbers are those of the cards.
fn counts(view: &View) -> Option<String> {
    let count = |is_it: &dyn Fn(&Card) -> bool| view.cards.iter().filter(|it| is_it(it)).count();
    let live = count(&|card| card.standing.mood == Mood::Live);
    let wanted = count(&|card| {
        card.toggle.on || (card.hosts == Hosts::Nobody && card.standing.mood == Mood::Error)
    });
    let counts = view.counts;
    let is_right = (counts.all, counts.live) == (view.cards.len(), live)
        && counts.stopped == count(&|card| card.standing.mood == Mood::Stopped)
        && counts.needs_you == count(&Card::needs_you);
    let text = match (view.cards.len(), wanted) {
        (0, _) => matches!(view.headline.text, Message::Getting | Message::NoTunnels),
        (_, 0) => view.headline.text == Message::NothingHosted,
        // "All" is said only of all that are shown.
        (all, _) if live == wanted && wanted < all => {
            view.headline.text == Message::Count { what: Counted::Live, n: live as u64 }
        }
        _ => view.headline.text == Message::LiveCount { live: live as u64, of: wanted as u64 },
    };
    (!is_right || !text).then(|| format!("{counts:?}, {:?}", view.headline))
}
