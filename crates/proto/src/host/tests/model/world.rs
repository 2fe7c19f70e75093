//! The driver, the relay and the user around a policy, who know the rules that it must keep.

use std::collections::{BTreeMap, BTreeSet};

use proptest::sample::Index;

use super::Step;
use crate::host::tests::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Mint,
    Connect,
}

#[derive(Debug, Default)]
pub(super) struct Socket {
    retiring: bool,
    unanswered: BTreeSet<u16>,
    pub(super) accepted: BTreeSet<u16>,
    pub(super) refused: BTreeMap<u16, Failure>,
}

/// The driver, the relay and the user in one: what is open, what is under way, what is wanted.
pub(super) struct World {
    policy: Policy,
    now: Instant,
    random: u64,
    overlaps: bool,
    pub(super) wanted: bool,
    pub(super) told: State,
    sessions: BTreeSet<SessionId>,
    work: Option<(SessionId, Work)>,
    pub(super) open: BTreeMap<SessionId, Socket>,
    pub(super) ports: BTreeSet<u16>,
    failed_for_good: bool,
    evictions: u32,
    epochs: u64,
}

impl World {
    pub(super) fn new(overlaps: bool, random: u64) -> World {
        World {
            policy: Policy::new(),
            now: Instant::now(),
            random,
            overlaps,
            wanted: false,
            told: State::Idle,
            sessions: BTreeSet::new(),
            work: None,
            open: BTreeMap::new(),
            ports: BTreeSet::new(),
            failed_for_good: false,
            evictions: 0,
            epochs: 0,
        }
    }

    fn tell(&mut self, event: Event) {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.policy.handle(event, self.now, self.random);
        self.act();
    }

    fn pick(&self, index: Index) -> Option<SessionId> {
        let sessions: Vec<_> = self.sessions.iter().copied().collect();
        // The youngest few: older ones are stale for certain, and others test that.
        let young = &sessions[sessions.len().saturating_sub(4)..];
        (!young.is_empty()).then(|| *index.get(young))
    }

    pub(super) fn happen(&mut self, step: Step) {
        match step {
            Step::Start => {
                self.wanted |= self.told != State::Standby;
                self.tell(Event::Start);
            }
            Step::Stop => {
                self.wanted = false;
                self.tell(Event::Stop);
            }
            Step::TakeOver => {
                self.wanted = true;
                self.tell(Event::TakeOver);
            }
            Step::RetryNow => self.tell(Event::RetryNow),
            Step::Moved => self.tell(Event::Moved),
            Step::Ports(ports) => {
                self.ports = ports.clone();
                for socket in self.open.values_mut() {
                    socket.refused.retain(|port, _| ports.contains(port));
                }
                // What is left of them may be refused for good.
                let refusals = self.open.values().flat_map(|socket| socket.refused.values());
                self.failed_for_good = refusals.into_iter().any(|why| !why.is_retryable());
                self.tell(Event::PortsWanted(ports));
                self.failed_for_good = false;
            }
            Step::Succeed { life } => self.succeed(Some(Duration::from_secs(life))),
            Step::Fail(failure) => self.fail(failure),
            Step::Answer(index, port, failure) => {
                if let Some(session) = self.pick(index) {
                    self.answer(session, port, failure);
                }
            }
            Step::Turn(index, queued) => {
                let Some(session) = self.pick(index) else { return };
                self.tell(match queued {
                    true => Event::MintQueued { session },
                    false => Event::MintBegun { session },
                });
            }
            Step::Traffic(index) => {
                if let Some(session) = self.pick(index) {
                    self.tell(Event::Traffic { session });
                }
            }
            Step::Drop(index) => {
                if let Some(session) = self.pick(index) {
                    // Told of sessions that are gone, too: drivers may be late.
                    self.open.remove(&session);
                    if self.work.is_none_or(|(at_work, _)| at_work != session) {
                        self.tell(Event::Dropped { session, cause: "reset".to_owned() });
                    }
                }
            }
            Step::Disconnect(index, reason) => {
                if let Some(session) = self.pick(index) {
                    self.disconnect(session, reason);
                }
            }
            Step::Drain(index) => {
                if let Some(session) = self.pick(index) {
                    self.tell(Event::Drain { session });
                }
            }
            Step::Stale(index, ok) => {
                let Some(session) = self.pick(index) else { return };
                if self.work.is_some_and(|(at_work, _)| at_work == session) {
                    return;
                }
                self.tell(Event::TokenMinted { session, life: None });
                match ok {
                    true => {
                        // A socket that opens after all.
                        self.open.entry(session).or_default();
                        self.tell(Event::Connected { session, epoch: None });
                    }
                    false => self.tell(Event::ConnectFailed { session, failure: transient() }),
                }
            }
            Step::Remint => self.tell(Event::RemintDue),
            Step::Probe(outcome) => self.tell(Event::Probe(outcome)),
            Step::DropRequested => self.tell(Event::DropRequested),
            Step::Pass(millis) => self.pass(Duration::from_millis(millis)),
        }
    }

