//! How a look goes, and what follows from it.

use std::time::{Duration, Instant};

use super::port::Look;
use super::{Action, FIRST, LookId, Moment, Monitor, SOON, Speaks, Timer};
use crate::backoff::fraction;
use crate::health::judge::{self, Shows};
use crate::health::{Answer, Label, Leg, Reason, Refusal};
use crate::host::{Probe, WATCHDOG};

/// The time between looks that confirm each other.
const CONFIRM: Duration = Duration::from_secs(5);
/// How many looks must agree before anything bad but a dead URL is told.
const AGREE: u8 = 2;
/// A look that has had no answer for so long will have none: the driver's own deadlines are far shorter.
const LOOK_WITHIN: Duration = Duration::from_secs(120);
/// A local server that refuses for less than this is being restarted.
const RESTART: Duration = Duration::from_secs(2);
/// How often a local server that is away is tried. It costs two system calls.
const TRY_EVERY: Duration = Duration::from_secs(5);

impl Monitor {
    /// Begins a look at the URL of a port. One under way is overdue.
    pub(super) fn ask(&mut self, number: u16, now: Instant) {
        let id = self.new_look();
        let Some(port) = self.ports.get_mut(&number) else { return };
        port.look = Some(Look { id, answer: None });
        port.rests_since = None;
        let secret = port.speaks != Speaks::Https;
        self.timers.set(Timer::Ask(number), now + LOOK_WITHIN);
        self.actions.push_back(Action::Ask { look: id, port: number, secret });
    }

    pub(super) fn answered(&mut self, look: LookId, answer: Answer, arrived: bool, at: Moment) {
        let Some(number) = self.number_of(|under_way| under_way.id == look) else { return };
        if !judge::needs_leg(&answer, arrived) {
            return self.conclude(number, &answer, arrived, &Leg::Up, at);
        }
        let Some(port) = self.ports.get_mut(&number) else { return };
        // Only where the answer is this host's own does the server's scheme not show in it.
        let doubtful = !port.checked || answer != Answer::Proven;
        let speaks = Some(port.speaks).filter(|speaks| doubtful && *speaks != Speaks::Auto);
        port.look = Some(Look { id: look, answer: Some((answer, arrived)) });
        self.actions.push_back(Action::Try { look, port: number, speaks });
    }

    pub(super) fn tried(&mut self, look: LookId, leg: &Leg, at: Moment) {
        let answered = |under_way: &Look| under_way.id == look && under_way.answer.is_some();
        if let Some(number) = self.number_of(answered) {
            let under_way = self.ports.get_mut(&number).and_then(|port| port.look.take());
            if let Some((answer, arrived)) = under_way.and_then(|look| look.answer) {
                self.conclude(number, &answer, arrived, leg, at);
            }
        } else if let Some((number, port)) =
            self.ports.iter_mut().find(|(_, port)| port.trying == Some(look))
        {
            port.trying = None;
            let number = *number;
            self.local_alone(number, leg, at);
        }
    }

    /// Both parts of a look are there. The next is due in an interval, somewhat earlier by chance.
    fn conclude(&mut self, number: u16, answer: &Answer, arrived: bool, leg: &Leg, at: Moment) {
        let next = self.next_look(number, at.now, at);
        let Some(port) = self.ports.get_mut(&number) else { return };
        port.look = None;
        let verdict = judge::judge(number, answer, arrived, leg);
        if let Some(proof) = verdict.proof {
            port.prove(proof, at.wall);
        }
        if *leg == Leg::Up {
            port.refused = None;
            port.checked |= judge::needs_leg(answer, arrived);
        }
        port.rests_since = Some(at.now);
        self.timers.set(Timer::Ask(number), next);
        let probe = verdict.probe;
        match verdict.shows {
            Shows::Nothing => self.look_again(number, at.now),
            Shows::Well => {
                port.agreed = None;
                self.timers.clear(&Timer::Try(number));
                self.tell(number, None);
            }
            Shows::Wrong(Reason::LocalOnly(refusal)) => {
                port.agreed = None;
                self.local_refused(number, refusal, at);
            }
            Shows::Wrong(reason) => self.confirm(number, reason, leg, at.now),
        }
        self.tell_policy(probe, at.now);
    }

    /// When a port that was looked at `since` is looked at again, if nothing hurries.
    fn next_look(&self, number: u16, since: Instant, at: Moment) -> Instant {
        since + self.interval - fraction(self.interval / 5, at.of(number))
    }

