//! The client's engine: one task that keeps a session with the relay and the listeners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_proto::access::Scope;
use adit_proto::backoff::Backoff;
use adit_proto::change::{Change, PROVE_WITHIN};
use adit_proto::relay::{self, ClientCommand, ClientEvent, Ending, Side};
use adit_proto::ssh::disconnect;
use adit_proto::token::Secret;
use adit_wire::change::{self, Watcher};
use adit_wire::{clock, pump, task};
use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{mpsc, watch};

use super::failure::{Remedy, client_uri};
use super::leaving::{self, Leaving};
use super::listen::Listeners;
use super::local::{Local, Session};
use super::{Command, Config, Event, Failure, State};
use crate::events::Emitter;
use crate::management::{self, Want};
use crate::random;
use crate::socket::{self, Dial};

/// The end of patience with one attempt to open the websocket.
const CONNECT: Duration = Duration::from_secs(20);

/// A session that lasted this long proves that the way to the relay works.
const PROVEN: Duration = Duration::from_secs(10);

/// How long after a reconnect a port may stay unannounced before its listener goes.
const STALE: Duration = Duration::from_secs(5);

/// Time for connections in use when the client is stopped.
const GRACE: Duration = Duration::from_secs(3);

/// How a client waits between attempts: 1 s, doubling to 30 s.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), 2, Duration::from_secs(30));

pub(super) struct Driver {
    config: Config,
    events: Emitter<Event>,
    commands: mpsc::Receiver<Command>,
    changes: Option<Watcher>,
    /// Time or place have changed since the session was opened: that it ended says nothing of the next.
    changed: bool,
    session: watch::Sender<Option<Session>>,
    /// The session that still serves while the next is opened.
    leaving: Option<Leaving>,
    tasks: task::Group,
    ports: BTreeMap<u16, task::Task<()>>,
    /// Where and as whom to connect, until that stops working.
    pass: Option<Pass>,
    backoff: Backoff,
    attempt: u32,
    state: Option<State>,
    /// It was connected at some time.
    connected: bool,
}

/// What a client needs from the service.
#[derive(Clone)]
struct Pass {
    uri: Box<str>,
    token: Option<Secret>,
}

/// Why a session is served no longer.
enum Over {
    Stopped,
    /// The relay is about to restart; the session still works, and is the one that leaves.
    Draining,
    Ended(Ending),
}

/// What a session tells.
pub(super) type Events = pump::Events<ClientEvent>;

