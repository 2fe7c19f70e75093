//! The host's engine: one task that does what the policy says and tells it what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_proto::contracts::{Protocol, Tunnel, TunnelEndpoint, TunnelPort};
use adit_proto::health::{self, Nonce};
use adit_proto::host::{self as policy, Action, Failure, Notice, Policy, SessionId, State};
use adit_proto::registry::Epoch;
use adit_proto::relay::{Ending, HostCommand, HostEvent};
use adit_proto::renewal::{Renewal, Step};
use adit_proto::token::{self, Secret};
use adit_wire::pump::Handle;
use adit_wire::{change, clock, task};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::connection::{self, LocalPorts};
use super::health::{Tally, Watch, new_nonce};
use super::session::{self, Local};
use super::step::{self, Connect, Connected};
use super::{Command, Config, Event, PortUrls};
use crate::events::Emitter;
use crate::inspect::Inspector;
use crate::management::{self, Authorized, HostTokens, Locator, Want};
use crate::random;

/// Reports that wait for the driver; full means that whoever reports waits.
const REPORTS: usize = 64;

/// Time for the endpoint to be removed when the host stops.
const UNREGISTER: Duration = Duration::from_secs(5);

/// How soon an address is looked for that was not there when the tunnel was first hosted. Microsoft's
/// service makes it some seconds after the port. Doubled from look to look, up to the second.
const FIRST_URL: Duration = Duration::from_secs(2);
const LATEST_URL: Duration = Duration::from_secs(32);

/// Time for whatever still runs when everything is over.
const GRACE: Duration = Duration::from_secs(1);

/// What tasks tell the driver.
pub(super) enum Report {
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
    Ports(Result<Tunnel, management::Error>),
    Renewed(Result<Step, management::Error>),
    /// What came of a look at a URL or a local port.
    Looked(health::Event),
    LocalRefused {
        port: u16,
        cause: Box<str>,
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
    /// Ports of the last look that are to be registered with the next connection.
    register: Vec<TunnelPort>,
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
    stopping: bool,
}

/// A try and the session that came of it.
#[derive(Default)]
pub(super) struct Session {
    /// What is being done; dropping it calls that off.
    _step: Option<task::Task<()>>,
    pub(super) handle: Option<Handle<HostCommand>>,
    epoch: Option<Epoch>,
    ports: BTreeSet<u16>,
    /// Those that the relay does not serve in it, and why.
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
            register: Vec::new(),
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
            stopping: false,
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
        let _ = self.tasks.shutdown(GRACE).await;
    }

    fn is_over(&self) -> bool {
        self.stopping && self.closing == 0 && !self.unregister && !self.unregistering
    }

    async fn on_command(&mut self, command: Command) {
        match command {
            Command::Start => self.tell(policy::Event::Start).await,
            Command::Stop => {
                self.stopping = true;
                self.next_ports = None;
                self.tell(policy::Event::Stop).await;
            }
            Command::TakeOver => self.tell(policy::Event::TakeOver).await,
            Command::RetryNow => self.tell(policy::Event::RetryNow).await,
            Command::RefreshPorts => self.ask_ports(),
            Command::Renew => self.tell(policy::Event::RemintDue).await,
            Command::Drop => self.tell(policy::Event::DropRequested).await,
        }
    }

