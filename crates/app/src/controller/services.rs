//! How the services of places are reached.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_proto::id::FullId;
use adit_tunnel::management::cli::{Cli, Trouble};
use adit_tunnel::management::{Credential, Error, Management, Rest};
use adit_wire::net::Connector;
use adit_wire::task;
use tokio::sync::mpsc;

use crate::embedded::{self, Here};
use crate::event::{self, Preflight};
use crate::failure::{Code, Failure, Outcome};
use crate::microsoft::preflight;
use crate::persist::{Imported, find_reference};
use crate::place_key::{Kind, PlaceKey};
use crate::preferences::Preferences;
use crate::profile::Profile;
use crate::reach::{Reach, Reaches};
use crate::relay_url::RelayUrl;
use crate::setup::Errand;

/// A service, or why there is none.
pub type Made<'a> = Pin<Box<dyn Future<Output = Outcome<Arc<dyn Management>>> + Send + 'a>>;

/// Whether a place can be used.
pub type Found<'a> = Pin<Box<dyn Future<Output = Preflight> + Send + 'a>>;

/// Something that is done when it is awaited.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reaches the services of places.
pub trait Services: fmt::Debug + Send + Sync + 'static {
    /// The service of a place, as the user who is signed in now.
    fn management<'a>(&'a self, place: &'a PlaceKey, connector: Connector) -> Made<'a>;

    /// Finds out whether a place can be used, and as whom.
    fn check<'a>(&'a self, place: &'a PlaceKey, connector: Connector) -> Found<'a>;

    /// Finds out how far the URLs of a place reach; nothing where that is not known.
    fn reach<'a>(&'a self, place: &'a PlaceKey) -> Doing<'a, Option<Reach>> {
        let _ = place;
        Box::pin(async { None })
    }

    /// Puts settings in force, as far as they are about places.
    fn prefer<'a>(&'a self, preferences: &'a Preferences) -> Doing<'a, Outcome> {
        let _ = preferences;
        Box::pin(async { Ok(()) })
    }

    /// Does an errand: as whom somebody is signed in then, where it is about that. What a command says goes to `said`.
    /// Dropping it breaks it off.
    fn errand<'a>(
        &'a self,
        errand: &'a Errand,
        connector: Connector,
        said: mpsc::Sender<String>,
    ) -> Doing<'a, Outcome<Option<String>>> {
        let _ = (connector, said);
        let message = format!("nothing can be set up here: {:?}", errand.kind());
        Box::pin(async { Err(Failure::new(Code::Refused, message)) })
    }

    /// Whether the command of Microsoft's service is there.
    fn has_command(&self) -> Doing<'_, bool> {
        Box::pin(async { false })
    }

    /// What another app kept, if it did.
    fn find_import(&self) -> Doing<'_, Option<Imported>> {
        Box::pin(async { None })
    }

    /// Ends what was started for places, the last of all, within `grace`.
    fn end(&self, grace: Duration) -> Doing<'_, ()> {
        let _ = grace;
        Box::pin(async {})
    }
}

/// This computer's own tunnels, the relays that the user of a profile is signed in to, and Microsoft's service.
#[derive(Clone, Debug)]
pub struct ProfileServices {
    pub(super) profile: Arc<Profile>,
    pub(super) here: Here,
    /// One for all, because it limits how many processes run at a time; none before the first use, and after the
    /// command was installed.
    pub(super) microsoft: Arc<Mutex<Option<Cli>>>,
    /// Ports that are lost when Adit is removed, as somebody was told.
    pub(super) lost: Arc<Mutex<BTreeSet<(FullId, u16)>>>,
}

impl ProfileServices {
    /// Those of that profile; its files are read anew each time, so a sign-in elsewhere is found.
    ///
    /// The caller must hold the profile's state directory: the relay of this computer's tunnels is in it.
    pub fn new(profile: Arc<Profile>) -> Self {
        let here = Here::new(profile.places.embedded(embedded::DESKTOP), "this computer");
        Self { profile, here, microsoft: Arc::default(), lost: Arc::default() }
    }

    async fn rest(&self, place: &PlaceKey, connector: Connector) -> Outcome<Rest> {
        let relay = relay(place)?;
        let profile = self.profile.clone();
        let base = relay.base();
        let key = task::blocking("read key", move || profile.key(&relay)).await?;
        Ok(Rest::new(connector, base, Credential::User(key)))
    }
}

impl ProfileServices {
    pub(super) fn microsoft(&self, connector: &Connector) -> Outcome<Cli> {
        let mut kept = self.microsoft.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match kept.take() {
            Some(made) => made,
            None => self.profile.microsoft()?,
        };
        Ok(kept.insert(made.through(connector)).clone())
    }