    /// Looks that have the whole interval have another one now. What is over by then comes soon, but not all at once.
    pub(super) fn look_every(&mut self, interval: Duration, at: Moment) {
        self.interval = interval;
        let rest =
            self.ports.iter().filter_map(|(number, port)| Some((*number, port.rests_since?)));
        let rest: Vec<_> = rest.collect();
        for (number, since) in rest {
            let soon = at.now + fraction(FIRST, at.of(number));
            self.timers.set(Timer::Ask(number), self.next_look(number, since, at).max(soon));
        }
    }

    /// Tells something bad once enough looks agree on it.
    fn confirm(&mut self, number: u16, reason: Reason, leg: &Leg, now: Instant) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        let label = reason.label();
        let needed = match label {
            Label::Zombie => WATCHDOG,
            // Seen with our own eyes, here.
            Label::LocalScheme => 1,
            _ => AGREE,
        };
        let known = port.is(label);
        if port.agree(label) < needed && (label == Label::Zombie || !known) {
            return self.look_again(number, now);
        }
        if label == Label::Zombie && !known && *leg == Leg::Up {
            let reason = reason.clone();
            self.actions.push_back(Action::Dead { port: number, hosting: true, reason });
        }
        self.tell(number, Some(reason));
    }

    fn look_again(&mut self, number: u16, now: Instant) {
        if let Some(port) = self.ports.get_mut(&number) {
            port.rests_since = None;
        }
        self.timers.set(Timer::Ask(number), now + CONFIRM);
    }

    /// Tells the policy of the worst port, look by look, so that it counts as this does; of the others only
    /// when nothing is bad.
    fn tell_policy(&mut self, probe: Option<Probe>, now: Instant) {
        let worth = self.ports.values().filter(|port| port.is_worth_a_session(now));
        let worst = worth.map(|port| port.dead()).max().unwrap_or(0);
        match probe {
            Some(Probe::Healthy | Probe::ServiceDown) if worst == 0 => {
                self.told_down = 0;
                self.actions.extend(probe.map(Action::Probe));
            }
            _ => {
                for _ in self.told_down..worst {
                    self.actions.push_back(Action::Probe(Probe::Down));
                }
                if worst == WATCHDOG && self.told_down < worst {
                    let dead = self.ports.values_mut().filter(|port| port.dead() == WATCHDOG);
                    dead.for_each(|port| port.cost_a_session(now, self.interval));
                }
                self.told_down = worst;
            }
        }
    }

    /// Tries a local port alone, unless a look at its URL is about to.
    pub(super) fn try_local(&mut self, number: u16, now: Instant) {
        let look = self.new_look();
        let Some(port) = self.ports.get_mut(&number) else { return };
        if port.look.is_some() || port.trying.is_some() {
            return self.timers.set(Timer::Try(number), now + TRY_EVERY);
        }
        port.trying = Some(look);
        let speaks = Some(port.speaks).filter(|speaks| *speaks != Speaks::Auto);
        self.actions.push_back(Action::Try { look, port: number, speaks });
    }

    fn local_alone(&mut self, number: u16, leg: &Leg, at: Moment) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        match leg {
            Leg::Refused(refusal) => self.local_refused(number, refusal.clone(), at),
            Leg::OtherScheme => {
                port.refused = None;
                // What it means is said in one place.
                self.look_within(number, SOON, at);
            }
            Leg::Up => {
                port.refused = None;
                port.checked = true;
                if !port.is(Label::LocalDown) {
                    return;
                }
                if port.proven_here {
                    self.tell(number, None);
                }
                self.look_within(number, SOON, at);
            }
        }
    }

    /// The local port refuses. A server that is being restarted does so for a moment, which is not told.
    pub(super) fn local_refused(&mut self, number: u16, refusal: Refusal, at: Moment) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        port.checked = false;
        let since = *port.refused.get_or_insert(at.now);
        let working = port.is(Label::Operational) || port.is(Label::LocalScheme);
        if working && at.now < since + RESTART {
            return self.timers.set(Timer::Try(number), since + RESTART);
        }
        let reason = if port.proven_here { Reason::LocalOnly } else { Reason::Local };
        self.tell(number, Some(reason(refusal)));
        self.timers.set(Timer::Try(number), at.now + TRY_EVERY);
    }

    /// A visitor's connection was accepted again.
    pub(super) fn local_accepted(&mut self, number: u16, at: Moment) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        if self.up && (port.is(Label::LocalDown) || port.refused.is_some()) {
            self.timers.set(Timer::Try(number), at.now);
        }
    }

    fn number_of(&self, is_it: impl Fn(&Look) -> bool) -> Option<u16> {
        let mut ports = self.ports.iter();
        let found = ports.find(|(_, port)| port.look.as_ref().is_some_and(&is_it));
        found.map(|(number, _)| *number)
    }
}
