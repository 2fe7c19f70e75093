//! What happens to a world, as its plan says: faults begin and end, and all of them end when everything heals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_proto::host::SessionId;

use super::relay::Knock;
use super::{Event, World};
use crate::ends::{EndId, Owner};
use crate::link::{LinkId, Side};
use crate::plan::{Answer, Heal, Seconds, What, Whose};
use crate::trace::note;

/// How long the old process of a planned restart is given at least: longer than any visit.
const GRACE: u64 = 55;

/// How long after a planned restart another one costs no request.
const SETTLED: u64 = 20;

/// The steps in progress.
#[derive(Debug, Default)]
pub(super) struct Steps {
    active: BTreeMap<usize, What>,
    silenced: BTreeMap<usize, Vec<LinkId>>,
    stalled: BTreeMap<usize, Vec<EndId>>,
    /// The old process of each planned restart.
    drained: BTreeMap<usize, usize>,
    /// Steps in progress from which a visitor may suffer.
    disturbing: u32,
    pub(super) store_full: u32,
    /// Whether a relay that is down refuses connections, or says nothing.
    pub(super) down_noticed: bool,
    slowed: BTreeSet<(usize, SessionId)>,
    restarted: Option<Duration>,
}

impl Steps {
    /// What the relay answers instead of the usual.
    pub(super) fn door(&self) -> Option<Answer> {
        self.active.values().rev().find_map(|what| match what {
            What::Door(answer) => Some(*answer),
            _ => None,
        })
    }

    /// What the service answers instead of the usual.
    pub(super) fn api(&self) -> Option<Answer> {
        self.active.values().rev().find_map(|what| match what {
            What::Api(answer) => Some(*answer),
            _ => None,
        })
    }

    pub(super) fn is_offline(&self, host: usize) -> bool {
        self.active.values().any(|what| matches!(what, What::Offline(its) if *its == host))
    }

    pub(super) fn has_no_dns(&self, host: usize) -> bool {
        self.active.values().any(|what| matches!(what, What::NoDns(its) if *its == host))
    }

    pub(super) fn disturb(&self) -> bool {
        self.disturbing > 0
    }

    pub(super) fn concern_client(&self, client: usize) -> bool {
        self.active.values().any(|what| match what {
            What::Cut(Whose::Client(its), _)
            | What::Silence(Whose::Client(its))
            | What::Stall(Whose::Client(its), _) => *its == client,
            _ => false,
        })
    }

    pub(super) fn is_slowed(&self, knock: &Knock) -> bool {
        self.slowed.contains(&(knock.host, knock.session))
    }

    pub(super) fn slow(&mut self, knock: &Knock) {
        self.slowed.insert((knock.host, knock.session));
    }

    /// Whether it was slowed, once it is over.
    pub(super) fn done(&mut self, knock: &Knock) -> bool {
        self.slowed.remove(&(knock.host, knock.session))
    }
}

impl World {
    pub(super) fn begin(&mut self, at: usize) {
        let step = self.plan.steps[at].clone();
        note!(self, "step {at}: {:?} for {:?}", step.what, step.lasts);
        self.steps.active.insert(at, step.what);
        if step.disturbs() {
            self.steps.disturbing += 1;
            self.disturb_all();
        }
        let now = self.schedule.now();
        let until = match step.what {
            What::Restart => now + step.lasts.max(GRACE.secs()),
            _ => (now + step.lasts).min(self.plan.heals),
        };
        self.schedule.at(until, Event::End(at));
        self.apply(at, step.what);
    }

    fn disturb_all(&mut self) {
        for tunnel in 0..self.tunnels.len() {
            self.disturb(tunnel, "something went wrong");
        }
    }

    fn apply(&mut self, at: usize, what: What) {
        match what {
            What::Wish(host, wish) => self.wish(host, wish),
            What::Cut(whose, notice) => self.cut_all(whose, notice),
            What::Silence(whose) => {
                self.trouble(whose);
                self.links_of(whose).into_iter().for_each(|link| self.silence(at, link));
            }
            What::Stall(whose, side) => self.stall(at, whose, side),
            What::Offline(host) => {
                let links = self.links_of(Whose::Host(host));
                links.into_iter().for_each(|link| self.silence(at, link));
            }
            What::Freeze(host) => self.hosts[host].frozen = true,
            What::Clock(host, seconds) => {
                self.hosts[host].ahead += seconds;
                self.host_wakes(host, what);
            }
            What::Restart => self.restart(at),
            What::Crash(notice) => self.crash(notice),
            What::StoreFull => self.steps.store_full += 1,
            What::Revoke(tunnel) => self.revoke(tunnel),
            What::Expel(tunnel) => {
                self.tunnels[tunnel].expelled += 1;
                self.look_again(tunnel);
            }
            What::Forbid(tunnel) => {
                self.tunnels[tunnel].forbidden += 1;
                self.look_again(tunnel);
            }
            What::Delete(tunnel) => {
                self.tunnels[tunnel].exists = false;
                self.look_again(tunnel);
            }
            What::AddPort(tunnel, port) => self.change_ports(tunnel, port, true),
            What::RemovePort(tunnel, port) => self.change_ports(tunnel, port, false),
            What::NoDns(_) | What::Api(_) | What::Door(_) => {}
        }
    }