    async fn on_report(&mut self, report: Report) {
        match report {
            Report::Minted { session, result } => self.minted(session, result).await,
            Report::Dialed { session, result } => self.dialed(session, result).await,
            Report::Session { session, event } => self.on_session(session, event).await,
            Report::Traffic { session } => self.tell(policy::Event::Traffic { session }).await,
            Report::Ended { session, ending } => self.ended(session, ending).await,
            Report::Ports(result) => self.ports_told(result).await,
            Report::Renewed(result) => self.renewed(result),
            Report::Looked(event) => self.tell_health(event).await,
            Report::LocalRefused { port, cause } => {
                let cause = cause.into_string();
                self.tell_health(health::Event::LocalRefused { port, cause }).await;
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

    fn mint(&mut self, session: SessionId) {
        let (config, at, before) = (self.config.clone(), self.at.clone(), self.before);
        let (look, report) = (!self.known, self.report.clone());
        let step = task::spawn("mint", async move {
            let result = step::mint(&config, &at, look, before).await;
            // The driver outlives what it started.
            let _ = report.send(Report::Minted { session, result }).await;
        });
        self.sessions.entry(session).or_default()._step = Some(step);
    }

    async fn minted(&mut self, session: SessionId, result: Result<Authorized, Failure>) {
        if !self.sessions.contains_key(&session) {
            return;
        }
        match result {
            Ok(Authorized { tokens, tunnel }) => {
                self.before = true;
                let life = life(&tokens);
                self.tokens = Some(tokens);
                if let Some(tunnel) = tunnel {
                    self.known = true;
                    self.register = tunnel.ports.clone().unwrap_or_default();
                    self.follow(&tunnel).await;
                }
                self.tell(policy::Event::TokenMinted { session, life }).await;
            }
            Err(failure) => {
                self.sessions.remove(&session);
                self.note_failure(&failure);
                self.tell(policy::Event::MintFailed { session, failure }).await;
            }
        }
    }

    fn connect(
        &mut self,
        session: SessionId,
        endpoint: policy::Endpoint,
        supersedes: Option<Epoch>,
    ) {
        let Some(tokens) = self.tokens.clone() else {
            debug_assert!(false, "the policy connects with tokens only");
            return;
        };
        let connect = Connect {
            at: self.at.clone(),
            tokens,
            register: std::mem::take(&mut self.register),
            endpoint,
            supersedes,
            known: self.endpoint.clone(),
            before: self.before,
        };
        let (config, tasks, report) =
            (self.config.clone(), self.tasks.spawner(), self.report.clone());
        let step = task::spawn("connect", async move {
            let result = step::connect(&config, connect, &tasks).await;
            let _ = report.send(Report::Dialed { session, result }).await;
        });
        self.sessions.entry(session).or_default()._step = Some(step);
    }

    async fn dialed(&mut self, session: SessionId, result: Result<Connected, Failure>) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            // Called off meanwhile: dropping the handle ends it.
            return;
        };
        match result {
            Ok(connected) => {
                self.before = true;
                self.endpoint = Some(connected.endpoint);
                entry.handle = Some(connected.handle);
                entry.epoch = connected.epoch;
                entry.nonce = self.watch.as_ref().map(|_| new_nonce());
                let (local, report) = (self.local.clone(), self.report.clone());
                let session =
                    connection::Session::new(session, entry.nonce.clone(), report.clone());
                let watch = session::watch(session, connected.events, local, report);
                self.tasks.spawn("session", watch);
            }
            Err(failure) => {
                self.sessions.remove(&session);
                self.note_failure(&failure);
                self.tell(policy::Event::ConnectFailed { session, failure }).await;
            }
        }
    }

    async fn on_session(&mut self, session: SessionId, event: HostEvent) {
        let event = match event {
            HostEvent::Ready { own_relay } => {
                tracing::debug!(tunnel = %self.at, %session, own_relay, "session is up");
                let epoch = self.sessions.get(&session).and_then(|session| session.epoch);
                policy::Event::Connected { session, epoch }
            }
            HostEvent::Announced { port } => {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    entry.refused.remove(&port);
                }
                policy::Event::PortAnnounced { session, port }
            }
            HostEvent::Refused { port } => {
                let cause = "the relay does not accept it: it is no port of the tunnel any more, \
                             or the token may not host it"
                    .to_owned();
                if let Some(entry) = self.sessions.get_mut(&session) {
                    entry.refused.insert(port, cause.clone());
                }
                policy::Event::PortRefused { session, port, cause }
            }
            HostEvent::PortsChanged => return self.ports_changed(),
            HostEvent::Drain => policy::Event::Drain { session },
            HostEvent::Connect(_) => return,
        };
        self.tell(event).await;
    }

    async fn ended(&mut self, session: SessionId, ending: Ending) {
        self.sessions.remove(&session);
        tracing::debug!(tunnel = %self.at, %session, ?ending, "session ended");
        let cause = match ending {
            Ending::Disconnected { reason, .. } => {
                self.note_failure(&Failure::Transient(format!("it was ended, reason {reason}")));
                return self.tell(policy::Event::Disconnected { session, reason }).await;
            }
            Ending::Failed(error) => error.to_string(),
            Ending::Lost(cause) => cause,
            Ending::Local => return,
        };
        self.note_failure(&Failure::Transient(cause.clone()));
        self.tell(policy::Event::Dropped { session, cause }).await;
    }

    async fn announce(&mut self, session: SessionId, ports: BTreeSet<u16>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        let (Some(handle), Some(tokens)) = (&entry.handle, &self.tokens) else { return };
        let token = Bytes::copy_from_slice(tokens.host.expose().as_bytes());
        for port in ports {
            entry.ports.insert(port);
            handle.command(HostCommand::Announce { port, token: token.clone() }).await;
        }
    }

    async fn withdraw(&mut self, session: SessionId, ports: BTreeSet<u16>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        for port in ports {
            entry.ports.remove(&port);
            if let Some(handle) = &entry.handle {
                handle.command(HostCommand::Withdraw { port }).await;
            }
        }
    }

    fn close(&mut self, session: SessionId, goodbye: bool) {
        let Some(Session { handle: Some(handle), ports, .. }) = self.sessions.remove(&session)
        else {
            return;
        };
        self.closing += 1;
        let report = self.report.clone();
        self.tasks.spawn("closing session", async move {
            session::close(handle, ports, goodbye).await;
            let _ = report.send(Report::Closed).await;
        });
    }

