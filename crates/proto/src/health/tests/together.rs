//! The monitor and the policy together: a dead URL costs a session, and nothing else does.

use super::*;
use crate::host::{self, Action as Do, Policy, SessionId, State};

/// A tunnel on a network that comes up at once whenever it is asked to.
struct Tunnel {
    world: World,
    policy: Policy,
    serving: Option<SessionId>,
    sessions: usize,
}

impl Tunnel {
    fn hosted() -> Self {
        let world = World::new(&[(3000, Speaks::Http)]);
        let mut tunnel = Self { world, policy: Policy::new(), serving: None, sessions: 0 };
        tunnel.tell(host::Event::PortsWanted([3000].into()));
        tunnel.tell(host::Event::Start);
        tunnel.pass(SECOND);
        assert_eq!(tunnel.world.labels(), ["operational"]);
        tunnel
    }

    fn tell(&mut self, event: host::Event) {
        self.policy.handle(event, self.world.now, 0);
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.policy.poll() {
            let event = match action {
                Do::Mint { session } => host::Event::TokenMinted { session, life: None },
                Do::Connect { session, .. } => {
                    self.sessions += 1;
                    host::Event::Connected { session, epoch: None }
                }
                Do::Announce { session, .. } => host::Event::PortAnnounced { session, port: 3000 },
                _ => continue,
            };
            self.policy.handle(event, self.world.now, 0);
        }
        let serving = self.policy.serving();
        if std::mem::replace(&mut self.serving, serving) != serving {
            let away = Absence::Lacking(NoSession::Away(None));
            self.world.tell(serving.map_or(Event::Down(away), |_| Event::Up));
        }
    }

    /// Lets time pass second by second, and brings what the monitor says to the policy.
    fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.world.pass(SECOND);
            for probe in std::mem::take(&mut self.world.probes) {
                self.tell(host::Event::Probe(probe));
            }
            if self.policy.deadline().is_some_and(|due| due <= self.world.now) {
                self.policy.handle_timeout(self.world.now, 0);
                self.act();
            }
        }
    }
}

#[test]
fn a_dead_url_behind_a_live_session_is_replaced_within_an_interval_and_two_confirmations() {
    let mut tunnel = Tunnel::hosted();
    tunnel.pass(300 * SECOND);
    assert_eq!(tunnel.sessions, 1);
    let dead = Place::answering(Answer::Silent, false, Leg::Up);
    tunnel.world.places.insert(3000, dead);
    let mut seconds = 0;
    while tunnel.sessions == 1 {
        tunnel.pass(SECOND);
        seconds += 1;
    }
    assert!(seconds <= 60 + 2 * 5 + 1, "{seconds} s");
    assert_eq!(tunnel.world.labels(), ["zombie"]);
    tunnel.world.places.insert(3000, Place::fine());
    tunnel.pass(2 * SECOND);
    assert_eq!(tunnel.world.labels(), ["operational"]);
    assert_eq!((tunnel.sessions, tunnel.policy.state()), (2, &State::Hosting));
}

#[test]
fn nothing_about_the_local_server_costs_a_session() {
    let places = [
        Place::answering(Answer::Proven, true, refused()),
        Place::answering(Answer::Proven, true, Leg::OtherScheme),
        Place::answering(Answer::Status(502), false, refused()),
        Place::answering(Answer::Status(502), true, Leg::Up),
        Place::answering(Answer::Silent, true, Leg::Up),
    ];
    for place in places {
        let mut tunnel = Tunnel::hosted();
        tunnel.world.places.insert(3000, place.clone());
        tunnel.pass(3600 * SECOND);
        assert_eq!(tunnel.sessions, 1, "{:?} {:?}", place.answer, place.leg);
    }
}