    pub(super) fn end(&mut self, at: usize) {
        let Some(what) = self.steps.active.remove(&at) else { return };
        if !matches!(what, What::Wish(..)) {
            note!(self, "step {at} is over: {what:?}");
        }
        match what {
            What::Freeze(host) => self.thaw(host),
            What::Offline(host) => self.host_wakes(host, what),
            What::Restart => {
                let old = self.steps.drained.remove(&at);
                if let Some(old) = old.filter(|&old| !self.relays[old].gone) {
                    self.end_relay(old, true);
                }
            }
            What::Crash(_) if self.relays[self.relay_now()].gone => self.start_relay(),
            What::StoreFull => self.steps.store_full -= 1,
            What::Expel(tunnel) => self.tunnels[tunnel].expelled -= 1,
            What::Forbid(tunnel) => self.tunnels[tunnel].forbidden -= 1,
            _ => {}
        }
        for link in self.steps.silenced.remove(&at).unwrap_or_default() {
            self.unsilence(link);
        }
        for id in self.steps.stalled.remove(&at).unwrap_or_default() {
            if let Some(end) = self.ends.get_mut(&id) {
                end.stalled -= 1;
                self.schedule.after(0.secs(), Event::Arrive(id.0, id.1));
            }
        }
        if self.plan.steps[at].disturbs() {
            self.steps.disturbing -= 1;
            self.disturb_all();
        }
        self.release_held();
    }

    /// Ends everything that does not last for ever.
    pub(super) fn mend(&mut self) {
        let over = self.steps.active.iter().filter(|(_, what)| !matches!(what, What::Restart));
        for at in over.map(|(at, _)| *at).collect::<Vec<_>>() {
            self.end(at);
        }
        if self.plan.heal == Heal::Unnoticed {
            return;
        }
        let dead = self.links.iter().filter(|(_, link)| link.dead);
        for id in dead.map(|(id, _)| *id).collect::<Vec<_>>() {
            if let Some(link) = self.links.get_mut(&id) {
                link.dead = false;
            }
            self.cut(id);
        }
    }

    /// The links whose near end is somebody's.
    fn links_of(&self, whose: Whose) -> Vec<LinkId> {
        let near = self.ends.iter().filter(|((_, side), _)| *side == Side::Near);
        let its = near.filter(|(_, end)| match (end.owner, whose) {
            (Owner::Host { host, .. }, Whose::Host(its)) => host == its,
            (Owner::Client { client }, Whose::Client(its)) => client == its,
            _ => false,
        });
        its.map(|((link, _), _)| *link).collect()
    }

    fn trouble(&mut self, whose: Whose) {
        if let Whose::Client(client) = whose {
            self.disturb_client(client, "its client has trouble");
        }
    }

    fn cut_all(&mut self, whose: Whose, notice: bool) {
        self.trouble(whose);
        for id in self.links_of(whose) {
            if notice {
                self.cut(id);
            } else if let Some(link) = self.links.get_mut(&id) {
                link.dead = true;
                self.watch_silence(id);
            }
        }
    }

    fn silence(&mut self, at: usize, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.silent += 1;
        self.steps.silenced.entry(at).or_default().push(id);
        self.watch_silence(id);
    }

    fn unsilence(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.silent -= 1;
        if link.silent == 0 && !link.dead {
            link.silent_since = None;
        }
        for side in [Side::Near, Side::Far] {
            self.schedule.after(0.secs(), Event::Arrive(id, side));
        }
    }

    /// A new link of a host that is offline is silent from the start.
    pub(super) fn silence_new(&mut self, link: LinkId, host: usize) {
        let offline = self.steps.active.iter();
        let offline =
            offline.filter(|(_, what)| matches!(what, What::Offline(its) if *its == host));
        for at in offline.map(|(at, _)| *at).collect::<Vec<_>>() {
            self.silence(at, link);
        }
    }

    fn stall(&mut self, at: usize, whose: Whose, side: Side) {
        self.trouble(whose);
        for link in self.links_of(whose) {
            if let Some(end) = self.ends.get_mut(&(link, side)) {
                end.stalled += 1;
                self.steps.stalled.entry(at).or_default().push((link, side));
            }
        }
    }

    fn thaw(&mut self, host: usize) {
        let now = self.schedule.now();
        if !std::mem::take(&mut self.hosts[host].frozen) {
            return;
        }
        self.hosts[host].thawed_at = now;
        for event in std::mem::take(&mut self.hosts[host].backlog) {
            self.schedule.after(0.secs(), event);
        }
        self.host_wakes(host, What::Freeze(host));
    }

    fn restart(&mut self, at: usize) {
        let old = self.relay_now();
        if self.relays[old].gone {
            return;
        }
        for client in 0..self.clients.len() {
            self.disturb_openings(client);
        }
        let now = self.schedule.now();
        // Hosts that have just come are not proven, and wait before they come again.
        if self.steps.restarted.replace(now).is_some_and(|before| now < before + SETTLED.secs()) {
            self.disturb_all();
        }
        self.start_relay();
        self.drain_relay(old);
        self.steps.drained.insert(at, old);
    }

    fn crash(&mut self, notice: bool) {
        self.steps.down_noticed = notice;
        for at in 0..self.relays.len() {
            if !self.relays[at].gone {
                self.end_relay(at, notice);
            }
        }
    }

    fn change_ports(&mut self, tunnel: usize, port: u16, there: bool) {
        let ports = &mut self.tunnels[tunnel].ports;
        match there {
            true => ports.insert(port),
            false => ports.remove(&port),
        };
        self.look_again(tunnel);
        self.tunnels[tunnel].calm = false;
        let visits = self.visits.iter_mut();
        for visit in visits.filter(|visit| visit.plan.tunnel == tunnel && visit.port == port) {
            visit.excuse.get_or_insert("its port comes or goes");
        }
        for host in 0..self.hosts.len() {
            if self.hosts[host].tunnel == tunnel {
                let delay = self.rng.millis(50, 3_000);
                self.schedule.after(delay, Event::Ports(host));
            }
        }
    }
}
