//! The host's engine: one task that does what the policy says and tells it what happened.

mod follow;
mod ports;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_proto::contracts::{Tunnel, TunnelEndpoint, TunnelPort};
use adit_proto::health::{self, Nonce};
use adit_proto::host::{self as policy, Action, Failure, Notice, Policy, SessionId, State};
use adit_proto::registry::Epoch;
use adit_proto::relay::{Ending, HostCommand, HostEvent};
use adit_proto::renewal::{Renewal, Step};
use adit_wire::pump::Handle;
use adit_wire::{change, clock, task};
use tokio::sync::{mpsc, watch};

use self::follow::FIRST_URL;
use super::connection::LocalPorts;
use super::health::{Tally, Watch};
use super::leave::Leave;
use super::session::Local;
use super::step::Connected;
use super::{Command, Config, Event, PortUrls};
use crate::events::Emitter;
use crate::inspect::Inspector;
use crate::management::{self, Authorized, HostTokens, Locator, Turn};
use crate::random;

/// Reports that wait for the driver; full means that whoever reports waits.
const REPORTS: usize = 64;

/// Time for whatever still runs when everything is over, if there is so much left.
const GRACE: Duration = Duration::from_secs(1);

/// What tasks tell the driver.
pub(super) enum Report {
    /// Whether what mints tokens waits for its turn.
    Turn {
        session: SessionId,
        turn: Turn,
    },
    Minted {
        session: SessionId,
        result: Result<Authorized, Failure>,
    },
    Dialed {
        session: SessionId,
        result: Result<Connected, Failure>,
    },
    Session {
        session: SessionId,
        event: HostEvent,
    },
    Traffic {
        session: SessionId,
    },
    Ended {
        session: SessionId,
        ending: Ending,
    },
    Registered {
        session: SessionId,
        port: u16,
        result: Result<(), Failure>,
    },
    Ports(Result<Tunnel, management::Error>),
    Renewed(Result<Step, management::Error>),
    /// What came of a look at a URL or a local port.
    Looked(health::Event),
    LocalRefused {
        port: u16,
        refusal: health::Refusal,
    },
    LocalAccepted {
        port: u16,
    },
    Closed,
    Unregistered,
}

pub(super) struct Driver {
    config: Config,
    /// The tunnel; with its cluster once that is known.
    pub(super) at: Locator,
    pub(super) policy: Policy,
    /// Looks whether the URLs work, if that is wanted.
    pub(super) watch: Option<Watch>,
    pub(super) events: Emitter<Event>,
    commands: mpsc::Receiver<Command>,
    pub(super) report: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    tasks: task::Group,
    pub(super) local: Arc<Local>,
    encrypted: watch::Sender<BTreeSet<u16>>,

    pub(super) sessions: BTreeMap<SessionId, Session>,
    tokens: Option<HostTokens>,
    /// Ports, as they were looked up last, that are to be registered before they are announced.
    register: BTreeMap<u16, TunnelPort>,
    /// For which session they were looked up, until they are registered in it.
    looked_for: Option<SessionId>,
    /// The tunnel was looked at.
    known: bool,
    /// The endpoint as it was last put.
    endpoint: Option<TunnelEndpoint>,
    ports: BTreeSet<u16>,
    pub(super) urls: Vec<PortUrls>,
    /// The addresses were told.
    ready: bool,
    /// The service was reached.
    before: bool,
    next_ports: Option<Instant>,
    /// How soon an address is looked for that the service has not made yet.
    soon: Duration,
    asking_ports: bool,
    ports_failed: bool,
    /// The ports changed while they were asked for.
    ports_changed: bool,
    renewal: Renewal,

    /// Sessions that are being closed.
    closing: usize,
    /// The endpoint shall be removed once they are.
    unregister: bool,
    unregistering: bool,
    /// The host is told to stop, and has so long.
    leave: Option<Leave>,
}

