//! Engines, as the application sees them: each tells what becomes of its tunnel, in order and a moment later.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_app::event::Event;
use adit_app::failure::{Code, Failure};
use adit_app::tunnel_key::TunnelKey;
use adit_tunnel::host::{
    self, Command, Event as Told, GiveUp, Health, Label, Phase, PortUrls, Proof, State,
};

use super::{Due, World};

/// How often an engine looks which ports its tunnel has.
const PORTS_EVERY: Duration = Duration::from_secs(60);

/// The longest wait between two tries.
pub(super) const MOST_WAIT: Duration = Duration::from_secs(60);

/// An engine.
#[derive(Debug)]
pub(super) struct Engine {
    id: u64,
    /// What it waits for has this number; anything older is off.
    nth: u64,
    pub(super) is: Is,
    attempt: u32,
    /// It was up before, so that whoever took the tunnel since has it.
    was_up: bool,
    needs_sign_in: bool,
    ports: BTreeSet<u16>,
    /// Its local servers are known to be away.
    knows_down: bool,
    ends: bool,
    /// When its last word arrives.
    last: Duration,
}

/// What an engine is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    Starting,
    Trying,
    Waiting,
    Up,
    StandingBy,
    GivenUp,
    Over,
}

/// What an engine does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Begin,
    Try,
    Look,
    /// Its tokens run out soon, and it has none to follow.
    Renew,
    /// Its tokens have run out.
    Lapse,
    End,
}

