//! The world: what services have, what engines tell, and when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use adit_app::command::{Command, Ticket};
use adit_app::effect::Effect;
use adit_app::event::{Done, Event, Input, Preflight, Trouble};
use adit_app::failure::{Code, Failure};
use adit_app::moment::Moment;
use adit_app::place_key::PlaceKey;
use adit_app::state::State;
use adit_app::traffic::{self, Axes, Detail, Rows};
use adit_app::tunnel_key::TunnelKey;
use adit_app::update::{deadline, update};
use adit_app::view::{self, View};
use adit_proto::contracts::{ResourceStatus, Tunnel, TunnelPort, TunnelStatus};
use adit_tunnel::host;
use adit_tunnel::management::Link;

use super::scene::{self, Scene};
use super::setup::SetupScript;

/// What a service may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuses {
    /// To make a tunnel.
    Create,
    /// To add a port.
    AddPort,
}

impl Refuses {
    fn of(effect: &Effect) -> Option<(Self, Ticket)> {
        match effect {
            Effect::Create { ticket, .. } => Some((Self::Create, *ticket)),
            Effect::AddPort { ticket, .. } => Some((Self::AddPort, *ticket)),
            _ => None,
        }
    }
}

/// A scripted world.
#[derive(Debug)]
pub struct World {
    state: State,
    now: Moment,
    /// What each place has, in order.
    pub(super) places: BTreeMap<PlaceKey, Vec<Tunnel>>,
    /// Places that do not answer, and why.
    pub(super) broken: BTreeMap<PlaceKey, Preflight>,
    /// What an engine tells when it is started.
    pub(super) engines: BTreeMap<TunnelKey, Vec<host::Event>>,
    /// Whose next change is refused, and why.
    refusals: Vec<(Refuses, Failure)>,
    /// Changes are not answered yet: those that were asked for since.
    unanswered: Option<Vec<Effect>>,
    /// Why changes of tunnels are refused, while they are.
    pub(super) refusal: Option<Failure>,
    /// What comes of setting up.
    pub setup: SetupScript,
    /// The links that were made.
    pub(super) links: BTreeMap<TunnelKey, Vec<Link>>,
    /// Services answer no question.
    pub(super) is_silent: bool,
    waiting: VecDeque<Input>,
    asked: Vec<Command>,
}

impl World {
    /// One with the scene's places and tunnels, of which nothing is known yet.
    pub(super) fn new(scene: Scene) -> Self {
        let now = Moment { at: adit_wire::clock::now(), wall: scene::start() };
        let places = scene::places(scene);
        let keys = scene::keys(scene);
        let state = State::new(keys, scene::kept(scene), now);
        Self {
            state,
            now,
            places,
            broken: BTreeMap::new(),
            engines: BTreeMap::new(),
            refusals: Vec::new(),
            unanswered: None,
            refusal: None,
            setup: scene::setup(scene),
            links: BTreeMap::new(),
            is_silent: false,
            waiting: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    /// The next change of that kind is refused.
    pub fn refuse(&mut self, what: Refuses, failure: Failure) {
        self.refusals.push((what, failure));
    }

    /// Services do not answer changes until [`World::answer_now`].
    pub fn keep_waiting(&mut self) {
        self.unanswered.get_or_insert_default();
    }

    /// Answers all that waits, and what comes.
    pub fn answer_now(&mut self) {
        let unanswered = self.unanswered.take().unwrap_or_default();
        unanswered.into_iter().for_each(|effect| self.answer(effect));
        self.take(Input::Tick);
    }

    /// Asks for something, as a person does.
    pub fn command(&mut self, command: Command) {
        self.asked.push(command.clone());
        self.take(Input::Command(command));
    }

    /// Something happens.
    pub fn event(&mut self, event: Event) {
        self.take(Input::Event(event));
    }

    /// Another computer hosts a tunnel from now on, as its service counts.
    pub fn hosted_elsewhere(&mut self, tunnel: &TunnelKey) {
        let tunnels = self.places.get_mut(&tunnel.place).into_iter().flatten();
        for it in tunnels.filter(|it| it.full_id().as_ref() == Some(&tunnel.id)) {
            let host_connection_count = Some(ResourceStatus::from(1));
            it.status = Some(TunnelStatus { host_connection_count, ..TunnelStatus::default() });
        }
        self.command(Command::Refresh(None));
    }

    /// An engine tells something.
    pub fn engine(&mut self, tunnel: &TunnelKey, event: host::Event) {
        self.event(Event::Engine { tunnel: tunnel.clone(), event });
    }

    /// Lets time pass, doing what becomes due on the way.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        while let Some(at) = deadline(&self.state, self.now.at).filter(|at| *at <= end.at) {
            self.now = self.now.after(at.saturating_duration_since(self.now.at));
            self.take(Input::Tick);
        }
        self.now = end;
        self.take(Input::Tick);
    }

