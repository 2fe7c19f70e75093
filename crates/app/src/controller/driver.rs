//! The task that owns the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_tunnel::host;
use adit_wire::change::Watcher;
use adit_wire::net::Connector;
use adit_wire::task::Group;
use adit_wire::{clock, tls};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::calls::{self, Service};
use super::engine::{self, Engine};
use super::errand::{Errands, With};
use super::saver::Saver;
use super::traffic::{self, Traffic};
use super::{Config, Happened, Hosted, HostedTunnel, Services, Told};
use crate::command::Command;
use crate::effect::{Effect, Notice};
use crate::embedded;
use crate::event::{Event, Input};
use crate::failure::Failure;
use crate::moment::Moment;
use crate::place_key::{Kind, PlaceKey};
use crate::preferences::{HealthEvery, Preferences, Proxy};
use crate::setup::{self, Act, Errand};
use crate::state::State;
use crate::tunnel_key::TunnelKey;
use crate::update::{deadline, update};
use crate::view::{self, View};

/// Events that wait to be taken in. Full means that who brings one waits; engines' own queues then drop and count, and
/// nothing that is forwarded waits.
const EVENTS: usize = 256;

/// Events that are taken in before the view is folded anew.
const BATCH: usize = 64;

/// Calls to one place at a time. Others wait; a service, or a command that is started for each, is not to be flooded.
const CALLS: usize = 4;

/// How long what still runs may take when all has ended: who quits waits for it too.
const LEFTOVERS: Duration = Duration::from_millis(250);

/// How long what was started for places may take to end after that.
const LAST: Duration = Duration::from_millis(250);

/// Where a controller tells what there is.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) shown: watch::Sender<Arc<View>>,
    pub(super) tell: mpsc::Sender<Notice>,
    pub(super) hosts: watch::Sender<Hosted>,
    pub(super) told: broadcast::Sender<Told>,
}

/// Does effects and feeds what comes of them back.
#[derive(Debug)]
pub(super) struct Driver {
    config: Config,
    state: State,
    out: Out,
    connector: Connector,
    proxy: Proxy,
    engines: BTreeMap<TunnelKey, Engine>,
    /// How often engines look at their URLs.
    every: watch::Sender<host::Interval>,
    /// Tells of sleep and other networks.
    changes: Watcher,
    /// How many calls to each place may begin.
    calls: BTreeMap<PlaceKey, Arc<Semaphore>>,
    errands: Errands,
    saver: Saver,
    traffic: Traffic,
    tasks: Group,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    /// Something may look different.
    is_new: bool,
    is_finished: bool,
}