/// A try and the session that came of it.
#[derive(Default)]
pub(super) struct Session {
    /// What is being done; dropping it calls that off.
    _step: Option<task::Task<()>>,
    pub(super) handle: Option<Handle<HostCommand>>,
    epoch: Option<Epoch>,
    ports: BTreeSet<u16>,
    /// Registers ports for it; whatever is not done when it ends is called off.
    registering: Option<task::Group>,
    /// Those that are not served in it, and why.
    pub(super) refused: BTreeMap<u16, String>,
    /// By what its URLs are proven, if they are.
    pub(super) nonce: Option<Nonce>,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        events: Emitter<Event>,
        inspector: Option<Inspector>,
        commands: mpsc::Receiver<Command>,
        tally: Arc<Tally>,
    ) -> Self {
        let (report, reports) = mpsc::channel(REPORTS);
        let (encrypted, encrypted_ports) = watch::channel(BTreeSet::new());
        let ports = LocalPorts::new(events.clone(), report.clone());
        let local = Local { ports, inspector, encrypted: encrypted_ports };
        Self {
            at: config.tunnel.clone(),
            policy: Policy::new(),
            watch: config.health.map(|interval| Watch::new(interval, &config, tally)),
            config,
            events,
            commands,
            report,
            reports,
            tasks: task::Group::new("host"),
            local: Arc::new(local),
            encrypted,
            sessions: BTreeMap::new(),
            tokens: None,
            register: BTreeMap::new(),
            looked_for: None,
            known: false,
            endpoint: None,
            ports: BTreeSet::new(),
            urls: Vec::new(),
            ready: false,
            before: false,
            next_ports: None,
            soon: FIRST_URL,
            asking_ports: false,
            ports_failed: false,
            ports_changed: false,
            renewal: Renewal::new(),
            closing: 0,
            unregister: false,
            unregistering: false,
            leave: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut changes = self.config.changes.take();
        self.tell(policy::Event::Start).await;
        while !self.is_over() {
            let look_at = self.look_at();
            tokio::select! {
                Some(report) = self.reports.recv() => self.on_report(report).await,
                command = self.commands.recv() => {
                    self.on_command(command.unwrap_or(Command::Stop)).await;
                }
                () = clock::sleep_until_maybe(self.policy.deadline()) => {
                    self.policy.handle_timeout(clock::now(), random());
                    self.act().await;
                }
                () = clock::sleep_until_maybe(look_at) => {
                    self.look_is_due();
                    self.act().await;
                }
                change = change::next(&mut changes) => self.on_change(change).await,
                () = clock::sleep_until_maybe(self.next_ports) => self.ask_ports(),
                () = clock::sleep_until_maybe(self.renewal.due()) => self.renew(),
            }
        }
        // Either way of ending is an end.
        let left = self.leave.map(|leave| leave.over.saturating_duration_since(clock::now()));
        let _ = self.tasks.shutdown(GRACE.min(left.unwrap_or(GRACE))).await;
    }

    fn is_over(&self) -> bool {
        self.leave.is_some() && self.closing == 0 && !self.unregister && !self.unregistering
    }

    async fn on_command(&mut self, command: Command) {
        match command {
            Command::Start => self.tell(policy::Event::Start).await,
            Command::Stop => {
                self.leave.get_or_insert_with(|| Leave::new(clock::now()));
                self.next_ports = None;
                self.tell(policy::Event::Stop).await;
            }
            Command::TakeOver => self.tell(policy::Event::TakeOver).await,
            Command::RetryNow => {
                self.tell(policy::Event::RetryNow).await;
                self.tell_health(health::Event::Suspicion).await;
            }
            Command::RefreshPorts => self.ask_ports(),
            Command::LookEvery(interval) => self.tell_health(health::Event::Every(interval)).await,
            Command::Renew => self.tell(policy::Event::RemintDue).await,
            Command::Drop => self.tell(policy::Event::DropRequested).await,
        }
    }

    async fn on_report(&mut self, report: Report) {
        match report {
            Report::Turn { session, turn: Turn::Waits } => {
                self.tell(policy::Event::MintQueued { session }).await;
            }
            Report::Turn { session, turn: Turn::Runs } => {
                self.tell(policy::Event::MintBegun { session }).await;
            }
            Report::Minted { session, result } => self.minted(session, result).await,
            Report::Dialed { session, result } => self.dialed(session, result).await,
            Report::Session { session, event } => self.on_session(session, event).await,
            Report::Traffic { session } => self.tell(policy::Event::Traffic { session }).await,
            Report::Ended { session, ending } => self.ended(session, ending).await,
            Report::Registered { session, port, result } => {
                self.registered(session, port, result).await;
            }
            Report::Ports(result) => self.ports_told(result).await,
            Report::Renewed(result) => self.renewed(result),
            Report::Looked(event) => self.tell_health(event).await,
            Report::LocalRefused { port, refusal } => {
                self.tell_health(health::Event::LocalRefused { port, refusal }).await;
            }
            Report::LocalAccepted { port } => {
                self.tell_health(health::Event::LocalAccepted { port }).await;
            }
            Report::Closed => {
                self.closing -= 1;
                self.unregister_when_closed();
            }
            Report::Unregistered => self.unregistering = false,
        }
    }

    /// Tells the policy what happened and does what it says.
    pub(super) async fn tell(&mut self, event: policy::Event) {
        self.policy.handle(event, clock::now(), random());
        self.act().await;
    }

    /// Does what the policy says, and lets the health follow, until neither has anything more to say.
    pub(super) async fn act(&mut self) {
        loop {
            self.act_for_policy().await;
            if !self.act_for_health() {
                return;
            }
        }
    }

    async fn act_for_policy(&mut self) {
        while let Some(action) = self.policy.poll() {
            match action {
                Action::Mint { session } => self.mint(session),
                Action::Connect { session, endpoint, supersedes } => {
                    self.connect(session, endpoint, supersedes);
                }
                Action::Announce { session, ports } => self.announce(session, ports).await,
                Action::Withdraw { session, ports } => self.withdraw(session, ports).await,
                // The relay sends it no new connections and closes it when it is empty.
                Action::Retire { .. } => {}
                Action::Close { session, goodbye } => self.close(session, goodbye),
                Action::Unregister => {
                    self.unregister = true;
                    self.unregister_when_closed();
                }
                Action::Tell(notice) => self.notify(notice),
            }
        }
    }

    fn notify(&mut self, notice: Notice) {
        let tunnel = &self.at;
        let mut refused = false;
        let event = match notice {
            Notice::State(state) => {
                tracing::info!(%tunnel, ?state, "state");
                let hosting = state == State::Hosting;
                self.events.emit(Event::State(state));
                self.plan_ports();
                if hosting && self.config.renew && self.leave.is_none() {
                    self.renewal.begin(clock::now());
                }
                if hosting && !std::mem::replace(&mut self.ready, true) {
                    self.events.emit(Event::Ready { urls: self.urls.clone() });
                } else if hosting {
                    // Nobody told of what changed while there was no session.
                    self.ports_changed();
                }
                return;
            }
            Notice::Progress(phase) => {
                tracing::debug!(%tunnel, phase = phase.as_str(), "progress");
                Event::Progress(phase)
            }
            Notice::Retry { attempt, delay, cause, .. } => {
                tracing::info!(%tunnel, attempt, ?delay, cause, "retry");
                Event::Retry { attempt, wait: delay, cause: cause.into() }
            }
            Notice::ReloginRequired => {
                tracing::warn!(%tunnel, "sign-in needed");
                Event::ReloginRequired
            }
            Notice::PortRefused { port, cause } => {
                tracing::warn!(%tunnel, port, cause, "port refused");
                // Perhaps it is a port of the tunnel no longer, and others are.
                refused = true;
                if let Some(watch) = &mut self.watch {
                    watch.handle(health::Event::PortRefused { port, cause: cause.clone() });
                }
                Event::PortRefused { port, cause: cause.into() }
            }
            Notice::PortServed { port } => {
                tracing::info!(%tunnel, port, "port served, after all");
                if let Some(watch) = &mut self.watch {
                    watch.handle(health::Event::PortServed { port });
                }
                Event::PortServed { port }
            }
            Notice::Swapped => {
                tracing::debug!(%tunnel, "session replaced");
                Event::Swapped
            }
            Notice::SwapFailed { delay, cause } => {
                tracing::warn!(%tunnel, ?delay, %cause, "session not replaced");
                Event::SwapFailed { wait: delay, cause: cause.to_string().into() }
            }
        };
        self.events.emit(event);
        if refused {
            self.ports_changed();
        }
    }
}
