//! A small world for stories about the application: a clock that is moved by hand, and what was asked of it.

use std::time::Duration;

use adit_proto::contracts::{self, ResourceStatus, TunnelPort, TunnelStatus};
use adit_proto::health::{Health, Label, Proof};
use adit_tunnel::host::{self, PortUrls};
use adit_wire::clock;
use jiff::Timestamp;

use crate::command::{Command, Ticket};
use crate::effect::{Effect, Notice};
use crate::event::{Done, Event, Input, Preflight, Trouble};
use crate::failure::{Code, Failure};
use crate::known::Known;
use crate::moment::Moment;
use crate::persist::{Kept, Memory, SavedList};
use crate::place_key::PlaceKey;
use crate::port::Port;
use crate::state::State;
use crate::tunnel_key::TunnelKey;
use crate::update::{deadline, update};
use crate::view::{self, Card, View};

/// The place of most stories.
pub(crate) fn relay() -> PlaceKey {
    PlaceKey::from("https://cp.r.example")
}

pub(crate) fn key(id: &str) -> TunnelKey {
    TunnelKey { place: relay(), id: format!("{id}.loc1").parse().unwrap() }
}

pub(crate) fn port(number: u16) -> Port {
    number.to_string().parse().unwrap()
}

pub(crate) fn failure(code: Code) -> Trouble {
    Failure::new(code, "it went wrong").into()
}

/// A tunnel as the service tells it.
pub(crate) fn tunnel(id: &str, ports: &[u16]) -> contracts::Tunnel {
    contracts::Tunnel {
        tunnel_id: Some(id.to_owned()),
        cluster_id: Some("loc1".to_owned()),
        name: Some(id.to_owned()),
        ports: Some(ports.iter().map(|number| told_port(*number)).collect()),
        ..contracts::Tunnel::default()
    }
}

/// The same without its ports.
pub(crate) fn portless(id: &str) -> contracts::Tunnel {
    contracts::Tunnel { ports: None, ..tunnel(id, &[]) }
}

/// The same with so many hosts.
pub(crate) fn hosted_by(hosts: u64, tunnel: contracts::Tunnel) -> contracts::Tunnel {
    let count = Some(ResourceStatus::from(hosts));
    let status = TunnelStatus { host_connection_count: count, ..TunnelStatus::default() };
    contracts::Tunnel { status: Some(status), ..tunnel }
}

pub(crate) fn told_port(number: u16) -> TunnelPort {
    TunnelPort {
        port_number: number,
        port_forwarding_uris: Some(vec![format!("http://x-{number}.r.example/")]),
        ..TunnelPort::default()
    }
}

/// What was kept of an earlier run, saved so many seconds from its start.
pub(crate) fn kept(remembered: &[&str], list: &[contracts::Tunnel], saved_at: i64) -> Kept {
    let saved_at = Timestamp::from_second(START + saved_at).unwrap();
    let list = SavedList {
        saved_at,
        tunnels: list.iter().filter_map(|it| Known::of(it, saved_at)).collect(),
    };
    let mut kept = Kept {
        memory: Memory { tunnels: remembered.iter().map(|id| key(id)).collect() },
        ..Kept::default()
    };
    if !list.tunnels.is_empty() {
        kept.lists.places.insert(relay(), list);
    }
    kept
}

