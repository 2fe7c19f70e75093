//! The service of a place: what it knows, and what it answers, which may be what was a while ago.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use adit_app::effect::Effect;
use adit_app::event::{Done, Event, Preflight, Trouble};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::{Kind, PlaceKey};
use adit_app::tunnel_key::TunnelKey;
use adit_proto::contracts::{self, ResourceStatus, TunnelPort, TunnelStatus};

use super::{Due, World};

/// How long a call hangs that nobody answers.
const LATE: u64 = 20_000;

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) key: PlaceKey,
    pub(super) is_signed_in: bool,
    pub(super) is_up: bool,
    /// Calls that cannot be answered hang.
    pub(super) hangs: bool,
    pub(super) refuses: bool,
    pub(super) is_deaf: bool,
    pub(super) tunnels: BTreeMap<TunnelKey, Truth>,
    /// What it knew when.
    past: VecDeque<(Duration, BTreeMap<TunnelKey, Truth>)>,
    /// What was told last was true then.
    shown: Duration,
    made: u32,
    /// An answer that comes a second time, and the life that it is for.
    old: Option<(u32, Box<Event>)>,
    /// Sessions of a process that is gone, and until when they are counted.
    pub(super) ghosts: Vec<(Duration, TunnelKey)>,
}

/// A tunnel as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub(super) ports: BTreeSet<u16>,
    /// Another computer hosts it.
    pub(super) elsewhere: bool,
    /// This one does.
    pub(super) ours: bool,
}

impl Service {
    pub(super) fn new(key: PlaceKey) -> Service {
        Service {
            key,
            is_signed_in: true,
            is_up: true,
            hangs: false,
            refuses: false,
            is_deaf: false,
            tunnels: BTreeMap::new(),
            past: VecDeque::from([(Duration::ZERO, BTreeMap::new())]),
            shown: Duration::ZERO,
            made: 0,
            old: None,
            ghosts: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, tunnel: TunnelKey, ports: &[u16]) {
        let ports = ports.iter().copied().collect();
        self.tunnels.insert(tunnel, Truth { ports, ..Truth::default() });
        self.changed(Duration::ZERO);
    }

    /// Something was changed.
    pub(super) fn changed(&mut self, now: Duration) {
        if self.past.back().is_some_and(|(at, _)| *at == now) {
            self.past.pop_back();
        }
        self.past.push_back((now, self.tunnels.clone()));
    }

    /// An engine of ours serves a tunnel, or does not any more.
    pub(super) fn host(&mut self, tunnel: &TunnelKey, serves: bool, now: Duration) {
        if let Some(truth) = self.tunnels.get_mut(tunnel) {
            truth.ours = serves;
            truth.elsewhere &= !serves;
            self.changed(now);
        }
    }

    fn lay_ghosts(&mut self, now: Duration) {
        let gone: Vec<_> = self.ghosts.extract_if(.., |(until, _)| *until <= now).collect();
        for (_, tunnel) in gone {
            self.host(&tunnel, false, now);
        }
    }

    /// What it says there is: what was, not longer than `lag` ago, and never before what it said last.
    fn known(&mut self, now: Duration, lag: Duration) -> BTreeMap<TunnelKey, Truth> {
        self.shown = self.shown.max(now.saturating_sub(lag));
        while self.past.get(1).is_some_and(|(at, _)| *at <= self.shown) {
            self.past.pop_front();
        }
        self.past[0].1.clone()
    }

    fn tell(&self, key: &TunnelKey, truth: &Truth, ports: bool) -> contracts::Tunnel {
        let count = |count: usize| Some(ResourceStatus::from(count as u64));
        let hosts = usize::from(truth.ours) + usize::from(truth.elsewhere);
        let told = truth.ports.iter().map(|number| told_port(key.id.tunnel.as_ref(), *number));
        contracts::Tunnel {
            tunnel_id: Some(key.id.tunnel.to_string()),
            cluster_id: Some("loc1".to_owned()),
            ports: ports.then(|| told.collect()),
            status: Some(TunnelStatus {
                host_connection_count: count(hosts),
                port_count: (!ports).then(|| count(truth.ports.len())).flatten(),
                ..TunnelStatus::default()
            }),
            ..contracts::Tunnel::default()
        }
    }
}

fn told_port(id: &str, number: u16) -> TunnelPort {
    TunnelPort {
        port_number: number,
        port_forwarding_uris: Some(vec![format!("http://{id}-{number}.r.example/")]),
        ..TunnelPort::default()
    }
}

fn trouble(code: Code) -> Trouble {
    Failure::new(code, "it went wrong").into()
}

impl World<'_> {
    /// Asks a service, which takes its time.
    pub(super) fn call(&mut self, effect: Effect) {
        if let Effect::List { place, .. } = &effect
            && let Some((life, event)) = self.service(place).old.take()
        {
            // The worst moment for an old answer.
            self.schedule.after(Duration::from_micros(10), Due::Deliver(life, event));
        }
        let wait = self.wait();
        self.schedule.after(wait, Due::Serve(self.life, Box::new(effect)));
    }

    fn wait(&mut self) -> Duration {
        let (least, most) = if self.is_mended { (1, 300) } else { self.plan.delay };
        self.rng.millis(least, most)
    }

