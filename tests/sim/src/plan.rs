//! What a world is made of, and what happens to it when: all of it drawn from one seed.
//!
//! A plan is a value, so a failing one can be made smaller by leaving steps out.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::harness::Step;
use crate::link::Side;
use crate::rng::Rng;

/// Everything about a world but its chance.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from, and what decides about delays and jitter in it.
    pub seed: u64,
    /// Whether sessions of a host may overlap, as on our relay; on the other kind the newest
    /// session evicts the one before it.
    pub overlaps: bool,
    /// The ports of each tunnel.
    pub tunnels: Vec<BTreeSet<u16>>,
    /// The tunnel that each host serves; two may have the same.
    pub hosts: Vec<usize>,
    /// The tunnel that each client connects to.
    pub clients: Vec<usize>,
    /// How long bytes travel at least.
    pub delay: Duration,
    /// How much longer they may travel, in milliseconds.
    pub jitter: u64,
    /// How many of 100 reports come a second time, much later.
    pub duplicates: u64,
    /// Bytes on their way in one direction of a link before its sender waits.
    pub room: usize,
    /// Credit of a new channel.
    pub window: u32,
    /// How long tokens live, and whether that can be read from them.
    pub tokens: (Duration, bool),
    /// When everything is mended.
    pub heals: Duration,
    /// How the hosts learn that it is.
    pub heal: Heal,
    /// What happens.
    pub steps: Vec<Step<What>>,
    /// Who visits.
    pub visits: Vec<Visit>,
}

/// How a world is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heal {
    /// What was silent moves on or breaks, and the hosts hear that the network is another one.
    Told,
    /// The same, but the hosts find out by themselves.
    Untold,
    /// Connections that died in silence stay so.
    Unnoticed,
}

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A host's.
    Host(usize),
    /// A client's.
    Client(usize),
}

/// What can happen. Hosts, clients and tunnels are named by their place in the plan.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Somebody wants something of a host.
    Wish(usize, Wish),
    /// Connections break. Without notice neither end is told.
    Cut(Whose, bool),
    /// Nothing passes for a while.
    Silence(Whose),
    /// One end does not read for a while.
    Stall(Whose, Side),
    /// A host is without network: everything of it waits.
    Offline(usize),
    /// A host's name server fails: whatever it begins fails at once.
    NoDns(usize),
    /// A host's computer sleeps.
    Freeze(usize),
    /// A host's calendar jumps by so many seconds.
    Clock(usize, i64),
    /// The management service answers otherwise.
    Api(Answer),
    /// The relay answers upgrades otherwise.
    Door(Answer),
    /// The relay restarts by plan; the old one serves on for as long as this lasts.
    Restart,
    /// The relay dies and is back afterwards. Without notice nobody is told.
    Crash(bool),
    /// The relay cannot write leases.
    StoreFull,
    /// All tokens of a tunnel are revoked; new ones can be had.
    Revoke(usize),
    /// The owner of a tunnel is nobody for a while (401).
    Expel(usize),
    /// Hosting a tunnel is not allowed for a while (403).
    Forbid(usize),
    /// A tunnel is deleted, for good.
    Delete(usize),
    /// A tunnel gets a port.
    AddPort(usize, u16),
    /// A tunnel loses a port.
    RemovePort(usize, u16),
}

/// What somebody wants of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Host.
    Start,
    /// Host no longer.
    Stop,
    /// Host although another host does.
    TakeOver,
    /// Try now.
    RetryNow,
    /// Replace the tokens and the session.
    Renew,
    /// Break the session.
    Drop,
    /// Three looks have found the URL dead.
    Dead,
}

/// An answer that is not the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, perhaps with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// None, until this is over.
    Hang,
    /// The usual one, after so many milliseconds.
    Slow(u64),
}

/// One visitor's request.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// When.
    pub at: Duration,
    /// Of which tunnel.
    pub tunnel: usize,
    /// Which of its ports, counted round.
    pub port: usize,
    /// Through which client; without one through the edge.
    pub client: Option<usize>,
    /// Bytes that go there and come back.
    pub size: usize,
}

impl Step<What> {
    /// Whether it may cost anybody a request. What is done by plan may not.
    pub fn disturbs(&self) -> bool {
        match self.what {
            What::AddPort(..)
            | What::RemovePort(..)
            | What::Restart
            | What::Clock(..)
            | What::Wish(_, Wish::Renew | Wish::RetryNow)
            | What::Cut(Whose::Client(_), _)
            | What::Silence(Whose::Client(_))
            | What::Stall(Whose::Client(_), _) => false,
            What::Api(Answer::Slow(_)) | What::Door(Answer::Slow(_)) => true,
            _ => true,
        }
    }
}

