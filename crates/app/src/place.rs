//! Where a tunnel lives: in a trial relay inside this process, on a relay of one's own, or on
//! Microsoft's service; and how one of them is chosen.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::credentials::Credentials;
use crate::relay_url::RelayUrl;

/// A place as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// A trial relay in this process: reaches this computer, with `--lan` the local network.
    Here,
    /// A relay.
    Relay(RelayUrl),
    /// Microsoft's Dev Tunnels service, managed through the official `devtunnel` command.
    Microsoft,
}

/// Why a place was chosen, for the user to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// `--on`.
    Asked,
    /// `ADIT_ON`.
    Environment,
    /// `where` in `./adit.toml`.
    Project,
    /// `adit use`.
    Settings,
    /// There is one relay that the user is signed in to.
    OnlySignIn,
    /// There is none.
    NoSignIn,
    /// There are several, and no choice between them.
    ManySignIns,
}

/// What may say where, the strongest first.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `--on`.
    pub asked: Option<Place>,
    /// `ADIT_ON`.
    pub environment: Option<Place>,
    /// `where` in `./adit.toml`.
    pub project: Option<Place>,
    /// `adit use`.
    pub settings: Option<Place>,
}

/// Chooses, and says why.
pub fn choose(wishes: Wishes, credentials: &Credentials) -> (Place, Because) {
    let Wishes { asked, environment, project, settings } = wishes;
    let wished = asked
        .map(|place| (place, Because::Asked))
        .or(environment.map(|place| (place, Because::Environment)))
        .or(project.map(|place| (place, Because::Project)))
        .or(settings.map(|place| (place, Because::Settings)));
    match (wished, credentials.all()) {
        (Some((place, because)), _) => (place.known(credentials), because),
        (None, []) => (Place::Here, Because::NoSignIn),
        (None, [only]) => (Place::Relay(only.relay.clone()), Because::OnlySignIn),
        (None, _) => (Place::Here, Because::ManySignIns),
    }
}

impl Place {
    /// What people call it.
    pub fn shown(&self) -> String {
        match self {
            Self::Here => "a trial relay on this computer".to_owned(),
            Self::Relay(url) => url.to_string(),
            Self::Microsoft => "Microsoft Dev Tunnels".to_owned(),
        }
    }

    /// The signed-in relay, where a place is its host name without scheme or `cp.`.
    fn known(self, credentials: &Credentials) -> Self {
        match &self {
            Self::Here | Self::Microsoft => self,
            Self::Relay(url) if credentials.find(url).is_some() => self,
            Self::Relay(url) => match credentials.by_host(url.authority()) {
                Some(sign_in) => Self::Relay(sign_in.relay.clone()),
                None => self,
            },
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "here" => Ok(Self::Here),
            "microsoft" => Ok(Self::Microsoft),
            // A word without a dot or port is a typing mistake more often than a host.
            word if !word.contains(['.', ':', '/']) && word != "localhost" => {
                Err("a place is `here`, `microsoft` or the address of a relay, such as \
                     https://cp.relay.example.com"
                    .to_owned())
            }
            url => url.parse().map(Self::Relay).map_err(|error| error.to_string()),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.pad("here"),
            Self::Relay(url) => url.fmt(f),
            Self::Microsoft => f.pad("microsoft"),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "--on",
            Self::Environment => "ADIT_ON",
            Self::Project => "where in adit.toml",
            Self::Settings => "adit use",
            Self::OnlySignIn => "the only relay you are signed in to",
            Self::NoSignIn => "nobody is signed in to a relay",
            Self::ManySignIns => {
                "you are signed in to several relays; choose with --on or adit use"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use adit_proto::token::Secret;

    use super::*;
    use crate::credentials::SignIn;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    /// Signed in to these, in a folder that goes away.
    fn signed_in(relays: &[&str]) -> Credentials {
        let folder = tempfile::tempdir().unwrap();
        let mut credentials = Credentials::load(folder.path().join("c.toml")).unwrap();
        for relay in relays {
            let relay = relay.parse().unwrap();
            credentials.put(SignIn { relay, key: Secret::from("key") }).unwrap();
        }
        credentials
    }

    const ONE: &str = "https://cp.one.example";
    const TWO: &str = "https://cp.two.example";

    #[test]
    fn without_a_wish_the_sign_ins_decide() {
        let choice = |relays: &[&str]| choose(Wishes::default(), &signed_in(relays));
        assert_eq!(choice(&[]), (Place::Here, Because::NoSignIn));
        assert_eq!(choice(&[ONE]), (place(ONE), Because::OnlySignIn));
        assert_eq!(choice(&[ONE, TWO]), (Place::Here, Because::ManySignIns));
    }

    #[test]
    fn the_nearest_wish_wins() {
        let credentials = signed_in(&[ONE]);
        let mut wishes = Wishes {
            asked: Some(place("here")),
            environment: Some(place("https://cp.e.example")),
            project: Some(place("https://cp.p.example")),
            settings: Some(place("https://cp.s.example")),
        };
        let mut order = Vec::new();
        for _ in 0..4 {
            let (_, because) = choose(wishes.clone(), &credentials);
            order.push(because);
            match because {
                Because::Asked => wishes.asked = None,
                Because::Environment => wishes.environment = None,
                _ => wishes.project = None,
            }
        }
        use Because::{Asked, Environment, Project, Settings};
        assert_eq!(order, [Asked, Environment, Project, Settings]);
    }

    #[test]
    fn a_host_name_means_the_relay_that_one_is_signed_in_to() {
        let credentials = signed_in(&[ONE, "http://127.0.0.1:8443"]);
        for text in ["one.example", "cp.one.example", "https://one.example", ONE] {
            let wishes = Wishes { asked: Some(place(text)), ..Wishes::default() };
            assert_eq!(choose(wishes, &credentials).0, place(ONE), "{text}");
        }
        let wishes = Wishes { asked: Some(place("127.0.0.1:8443")), ..Wishes::default() };
        assert_eq!(choose(wishes, &credentials).0, place("http://127.0.0.1:8443"));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", "hier", "Microsoft", "ftp://x.example", "https://x.example/path"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
