//! What is set up: errands, one at a time, and the small questions around them.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use adit_proto::id::FullId;
use adit_tunnel::management::cli::{self, Trouble};
use adit_tunnel::management::{Error, Management, Want};
use adit_wire::clock;
use adit_wire::net::Connector;
use adit_wire::task::{self, Task};
use tokio::sync::mpsc;

use super::driver::answer;
use super::saver::Writing;
use super::services::relay;
use super::{ProfileServices, Services};
use crate::event::Event;
use crate::failure::{Code, Failure, Outcome};
use crate::microsoft::install_line;
use crate::place_key::Kind;
use crate::profile::Profile;
use crate::sample::Sample;
use crate::setup::{Act, Errand, Provider, Told};
use crate::{login, removal, run};

/// Lines of a command that wait to be taken in. Full means that the command waits.
const LINES: usize = 64;

/// How long ports that are still to be made again may hold up a removal of everything: two tunnels, each looked at by a
/// process of the command, with a token and what the service takes.
const OWED_WITHIN: Duration = Duration::from_secs(60);

/// What is under way. There is at most one task of each kind, and a new one breaks the old one off.
#[derive(Debug)]
pub(super) struct Errands {
    current: Option<Task<()>>,
    questions: task::Group,
    /// The page of our own, served until it is ended.
    sample: Option<Sample>,
}

/// What an errand is done with.
#[derive(Debug)]
pub(super) struct With {
    pub(super) services: Arc<dyn Services>,
    pub(super) connector: Connector,
    pub(super) sender: mpsc::Sender<Event>,
    /// Held while files are removed.
    pub(super) writing: Option<Writing>,
}

impl Errands {
    pub(super) fn new() -> Self {
        Self { current: None, questions: task::Group::new("setup"), sample: None }
    }

    pub(super) fn act(&mut self, act: Act, with: With) {
        if let Act::Begin { serial, errand } = act {
            return self.current = Some(task::spawn("errand", begin(serial, errand, with)));
        }
        let With { services, sender, .. } = with;
        match act {
            Act::Begin { .. } => {}
            Act::Cancel => self.current = None,
            Act::LookForCommand => self.questions.spawn("look for command", async move {
                let is_there = services.has_command().await;
                tell(&sender, Told::CommandIsThere(is_there)).await;
            }),
            Act::LookForImport => self.questions.spawn("look for import", async move {
                let found = services.find_import().await;
                tell(&sender, Told::Import(found)).await;
            }),
            Act::Sample(port) => {
                let result = self.serve_sample(port);
                self.questions.spawn("sample", async move {
                    tell(&sender, Told::Sample(result)).await;
                });
            }
            Act::EndSample => self.sample = None,
        }
    }

    /// One page is enough, whatever port it is on.
    fn serve_sample(&mut self, port: Option<u16>) -> Outcome<u16> {
        if let Some(sample) = &self.sample {
            return Ok(sample.port());
        }
        let sample = Sample::serve(port)?;
        Ok(self.sample.insert(sample).port())
    }

    /// Breaks off what is under way, and ends the page after the requests at hand.
    pub(super) async fn end(&mut self) {
        self.current = None;
        if let Some(sample) = self.sample.take() {
            sample.end().await;
        }
    }
}

/// Does an errand, and tells what is said meanwhile and how it ends, in this order.
async fn begin(serial: u64, errand: Errand, with: With) {
    let With { services, connector, sender, writing } = with;
    let _nobody_writes = match &writing {
        Some(writing) => Some(writing.lock().await),
        None => None,
    };
    let (said, mut heard) = mpsc::channel(LINES);
    let does = services.errand(&errand, connector, said);
    let hears = async {
        while let Some(line) = heard.recv().await {
            tell(&sender, Told::Said { serial, line }).await;
        }
    };
    let (result, ()) = tokio::join!(does, hears);
    tell(&sender, Told::Ended { serial, result }).await;
}

async fn tell(sender: &mpsc::Sender<Event>, told: Told) {
    answer(sender, Event::Setup(told)).await;
}

