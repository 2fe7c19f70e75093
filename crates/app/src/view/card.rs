//! A card a tunnel, a row a port.

use adit_proto::contracts::Protocol;
use jiff::Timestamp;

use super::standing::of_status_with;
use super::{Mood, Selection, Standing, TunnelStatus};
use crate::command::Ticket;
use crate::condition::Code;
use crate::failure::Failure;
use crate::form;
use crate::known::{KnownPort, Openness};
use crate::message::{Message, Offer, Word};
use crate::place_key::{Kind, PlaceKey};
use crate::reach::{Reach, Reaches};
use crate::state::change::{Change, Stage, What};
use crate::state::{Ends, Remembered, State};
use crate::tunnel_key::TunnelKey;

/// A tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Which.
    pub id: CardId,
    /// Where it lives.
    pub place: PlaceKey,
    /// What it is called.
    pub name: String,
    /// What people say of it.
    pub description: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// What is wrong besides, each until something better is known.
    pub notices: Vec<Standing>,
    /// Who hosts it.
    pub hosts: Hosts,
    /// The switch.
    pub toggle: Toggle,
    /// Who may visit besides the owner.
    pub openness: Openness,
    /// How far its URLs reach, where that is known.
    pub reach: Option<Reach>,
    /// When it goes away unless it is used before.
    pub expires: Option<Timestamp>,
    /// It was asked for and is not confirmed, or could not be made.
    pub is_placeholder: bool,
    /// There is a port to serve.
    pub has_port: bool,
    /// Its ports.
    pub rows: Vec<Row>,
}

/// Names a card.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CardId {
    /// A tunnel.
    Tunnel(TunnelKey),
    /// One that was asked for and has no id yet.
    New(Ticket),
}

/// Who hosts a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Nobody, as far as is known.
    Nobody,
    /// This program.
    Us,
    /// Another computer.
    Elsewhere,
}

/// A switch: what was asked for, which is not the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toggle {
    /// To host.
    pub on: bool,
    /// It can be switched.
    pub is_enabled: bool,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place among all rows, which those keep that are out of sight for a while; `None` for a placeholder.
    pub index: Option<usize>,
    /// Its number.
    pub port: u16,
    /// What its local server speaks, where that is known.
    pub protocol: Option<Protocol>,
    /// Its addresses, the preferred one first.
    pub urls: Vec<String>,
    /// What stands in the place of an address.
    pub instead: Option<Message>,
    /// How it stands.
    pub standing: Standing,
    /// Of a placeholder: the change that made it.
    pub ticket: Option<Ticket>,
}

impl Card {
    /// Whether *Start all* starts it. What another computer hosts is taken from it only by who asks for just that.
    pub fn can_start(&self) -> bool {
        !self.toggle.on && self.toggle.is_enabled && !self.is_taken()
    }

    /// Whether another computer hosts it, so that to start it here disconnects that one.
    pub fn is_taken(&self) -> bool {
        self.hosts == Hosts::Elsewhere
    }
}

/// Whether it is one of this computer's addresses for its network.
fn is_of_network(url: &str) -> bool {
    Reaches::TRIAL.of(url) == Some(Reach::Network)
}

/// All cards, and where the chosen port is among their rows.
pub(super) fn fold(state: &State) -> (Vec<Card>, Selection) {
    let mut fold = Fold { state, next: 0, selected: None };
    let mut cards: Vec<_> = (state.tunnels().iter())
        .filter(|tunnel| !state.is_hidden(tunnel))
        .map(|tunnel| fold.tunnel(tunnel))
        .collect();
    cards.extend(state.changes.iter().filter_map(|change| fold.new_tunnel(change)));
    let selection = Selection {
        index: fold.selected,
        is_stale: state.selected.is_some() && fold.selected.is_none(),
    };
    (cards, selection)
}

struct Fold<'a> {
    state: &'a State,
    /// The index of the next row.
    next: usize,
    selected: Option<usize>,
}