    pub(super) fn start(&mut self) {
        self.take(Input::Tick);
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// What is to be shown.
    pub fn view(&self) -> View {
        view::fold(&self.state)
    }

    /// The traffic in the rows of all ports.
    pub fn rows(&self) -> Rows {
        traffic::rows(self.state.history(), self.now.wall)
    }

    /// The details of the port that was selected.
    pub fn detail(&self) -> Option<Detail> {
        traffic::detail(&self.state, self.now, Axes::default())
    }

    /// The commands that came so far.
    pub fn asked(&self) -> &[Command] {
        &self.asked
    }

    pub(super) fn set_now(&mut self, now: Moment) {
        self.now = now;
    }

    fn take(&mut self, input: Input) {
        self.waiting.push_back(input);
        while let Some(input) = self.waiting.pop_front() {
            for effect in update(&mut self.state, input, self.now) {
                self.answer(effect);
            }
        }
    }

    pub(super) fn then(&mut self, event: Event) {
        self.waiting.push_back(Input::Event(event));
    }

    /// Whether a change is kept waiting or refused.
    fn is_kept_back(&mut self, effect: &Effect) -> bool {
        let Some((kind, ticket)) = Refuses::of(effect) else { return false };
        if let Some(unanswered) = &mut self.unanswered {
            unanswered.push(effect.clone());
            return true;
        }
        let Some(at) = self.refusals.iter().position(|(of, _)| *of == kind) else { return false };
        let (_, failure) = self.refusals.remove(at);
        self.then(Event::Changed { ticket, result: Err(failure.into()) });
        true
    }

    /// Does what the script says to what is asked of services and engines.
    fn answer(&mut self, effect: Effect) {
        if self.is_kept_back(&effect) {
            return;
        }
        match effect {
            Effect::Check(_) | Effect::List { .. } if self.is_silent => {}
            Effect::Check(place) => {
                let account = Some("ana@example.com".to_owned());
                let found = self.broken.get(&place).cloned();
                let found = found.unwrap_or(Preflight::Ready { account });
                let reach = Some(scene::reach(&place));
                self.then(Event::Checked { place: place.clone(), found });
                self.then(Event::Reached { place, reach });
            }
            Effect::List { place, serial } => {
                let result = match self.broken.get(&place) {
                    Some(Preflight::Failed(trouble)) => Err(trouble.clone()),
                    Some(_) => Err(Failure::new(Code::SignIn, "the sign-in has ended").into()),
                    None => Ok(self.places.get(&place).cloned().unwrap_or_default()),
                };
                self.then(Event::Listed { place, serial, result });
            }
            Effect::Show { tunnel, serial } => {
                let found = self.tunnel(&tunnel).cloned();
                let result = found.map(Box::new).ok_or_else(unknown);
                self.then(Event::Shown { tunnel, serial, result });
            }
            Effect::Create { ticket, place, tunnel } => {
                let made = scene::made(&place, *tunnel, self.asked.len());
                self.places.entry(place).or_default().push(made.clone());
                self.then(Event::Changed { ticket, result: Ok(Done::Created(Box::new(made))) });
            }
            Effect::AddPort { ticket, tunnel, port } => {
                self.put_port(ticket, &tunnel, port.to_contract());
            }
            Effect::ChangePort { ticket, tunnel, port } => {
                self.put_port(ticket, &tunnel, port.to_contract());
            }
            Effect::DeletePort { ticket, tunnel, port } => {
                if let Some(ports) = self.tunnel_mut(&tunnel).and_then(|it| it.ports.as_mut()) {
                    ports.retain(|it| it.port_number != port);
                }
                self.then(Event::Changed { ticket, result: Ok(Done::Deleted) });
            }
            Effect::DeleteTunnel { ticket, tunnel } => {
                if let Some(tunnels) = self.places.get_mut(&tunnel.place) {
                    tunnels.retain(|it| it.full_id().as_ref() != Some(&tunnel.id));
                }
                self.then(Event::Changed { ticket, result: Ok(Done::Deleted) });
            }
            Effect::Host(tunnel) => {
                let events = self.engines.get(&tunnel).cloned();
                let known = self.tunnel(&tunnel).cloned();
                let events = events.unwrap_or_else(|| scene::well(known.as_ref(), self.now.wall));
                for event in events {
                    self.then(Event::Engine { tunnel: tunnel.clone(), event });
                }
            }
            Effect::Tell { tunnel, command: host::Command::Stop } => {
                self.then(Event::Ended(tunnel))
            }
            Effect::Tell { tunnel, .. } if self.broken.contains_key(&tunnel.place) => {}
            Effect::Tell { tunnel, .. } => {
                // Whatever an engine is told makes it try again, and that goes well.
                let known = self.tunnel(&tunnel).cloned();
                for event in scene::well(known.as_ref(), self.now.wall) {
                    self.then(Event::Engine { tunnel: tunnel.clone(), event });
                }
            }
            Effect::Read { tunnel, serial } => self.read_whole(tunnel, serial),
            Effect::Manage { ticket, tunnel, job, now } => self.manage(ticket, &tunnel, &job, now),
            Effect::Setup(act) => self.set_up(act),
            Effect::Save(save) => self.then(Event::Saved { part: save.part(), result: Ok(()) }),
            _ => {}
        }
    }

    pub(super) fn tunnel(&self, key: &TunnelKey) -> Option<&Tunnel> {
        let tunnels = self.places.get(&key.place)?;
        tunnels.iter().find(|tunnel| tunnel.full_id().as_ref() == Some(&key.id))
    }

    pub(super) fn tunnel_mut(&mut self, key: &TunnelKey) -> Option<&mut Tunnel> {
        let tunnels = self.places.get_mut(&key.place)?;
        tunnels.iter_mut().find(|tunnel| tunnel.full_id().as_ref() == Some(&key.id))
    }

    fn put_port(&mut self, ticket: Ticket, key: &TunnelKey, asked: TunnelPort) {
        let port = scene::port_of(key, asked);
        let result = match self.tunnel_mut(key) {
            Some(tunnel) => {
                let ports = tunnel.ports.get_or_insert_default();
                ports.retain(|it| it.port_number != port.port_number);
                ports.push(port.clone());
                Ok(Done::Port(Box::new(port)))
            }
            None => Err(unknown()),
        };
        self.then(Event::Changed { ticket, result });
    }
}

pub(super) fn unknown() -> Trouble {
    Failure::new(Code::NotFound, "there is no such tunnel").into()
}
