//! A host of a story: the engine, and what it has told so far.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adit_proto::host::{RETRY_CAP, RETRY_START};
use adit_sim::may_follow;
use adit_tunnel::host::{Command, Commander, Config, Event, Host, Identity, State};
use adit_tunnel::management::{Base, Credential, Locator, Rest};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{clock, task, tls};
use tokio::sync::watch;

use crate::net::{ASKED, BASE, KEY, Net, Way, Who};

/// What is promised of quitting: nobody waits longer for an engine.
pub(crate) const QUIT_WITHIN: Duration = Duration::from_secs(5);

/// A connector into the network of a story.
pub(crate) fn connector(net: &Arc<Net>, who: Who) -> Connector {
    let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
    connector.dialing(Arc::new(Way(net.clone(), who)))
}

/// The owner's access to the management API.
pub(crate) fn owner(net: &Arc<Net>, who: Who) -> Rest {
    let base = Base::parse(BASE).unwrap();
    Rest::new(connector(net, who), base, Credential::User(KEY.into()))
}

/// What an engine has told.
#[derive(Debug, Default)]
struct Told {
    state: Option<State>,
    since: Option<Instant>,
    wrong: Vec<String>,
    story: Vec<String>,
    swaps: usize,
}

/// One engine, from its start to its end.
pub(crate) struct Engine {
    told: Arc<Mutex<Told>>,
    state: watch::Receiver<Option<State>>,
    commander: Commander,
    task: task::Task<()>,
}

impl Engine {
    pub(crate) fn start(net: &Arc<Net>, who: usize, at: &Locator, identity: &Identity) -> Self {
        let management = Arc::new(owner(net, Some(who)));
        let config = Config {
            identity: identity.clone(),
            ..Config::new(management, connector(net, Some(who)), at.clone())
        };
        let mut handle = Host::spawn(config);
        let commander = handle.commander();
        let told = Arc::<Mutex<Told>>::default();
        let (sender, state) = watch::channel(None);
        let listener = told.clone();
        let task = task::spawn("listener", async move {
            while let Some(event) = handle.next().await {
                listener.lock().unwrap().hear(&event);
                if let Event::State(state) = event {
                    sender.send_replace(Some(state));
                }
            }
            assert_eq!(handle.dropped_events(), 0, "the listener is behind");
        });
        Self { told, state, commander, task }
    }

    pub(crate) async fn command(&self, command: Command) {
        self.commander.command(command).await;
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.state.borrow().clone()
    }

    pub(crate) fn swaps(&self) -> usize {
        self.told.lock().unwrap().swaps
    }

    /// Waits for a state, in virtual time.
    pub(crate) async fn until(&mut self, within: Duration, wanted: impl Fn(&State) -> bool) {
        let deadline = clock::now() + within;
        let reached = self.state.wait_for(|state| state.as_ref().is_some_and(&wanted));
        if clock::until(deadline, reached).await.is_err() {
            panic!("not in {within:?}: {}", self.story());
        }
    }

    pub(crate) fn story(&self) -> String {
        self.told.lock().unwrap().story.join("\n")
    }

    /// Ends the engine and looks at all that it told.
    pub(crate) async fn stop(mut self) {
        self.command(Command::Stop).await;
        let limit = clock::now() + QUIT_WITHIN;
        let ended = clock::until(limit, self.task.join()).await;
        assert!(matches!(ended, Ok(Some(()))), "does not stop: {}", self.story());
        let told = self.told.lock().unwrap();
        assert_eq!(told.wrong, Vec::<String>::new(), "{}", told.story.join("\n"));
        assert_eq!(told.state, Some(State::Stopped));
    }
}

impl Told {
    fn hear(&mut self, event: &Event) {
        let now = clock::now();
        let since = *self.since.get_or_insert(now);
        self.story.push(format!("{:>9.3} {event:?}", (now - since).as_secs_f64()));
        match event {
            Event::State(state) => {
                let before = self.state.replace(state.clone()).unwrap_or(State::Idle);
                if !may_follow(&before, state) {
                    self.wrong.push(format!("{state:?} after {before:?}"));
                }
            }
            Event::Retry { wait, cause, .. } => self.wait(*wait, cause),
            Event::Swapped => self.swaps += 1,
            _ => {}
        }
    }

    fn wait(&mut self, wait: Duration, cause: &str) {
        if !matches!(self.state, Some(State::Connecting | State::Reconnecting)) {
            self.wrong.push(format!("a wait in {:?}", self.state));
        }
        let short = !wait.is_zero() && wait < Duration::from_secs(1);
        if short || wait > RETRY_CAP.max(ASKED + RETRY_START) {
            self.wrong.push(format!("a wait of {wait:?} because {cause}"));
        }
    }
}