impl Plan {
    /// The plan that belongs to `seed`.
    pub fn new(seed: u64) -> Plan {
        let mut rng = Rng::new(seed ^ 0x00ad_1700_5eed);
        let tunnels: Vec<BTreeSet<u16>> = (0..rng.range(1, 3))
            .map(|_| (0..rng.range(1, 4)).map(|n| 3000 + n as u16).collect())
            .collect();
        let mut hosts: Vec<usize> = (0..tunnels.len()).collect();
        if rng.chance(40) {
            hosts.push(0);
        }
        let clients = (0..rng.below(3)).map(|_| rng.index(tunnels.len())).collect();
        let mut plan = Plan {
            seed,
            overlaps: rng.chance(70),
            tunnels,
            hosts,
            clients,
            delay: rng.millis(1, 120),
            jitter: rng.pick(&[1, 10, 60]),
            duplicates: rng.pick(&[0, 10, 40]),
            room: rng.pick(&[8 * 1024, 64 * 1024, 256 * 1024]),
            window: rng.pick(&[16 * 1024, 64 * 1024, 256 * 1024]),
            tokens: (rng.pick(&[60, 600, 86_400]).secs(), rng.chance(80)),
            heals: rng.range(20, 180).secs(),
            heal: rng.pick(&[Heal::Told, Heal::Told, Heal::Untold, Heal::Unnoticed]),
            steps: Vec::new(),
            visits: Vec::new(),
        };
        plan.draw_steps(&mut rng);
        plan.draw_visits(&mut rng);
        plan
    }

    fn draw_steps(&mut self, rng: &mut Rng) {
        let only_by_plan = rng.chance(20);
        for host in 0..self.hosts.len() {
            let late =
                if host < self.tunnels.len() { 1_000 } else { self.heals.as_millis() as u64 };
            let at = rng.millis(0, late);
            self.steps.push(Step {
                at,
                lasts: Duration::ZERO,
                what: What::Wish(host, Wish::Start),
            });
        }
        for _ in 0..rng.range(2, 14) {
            let at = rng.millis(0, self.heals.as_millis() as u64);
            let lasts = match rng.below(4) {
                0 => rng.millis(1, 1_000),
                1 | 2 => rng.millis(1_000, 20_000),
                _ => rng.millis(20_000, 90_000),
            };
            let mut what = self.draw_what(rng);
            if only_by_plan {
                while (Step { at, lasts, what }).disturbs() {
                    what = self.draw_what(rng);
                }
            }
            self.steps.push(Step { at, lasts, what });
        }
        self.steps.sort_by_key(|step| step.at);
    }

    fn draw_what(&self, rng: &mut Rng) -> What {
        let host = rng.index(self.hosts.len());
        let tunnel = rng.index(self.tunnels.len());
        let port = 3000 + rng.below(5) as u16;
        let side = rng.pick(&[Side::Near, Side::Far]);
        let whose = match self.clients.len() {
            0 => Whose::Host(host),
            clients if rng.chance(30) => Whose::Client(rng.index(clients)),
            _ => Whose::Host(host),
        };
        match rng.below(100) {
            0..4 => What::Wish(host, Wish::Start),
            4..9 => What::Wish(host, Wish::Stop),
            9..12 => What::Wish(host, Wish::TakeOver),
            12..14 => What::Wish(host, Wish::RetryNow),
            14..19 => What::Wish(host, Wish::Renew),
            19..22 => What::Wish(host, Wish::Drop),
            22..24 => What::Wish(host, Wish::Dead),
            24..32 => What::Cut(whose, true),
            32..36 => What::Cut(whose, false),
            36..41 => What::Silence(whose),
            41..46 => What::Stall(whose, side),
            46..51 => What::Offline(host),
            51..54 => What::NoDns(host),
            54..57 => What::Freeze(host),
            57..60 => What::Clock(host, rng.below(200_000) as i64 - 100_000),
            60..67 => What::Api(draw_answer(rng)),
            67..74 => What::Door(draw_answer(rng)),
            74..80 => What::Restart,
            80..85 => What::Crash(rng.chance(60)),
            85..87 => What::StoreFull,
            87..90 => What::Revoke(tunnel),
            90..92 => What::Expel(tunnel),
            92..94 => What::Forbid(tunnel),
            94 => What::Delete(tunnel),
            95..98 => What::AddPort(tunnel, port),
            _ => What::RemovePort(tunnel, port),
        }
    }

    fn draw_visits(&mut self, rng: &mut Rng) {
        for _ in 0..rng.range(10, 40) {
            let tunnel = rng.index(self.tunnels.len());
            let clients = (0..self.clients.len()).filter(|&at| self.clients[at] == tunnel);
            let clients: Vec<_> = clients.collect();
            let client = (!clients.is_empty() && rng.chance(40)).then(|| rng.pick(&clients));
            let size = match rng.below(4) {
                0 => rng.range(1, 200),
                1 | 2 => rng.range(200, 20_000),
                _ => rng.range(20_000, 300_000),
            };
            let at = rng.millis(500, self.heals.as_millis() as u64);
            let (port, size) = (rng.index(8), size as usize);
            self.visits.push(Visit { at, tunnel, port, client, size });
        }
        self.visits.sort_by_key(|visit| visit.at);
    }
}

fn draw_answer(rng: &mut Rng) -> Answer {
    match rng.below(10) {
        0 => Answer::Hang,
        1 | 2 => Answer::Slow(rng.range(500, 25_000)),
        _ => {
            let status = rng.pick(&[400, 401, 403, 404, 429, 429, 500, 500, 502, 503, 503]);
            let after = rng.chance(50).then(|| rng.pick(&[0, 1, 7, 40, 100, 5_000]));
            Answer::Status(status, after.filter(|_| matches!(status, 429 | 503)))
        }
    }
}

/// Seconds, as a duration.
pub(crate) trait Seconds {
    fn secs(self) -> Duration;
}

impl Seconds for u64 {
    fn secs(self) -> Duration {
        Duration::from_secs(self)
    }
}