impl ProfileServices {
    pub(super) async fn do_errand(
        &self,
        errand: &Errand,
        connector: Connector,
        said: mpsc::Sender<String>,
    ) -> Outcome<Option<String>> {
        let places = &self.profile.places;
        match errand {
            Errand::Relay { relay, key } => {
                let signed_in = login::with_key(places, relay, key.clone(), connector).await?;
                Ok(signed_in.user)
            }
            Errand::SignIn { provider, by_code } => {
                self.sign_in(*provider, *by_code, &connector, &said).await
            }
            Errand::Install { update } => {
                run::install(install_line(*update), connector.proxies(), &said).await?;
                self.installed(&connector).await.map(|()| None)
            }
            // The sign-in is the command's own, and stays with it.
            Errand::Forget(place) if place.kind() == Kind::Microsoft => Ok(None),
            Errand::Forget(place) => {
                login::forget_key(places, &relay(place)?).await?;
                Ok(None)
            }
            Errand::MayRemove => {
                self.make_owed(&connector).await?;
                removal::check(places).await.map(|()| None)
            }
            Errand::Remove => {
                let removed = self.remove().await;
                if let (Err(_), Some(unit)) = (&removed, self.profile.unit.clone()) {
                    // It has ended, with what this program hosted for it.
                    task::blocking("start unit", move || unit.go_on()).await;
                }
                removed.map(|()| None)
            }
        }
    }

    /// Removes all that is kept, once nothing else of ours hosts.
    async fn remove(&self) -> Outcome {
        let Profile { places, autostart, unit, .. } = &*self.profile;
        if let Some(unit) = unit.clone() {
            task::blocking("stop unit", move || unit.stop()).await;
        }
        // Another may have begun since this was looked at.
        removal::check(places).await?;
        if let Some(unit) = unit.clone() {
            task::blocking("remove unit", move || unit.remove()).await?;
        }
        self.here.end(removal::GRACE).await;
        let (places, autostart) = (places.clone(), autostart.clone());
        let remove = move || {
            let entry = autostart.map_or(Ok(()), |it| it.set(false));
            removal::remove(&places).and(entry)
        };
        task::blocking("remove files", remove).await
    }

    /// Makes the ports again that only this computer knows of. Where some cannot be made, it fails once and names them;
    /// who removes everything all the same loses them, and may have no sign-in any more to make them with.
    async fn make_owed(&self, connector: &Connector) -> Outcome {
        let tunnels: BTreeSet<_> = self.owed_ports().await.into_iter().map(|(id, _)| id).collect();
        if tunnels.is_empty() {
            return Ok(());
        }
        // One of its own: what failed before may be tried again at once.
        if let Ok(command) = self.profile.microsoft() {
            let command = command.through(connector);
            // Whoever looks at a tunnel makes what it lacks; one after another, because of two that find the journal
            // taken one would make nothing.
            let looks = async {
                for tunnel in tunnels {
                    let _ = command.get(&tunnel.into(), Want::PORTS).await;
                }
            };
            let _ = clock::until(clock::now() + OWED_WITHIN, looks).await;
        }
        let lost: BTreeSet<_> = self.owed_ports().await.into_iter().collect();
        let mut told = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_subset(&told) {
            return Ok(());
        }
        let name = |(tunnel, port): &(FullId, u16)| format!("port {port} of {tunnel}");
        let names: Vec<_> = lost.iter().map(name).collect();
        *told = lost;
        Err(Failure::new(Code::Conflict, names.join(", ")))
    }

    /// What the journal says. One that cannot be read says nothing, which is logged.
    async fn owed_ports(&self) -> Vec<(FullId, u16)> {
        let journal = self.profile.places.remakes();
        let read = move || cli::owed(&journal);
        task::blocking("read journal", read).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known which ports are to be made again");
            Vec::new()
        })
    }

    async fn sign_in(
        &self,
        provider: Provider,
        by_code: bool,
        connector: &Connector,
        said: &mpsc::Sender<String>,
    ) -> Outcome<Option<String>> {
        let command = self.microsoft(connector)?;
        let unusable = |error: Error| failed("use the devtunnel command", &error);
        command.version().await.map_err(unusable)?;
        let account = command.login_telling(provider, by_code, said, run::PATIENCE).await;
        account.map(|account| account.name).map_err(|error| failed("sign in", &error))
    }

    /// Looks for the command anew, wherever it was before.
    async fn installed(&self, connector: &Connector) -> Outcome {
        let kept = self.microsoft.clone();
        *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        let found = self.microsoft(connector)?.version().await;
        found.map(drop).map_err(|error| failed("use the devtunnel command", &error))
    }
}

/// What a failed sign-in is told as: each kind has a remedy of its own.
fn failed(what: &str, error: &Error) -> Failure {
    let failure = Failure::service(what, error);
    let code = match error {
        Error::Command(Trouble::Late { .. }) => Code::Interrupted,
        Error::Command(Trouble::OtherProfile) => Code::Conflict,
        _ => failure.code,
    };
    Failure { code, ..failure }
}