impl Fold<'_> {
    fn tunnel(&mut self, key: &TunnelKey) -> Card {
        let state = self.state;
        let known = state.known(key);
        let ports = state.ports(key);
        let is_given_up = state.is_given_up_elsewhere(key);
        let told = state.hosted.get(key).map(|hosted| {
            let protocol = |number| {
                let port = ports.iter().flatten().find(|port| port.number == number);
                port.map(|port| port.protocol.clone())
            };
            let told = of_status_with(&hosted.status, protocol);
            match state.waits_for_network(&key.place) {
                _ if is_given_up => told.given_up_elsewhere(),
                Some(since) => told.waits(since),
                None => told,
            }
        });
        let mut standing = self.standing(key, told.as_ref());
        let rows = self.rows(key, ports.as_deref(), told.as_ref(), &standing);
        let has_port = rows.iter().any(|row| row.index.is_some());
        if ports.is_some() && rows.is_empty() && standing == Standing::stopped() {
            standing = standing.offer(Offer::AddPort);
        }
        let reach = match key.place.kind() {
            Kind::Here
                if rows
                    .iter()
                    .any(|row| row.urls.first().is_some_and(|url| is_of_network(url))) =>
            {
                Some(Reach::Network)
            }
            Kind::Here => Some(Reach::Computer),
            _ => super::place::reach(state, &key.place),
        };
        let ends = state.hosted.get(key).map(|hosted| hosted.ends);
        let hosts = match ends {
            Some(_) if is_given_up => Hosts::Nobody,
            Some(_) if standing.mood != Mood::Standby => Hosts::Us,
            None if !state.is_hosted_elsewhere(key) => Hosts::Nobody,
            _ => Hosts::Elsewhere,
        };
        let toggle = Toggle {
            on: ends.is_some_and(|ends| ends != Ends::Told),
            // Where ports are not known the engine finds out.
            is_enabled: has_port || ports.is_none() || ends.is_some(),
        };
        Card {
            id: CardId::Tunnel(key.clone()),
            place: key.place.clone(),
            name: state.name(key),
            description: known.and_then(|known| known.description.clone()),
            notices: self.notices(key, told),
            standing,
            hosts,
            toggle,
            openness: state.openness(key),
            reach,
            expires: known.and_then(|known| known.expires),
            is_placeholder: false,
            has_port,
            rows,
        }
    }

    fn standing(&self, key: &TunnelKey, told: Option<&TunnelStatus>) -> Standing {
        if let Some(hosted) = self.state.hosted.get(key) {
            return match (hosted.ends, told) {
                (Ends::No, Some(told)) => told.standing.clone(),
                (Ends::ToBegin, _) => {
                    Standing::new(Mood::Connecting, Message::Connecting(None), Word::Connecting)
                }
                _ => Standing::new(Mood::Stopped, Message::Stopping, Word::Stopping),
            };
        }
        if let Some(failure) = self.state.troubles.get(key) {
            let offer = start_or_ask(self.state, key);
            return failed(Message::CouldNotStart, failure).offer(offer);
        }
        if self.state.is_hosted_elsewhere(key) {
            return Standing::another_host();
        }
        let is_it = |it: &Remembered| it.key == *key && it.resume.is_some() && !it.rests;
        if self.state.remembered.iter().any(is_it) {
            return Standing::new(Mood::Stopped, Message::Resumes, Word::Stopped);
        }
        Standing::stopped()
    }

    /// What is wrong besides: each keeps its place until something better is known.
    fn notices(&self, key: &TunnelKey, told: Option<TunnelStatus>) -> Vec<Standing> {
        let mut notices: Vec<_> = told.and_then(|told| told.notice).into_iter().collect();
        if let Some(failure) = self.state.entry(key).and_then(|entry| entry.trouble.as_ref()) {
            notices.push(failed(Message::PortsNotTold, failure).offer(Offer::Refresh));
        }
        let visible = self.state.conditions.visible();
        // Of one that is hosted its engine has said it.
        let is_ours = self.state.hosted.contains_key(key);
        let expiring = visible.into_iter().map(|(condition, _)| condition).filter(|condition| {
            let is_it = condition.code == Code::Expiring && !is_ours;
            is_it && condition.about.tunnel() == Some(key)
        });
        notices.extend(expiring.map(|condition| Standing {
            offer: condition.offer.clone(),
            ..Standing::new(Mood::Local, condition.text.clone(), Word::Stopped)
        }));
        for change in &self.state.changes {
            if change.tunnel() == Some(key)
                && !self.state.is_waited_for(change.ticket)
                && let Some(failure) = change.failure()
            {
                let text = crate::condition::change_text(&change.what);
                notices.push(failed(text, failure).offer(Offer::Retry(change.ticket)));
            }
        }
        notices
    }

    fn rows(
        &mut self,
        key: &TunnelKey,
        ports: Option<&[KnownPort]>,
        told: Option<&TunnelStatus>,
        standing: &Standing,
    ) -> Vec<Row> {
        let is_served = self.state.hosted.get(key).is_some_and(|hosted| hosted.ends == Ends::No);
        let told: &[_] = told.filter(|_| is_served).map_or(&[], |told| &told.ports);
        // What the engine serves and the list does not know comes behind; one that stands by or gave up serves nothing.
        let serves = self.state.hosted.get(key).is_some_and(|hosted| hosted.status.is_serving());
        let is_known = ports.is_some();
        let ports = ports.unwrap_or_default();
        let told_only: &[_] = if serves || !is_known { told } else { &[] };
        let only_told =
            told_only.iter().filter(|of| ports.iter().all(|port| port.number != of.port));
        let numbers = ports.iter().map(|port| port.number).chain(only_told.map(|of| of.port));
        let mut rows = Vec::new();
        for number in numbers {
            let index = self.next;
            self.next += 1;
            if self.state.is_port_hidden(key, number) {
                continue;
            }
            if self.state.selected.as_ref().is_some_and(|(of, port)| of == key && *port == number) {
                self.selected = Some(index);
            }
            let known = ports.iter().find(|port| port.number == number);
            let told = told.iter().find(|of| of.port == number);
            let urls = told.map(|told| &told.urls).filter(|urls| !urls.is_empty());
            let mut urls = urls.or(known.map(|port| &port.urls)).cloned().unwrap_or_default();
            if self.lets_network_in(key) {
                // Who is given a URL is elsewhere.
                urls.sort_by_key(|url| !is_of_network(url));
            }
            rows.push(Row {
                index: Some(index),
                port: number,
                protocol: known.map(|port| port.protocol.clone()),
                instead: urls.is_empty().then_some(Message::NoUrlYet),
                urls,
                standing: told.map_or_else(|| standing.clone(), |told| told.standing.clone()),
                ticket: None,
            });
        }
        if rows.is_empty() && ports.is_empty() {
            // A tunnel without ports has a place of its own among the rows.
            self.next += 1;
        }
        let is_there = |number| ports.iter().any(|port| port.number == number);
        rows.extend(self.state.changes.iter().filter_map(|change| match &change.what {
            What::AddPort { tunnel, port } if tunnel == key && !is_there(port.number) => {
                Some(placeholder(change, port.number, port.to_contract().protocol))
            }
            _ => None,
        }));
        rows
    }

    /// Whether other computers of the network may visit a tunnel of this one, where they come through.
    fn lets_network_in(&self, key: &TunnelKey) -> bool {
        let is_open = matches!(self.state.openness(key), Openness::Anyone { .. });
        key.place.kind() == Kind::Here && is_open
    }

    /// A tunnel that was asked for, until it is there.
    fn new_tunnel(&self, change: &Change) -> Option<Card> {
        let What::Create(draft) = &change.what else { return None };
        let standing = match &change.stage {
            Stage::Sent => being_made(),
            Stage::Failed(failure) => {
                failed(Message::NotCreated, failure).offer(Offer::Retry(change.ticket))
            }
            // Shown as the tunnel that it is.
            _ => return None,
        };
        let rows: Vec<_> = (draft.ports.iter())
            .map(|port| placeholder(change, port.number, port.to_contract().protocol))
            .collect();
        let name = draft.name.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(Card {
            id: CardId::New(change.ticket),
            place: draft.place.clone(),
            name,
            description: draft.description.clone(),
            standing,
            notices: Vec::new(),
            hosts: Hosts::Nobody,
            toggle: Toggle { on: false, is_enabled: false },
            openness: Openness::Unknown,
            reach: form::reach(
                &draft.place,
                super::place::reach(self.state, &draft.place),
                draft.access,
            ),
            expires: None,
            is_placeholder: true,
            has_port: !rows.is_empty(),
            rows,
        })
    }
}

