//! Anything in any order: what must never happen, does not.

use std::collections::BTreeSet;

use adit_proto::host::GiveUp;
use adit_tunnel::host;

use crate::command::{Command, Ticket};
use crate::effect::Effect;
use crate::event::{Done, Event, Preflight};
use crate::failure::{Code, Failure};
use crate::state::world::{
    World, failure, hosted_by, kept, key, port, portless, relay, told_port, tunnel,
};
use crate::tunnel_key::TunnelKey;

const NAMES: [&str; 3] = ["shop", "blog", "news"];

/// A generator of numbers (xorshift): the same seed tells the same story.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(3) as usize]
    }
}

/// What there is outside of the application.
struct Outside {
    random: Random,
    world: World,
    /// Engines that run.
    live: BTreeSet<TunnelKey>,
    /// Calls that were asked and not answered.
    open: Vec<Ticket>,
    finished: usize,
}

impl Outside {
    fn new(seed: u64) -> Self {
        let world = World::new(kept(&["shop", "gone"], &[tunnel("shop", &[80])], -60));
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { random, world, live: BTreeSet::new(), open: Vec::new(), finished: 0 }
    }

    /// Looks at what was asked for.
    fn check(&mut self) {
        for effect in std::mem::take(&mut self.world.effects) {
            match effect {
                Effect::Host(tunnel) => {
                    assert!(self.live.insert(tunnel.clone()), "two engines for {tunnel}");
                }
                Effect::Tell { tunnel, .. } => {
                    assert!(self.live.contains(&tunnel), "{tunnel} has no engine to tell");
                }
                Effect::DeleteTunnel { tunnel, ticket } => {
                    assert!(!self.live.contains(&tunnel), "{tunnel} is removed while hosted");
                    self.open.push(ticket);
                }
                Effect::AddPort { ticket, .. }
                | Effect::ChangePort { ticket, .. }
                | Effect::DeletePort { ticket, .. } => self.open.push(ticket),
                Effect::Finish => self.finished += 1,
                _ => {}
            }
        }
        let view = self.world.view();
        let mut ids: Vec<_> = view.cards.iter().map(|card| &card.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), view.cards.len(), "two cards for one tunnel");
        assert!(self.live.len() <= self.world.state.hosted.len() + 1);
    }

    fn step(&mut self) {
        let name = self.random.name();
        let tunnel_key = key(name);
        match self.random.below(19) {
            0 => self.world.command(Command::Host(tunnel_key)),
            1 => self.world.command(Command::Stop(tunnel_key)),
            2 => self.world.command(Command::Delete(tunnel_key)),
            3 => self.world.command(Command::DeletePort { tunnel: tunnel_key, port: 80 }),
            4 => self.world.command(Command::AddPort { tunnel: tunnel_key, port: port(81) }),
            5 => self.world.command(Command::TakeOver(tunnel_key)),
            6 => self.world.command(Command::Refresh(None)),
            7 => {
                let undo = self.world.view().undo;
                if let Some(undo) = undo.first() {
                    self.world.command(Command::Undo(undo.tickets[0]));
                }
            }
            8 | 9 => self.list(),
            10 => self.engine(),
            11 => self.end(),
            12 => self.answer(),
            13 => self.world.check(Preflight::SignedOut),
            14 => self.world.ready(),
            15 => {
                if self.live.remove(&tunnel_key) {
                    let failure = Failure::new(Code::AlreadyRunning, "it runs elsewhere");
                    self.world.event(Event::NotHosted { tunnel: tunnel_key, failure });
                }
            }
            16 => self.show(name),
            17 => self.world.command(Command::StopAll),
            _ => {
                let seconds = self.random.below(90);
                self.pass(seconds);
            }
        }
        self.check();
    }

    /// Second by second, since what becomes due on the way is looked at on the way.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.world.pass(1);
            self.check();
        }
    }

    fn list(&mut self) {
        if self.world.state.place(&relay()).unwrap().asked.is_none() {
            return;
        }
        if self.random.below(5) == 0 {
            let code = [Code::Unreachable, Code::SignIn][self.random.below(2) as usize];
            return self.world.answer_list(Err(failure(code)));
        }
        let mut told = Vec::new();
        for name in NAMES {
            let hosts = self.random.below(2);
            match self.random.below(4) {
                0 => {}
                1 => told.push(portless(name)),
                2 => told.push(hosted_by(hosts, tunnel(name, &[80]))),
                _ => told.push(hosted_by(hosts, tunnel(name, &[80, 81]))),
            }
        }
        self.world.list(&told);
    }

    fn show(&mut self, name: &str) {
        if self.world.state.entry(&key(name)).is_some_and(|entry| entry.showing.is_some()) {
            let result = match self.random.below(3) {
                0 => Err(failure(Code::NotFound)),
                _ => Ok(tunnel(name, &[80])),
            };
            self.world.show(name, result);
        }
    }

    fn engine(&mut self) {
        let name = self.random.name();
        if !self.live.contains(&key(name)) {
            return;
        }
        match self.random.below(5) {
            0 => self.world.hosting(name, &[80]),
            1 => self.world.engine_state(name, host::State::Standby),
            2 => self.world.engine_state(name, host::State::Error(GiveUp::UnknownTunnel)),
            3 => self.world.engine(name, host::Event::ReloginRequired),
            _ => self.world.engine_state(name, host::State::Reconnecting),
        }
    }

    fn end(&mut self) {
        if let Some(tunnel) = self.live.pop_first() {
            self.world.event(Event::Ended(tunnel));
        }
    }

    fn answer(&mut self) {
        let Some(ticket) = self.open.pop() else { return };
        match self.random.below(3) {
            0 => self.world.event(Event::Changed { ticket, result: Err(failure(Code::Access)) }),
            1 => self.world.done(ticket, Done::Deleted),
            _ => self.world.done(ticket, Done::Port(Box::new(told_port(81)))),
        }
    }
}

#[test]
fn whatever_happens_a_tunnel_has_one_engine_and_is_never_removed_under_it() {
    for seed in 1..=60 {
        let mut outside = Outside::new(seed);
        outside.check();
        (0..80).for_each(|_| outside.step());
        outside.world.command(Command::Quit);
        outside.check();
        while !outside.live.is_empty() {
            outside.end();
            outside.check();
        }
        outside.pass(20);
        assert_eq!(outside.finished, 1, "seed {seed}");
    }
}