    async fn check_microsoft(&self, connector: &Connector) -> Preflight {
        let found = match self.microsoft(connector) {
            Ok(command) => preflight(&command).await,
            Err(failure) => return Preflight::Failed(failure.into()),
        };
        match found {
            Ok(account) => Preflight::Ready { account: account.name },
            Err(Error::Command(Trouble::Missing { .. })) => Preflight::CommandMissing,
            Err(Error::Command(Trouble::TooOld { found })) => {
                let version = found.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
                Preflight::CommandOld { version }
            }
            Err(error) if error.requires_sign_in() => Preflight::SignedOut,
            Err(error) => Preflight::Failed(event::Trouble::service("use the place", &error)),
        }
    }
}

impl Services for ProfileServices {
    fn management<'a>(&'a self, place: &'a PlaceKey, connector: Connector) -> Made<'a> {
        Box::pin(async move {
            Ok(match place.kind() {
                Kind::Here => Arc::new(self.here.clone()) as Arc<dyn Management>,
                Kind::Microsoft => Arc::new(self.microsoft(&connector)?),
                Kind::Relay => Arc::new(self.rest(place, connector).await?),
            })
        })
    }

    fn check<'a>(&'a self, place: &'a PlaceKey, connector: Connector) -> Found<'a> {
        Box::pin(async move {
            match place.kind() {
                // Nobody signs in to their own computer.
                Kind::Here => return Preflight::Ready { account: None },
                Kind::Microsoft => return self.check_microsoft(&connector).await,
                Kind::Relay => {}
            }
            let rest = match self.rest(place, connector).await {
                Ok(rest) => rest,
                Err(failure) if failure.code == Code::SignIn => return Preflight::SignedOut,
                Err(failure) => return Preflight::Failed(failure.into()),
            };
            match rest.whoami().await {
                Ok(account) => Preflight::Ready { account },
                Err(Error::SignIn(_)) => Preflight::SignedOut,
                Err(error) => {
                    let what = format_args!("sign in to {place}");
                    Preflight::Failed(event::Trouble::service(what, &error))
                }
            }
        })
    }

    fn errand<'a>(
        &'a self,
        errand: &'a Errand,
        connector: Connector,
        said: mpsc::Sender<String>,
    ) -> Doing<'a, Outcome<Option<String>>> {
        Box::pin(self.do_errand(errand, connector, said))
    }

    fn has_command(&self) -> Doing<'_, bool> {
        let profile = self.profile.clone();
        Box::pin(task::blocking("look for command", move || profile.has_microsoft()))
    }

    fn find_import(&self) -> Doing<'_, Option<Imported>> {
        Box::pin(task::blocking("look for import", find_reference))
    }

    fn reach<'a>(&'a self, place: &'a PlaceKey) -> Doing<'a, Option<Reach>> {
        Box::pin(async move {
            match place.kind() {
                Kind::Here => Some(Reach::Computer),
                Kind::Microsoft => Reaches::MICROSOFT.names(),
                Kind::Relay => Reaches::look_up(&relay(place).ok()?).await.names(),
            }
        })
    }

    fn prefer<'a>(&'a self, preferences: &'a Preferences) -> Doing<'a, Outcome> {
        Box::pin(self.here.let_lan_in(preferences.local_network))
    }

    fn end(&self, grace: Duration) -> Doing<'_, ()> {
        Box::pin(self.here.end(grace))
    }
}

/// The relay that a place is.
pub(super) fn relay(place: &PlaceKey) -> Outcome<RelayUrl> {
    match place.kind() {
        Kind::Relay => place.as_str().parse().map_err(|error| {
            Failure::new(Code::Usage, format!("{place} is no address of a relay: {error}"))
                .hint("remove the place, or sign in to it again with its address")
        }),
        Kind::Here | Kind::Microsoft => {
            let message = format!("tunnels of {place} are not managed by a relay's API");
            Err(Failure::new(Code::Refused, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[tokio::test]
    async fn nobody_is_signed_in_without_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let directory = || Some(folder.path().into());
        let environment = Environment {
            config: directory(),
            state_dir: directory(),
            data_dir: directory(),
            devtunnel: Some(folder.path().join("nowhere").into()),
            ..Environment::default()
        };
        let services = ProfileServices::new(Arc::new(Profile::new(environment, |_| {}).unwrap()));
        let check =
            async |place: &str| services.check(&PlaceKey::from(place), Connector::default()).await;
        assert_eq!(check("https://cp.r.example").await, Preflight::SignedOut);
        assert_eq!(check("microsoft").await, Preflight::CommandMissing);
        assert_eq!(check("here").await, Preflight::Ready { account: None });
    }
}