    /// Removes the endpoint, but not before the goodbyes have left: the relay would take the
    /// session for one of a tunnel without endpoint.
    fn unregister_when_closed(&mut self) {
        if !self.unregister || self.closing > 0 {
            return;
        }
        self.unregister = false;
        // Known or not, it may be there: a try that was called off may have put it.
        self.endpoint = None;
        let Some(tokens) = self.tokens.clone() else { return };
        self.unregistering = true;
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        self.tasks.spawn("unregister", async move {
            let id = step::endpoint_id(&config);
            let delete = config.management.delete_endpoint(&at, &id, &tokens.host);
            match clock::until(clock::now() + UNREGISTER, delete).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(tunnel = %at, %error, "endpoint not removed"),
                Err(clock::Late) => tracing::debug!(tunnel = %at, "endpoint not removed in time"),
            }
            let _ = report.send(Report::Unregistered).await;
        });
    }

    /// The relay says that the ports are other ones. An answer that is on its way may not know that yet.
    fn ports_changed(&mut self) {
        self.ports_changed = self.asking_ports;
        self.ask_ports();
    }

    fn ask_ports(&mut self) {
        self.next_ports = None;
        if std::mem::replace(&mut self.asking_ports, true) {
            return;
        }
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        let tokens = self.tokens.clone();
        self.tasks.spawn("ports", async move {
            let result = match &tokens {
                Some(tokens) => config.management.follow(&at, tokens).await,
                None => config.management.get(&at, Want::PORTS).await,
            };
            let _ = report.send(Report::Ports(result)).await;
        });
    }

    async fn ports_told(&mut self, result: Result<Tunnel, management::Error>) {
        self.asking_ports = false;
        self.soon = (self.soon * 2).min(LATEST_URL);
        let failed = result.is_err();
        let news = failed && !std::mem::replace(&mut self.ports_failed, failed);
        match result {
            Ok(tunnel) => self.follow(&tunnel).await,
            Err(error) if news => {
                let cause = management::explain(&error);
                tracing::warn!(tunnel = %self.at, cause, "the tunnel's ports are not known");
                self.events.emit(Event::PortsUnknown { cause: cause.into() });
            }
            Err(_) => {}
        }
        self.plan_ports();
        if std::mem::take(&mut self.ports_changed) {
            self.ask_ports();
        }
    }

    fn plan_ports(&mut self) {
        let hosting = matches!(self.policy.state(), State::Hosting);
        let every = self.config.ports_every.filter(|_| hosting && !self.asking_ports);
        // An address that is not there yet is somebody's wait.
        let soon = |every: Duration| if self.lacks_urls() { every.min(self.soon) } else { every };
        self.next_ports = every.map(|every| clock::now() + soon(every));
    }

    fn renew(&mut self) {
        self.renewal.started();
        let Some(tokens) = self.tokens.clone() else { return };
        let (config, at, report) = (self.config.clone(), self.at.clone(), self.report.clone());
        self.tasks.spawn("renewal", async move {
            let _ = report.send(Report::Renewed(step::renew(&config, &at, &tokens).await)).await;
        });
    }

    fn renewed(&mut self, result: Result<Step, management::Error>) {
        let event = match result {
            Ok(step) => {
                self.renewal.done(step, clock::now());
                let Step::Renew(life) = step else { return };
                tracing::info!(tunnel = %self.at, ?life, "renewed");
                Event::Renewed { life }
            }
            Err(error) => {
                let wait = self.renewal.failed(clock::now(), random());
                let cause = management::explain(&error);
                tracing::warn!(tunnel = %self.at, ?wait, cause, "not renewed");
                Event::RenewalFailed { wait, cause: cause.into() }
            }
        };
        self.events.emit(event);
    }

    fn lacks_urls(&self) -> bool {
        self.urls.iter().any(|of| of.urls.is_empty())
    }

    /// Takes the tunnel's ports and addresses as the service tells them.
    async fn follow(&mut self, tunnel: &Tunnel) {
        if let Some(id) = tunnel.full_id() {
            self.at = id.into();
        }
        let ports = tunnel.ports.as_deref().unwrap_or_default();
        let encrypted = ports.iter().filter(|port| port.protocol == Some(Protocol::Https));
        self.encrypted.send_replace(encrypted.map(|port| port.port_number).collect());
        let urls: Vec<_> = ports
            .iter()
            .map(|port| PortUrls {
                port: port.port_number,
                urls: port.port_forwarding_uris.clone().unwrap_or_default(),
            })
            .collect();
        if self.urls != urls {
            self.soon = FIRST_URL;
            self.urls = urls;
            if self.ready {
                self.events.emit(Event::UrlChanged { urls: self.urls.clone() });
            }
            self.suspect();
        }
        self.follow_health(ports);
        let wanted: BTreeSet<u16> = ports.iter().map(|port| port.port_number).collect();
        if self.ports != wanted {
            self.ports.clone_from(&wanted);
            self.tell(policy::Event::PortsWanted(wanted)).await;
        }
        self.act().await;
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
                if hosting && self.config.renew && !self.stopping {
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

/// How long until the first of the tokens ends.
fn life(tokens: &HostTokens) -> Option<Duration> {
    let wall = clock::wall();
    let exp = |token: &Secret| token::peek(token.expose()).and_then(|claims| claims.exp);
    tokens.all().filter_map(|token| policy::life(exp(token), wall)).min()
}
