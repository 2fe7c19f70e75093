//! The user of this computer: where the files are, where tunnels shall live, and with which key.

use std::path::PathBuf;
use std::sync::Arc;

use adit_proto::token::Secret;
use adit_tunnel::management::cli::Cli;
use adit_tunnel::management::{Credential, Management, Rest};

use crate::autostart::Autostart;
use crate::credentials::{self, Credentials, SignIn, Unreadable};
use crate::default_tunnels::DefaultTunnels;
use crate::environment::Environment;
use crate::failure::{Code, Failure, Outcome};
use crate::microsoft::Microsoft;
use crate::place::{self, Because, Place, Wishes};
use crate::places::Places;
use crate::relay_url::RelayUrl;
use crate::service::{connector, service};
use crate::settings::Settings;
use crate::unit::Unit;

/// What the environment and the files say of the user.
#[derive(Debug)]
pub struct Profile {
    /// Where the files are.
    pub places: Places,
    /// The overrides that were given for them, by variable: a process started from elsewhere needs them too.
    pub overrides: Vec<(&'static str, PathBuf)>,
    /// What starts the desktop app at login, where this is it.
    pub autostart: Option<Autostart>,
    /// The unit that hosts from login on, where Adit can be removed with it.
    pub unit: Option<Unit>,
    on: Option<String>,
    api_key: Option<Secret>,
    microsoft: Microsoft,
    remark: fn(&str),
}

impl Profile {
    /// From what the environment says. What the user should hear goes to `remark`, a sentence a call.
    ///
    /// # Errors
    /// When there is no directory for the files.
    pub fn new(environment: Environment, remark: fn(&str)) -> Outcome<Self> {
        let places = Places::new(&environment)?;
        let microsoft = Microsoft::new(&environment);
        let Environment { config, state_dir, devtunnel, on, api_key, .. } = environment;
        let given =
            [("ADIT_CONFIG", config), ("ADIT_STATE_DIR", state_dir), ("DEVTUNNEL_BIN", devtunnel)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?.into())));
        let overrides = given.collect();
        Ok(Self { places, overrides, autostart: None, unit: None, on, api_key, microsoft, remark })
    }

    /// The stored sign-ins.
    pub fn credentials(&self) -> Outcome<Credentials> {
        Ok(self.read_credentials()?)
    }

    /// As [`credentials`](Self::credentials), with why they cannot be read.
    pub(crate) fn read_credentials(&self) -> Result<Credentials, Unreadable> {
        let credentials = Credentials::load(self.places.credentials())?;
        credentials.remarks().iter().for_each(|remark| (self.remark)(remark));
        Ok(credentials)
    }

    /// The tunnels that are meant where a command is given none.
    pub fn default_tunnels(&self) -> Outcome<DefaultTunnels> {
        let defaults = DefaultTunnels::load(self.places.default_tunnels())?;
        defaults.remark().into_iter().for_each(self.remark);
        Ok(defaults)
    }

    /// Where a tunnel is to live, and why.
    pub fn choose(
        &self,
        asked: Option<Place>,
        project: Option<Place>,
    ) -> Outcome<(Place, Because)> {
        let environment = match &self.on {
            Some(text) => Some(text.parse().map_err(|error| {
                Failure::new(Code::Usage, format!("ADIT_ON is `{text}`: {error}"))
            })?),
            None => None,
        };
        let settings = Settings::load(&self.places.settings())?.r#where;
        let wishes = Wishes { asked, environment, project, settings };
        Ok(place::choose(wishes, &self.credentials()?))
    }

    /// The relay to use, for a command that needs one.
    pub fn relay(&self, asked: Option<Place>) -> Outcome<RelayUrl> {
        match self.choose(asked, None)? {
            (Place::Relay(relay), _) => Ok(relay),
            (Place::Microsoft, _) => Err(Failure::new(
                Code::Usage,
                "this works with tunnels of a relay, and not with those on Microsoft Dev Tunnels",
            )
            .hint("say which relay with --on <relay>, or use the `devtunnel` command itself")),
            (Place::Here, Because::ManySignIns) => {
                Err(Failure::new(Code::Usage, "you are signed in to several relays")
                    .hint("say which with --on <relay>, or choose one with: adit use <relay>"))
            }
            (Place::Here, _) => Err(Failure::new(Code::SignIn, "you are signed in to no relay")
                .hint("sign in with: adit login <relay URL>")),
        }
    }

    /// Where tunnels live that exist, for a command that works with them wherever that is.
    pub fn service_place(&self, asked: Option<Place>) -> Outcome<Place> {
        match self.choose(asked.clone(), None)? {
            (Place::Microsoft, _) => Ok(Place::Microsoft),
            _ => self.relay(asked).map(Place::Relay),
        }
    }

    /// The management of a place of tunnels that exist.
    ///
    /// # Errors
    /// When nobody is signed in to a relay, or the place is this process.
    pub fn management(&self, place: &Place) -> Outcome<Arc<dyn Management>> {
        match place {
            Place::Relay(relay) => Ok(Arc::new(self.service(relay)?)),
            Place::Microsoft => Ok(Arc::new(self.microsoft()?)),
            Place::Here => Err(Failure::new(
                Code::Usage,
                "a trial relay has no tunnels besides that of its own `adit up`",
            )),
        }
    }

    /// The official command for Microsoft's service.
    pub fn microsoft(&self) -> Outcome<Cli> {
        self.microsoft.command(self.places.remakes())
    }

    /// Whether the official command is on this computer.
    pub fn has_microsoft(&self) -> bool {
        self.microsoft.is_there()
    }

    /// The user's key for a relay: `ADIT_API_KEY`, else the stored one.
    pub fn key(&self, relay: &RelayUrl) -> Outcome<Secret> {
        if let Some(key) = &self.api_key {
            return credentials::parse_key(key.expose())
                .map_err(|failure| failure.hint("ADIT_API_KEY is set to it"));
        }
        let credentials = self.credentials()?;
        match credentials.find(relay) {
            Some(SignIn { key, .. }) => Ok(key.clone()),
            None => Err(Failure::new(Code::SignIn, format!("you are not signed in to {relay}"))
                .hint(format!("sign in with: adit login {relay}"))),
        }
    }

    /// The management API of a relay, as its signed-in user.
    pub fn service(&self, relay: &RelayUrl) -> Outcome<Rest> {
        Ok(service(relay, self.key(relay)?))
    }

    /// The management API of a relay, as its signed-in user or, where there is none, as a stranger.
    pub fn service_for_anybody(&self, relay: &RelayUrl) -> Outcome<Rest> {
        match self.key(relay) {
            Ok(key) => Ok(service(relay, key)),
            Err(failure) if failure.code == Code::SignIn => {
                Ok(Rest::new(connector(), relay.base(), Credential::Anonymous))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether `ADIT_API_KEY` is set.
    pub fn has_key_in_environment(&self) -> bool {
        self.api_key.is_some()
    }
}