    /// A service is asked.
    pub(super) fn serve(&mut self, life: u32, effect: Effect) {
        let place = place_of(&effect).clone();
        let mut wait = self.wait();
        let refusal = self.refusal(&place, &effect);
        if refusal.as_ref().is_some_and(|it| it.code() == Code::Unreachable)
            && self.service(&place).hangs
        {
            wait += self.rng.millis(1_000, LATE);
        }
        let is_answer = matches!(effect, Effect::List { .. } | Effect::Show { .. });
        let event = match refusal {
            Some(trouble) => {
                if self.service(&place).is_deaf && trouble.code() == Code::Unreachable {
                    let _lost = self.answer(effect.clone());
                }
                refuse(effect, trouble)
            }
            None => self.answer(effect),
        };
        if is_answer && !self.is_mended && self.rng.chance(self.plan.duplicates) {
            self.service(&place).old = Some((life, Box::new(event.clone())));
        }
        self.schedule.after(wait, Due::Deliver(life, Box::new(event)));
    }

    /// Why nothing comes of it.
    fn refusal(&mut self, place: &PlaceKey, effect: &Effect) -> Option<Trouble> {
        let is_change =
            !matches!(effect, Effect::Check(_) | Effect::List { .. } | Effect::Show { .. });
        let after = self.rng.chance(30).then(|| self.rng.pick(&[7, 40]));
        let has_command = self.has_command;
        let service = self.service(place);
        if place.kind() == Kind::Microsoft && !has_command {
            return Some(trouble(Code::Devtunnel));
        }
        if !service.is_up || (service.is_deaf && is_change) {
            let retry_after = after.map(Duration::from_secs);
            return Some(Trouble { retry_after, ..trouble(Code::Unreachable) });
        }
        if !service.is_signed_in {
            return Some(trouble(Code::SignIn));
        }
        (service.refuses && is_change).then(|| trouble(Code::Access))
    }

    fn answer(&mut self, effect: Effect) -> Event {
        let now = self.now();
        let lag = if self.is_mended || self.plan.lag.is_zero() {
            Duration::ZERO
        } else {
            self.rng.millis(0, self.plan.lag.as_millis() as u64)
        };
        let service = self.service(&place_of(&effect).clone());
        service.lay_ghosts(now);
        let tells_ports = service.key.kind() == Kind::Relay;
        match effect {
            Effect::Check(place) => {
                Event::Checked { place, found: Preflight::Ready { account: Some("ann".into()) } }
            }
            Effect::List { place, serial } => {
                let known = service.known(now, lag);
                let tell = |(key, truth)| service.tell(key, truth, tells_ports);
                let result = Ok(known.iter().map(tell).collect());
                Event::Listed { place, serial, result }
            }
            Effect::Show { tunnel, serial } => {
                let known = service.known(now, lag);
                let told = known.get(&tunnel).map(|it| Box::new(service.tell(&tunnel, it, true)));
                let result = told.ok_or_else(|| trouble(Code::NotFound));
                Event::Shown { tunnel, serial, result }
            }
            Effect::Create { ticket, place, tunnel } => {
                service.made += 1;
                let id = format!("new{}.loc1", service.made).parse().expect("a good id");
                let key = TunnelKey { place, id };
                let ports = tunnel.ports.into_iter().flatten().map(|port| port.port_number);
                let truth = Truth { ports: ports.collect(), ..Truth::default() };
                let told = service.tell(&key, &truth, true);
                service.tunnels.insert(key.clone(), truth);
                service.changed(now);
                self.tunnels.push(key);
                Event::Changed { ticket, result: Ok(Done::Created(Box::new(told))) }
            }
            Effect::AddPort { ticket, tunnel, port } => {
                let id = tunnel.id.tunnel.to_string();
                let result = match service.tunnels.get_mut(&tunnel) {
                    Some(truth) => {
                        if truth.ports.insert(port.number) {
                            Ok(Done::Port(Box::new(told_port(&id, port.number))))
                        } else {
                            Err(trouble(Code::Conflict))
                        }
                    }
                    None => Err(trouble(Code::NotFound)),
                };
                service.changed(now);
                Event::Changed { ticket, result }
            }
            Effect::DeletePort { ticket, tunnel, port } => {
                if let Some(truth) = service.tunnels.get_mut(&tunnel) {
                    truth.ports.remove(&port);
                }
                service.changed(now);
                Event::Changed { ticket, result: Ok(Done::Deleted) }
            }
            Effect::DeleteTunnel { ticket, tunnel } => {
                service.tunnels.remove(&tunnel);
                service.changed(now);
                Event::Changed { ticket, result: Ok(Done::Deleted) }
            }
            effect => unreachable!("no call: {effect:?}"),
        }
    }
}

/// What an effect comes to that is not done.
fn refuse(effect: Effect, trouble: Trouble) -> Event {
    match effect {
        Effect::Check(place) => {
            let found = match trouble.code() {
                Code::Devtunnel => Preflight::CommandMissing,
                Code::SignIn => Preflight::SignedOut,
                _ => Preflight::Failed(trouble),
            };
            Event::Checked { place, found }
        }
        Effect::List { place, serial } => Event::Listed { place, serial, result: Err(trouble) },
        Effect::Show { tunnel, serial } => Event::Shown { tunnel, serial, result: Err(trouble) },
        Effect::Create { ticket, .. }
        | Effect::AddPort { ticket, .. }
        | Effect::DeletePort { ticket, .. }
        | Effect::DeleteTunnel { ticket, .. } => Event::Changed { ticket, result: Err(trouble) },
        effect => unreachable!("no call: {effect:?}"),
    }
}

fn place_of(effect: &Effect) -> &PlaceKey {
    match effect {
        Effect::Check(place) | Effect::List { place, .. } | Effect::Create { place, .. } => place,
        Effect::Show { tunnel, .. }
        | Effect::AddPort { tunnel, .. }
        | Effect::DeletePort { tunnel, .. }
        | Effect::DeleteTunnel { tunnel, .. } => &tunnel.place,
        effect => unreachable!("no call: {effect:?}"),
    }
}