    fn succeed(&mut self, life: Option<Duration>) {
        match self.work.take() {
            Some((session, Work::Mint)) => {
                self.work = Some((session, Work::Mint));
                self.tell(Event::TokenMinted { session, life });
            }
            Some((session, Work::Connect)) => {
                self.open.insert(session, Socket::default());
                self.epochs += 1;
                let epoch = self.overlaps.then_some(Epoch(self.epochs));
                self.tell(Event::Connected { session, epoch });
            }
            None => {}
        }
    }

    fn fail(&mut self, failure: Failure) {
        let Some((session, work)) = self.work.take() else { return };
        self.failed_for_good = !failure.is_retryable();
        match work {
            Work::Mint => self.tell(Event::MintFailed { session, failure }),
            Work::Connect => self.tell(Event::ConnectFailed { session, failure }),
        }
        self.failed_for_good = false;
    }

    fn answer(&mut self, session: SessionId, port: u16, failure: Option<Failure>) {
        let Some(socket) = self.open.get_mut(&session) else { return };
        if !socket.unanswered.remove(&port) {
            return;
        }
        let Some(failure) = failure else {
            socket.accepted.insert(port);
            return self.tell(Event::PortAnnounced { session, port });
        };
        socket.refused.insert(port, failure.clone());
        self.failed_for_good = socket.refused.values().all(|failure| !failure.is_retryable());
        self.tell(Event::PortRefused { session, port, failure });
        self.failed_for_good = false;
    }

    fn disconnect(&mut self, session: SessionId, reason: u32) {
        let before = self.told.clone();
        let socket = self.open.remove(&session);
        let connecting = matches!(self.work, Some((_, Work::Connect))) || self.serving() > 0;
        self.evictions += 1;
        if self.work.is_none_or(|(at_work, _)| at_work != session) {
            self.tell(Event::Disconnected { session, reason });
        }
        let Some(socket) = socket.filter(|_| reason == reason::TOO_MANY_CONNECTIONS) else {
            return;
        };
        if socket.retiring {
            assert_eq!(self.told, before, "12 for a session that retires");
        } else if self.overlaps || !connecting {
            assert_eq!(self.told, State::Standby, "12 for any other");
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.policy.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.policy.handle_timeout(self.now, self.random);
            self.act();
        }
        self.now = end;
    }

    /// How many sockets are open that do not retire.
    fn serving(&self) -> usize {
        self.open.values().filter(|socket| !socket.retiring).count()
    }

    fn act(&mut self) {
        while let Some(action) = self.policy.poll() {
            self.obey(action);
        }
        self.check();
    }