impl Driver {
    pub(super) fn new(config: Config, state: State, out: Out, traffic: Traffic) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let proxy = state.preferences().proxy.clone();
        let place = |key: &PlaceKey| (key.clone(), Arc::new(Semaphore::new(CALLS)));
        Self {
            connector: connector(&proxy),
            proxy,
            engines: BTreeMap::new(),
            every: watch::Sender::new(interval(state.preferences().health_every)),
            changes: Watcher::spawn(),
            calls: config.places.iter().map(place).collect(),
            errands: Errands::new(),
            saver: Saver::new(config.files.clone()),
            traffic,
            tasks: Group::new("controller"),
            config,
            state,
            out,
            sender,
            events,
            is_new: true,
            is_finished: false,
        }
    }

    pub(super) async fn run(mut self, commands: mpsc::Receiver<Command>) {
        let mut commands = Some(commands);
        let mut network = self.changes.network();
        let mut changes = self.changes.from_now_on();
        self.take(Input::Tick);
        while !self.is_finished {
            self.show();
            let due = deadline(&self.state, clock::now());
            let traffic = self.traffic.due(&self.state, clock::now());
            let mut batch = Vec::new();
            tokio::select! {
                command = next(&mut commands) => self.take(Input::Command(command)),
                _ = self.events.recv_many(&mut batch, BATCH) => {
                    batch.into_iter().for_each(|event| self.take(Input::Event(event)));
                }
                Ok(()) = network.changed() => {
                    let is_there = *network.borrow_and_update();
                    self.take(Input::Event(Event::Network { is_there }));
                }
                // This computer may have another address by now, also after a sleep, which some places serve at.
                _ = changes.next() => self.prefer(self.state.preferences.clone()),
                () = clock::sleep_until_maybe(due) => self.take(Input::Tick),
                () = clock::sleep_until_maybe(traffic) => self.tell_traffic(),
            }
        }
        self.show();
        let errands = clock::until(clock::now() + LEFTOVERS, self.errands.end());
        let _ = tokio::join!(errands, self.tasks.shutdown(LEFTOVERS));
        self.saver.finish().await;
        self.config.services.end(LAST).await;
    }

    fn take(&mut self, input: Input) {
        match &input {
            Input::Event(Event::Ended(tunnel) | Event::NotHosted { tunnel, .. }) => {
                self.engines.remove(tunnel);
                if let Some(last) = self.traffic.end(tunnel) {
                    self.take(Input::Event(last));
                }
            }
            Input::Command(Command::Select(_) | Command::Visible(_)) => self.traffic.turn(),
            Input::Event(Event::Saved { .. }) => self.saver.written(),
            Input::Event(Event::Setup(setup::Told::Ended { result: Err(_), .. })) => {
                self.saver.open()
            }
            _ => {}
        }
        self.tell_followers(&input);
        self.is_new |= !input.is_traffic();
        self.traffic.touch();
        for effect in update(&mut self.state, input, Moment::now()) {
            self.act(effect);
        }
        if let Some(writing) = self.saver.next() {
            let sender = self.sender.clone();
            self.tasks.spawn("write file", async move { answer(&sender, writing.await).await });
        }
    }

    /// Tells those who follow hosted tunnels, if there are any.
    fn tell_followers(&self, input: &Input) {
        if self.out.told.receiver_count() == 0 {
            return;
        }
        let Input::Event(event) = input else { return };
        let (tunnel, what) = match event {
            // Nobody wants these ended.
            Event::Engine { tunnel, event: host::Event::State(host::State::Stopped) }
                if self.state.handed_on.contains(tunnel) =>
            {
                return;
            }
            Event::Engine { tunnel, event } => (tunnel, Happened::Engine(Arc::new(event.clone()))),
            Event::NotHosted { tunnel, failure } => (tunnel, Happened::NotHosted(failure.clone())),
            Event::Ended(tunnel) => (tunnel, Happened::Ended),
            _ => return,
        };
        let _ = self.out.told.send(Told { tunnel: tunnel.clone(), what });
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Check(place) => self.check(place),
            Effect::Host(tunnel) => self.host(tunnel),
            Effect::Tell { tunnel, command } => {
                if let Some(engine) = self.engines.get(&tunnel) {
                    engine.tell(command);
                }
            }
            Effect::KeepBodies { tunnel, port, keep } => {
                self.traffic.keep_bodies(&tunnel, port, keep);
            }
            Effect::SendAgain { tunnel, port, of, request, keep } => {
                let sender = self.sender.clone();
                self.tasks.spawn("send again", async move {
                    let result = traffic::send_again(port, &request, keep).await;
                    answer(&sender, Event::SentAgain { tunnel, port, of, result }).await;
                });
            }
            Effect::Setup(act) => self.set_up(act),
            Effect::Save(save) => self.saver.add(save),
            Effect::Apply(preferences) => {
                if preferences.proxy != self.proxy {
                    self.proxy = preferences.proxy.clone();
                    // For what is asked and started from now on.
                    self.connector = connector(&self.proxy);
                }
                self.every.send_if_modified(|every| {
                    let before = std::mem::replace(every, interval(preferences.health_every));
                    before != *every
                });
                self.prefer(*preferences);
            }
            Effect::Notify(notice) => {
                if let Err(mpsc::error::TrySendError::Full(notice)) = self.out.tell.try_send(notice)
                {
                    tracing::warn!(about = %notice.about, "a notice was dropped, nobody shows them");
                }
            }
            Effect::Finish => self.is_finished = true,
            effect => self.call(effect),
        }
    }

    fn prefer(&self, preferences: Preferences) {
        let (services, sender) = (self.config.services.clone(), self.sender.clone());
        self.tasks.spawn("prefer", async move {
            prefer(&*services, &preferences).await;
            answer(&sender, Event::Preferred).await;
        });
    }

    fn set_up(&mut self, act: Act) {
        let with = With {
            services: self.config.services.clone(),
            connector: self.connector.clone(),
            sender: self.sender.clone(),
            writing: match &act {
                Act::Begin { errand: Errand::Remove, .. } => Some(self.saver.shut()),
                _ => None,
            },
        };
        self.errands.act(act, with);
    }

    fn check(&mut self, place: PlaceKey) {
        let (services, connector) = (self.config.services.clone(), self.connector_to(&place));
        let (sender, calls) = (self.sender.clone(), self.calls_to(&place));
        self.tasks.spawn("check", async move {
            let turn = calls.acquire().await;
            let found = services.check(&place, connector).await;
            answer(&sender, Event::Checked { place: place.clone(), found }).await;
            drop(turn);
            let reach = services.reach(&place).await;
            answer(&sender, Event::Reached { place, reach }).await;
        });
    }

    /// Asks a service.
    fn call(&mut self, effect: Effect) {
        let Some(place) = calls::place(&effect).cloned() else { return };
        let (services, connector) = (self.config.services.clone(), self.connector_to(&place));
        let (sender, calls) = (self.sender.clone(), self.calls_to(&place));
        self.tasks.spawn("call", async move {
            let _turn = calls.acquire().await;
            let event = match service(&*services, &place, connector).await {
                Ok(service) => calls::ask(&*service, effect).await,
                Err(failure) => calls::refuse(effect, failure.into()),
            };
            if let Some(event) = event {
                answer(&sender, event).await;
            }
        });
    }

    fn host(&mut self, tunnel: TunnelKey) {
        let (engine, orders) = Engine::new(self.every.subscribe());
        self.engines.insert(tunnel.clone(), engine);
        let (services, connector) =
            (self.config.services.clone(), self.connector_to(&tunnel.place));
        let (claims, identity) = (self.config.claims.clone(), self.config.identity.clone());
        let changes = self.changes.from_now_on();
        let keep = self.traffic.begin(&tunnel, &self.state);
        let sender = self.sender.clone();
        self.tasks.spawn("engine", async move {
            let claim = match engine::claim(claims.as_ref(), &tunnel).await {
                Ok(claim) => claim,
                Err(event) => return answer(&sender, event).await,
            };
            let management = match service(&*services, &tunnel.place, connector.clone()).await {
                Ok(management) => management,
                Err(failure) => {
                    return answer(&sender, Event::NotHosted { tunnel, failure }).await;
                }
            };
            let at = tunnel.id.clone().into();
            let config = host::Config {
                identity,
                keep,
                // Whoever lets it run wants it to stay.
                renew: true,
                changes: Some(changes),
                ..host::Config::new(management, connector, at)
            };
            engine::run(config, tunnel, claim, orders, sender).await;
        });
    }

    /// Tells the traffic of ports, and takes in what was counted.
    fn tell_traffic(&mut self) {
        let now = Moment::now();
        let turn = self.traffic.turn_at(&self.state, now.at);
        for counted in self.traffic.count(turn, now) {
            self.take(Input::Event(counted));
        }
        self.traffic.tell(turn, &self.state, now);
    }

    /// Nothing stands between this computer and itself.
    fn connector_to(&self, place: &PlaceKey) -> Connector {
        match place.kind() {
            Kind::Here => embedded::connector(),
            Kind::Relay | Kind::Microsoft => self.connector.clone(),
        }
    }

    fn calls_to(&mut self, place: &PlaceKey) -> Arc<Semaphore> {
        let calls = self.calls.entry(place.clone());
        calls.or_insert_with(|| Arc::new(Semaphore::new(CALLS))).clone()
    }

    /// Shows what there is, if it is another thing than before.
    fn show(&mut self) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        self.show_hosted();
        let view = view::fold(&self.state);
        self.out.shown.send_if_modified(|shown| {
            let is_new = **shown != view;
            if is_new {
                *shown = Arc::new(view);
            }
            is_new
        });
    }
}