const START: i64 = 1_800_000_000;

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Moment,
    /// What is to be done, oldest first.
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn new(kept: Kept) -> Self {
        Self::at(vec![relay()], kept)
    }

    /// One with these places.
    pub(crate) fn at(places: Vec<PlaceKey>, kept: Kept) -> Self {
        let wall = Timestamp::from_second(START).unwrap();
        let now = Moment { at: clock::now(), wall };
        let state = State::new(places, kept, now);
        let mut world = Self { state, now, effects: Vec::new() };
        world.tick();
        world
    }

    /// One where these tunnels were told.
    pub(crate) fn told(tunnels: &[contracts::Tunnel]) -> Self {
        let mut world = Self::new(Kept::default());
        world.ready();
        world.list(tunnels);
        world.effects.clear();
        world
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.effects.extend(update(&mut self.state, input, self.now));
    }

    pub(crate) fn tick(&mut self) {
        self.input(Input::Tick);
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.input(Input::Event(event));
    }

    /// Lets time pass, doing what becomes due on the way as a driver does.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.now.after(Duration::from_secs(seconds));
        while let Some(at) = deadline(&self.state, self.now.at).filter(|at| *at <= end.at) {
            let step = at.saturating_duration_since(self.now.at);
            self.now = self.now.after(step);
            let before = (self.effects.len(), self.now);
            self.tick();
            let next = deadline(&self.state, self.now.at);
            let stands_still = self.effects.len() == before.0 && next == Some(at);
            assert!(!stands_still, "what is due is never done");
        }
        self.now = end;
    }

    /// The last thing of a kind that was asked for, and all before it are taken away.
    pub(crate) fn take<T>(&mut self, find: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        let found = self.effects.iter().rev().find_map(find);
        self.effects.clear();
        found
    }

    pub(crate) fn check(&mut self, found: Preflight) {
        self.event(Event::Checked { place: relay(), found });
    }

    pub(crate) fn ready(&mut self) {
        self.check(Preflight::Ready { account: Some("ann".to_owned()) });
    }

    /// Answers the question for the list that is open.
    pub(crate) fn list(&mut self, tunnels: &[contracts::Tunnel]) {
        self.answer_list(Ok(tunnels.to_vec()));
    }

    pub(crate) fn answer_list(&mut self, result: Result<Vec<contracts::Tunnel>, Trouble>) {
        let asked = self.state.place(&relay()).unwrap().asked.expect("a list was asked for");
        self.event(Event::Listed { place: relay(), serial: asked.serial, result });
    }

    /// Asks again, and answers.
    pub(crate) fn refresh(&mut self, tunnels: &[contracts::Tunnel]) {
        self.command(Command::Refresh(None));
        self.list(tunnels);
    }

    /// Answers the question for a tunnel that is open.
    pub(crate) fn show(&mut self, id: &str, result: Result<contracts::Tunnel, Trouble>) {
        let asked = self.state.entry(&key(id)).unwrap().showing.expect("it was asked for");
        let result = result.map(Box::new);
        self.event(Event::Shown { tunnel: key(id), serial: asked.serial, result });
    }

    pub(crate) fn engine(&mut self, id: &str, event: host::Event) {
        self.event(Event::Engine { tunnel: key(id), event });
    }

    pub(crate) fn engine_state(&mut self, id: &str, state: host::State) {
        self.engine(id, host::Event::State(state));
    }

    /// Its engine hosts these ports.
    pub(crate) fn hosting(&mut self, id: &str, ports: &[u16]) {
        self.engine_state(id, host::State::Hosting);
        let urls = |port: &u16| PortUrls { port: *port, urls: vec![format!("http://h-{port}/")] };
        self.engine(id, host::Event::Ready { urls: ports.iter().map(urls).collect() });
    }

    pub(crate) fn health(&mut self, id: &str, port: u16, label: Label) {
        let proven = (label == Label::Operational).then_some((self.now.wall, Proof::Strong));
        let health = Health { label, reason: None, proven };
        self.engine(id, host::Event::Health { port, health });
    }

    pub(crate) fn done(&mut self, ticket: Ticket, done: Done) {
        self.event(Event::Changed { ticket, result: Ok(done) });
    }

    /// What a message says in English.
    pub(crate) fn say(&self, message: &crate::message::Message) -> String {
        let now = self.now.wall.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        crate::words::text(message, crate::words::Language::English, &now)
    }

    pub(crate) fn view(&self) -> View {
        view::fold(&self.state)
    }

    pub(crate) fn card(&self, id: &str) -> Card {
        let view = self.view();
        let card = view.cards.into_iter().find(|card| card.name == id);
        card.unwrap_or_else(|| panic!("there is no card {id}"))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.view().cards.into_iter().map(|card| card.name).collect()
    }

    pub(crate) fn has(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    pub(crate) fn hosts(&self) -> Vec<TunnelKey> {
        let hosts = self.effects.iter().filter_map(|effect| match effect {
            Effect::Host(tunnel) => Some(tunnel.clone()),
            _ => None,
        });
        hosts.collect()
    }

    pub(crate) fn notices(&self) -> Vec<&Notice> {
        let notices = self.effects.iter().filter_map(|effect| match effect {
            Effect::Notify(notice) => Some(notice),
            _ => None,
        });
        notices.collect()
    }
}
