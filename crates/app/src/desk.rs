//! The application behind a window: at most one for each user, found and raised by the next start.
//!
//! It is the *owner* of the state directory, as a first `adit host` is: it listens at the control socket, tells other
//! processes how it stands, and hosts for them.

mod door;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use adit_tunnel::host::{Identity, STOP_WITHIN};
use adit_wire::{clock, task};
use tokio::sync::{mpsc, oneshot, watch};

use self::door::Door;
use crate::claim::Claim;
use crate::control::{Client, Reply, Request, Server, Status};
use crate::controller::{Config, Handle, ProfileServices};
use crate::effect::Notice;
use crate::failure::{Code, Failure, Outcome};
use crate::persist::Files;
use crate::place::Place;
use crate::place_key::PlaceKey;
use crate::profile::Profile;
use crate::settings::Settings;

/// Requests to show the window that wait. One more says nothing new and is dropped.
const RAISED: usize = 1;

/// How long an owner may hold its lock without listening: it does so while it starts and while it ends.
const UNHEARD: Duration = Duration::from_secs(5);

/// How soon it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a start came to.
#[derive(Debug)]
pub enum Started {
    /// The application runs here.
    Here(Box<Desk>),
    /// It runs already, and shows its window now.
    Shown,
}

/// Something that a face has to do something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happens {
    /// Somebody started the application once more, and wants to see its window.
    Raised,
    /// Something for a person who does not look at the window.
    Notice(Notice),
    /// Everything has ended, as [`Command::Quit`](crate::command::Command::Quit) asked; only [`Desk::quit`] is left.
    Ended,
}

/// A running application with its control socket.
#[derive(Debug)]
pub struct Desk {
    // In the order in which they go: the claim is given up last.
    door: task::Task<()>,
    stop: Option<oneshot::Sender<()>>,
    raised: mpsc::Receiver<()>,
    handle: Handle,
    profile: Arc<Profile>,
    _claim: Claim,
}

/// Starts the application for a user, or shows the window of the one that runs.
///
/// # Errors
/// [`Code::Refused`] when a process without a window hosts for this user and cannot give way, [`Code::AlreadyRunning`] when
/// it does not answer; when files cannot be read.
pub async fn start(profile: Profile) -> Outcome<Started> {
    let owner = profile.places.owner();
    let mut give_up = clock::now() + UNHEARD;
    let claim = loop {
        let directory = owner.clone();
        let taken = task::blocking("claim", move || Claim::take(&directory, "Adit")).await;
        let failure = match taken {
            Ok(claim) => break claim,
            Err(failure) if failure.code != Code::AlreadyRunning => return Err(failure),
            Err(failure) => failure,
        };
        match elsewhere(&profile).await? {
            Elsewhere::Nobody => {}
            Elsewhere::Shown => return Ok(Started::Shown),
            // Others that followed it may be the next who host, and are asked too.
            Elsewhere::GaveWay => give_up = clock::now() + UNHEARD,
        }
        if clock::now() >= give_up {
            return Err(failure.hint("it does not answer; end it, and start again"));
        }
        clock::sleep(LOOK_AGAIN).await;
    };
    Ok(Started::Here(Box::new(Desk::new(profile, claim).await?)))
}

impl Desk {
    async fn new(profile: Profile, claim: Claim) -> Outcome<Self> {
        let state = profile.places.state.clone();
        let (profile, places) = task::blocking("read places", move || {
            let places = places(&profile);
            (profile, places)
        })
        .await;
        let profile = Arc::new(profile);
        let config = Config {
            places: places?,
            files: Files::new(state.join("desktop")),
            claims: Some(profile.places.clone()),
            services: Arc::new(ProfileServices::new(profile.clone())),
            identity: Identity::random(),
        };
        let now =
            Status { pid: std::process::id(), program: "desktop".to_owned(), tunnels: Vec::new() };
        let (status, watched) = watch::channel(now);
        let server = Server::listen(&state, watched)?;
        let handle = config.spawn().await;
        let (raise, raised) = mpsc::channel(RAISED);
        let (stop, stopped) = oneshot::channel();
        let door = Door::new(status, &handle, raise);
        let door = task::spawn("door", door.run(server, stopped));
        Ok(Self { door, stop: Some(stop), raised, handle, profile, _claim: claim })
    }

    /// The application.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The user that it is of.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// What happens next that a face has to do something about. Safe to drop and call again.
    pub async fn next(&mut self) -> Happens {
        tokio::select! {
            Some(()) = self.raised.recv() => Happens::Raised,
            notice = self.handle.notice() => notice.map_or(Happens::Ended, Happens::Notice),
        }
    }

    /// Ends everything in good order: hosting first, then the control socket, then the claim.
    pub async fn quit(self) {
        let Self { mut door, stop, handle, _claim, .. } = self;
        handle.quit().await;
        drop(stop);
        door.join().await;
    }
}

/// What became of another process that has the claim.
enum Elsewhere {
    /// It does not listen, or has ended.
    Nobody,
    /// It has shown its window.
    Shown,
    /// It has ended what it hosted.
    GaveWay,
}

/// Asks the process that has the claim to show its window. One that has none lets the window host.
async fn elsewhere(profile: &Profile) -> Outcome<Elsewhere> {
    let Some(mut owner) = Client::connect(&profile.places.state).await else {
        return Ok(Elsewhere::Nobody);
    };
    match owner.try_ask(&Request::Show).await {
        Ok(None) => Ok(Elsewhere::Nobody),
        Ok(Some(Reply::Done { .. })) => Ok(Elsewhere::Shown),
        Ok(Some(_)) => Err(windowless()),
        Err(failure) if failure.code == Code::Refused => give_way(owner).await,
        Err(failure) => Err(failure),
    }
}

async fn give_way(mut owner: Client) -> Outcome<Elsewhere> {
    match owner.try_ask(&Request::GiveWay).await {
        Ok(None) => Ok(Elsewhere::Nobody),
        Ok(Some(_)) => {
            let ended = async { while owner.next().await.is_some() {} };
            // Late or not: whether it has ended is told by its claim.
            let _ = clock::until(clock::now() + STOP_WITHIN + UNHEARD, ended).await;
            Ok(Elsewhere::GaveWay)
        }
        Err(failure) if failure.code == Code::Refused => Err(failure),
        // It does not know the question.
        Err(_) => Err(windowless()),
    }
}

fn windowless() -> Failure {
    Failure::new(Code::AlreadyRunning, "`adit host` hosts your tunnels already, and has no window")
        .hint("end it, then start again; `adit status` says what it hosts")
}

/// The places to begin with: this computer, the relays that somebody is signed in to, and Microsoft's service where
/// `adit use` chose it. Where it was chosen in the window, [`crate::setup`] knows it; that its command is there chooses
/// nothing, or somebody who never wanted it would be asked to sign in.
fn places(profile: &Profile) -> Outcome<Vec<PlaceKey>> {
    let credentials = profile.credentials()?;
    let relays = credentials.all().iter().map(|it| PlaceKey::from(it.relay.to_string()));
    let mut places: Vec<_> = [PlaceKey::here()].into_iter().chain(relays).collect();
    let chosen = Settings::load(&profile.places.settings())?.r#where;
    if chosen == Some(Place::Microsoft) {
        places.push(PlaceKey::microsoft());
    }
    Ok(places)
}
