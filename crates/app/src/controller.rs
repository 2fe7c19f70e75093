//! Does what [`crate::update`] decides: asks services, runs engines, writes files, and tells views and notices.
//!
//! The one part of the application that acts. One task owns the state; everything else talks to it through bounded
//! queues, and what takes time runs in tasks of its own, so that a slow service delays nobody but its own place.
//! Nothing is decided here.

mod calls;
mod driver;
mod engine;
mod errand;
mod manage;
mod saver;
mod services;
mod traffic;

use std::sync::Arc;

use adit_tunnel::host::{self, Identity};
use adit_wire::task;
use tokio::sync::{broadcast, mpsc, watch};

use crate::command::Command;
use crate::effect::Notice;
use crate::failure::Failure;
use crate::moment::Moment;
use crate::persist::Files;
use crate::place_key::PlaceKey;
use crate::places::Places;
use crate::state::State;
use crate::status;
use crate::traffic::{Detail, Rows};
use crate::tunnel_key::TunnelKey;
use crate::view::{self, View};

pub use services::{Doing, Found, Made, ProfileServices, Services};

/// Commands that wait; a person is not faster. Full means that the face waits.
const COMMANDS: usize = 32;

/// Notices that wait for somebody to show them. Full means that the newest is dropped and logged: all of them are in
/// the window too.
const NOTICES: usize = 32;

/// What happened to hosted tunnels and waits for those who follow it. Full means that the oldest is lost to a follower,
/// who hears how many were.
const TOLD: usize = 256;

/// How it stands with the tunnels that are hosted here, in the order of their keys.
pub type Hosted = Arc<Vec<HostedTunnel>>;

/// How it stands with a tunnel that is hosted here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedTunnel {
    /// Which.
    pub key: TunnelKey,
    /// How it stands.
    pub status: status::Tunnel,
    /// Whether it is hosted at the next start too, and not only lent to another process.
    pub is_kept: bool,
}

/// Something that happened to a tunnel that is hosted here.
#[derive(Clone, Debug)]
pub struct Told {
    /// Which.
    pub tunnel: TunnelKey,
    /// What.
    pub what: Happened,
}

/// What happened to a hosted tunnel.
#[derive(Clone, Debug)]
pub enum Happened {
    /// Its engine told something.
    Engine(Arc<host::Event>),
    /// It could not begin to be hosted.
    NotHosted(Failure),
    /// Its engine has ended.
    Ended,
}

/// What a controller works with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The places, in the order they are shown.
    pub places: Vec<PlaceKey>,
    /// How their services are reached.
    pub services: Arc<dyn Services>,
    /// Where the application's files are.
    pub files: Files,
    /// Where claims are, so that no other process of this user hosts the same tunnel; `None` takes none.
    pub claims: Option<Places>,
    /// Who hosts.
    pub identity: Identity,
}

/// A running controller. Dropping it breaks everything off; [`Handle::quit`] ends it in good order.
#[derive(Debug)]
pub struct Handle {
    // First, so that it goes first.
    task: task::Task<()>,
    commands: Commands,
    views: watch::Receiver<Arc<View>>,
    details: watch::Receiver<Option<Arc<Detail>>>,
    rows: watch::Receiver<Arc<Rows>>,
    hosted: watch::Receiver<Hosted>,
    told: broadcast::Sender<Told>,
    notices: mpsc::Receiver<Notice>,
}

/// Asks the application for something. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    sender: mpsc::Sender<Command>,
}

impl Config {
    /// Starts: reads the files, looks at the places, hosts what was hosted.
    pub async fn spawn(self) -> Handle {
        let files = self.files.clone();
        let kept = task::blocking("load files", move || files.load()).await;
        let state = State::new(self.places.clone(), kept, Moment::now());
        driver::prefer(&*self.services, state.preferences()).await;
        let (sender, commands) = mpsc::channel(COMMANDS);
        let (shown, views) = watch::channel(Arc::new(view::fold(&state)));
        let (tell, notices) = mpsc::channel(NOTICES);
        let (detail, details) = watch::channel(None);
        let (hosts, hosted) = watch::channel(Hosted::default());
        let (told, _) = broadcast::channel(TOLD);
        let (told_rows, rows) = watch::channel(Arc::default());
        let traffic = traffic::Traffic::new(traffic::Out { detail, rows: told_rows });
        let driver = driver::Driver::new(
            self,
            state,
            driver::Out { shown, tell, hosts, told: told.clone() },
            traffic,
        );
        let task = task::spawn("controller", driver.run(commands));
        let commands = Commands { sender };
        Handle { task, commands, views, details, rows, hosted, told, notices }
    }
}

impl Handle {
    /// A way to ask for things from elsewhere.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// What is to be shown, always the newest.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// The details of the port that was chosen with [`Command::Select`], always the newest: told at most four times a
    /// second, and only while the window is visible. Nothing while there is no such port.
    pub fn details(&self) -> watch::Receiver<Option<Arc<Detail>>> {
        self.details.clone()
    }

    /// The traffic in the rows of all ports, told every five seconds while the window is visible.
    pub fn rows(&self) -> watch::Receiver<Arc<Rows>> {
        self.rows.clone()
    }

    /// How it stands with the tunnels that are hosted here, always the newest.
    pub fn hosted(&self) -> watch::Receiver<Hosted> {
        self.hosted.clone()
    }

    /// What happens to hosted tunnels from now on.
    pub fn told(&self) -> broadcast::Receiver<Told> {
        self.told.subscribe()
    }

    /// The next notice; `None` when the controller has ended. Safe to drop and call again.
    pub async fn notice(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }

    /// Ends everything in good order and waits for it, which takes no longer than the grace that engines have.
    pub async fn quit(mut self) {
        self.commands.send(Command::Quit).await;
        self.ended().await;
    }

    /// Waits until the controller has ended, as it does after [`Command::Quit`]. Safe to drop and call again.
    pub async fn ended(&mut self) {
        self.task.join().await;
    }
}

impl Commands {
    /// Asks for something. Lost if the controller has ended.
    pub async fn send(&self, command: Command) {
        let _ = self.sender.send(command).await;
    }

    /// As [`Commands::send`], for threads that must not wait.
    ///
    /// # Errors
    ///
    /// The command, when too many wait.
    pub fn try_send(&self, command: Command) -> Result<(), Command> {
        match self.sender.try_send(command) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(command)) => Err(command),
        }
    }
}