    fn obey(&mut self, action: Action) {
        match action {
            Action::Mint { session } => {
                assert!(self.wanted, "nothing is begun that nobody wants");
                assert_eq!(self.work, None, "one try at a time");
                assert!(self.sessions.insert(session), "ids are new");
                self.work = Some((session, Work::Mint));
            }
            Action::Connect { session, .. } => {
                assert!(self.wanted, "nothing is begun that nobody wants");
                let minted = self.work == Some((session, Work::Mint));
                assert!(minted || self.work.is_none(), "one try at a time");
                assert_eq!(self.sessions.insert(session), !minted, "ids are new");
                assert!(self.serving() <= 1, "no third session");
                self.work = Some((session, Work::Connect));
            }
            Action::Announce { session, ports } => {
                let socket = self.open.get_mut(&session).expect("announces on an open socket");
                for port in &ports {
                    let before = socket.refused.remove(port);
                    assert!(before.is_none_or(|why| why.is_retryable()), "asked for again in vain");
                }
                socket.unanswered.extend(ports);
            }
            Action::Withdraw { session, ports } => {
                let socket = self.open.get_mut(&session).expect("withdraws on an open socket");
                socket.unanswered.retain(|port| !ports.contains(port));
                socket.accepted.retain(|port| !ports.contains(port));
            }
            Action::Retire { session } => {
                assert!(self.overlaps);
                self.open.get_mut(&session).expect("retires an open socket").retiring = true;
            }
            Action::Close { session, .. } => {
                self.open.remove(&session);
                self.work.take_if(|(at_work, _)| *at_work == session);
            }
            Action::Unregister => assert!(!self.wanted),
            Action::Tell(notice) => self.hear(notice),
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::State(state) => {
                assert_ne!(state, self.told, "told once");
                assert_ne!(state, State::Idle);
                if self.told == State::Standby {
                    assert!(matches!(state, State::Connecting | State::Stopped), "until take-over");
                }
                match &state {
                    State::Error(_) => {
                        assert!(self.failed_for_good, "no giving up on what can pass");
                        self.wanted = false;
                    }
                    State::Standby => {
                        assert!(self.evictions > 0);
                        self.wanted = false;
                    }
                    State::Stopped => assert!(!self.wanted),
                    State::Hosting => {
                        assert!(self.wanted && self.work.is_none());
                        let socket = self.open.values().find(|socket| !socket.retiring);
                        let socket = socket.expect("hosting is a socket that is open");
                        assert!(socket.unanswered.is_empty(), "and ports that are announced");
                        assert!(socket.refused.is_empty() || !socket.accepted.is_empty());
                    }
                    _ => assert!(self.wanted, "{state:?} is for what is wanted"),
                }
                self.told = state;
            }
            Notice::Retry { attempt, delay, at, .. } => {
                assert!(attempt > 0 && at == self.now + delay);
                assert!(delay <= RETRY_AFTER_MAX + RETRY_START);
            }
            Notice::Swapped | Notice::SwapFailed { .. } => assert_eq!(self.told, State::Hosting),
            Notice::PortServed { port } => {
                assert!(self.open.values().any(|socket| socket.accepted.contains(&port)));
            }
            Notice::Progress(_) | Notice::ReloginRequired | Notice::PortRefused { .. } => {}
        }
    }

    /// What holds after each event.
    fn check(&self) {
        assert_eq!(self.policy.state(), &self.told);
        let patience = RETRY_AFTER_MAX + RETRY_START;
        match self.told {
            State::Idle | State::Stopped | State::Standby | State::Error(_) => {
                assert!(self.open.is_empty() && self.work.is_none(), "at rest nothing is open");
                assert_eq!(self.policy.deadline(), None);
                assert!(!self.wanted);
            }
            State::Connecting | State::Reconnecting => {
                let due = self.policy.deadline().expect("never waits for ever");
                assert!(due <= self.now + patience);
                assert!(self.serving() <= 1);
            }
            State::Hosting => {
                let serving = self.serving();
                assert!(serving == 1 || serving == 2 && self.work.is_none());
            }
        }
        assert_eq!(self.told == State::Hosting || self.policy.deadline().is_some(), self.wanted);
    }

    /// From now on everything works. Brings the tunnel up, if it is wanted.
    pub(super) fn heal(&mut self) {
        for _ in 0..100 {
            self.succeed(Some(Duration::from_secs(86_400)));
            let open: Vec<_> = self.open.keys().copied().collect();
            for (session, port) in open.into_iter().flat_map(|s| (1..4).map(move |port| (s, port)))
            {
                self.answer(session, port, None);
            }
            let passes = |socket: &Socket| socket.refused.values().any(Failure::is_retryable);
            let settled = !self.open.values().any(passes);
            let hosts = self.told == State::Hosting && self.serving() == 1;
            if self.work.is_none() && hosts && settled {
                return self.pass(Duration::from_secs(71));
            }
            let due = self.policy.deadline().expect("something is due until it hosts");
            self.pass(due.saturating_duration_since(self.now));
        }
        panic!("does not come up: {:?}", self.policy);
    }
}