impl World<'_> {
    pub(super) fn engine_starts(&mut self, tunnel: TunnelKey) {
        self.begun += 1;
        let engine = Engine {
            id: self.begun,
            nth: 0,
            is: Is::Starting,
            attempt: 0,
            was_up: false,
            needs_sign_in: false,
            ports: BTreeSet::new(),
            knows_down: false,
            ends: false,
            last: self.now(),
        };
        self.engines.insert(tunnel.clone(), engine);
        let wait = self.rng.millis(1, 400);
        self.later(&tunnel, wait, Doing::Begin);
    }

    /// An engine of the application is told something.
    pub(super) fn engine_told(&mut self, tunnel: &TunnelKey, command: Command) {
        let Some(engine) = self.engines.get_mut(tunnel) else { return };
        match (command, engine.is) {
            (_, Is::Over) => {}
            (Command::Stop, is) => {
                engine.ends = true;
                // One that is not there yet ends when it is.
                if is != Is::Starting {
                    let wait = self.rng.millis(1, 8_000);
                    self.again(tunnel, Is::Trying, wait, Doing::End);
                }
            }
            (Command::Start, Is::GivenUp) => {
                engine.attempt = 0;
                self.tell(tunnel, Told::State(State::Connecting));
                self.tries(tunnel);
            }
            (Command::TakeOver, Is::StandingBy) => {
                engine.was_up = false;
                self.tell(tunnel, Told::State(State::Connecting));
                self.tries(tunnel);
            }
            (Command::RetryNow, Is::Waiting) => self.tries(tunnel),
            (Command::Drop, Is::Up) => self.cut(tunnel),
            (Command::RefreshPorts, Is::Up) => self.look(tunnel),
            (Command::Renew, Is::Up) if self.service(&tunnel.place).is_signed_in => {
                self.engine(tunnel).needs_sign_in = false;
                self.tell(tunnel, Told::Swapped);
            }
            _ => {}
        }
    }

    pub(super) fn engine_does(&mut self, tunnel: &TunnelKey, id: u64, nth: u64, doing: Doing) {
        let Some(engine) = self.engines.get(tunnel).filter(|it| it.id == id) else { return };
        let is_up = engine.is == Is::Up && !engine.ends;
        let (is_on, needs_sign_in) = (nth == engine.nth, engine.needs_sign_in);
        let is_signed_in = self.service(&tunnel.place).is_signed_in;
        match doing {
            Doing::Look if is_up => {
                self.look(tunnel);
                self.later(tunnel, PORTS_EVERY, Doing::Look);
            }
            Doing::Renew if is_up && !is_signed_in => {
                self.engine(tunnel).needs_sign_in = true;
                self.tell(tunnel, Told::ReloginRequired);
                let wait = self.rng.millis(60_000, 600_000);
                self.later(tunnel, wait, Doing::Lapse);
            }
            Doing::Lapse if is_up && needs_sign_in => self.cut(tunnel),
            Doing::Look | Doing::Renew | Doing::Lapse => {}
            _ if !is_on => {}
            Doing::Begin => self.begins(tunnel),
            Doing::Try => self.connects(tunnel),
            Doing::End => {
                self.tell(tunnel, Told::State(State::Stopped));
                self.engine_ends(tunnel);
            }
        }
    }

    /// It ends, and that is the last that is heard of it.
    pub(super) fn engine_ends(&mut self, tunnel: &TunnelKey) {
        if self.engine(tunnel).is == Is::Over {
            return;
        }
        self.engine(tunnel).is = Is::Over;
        self.engine(tunnel).nth += 1;
        self.goes(tunnel);
        self.send(tunnel, Event::Ended(tunnel.clone()));
    }

    /// Its session breaks.
    pub(super) fn cut(&mut self, tunnel: &TunnelKey) {
        let Some(engine) = self.engines.get(tunnel) else { return };
        if engine.is == Is::Up && !engine.ends {
            self.goes(tunnel);
            self.tell(tunnel, Told::State(State::Reconnecting));
            self.tries(tunnel);
        }
    }

    /// Its local servers are away, or back.
    pub(super) fn local_changed(&mut self, tunnel: &TunnelKey) {
        let is_down = self.local_down.contains(tunnel);
        let Some(engine) = self.engines.get_mut(tunnel).filter(|it| it.is == Is::Up) else {
            return;
        };
        if engine.knows_down == is_down || engine.ends {
            return;
        }
        engine.knows_down = is_down;
        for port in engine.ports.clone() {
            self.tell(
                tunnel,
                match is_down {
                    true => Told::LocalDown { port, cause: "nothing listens".into() },
                    false => Told::LocalUp { port },
                },
            );
            self.tell_health(tunnel, port);
        }
    }

    /// Nobody is signed in to its place: it finds out when it needs to.
    pub(super) fn signed_out(&mut self, tunnel: &TunnelKey) {
        let wait = self.rng.millis(1_000, 100_000);
        self.later(tunnel, wait, Doing::Renew);
    }

    fn begins(&mut self, tunnel: &TunnelKey) {
        let fails = |code| Event::NotHosted {
            tunnel: tunnel.clone(),
            failure: Failure::new(code, "it cannot begin"),
        };
        let has_key = self.service(&tunnel.place).is_signed_in || self.rng.chance(50);
        let event = match (self.claimed.contains(tunnel), has_key) {
            (true, _) => Some(fails(Code::AlreadyRunning)),
            (_, false) => Some(fails(Code::SignIn)),
            _ => None,
        };
        if let Some(event) = event {
            self.engine(tunnel).is = Is::Over;
            return self.send(tunnel, event);
        }
        if self.engine(tunnel).ends {
            let wait = self.rng.millis(1, 500);
            return self.again(tunnel, Is::Trying, wait, Doing::End);
        }
        self.tell(tunnel, Told::State(State::Connecting));
        self.tell(tunnel, Told::Progress(Phase::Authorizing));
        self.tries(tunnel);
    }

    fn tries(&mut self, tunnel: &TunnelKey) {
        let wait = self.rng.millis(20, 3_000);
        self.again(tunnel, Is::Trying, wait, Doing::Try);
    }

    fn connects(&mut self, tunnel: &TunnelKey) {
        let now = self.now();
        let is_forbidden = self.forbidden.contains(tunnel);
        let was_up = self.engine(tunnel).was_up;
        let service = self.service(&tunnel.place);
        if !service.is_up {
            return self.tries_later(tunnel);
        }
        let truth = service.tunnels.get(tunnel);
        let no = match truth {
            _ if !service.is_signed_in => Some(GiveUp::SignIn),
            None => Some(GiveUp::UnknownTunnel),
            Some(_) if is_forbidden => Some(GiveUp::Forbidden("not today".to_owned())),
            Some(_) => None,
        };
        if let Some(why) = no {
            self.engine(tunnel).is = Is::GivenUp;
            return self.tell(tunnel, Told::State(State::Error(why)));
        }
        if was_up && truth.is_some_and(|truth| truth.elsewhere) {
            self.engine(tunnel).is = Is::StandingBy;
            return self.tell(tunnel, Told::State(State::Standby));
        }
        let ports = truth.map(|truth| truth.ports.clone()).unwrap_or_default();
        service.host(tunnel, true, now);
        let is_first = !was_up;
        let engine = self.engine(tunnel);
        (engine.is, engine.was_up, engine.attempt) = (Is::Up, true, 0);
        engine.needs_sign_in = false;
        engine.nth += 1;
        let is_new = engine.ports != ports;
        engine.ports.clone_from(&ports);
        self.tell(tunnel, Told::Progress(Phase::ForwardingPorts));
        self.tell(tunnel, Told::State(State::Hosting));
        let urls = urls(tunnel, &ports);
        if is_first {
            self.tell(tunnel, Told::Ready { urls });
        } else if is_new {
            self.tell(tunnel, Told::UrlChanged { urls });
        }
        ports.into_iter().for_each(|port| self.tell_health(tunnel, port));
        self.local_changed(tunnel);
        self.later(tunnel, PORTS_EVERY, Doing::Look);
        if !self.service(&tunnel.place).is_signed_in {
            self.signed_out(tunnel);
        }
    }

    fn tries_later(&mut self, tunnel: &TunnelKey) {
        let engine = self.engine(tunnel);
        engine.attempt += 1;
        let attempt = engine.attempt;
        let wait = Duration::from_secs(1 << attempt.min(6)).min(MOST_WAIT);
        let cause = "no network".into();
        self.tell(tunnel, Told::Retry { attempt, wait, cause });
        self.again(tunnel, Is::Waiting, wait, Doing::Try);
    }

    /// Looks which ports there are.
    fn look(&mut self, tunnel: &TunnelKey) {
        let service = self.service(&tunnel.place);
        let truth = service.tunnels.get(tunnel).filter(|_| service.is_up);
        let Some(ports) = truth.map(|truth| truth.ports.clone()) else { return };
        let new: Vec<_> = ports.difference(&self.engine(tunnel).ports).copied().collect();
        if self.engine(tunnel).ports == ports {
            return;
        }
        self.engine(tunnel).ports.clone_from(&ports);
        self.tell(tunnel, Told::UrlChanged { urls: urls(tunnel, &ports) });
        for port in new {
            if self.engine(tunnel).knows_down {
                self.tell(tunnel, Told::LocalDown { port, cause: "nothing listens".into() });
            }
            self.tell_health(tunnel, port);
        }
    }

    fn tell_health(&mut self, tunnel: &TunnelKey, port: u16) {
        let is_down = self.engine(tunnel).knows_down;
        let label = if is_down { Label::LocalDown } else { Label::Operational };
        let proven = (!is_down).then(|| (self.moment().wall, Proof::Strong));
        let health = Health { label, reason: None, proven };
        self.tell(tunnel, Told::Health { port, health });
    }

    /// The service counts it no longer.
    fn goes(&mut self, tunnel: &TunnelKey) {
        let now = self.now();
        self.service(&tunnel.place).host(tunnel, false, now);
    }

    fn engine(&mut self, tunnel: &TunnelKey) -> &mut Engine {
        self.engines.get_mut(tunnel).expect("an engine that is there")
    }

    fn tell(&mut self, tunnel: &TunnelKey, event: host::Event) {
        self.send(tunnel, Event::Engine { tunnel: tunnel.clone(), event });
    }

    /// What an engine says arrives in order.
    fn send(&mut self, tunnel: &TunnelKey, event: Event) {
        let arrives = self.now() + self.rng.millis(0, 100);
        let engine = self.engine(tunnel);
        engine.last = engine.last.max(arrives);
        let last = engine.last;
        self.schedule.at(last, Due::Deliver(self.life, Box::new(event)));
    }

    /// What it did before is off, and this is next.
    fn again(&mut self, tunnel: &TunnelKey, is: Is, wait: Duration, doing: Doing) {
        let engine = self.engine(tunnel);
        engine.is = is;
        engine.nth += 1;
        self.later(tunnel, wait, doing);
    }

    fn later(&mut self, tunnel: &TunnelKey, wait: Duration, doing: Doing) {
        let Some(engine) = self.engines.get(tunnel) else { return };
        let (tunnel, id, nth) = (tunnel.clone(), engine.id, engine.nth);
        self.schedule.after(wait, Due::Engine { tunnel, id, nth, doing });
    }
}

fn urls(tunnel: &TunnelKey, ports: &BTreeSet<u16>) -> Vec<PortUrls> {
    let id = tunnel.id.tunnel.to_string();
    let url = |port: &u16| format!("http://{id}-{port}.r.example/");
    ports.iter().map(|port| PortUrls { port: *port, urls: vec![url(port)] }).collect()
}