impl Driver {
    /// Shows how it stands with what is hosted, if that is another thing than before.
    fn show_hosted(&self) {
        let is_kept = |key: &TunnelKey| self.state.remembered.iter().any(|it| it.key == *key);
        let now = self.state.hosted.iter().map(|(key, hosted)| HostedTunnel {
            key: key.clone(),
            status: hosted.status.clone(),
            is_kept: is_kept(key),
        });
        let now: Vec<_> = now.collect();
        self.out.hosts.send_if_modified(|shown| {
            let is_new = **shown != now;
            if is_new {
                *shown = Arc::new(now);
            }
            is_new
        });
    }
}

/// Puts settings in force for places. What cannot be is tried again when a place is next used, and said there.
pub(super) async fn prefer(services: &dyn Services, preferences: &Preferences) {
    if let Err(failure) = services.prefer(preferences).await {
        tracing::warn!(reason = failure.message, "settings are not in force for all places");
    }
}

async fn service(
    services: &dyn Services,
    place: &PlaceKey,
    connector: Connector,
) -> Result<Service, Failure> {
    services.management(place, connector).await
}

/// Brings an event to the controller. Lost when it has ended.
pub(super) async fn answer(sender: &mpsc::Sender<Event>, event: Event) {
    let _ = sender.send(event).await;
}

/// How often URLs are looked at. The bounds of both are the same.
fn interval(every: HealthEvery) -> host::Interval {
    host::Interval::new(every.span()).unwrap_or_default()
}

fn connector(proxy: &Proxy) -> Connector {
    Connector::new(tls::Client::system(), proxy.proxies())
}

/// The next command. When nobody can ask for anything any more that is to quit, once.
async fn next(commands: &mut Option<mpsc::Receiver<Command>>) -> Command {
    let Some(receiver) = commands else { return std::future::pending().await };
    let command = receiver.recv().await;
    if command.is_none() {
        *commands = None;
    }
    command.unwrap_or(Command::Quit)
}