impl Card {
    /// Whether a person has something to do here.
    pub fn needs_you(&self) -> bool {
        let needs = |standing: &Standing| {
            // What another computer hosts is nobody's concern here unless it is wanted here.
            let is_taken = standing.mood == Mood::Standby && self.toggle.on;
            is_taken || matches!(standing.mood, Mood::Local | Mood::Error)
        };
        needs(&self.standing) || self.notices.iter().any(needs)
    }

    /// The tunnel, where there is one yet.
    pub fn tunnel(&self) -> Option<&TunnelKey> {
        match &self.id {
            CardId::Tunnel(tunnel) => Some(tunnel),
            CardId::New(_) => None,
        }
    }
}

/// How a tunnel is started that nobody hosts here: what another computer hosts is taken from it.
pub(crate) fn start_or_ask(state: &State, tunnel: &TunnelKey) -> Offer {
    if state.is_hosted_elsewhere(tunnel) { Offer::TakeOver } else { Offer::Start }
}

fn placeholder(change: &Change, port: u16, protocol: Option<Protocol>) -> Row {
    let standing = match change.failure() {
        Some(failure) => {
            let text = crate::condition::change_text(&change.what);
            failed(text, failure).offer(Offer::Retry(change.ticket))
        }
        None => being_made(),
    };
    Row {
        index: None,
        port,
        protocol,
        urls: Vec::new(),
        instead: None,
        standing,
        ticket: Some(change.ticket),
    }
}

fn being_made() -> Standing {
    Standing::new(Mood::Connecting, Message::BeingMade, Word::BeingMade)
}

fn failed(text: Message, failure: &Failure) -> Standing {
    Standing::new(Mood::Error, text, Word::NotHosted).said(failure.why())
}

/// Conditions that the tray's icon and the places' marks are made of.
pub(super) fn is_bad(code: Code) -> bool {
    code.severity() == crate::condition::Severity::Bad
}
