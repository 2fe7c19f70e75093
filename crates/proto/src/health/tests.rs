//! A monitor with a clock that only tests move, in front of a world that is as a test says.

mod reasons;
mod stories;
mod table;
mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::*;
use crate::host::{Failure, Probe};

const SECOND: Duration = Duration::from_secs(1);

/// What a port's URL and its local server do.
#[derive(Clone)]
struct Place {
    answer: Answer,
    arrived: bool,
    leg: Leg,
}

impl Place {
    fn fine() -> Self {
        Self { answer: Answer::Proven, arrived: true, leg: Leg::Up }
    }

    fn answering(answer: Answer, arrived: bool, leg: Leg) -> Self {
        Self { answer, arrived, leg }
    }
}

fn refused() -> Leg {
    Leg::Refused(nobody())
}

fn nobody() -> Refusal {
    Refusal::Nobody { port: 3000 }
}

/// There is no session, for this cause.
fn away(cause: &str) -> Event {
    let failure = Failure::Transient(cause.to_owned());
    Event::Down(Absence::Lacking(NoSession::Away(Some(failure))))
}

/// A monitor, its time and its world. Looks are answered at once.
struct World {
    monitor: Monitor,
    start: Instant,
    now: Instant,
    random: u64,
    places: BTreeMap<u16, Place>,
    /// What happened, in words, with the second at which it did.
    story: Vec<String>,
    /// What was said to the policy.
    probes: Vec<Probe>,
    /// How often a proof was no other news.
    proofs: usize,
    asks: Vec<(u16, Duration)>,
    tries: Vec<(u16, Duration, Option<Speaks>)>,
}

impl World {
    fn new(ports: &[(u16, Speaks)]) -> Self {
        let start = Instant::now();
        let mut world = Self {
            monitor: Monitor::new(Interval::default()),
            start,
            now: start,
            random: 0,
            places: ports.iter().map(|(port, _)| (*port, Place::fine())).collect(),
            story: Vec::new(),
            probes: Vec::new(),
            proofs: 0,
            asks: Vec::new(),
            tries: Vec::new(),
        };
        world.tell(Event::Ports(ports.iter().copied().collect()));
        world
    }

    /// One `http` port whose session is up and whose URL was proven.
    fn live() -> Self {
        let mut world = Self::new(&[(3000, Speaks::Http)]);
        world.tell(Event::Up);
        world.pass(SECOND);
        assert_eq!(world.story(), ["0 operational", "0 healthy"]);
        world
    }

    fn moment(&mut self) -> Moment {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e);
        let wall = Timestamp::from_second(1_000_000_000).unwrap() + (self.now - self.start);
        Moment { now: self.now, wall, random: self.random }
    }

    fn tell(&mut self, event: Event) {
        let at = self.moment();
        self.monitor.handle(event, at);
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.monitor.poll() {
            let since = self.now - self.start;
            match action {
                Action::Ask { look, port, secret } => {
                    self.asks.push((port, since));
                    let Place { mut answer, arrived, .. } = self.places[&port].clone();
                    if !secret && answer == Answer::Proven {
                        answer = Answer::Status(200);
                    }
                    self.tell(Event::Answered { look, answer, arrived });
                }
                Action::Try { look, port, speaks } => {
                    self.tries.push((port, since, speaks));
                    let leg = self.places[&port].leg.clone();
                    self.tell(Event::Tried { look, leg });
                }
                Action::Tell { health, .. } => {
                    self.story.push(format!("{} {}", since.as_secs(), health.label.as_str()));
                }
                Action::Proven { .. } => self.proofs += 1,
                Action::Dead { hosting, .. } => {
                    let level = if hosting { "WARN" } else { "DEBUG" };
                    self.story.push(format!("{} {level}", since.as_secs()));
                }
                Action::Probe(probe) => {
                    self.probes.push(probe);
                    self.story.push(format!("{} {}", since.as_secs(), word(probe)));
                }
            }
        }
    }

    /// Lets time pass, stopping at each deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.monitor.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let at = self.moment();
            self.monitor.handle_timeout(at);
            self.act();
        }
        self.now = end;
    }

    /// What has happened since this was last asked.
    fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.story)
    }

    /// What was told of labels only, without the time.
    fn labels(&mut self) -> Vec<String> {
        let names: BTreeSet<_> = Label::ALL.iter().map(|label| label.as_str()).collect();
        let words = self.story().into_iter();
        let words = words.filter_map(|line| line.split_once(' ').map(|(_, word)| word.to_owned()));
        words.filter(|word| names.contains(word.as_str())).collect()
    }

    fn health(&self, port: u16) -> Health {
        let found = self.monitor.health().find(|(number, _)| *number == port);
        found.expect("something is known").1.clone()
    }
}

fn word(probe: Probe) -> &'static str {
    match probe {
        Probe::Healthy => "healthy",
        Probe::ServiceDown => "service down",
        Probe::Down => "DOWN",
    }
}

#[test]
fn every_label_has_a_name_of_its_own() {
    let names: BTreeSet<_> = Label::ALL.iter().map(|label| label.as_str()).collect();
    assert_eq!(names.len(), Label::ALL.len());
}