impl Driver {
    pub(super) fn new(
        mut config: Config,
        events: Emitter<Event>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            changes: config.changes.take(),
            changed: false,
            config,
            events,
            commands,
            session: watch::Sender::new(None),
            leaving: None,
            tasks: task::Group::new("client"),
            ports: BTreeMap::new(),
            pass: None,
            backoff: BACKOFF,
            attempt: 0,
            state: None,
            connected: false,
        }
    }

    pub(super) async fn run(mut self) {
        self.enter(State::Connecting);
        if let Err(failure) = self.keep_connected().await {
            self.events.emit(Event::Failed(Arc::new(failure)));
        }
        self.ports.clear();
        let leaving = self.leaving.take().map(|leaving| leaving.session);
        let session = self.session.send_replace(None);
        // Whoever waits for a session waits in vain.
        self.session = watch::Sender::new(None);
        for session in session.into_iter().chain(leaving) {
            session.handle.disconnect(disconnect::BY_APPLICATION, "the client stops").await;
        }
        // Either way of ending is an end.
        let _ = self.tasks.shutdown(GRACE).await;
        self.events.emit(Event::State(State::Stopped));
    }

    /// Returns when it was told to stop, or fails with what cannot be mended.
    async fn keep_connected(&mut self) -> Result<(), Failure> {
        loop {
            let cached = self.pass.is_some();
            let failure = match self.connect_or_stop().await {
                None => return Ok(()),
                Some(Ok((session, events))) => {
                    let since = clock::now();
                    self.changed = false;
                    match self.serve(&session, events).await {
                        Over::Stopped => return Ok(()),
                        Over::Draining => {
                            self.recover(since);
                            continue;
                        }
                        Over::Ended(ending) => {
                            self.lost();
                            let at_once = self.recover(since) || self.changed;
                            let failure = Failure::Ended(ending);
                            if at_once && matches!(failure.remedy(true, true), Remedy::Retry(_)) {
                                // The first attempt after a drop is made at once.
                                continue;
                            }
                            failure
                        }
                    }
                }
                Some(Err(failure)) => failure,
            };
            match failure.remedy(cached, self.connected) {
                Remedy::GiveUp => return Err(failure),
                Remedy::Renew => self.pass = None,
                Remedy::Retry(floor) => {
                    if self.leaving.is_some() {
                        // Whoever connects does not notice.
                    } else if matches!(failure, Failure::NoHost) {
                        self.enter(State::Waiting);
                    } else if self.connected {
                        self.enter(State::Reconnecting);
                    }
                    if !self.wait(floor, failure).await {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Counts a session that lasted as a success; whether it did.
    fn recover(&mut self, since: Instant) -> bool {
        let proven = clock::now().saturating_duration_since(since) >= PROVEN;
        if proven {
            self.backoff.reset();
            self.attempt = 0;
        }
        proven
    }

    /// Waits before the next attempt; `false` when told to stop meanwhile.
    async fn wait(&mut self, floor: Duration, failure: Failure) -> bool {
        self.attempt += 1;
        let wait = self.backoff.next_at_least(floor, random());
        let cause = Arc::new(failure);
        self.events.emit(Event::Retry { attempt: self.attempt, wait, cause });
        let over = clock::now() + wait;
        loop {
            tokio::select! {
                () = clock::sleep_until(over) => return true,
                () = leaving::ended(&mut self.leaving) => self.left(),
                change = change::next(&mut self.changes) => {
                    self.note(change);
                    return true;
                }
                command = self.commands.recv() => match command {
                    // Somebody wants it now.
                    Some(Command::Refresh) => return true,
                    Some(Command::Stop) | None => return false,
                },
            }
        }
    }

    /// The session that served has ended.
    fn lost(&mut self) {
        if self.leaving.is_none() {
            self.session.send_replace(None);
            self.enter(State::Reconnecting);
        }
    }

    /// The session that still served has ended before there was another.
    fn left(&mut self) {
        self.leaving = None;
        self.lost();
    }

    /// Serves with this session from now on. One that still served keeps what it has.
    fn serve_with(&mut self, session: &Session) {
        self.session.send_replace(Some(session.clone()));
        if let Some(leaving) = self.leaving.take() {
            self.tasks.spawn("retiring session", leaving.retire());
        }
    }

    /// Tokens may have ended in the time that was not lived through.
    fn note(&mut self, change: Change) {
        self.changed = true;
        if change.ages_tokens() {
            self.pass = None;
        }
    }

    /// `None` when told to stop before the attempt was over.
    async fn connect_or_stop(&mut self) -> Option<Result<(Session, Events), Failure>> {
        let connect = connect(self.config.clone(), self.pass.clone(), self.tasks.spawner());
        tokio::pin!(connect);
        loop {
            tokio::select! {
                (pass, result) = &mut connect => {
                    self.pass = pass;
                    return Some(result);
                }
                () = leaving::ended(&mut self.leaving) => self.left(),
                change = change::next(&mut self.changes) => {
                    // What was begun over another network would be waited for in vain.
                    self.note(change);
                    let (config, pass) = (self.config.clone(), self.pass.clone());
                    connect.set(self::connect(config, pass, self.tasks.spawner()));
                }
                command = self.commands.recv() => match command {
                    Some(Command::Refresh) => {}
                    Some(Command::Stop) | None => return None,
                },
            }
        }
    }

    async fn serve(&mut self, session: &Session, mut events: Events) -> Over {
        let mut stale: BTreeSet<u16> = self.ports.keys().copied().collect();
        let (mut announced, mut stale_at) = (false, None);
        if self.leaving.is_none() {
            self.serve_with(session);
        }
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(pump::Event::Role(ClientEvent::Ready { own_relay })) => {
                        tracing::debug!(tunnel = %self.config.tunnel, own_relay, "client connected");
                        self.connected = true;
                        stale_at = Some(clock::now() + STALE);
                        self.enter(State::Connected);
                    }
                    Some(pump::Event::Role(ClientEvent::PortAdded { port })) => {
                        announced = true;
                        stale.remove(&port);
                        self.listen(port).await;
                    }
                    Some(pump::Event::Role(ClientEvent::PortRemoved { port })) => {
                        self.unlisten(port);
                    }
                    Some(pump::Event::Role(ClientEvent::Drain)) => {
                        self.serve_with(session);
                        self.leaving = Some(Leaving { session: session.clone(), events });
                        return Over::Draining;
                    }
                    Some(pump::Event::Incoming(_, incoming)) => drop(incoming),
                    Some(pump::Event::Ended(ending)) => return Over::Ended(ending),
                    None => return Over::Ended(Ending::Lost("the session was aborted".to_owned())),
                },
                () = leaving::ended(&mut self.leaving) => self.serve_with(session),
                change = change::next(&mut self.changes) => {
                    self.note(change);
                    session.handle.prove(PROVE_WITHIN).await;
                }
                () = clock::sleep_until_maybe(stale_at) => {
                    stale_at = None;
                    // Without any announcement the host is away, and its ports will be back.
                    if announced {
                        std::mem::take(&mut stale).into_iter().for_each(|port| self.unlisten(port));
                    }
                    self.serve_with(session);
                }
                command = self.commands.recv() => match command {
                    Some(Command::Refresh) => {
                        session.handle.command(ClientCommand::RefreshPorts).await;
                    }
                    Some(Command::Stop) | None => return Over::Stopped,
                },
            }
            // Not before it is as good as the one before: there the host is connected already.
            if self.leaving.is_some() && stale_at.is_some() && stale.is_empty() {
                self.serve_with(session);
            }
        }
    }

    async fn listen(&mut self, port: u16) {
        if self.ports.contains_key(&port) {
            return;
        }
        let listeners = match Listeners::bind(self.config.numbers.of(port)).await {
            Ok(listeners) => listeners,
            Err(error) => {
                return self.events.emit(Event::NotListening { port, cause: Arc::new(error) });
            }
        };
        let local = Local {
            session: self.session.subscribe(),
            tasks: self.tasks.spawner(),
            events: self.events.clone(),
        };
        self.events.emit(Event::Listening { port, local: listeners.port() });
        self.ports.insert(port, task::spawn("listener", local.serve(port, listeners)));
    }

    fn unlisten(&mut self, port: u16) {
        if self.ports.remove(&port).is_some() {
            self.events.emit(Event::Removed { port });
        }
    }

    fn enter(&mut self, state: State) {
        if self.state.replace(state) != Some(state) {
            self.events.emit(Event::State(state));
        }
    }
}

/// Opens a session, with a new pass if there is none. Returns the pass that there is then.
async fn connect(
    config: Config,
    pass: Option<Pass>,
    tasks: task::Spawner,
) -> (Option<Pass>, Result<(Session, Events), Failure>) {
    let pass = match pass {
        Some(pass) => pass,
        None => match fetch(&config).await {
            Ok(pass) => pass,
            Err(failure) => return (None, Err(failure)),
        },
    };
    let opened = open(&config, &pass, &tasks).await;
    (Some(pass), opened)
}

async fn open(
    config: &Config,
    pass: &Pass,
    tasks: &task::Spawner,
) -> Result<(Session, Events), Failure> {
    let dial = Dial {
        uri: &pass.uri,
        side: Side::Client,
        token: pass.token.as_ref(),
        headers: HeaderMap::new(),
        deadline: clock::now() + CONNECT,
    };
    let connected = socket::dial(&config.connector, dial).await?;
    let (handle, events) = socket::start(connected, relay::Client::new, tasks);
    let token = pass.token.as_ref().map(|token| Bytes::copy_from_slice(token.expose().as_bytes()));
    Ok((Session { handle, token: token.unwrap_or_default() }, events))
}

async fn fetch(config: &Config) -> Result<Pass, Failure> {
    let want = Want::NOTHING.token(Scope::Connect);
    let tunnel = match config.management.get(&config.tunnel, want).await {
        // Whoever may not have a token may still look, and connect, where everybody may.
        Err(management::Error::SignIn(_) | management::Error::Forbidden(_)) => {
            config.management.get(&config.tunnel, Want::NOTHING).await?
        }
        answer => answer?,
    };
    let uri = client_uri(&tunnel)?.into();
    Ok(Pass { uri, token: tunnel.token(Scope::Connect).cloned() })
}
