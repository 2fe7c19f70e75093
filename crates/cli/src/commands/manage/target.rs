//! Which tunnel a command is about, on which relay, and by whose right.

use std::convert::Infallible;
use std::io::{self, Read};
use std::str::FromStr;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::{Because, Place};
use adit_app::relay_url::RelayUrl;
use adit_app::service::connector;
use adit_proto::token::Secret;
use adit_tunnel::management::{Credential, Locator, Rest};
use adit_wire::task;

use crate::context::Context;

/// The port that is meant instead of the whole tunnel, where one is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct OfPort {
    /// Of this port only, not of the whole tunnel.
    #[arg(
        short = 'p',
        long = "port-number",
        alias = "port",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(super) port: Option<u16>,
}

/// Which relay, as its signed-in user.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct On {
    /// The relay to ask.
    #[arg(long, value_name = "RELAY")]
    on: Option<Place>,
}

/// Which relay, and by whose right.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct At {
    /// The relay that it lives on.
    #[arg(long, value_name = "RELAY")]
    on: Option<Place>,

    /// Use a tunnel's access token, read from standard input, instead of your sign-in.
    #[arg(short = 't', long, value_name = "-")]
    access_token: Option<Written>,
}

/// Which tunnel, on which relay.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The tunnel: its id, or its name. Without it, the default one (see `adit set`).
    #[arg(value_name = "TUNNEL")]
    tunnel: Option<Locator>,

    #[command(flatten)]
    at: At,
}

/// What is written for an access token: `-`, which stands for standard input. Anything else may be the
/// token itself, which is not kept, so that no message can repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Dash,
    Something,
}

/// A relay that may be asked.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) rest: Rest,
    pub(crate) relay: RelayUrl,
}

impl On {
    /// The relay.
    pub(crate) fn relay(self, context: &Context) -> Outcome<RelayUrl> {
        relay(context, self.on)
    }

    /// The relay, ready to be asked.
    pub(crate) fn open(self, context: &Context) -> Outcome<Service> {
        let relay = self.relay(context)?;
        Ok(Service { rest: context.profile.service(&relay)?, relay })
    }
}

impl At {
    /// The relay, ready to be asked.
    async fn open(&self, context: &Context) -> Outcome<Service> {
        let relay = relay(context, self.on.clone())?;
        let rest = match self.access_token {
            Some(written) => {
                written.check()?;
                let token = task::blocking("read token", read_token).await?;
                Rest::new(connector(), relay.base(), Credential::Tunnel(token))
            }
            None => context.profile.service(&relay)?,
        };
        Ok(Service { rest, relay })
    }
}

impl Target {
    /// Where it lives, and why there.
    pub(crate) fn place(&self, context: &Context) -> Outcome<(Place, Because)> {
        context.profile.choose(self.at.on.clone(), None)
    }

    /// The relay, ready to be asked about the tunnel.
    pub(crate) async fn open(&self, context: &Context) -> Outcome<(Service, Locator)> {
        let relay = relay(context, self.at.on.clone())?;
        let tunnel = self.tunnel.clone().map_or_else(|| default_on(&relay, context), Ok)?;
        Ok((self.at.open(context).await?, tunnel))
    }
}

/// The relay that a command asks.
pub(crate) fn relay(context: &Context, asked: Option<Place>) -> Outcome<RelayUrl> {
    match context.profile.choose(asked, None)? {
        (Place::Relay(relay), _) => Ok(relay),
        (place, because) => Err(needs_relay(&place, because)),
    }
}

/// The default tunnel on a relay.
pub(crate) fn default_on(relay: &RelayUrl, context: &Context) -> Outcome<Locator> {
    let default = context.profile.default_tunnels()?.of(relay).cloned();
    default.map(Locator::from).ok_or_else(|| {
        let message = format!("no tunnel is given, and there is no default one on {relay}");
        Failure::new(Code::Usage, message)
            .hint("name one, or choose the default with: adit set <tunnel>; see: adit list")
    })
}

/// Why there is nobody to ask.
fn needs_relay(place: &Place, because: Because) -> Failure {
    match because {
        Because::ManySignIns => Failure::new(Code::Usage, "you are signed in to several relays")
            .hint("say which with --on <relay>, or choose one with: adit use <relay>"),
        Because::NoSignIn => Failure::new(
            Code::SignIn,
            "this manages tunnels on a relay, and you are signed in to none",
        )
        .hint("sign in with: adit login <relay URL>; without a relay there is `adit up`"),
        _ if *place == Place::Here => {
            let message =
                format!("this manages tunnels on a relay, and `here` ({because}) has none");
            Failure::new(Code::SignIn, message)
                .hint("name a relay with --on <relay>, or sign in to one: adit login <relay URL>")
        }
        _ => {
            let message = format!("tunnels on `{place}` ({because}) are not managed from here");
            Failure::new(Code::Usage, message).hint(
                "use that service's own command (devtunnel), or name a relay with --on <relay>",
            )
        }
    }
}

impl FromStr for Written {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Dash } else { Self::Something })
    }
}

impl Written {
    /// Refuses what is no dash.
    pub(crate) fn check(self) -> Outcome {
        match self {
            Self::Dash => Ok(()),
            Self::Something => Err(Failure::new(
                Code::Usage,
                "an access token is never an argument, where other users of this computer could \
                 read it",
            )
            .hint("give it on standard input, and write: --access-token -")),
        }
    }
}

/// Longer than any token.
const LONGEST: u64 = 64 * 1024;

fn read_token() -> Outcome<Secret> {
    let mut text = String::new();
    let outcome = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    let read = Secret::new(text);
    outcome
        .map_err(|error| Failure::caused(Code::Usage, "cannot read the access token", &error))?;
    let token = read.expose().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(Code::Usage, "there is no access token on standard input")
            .hint("`adit token` prints one"));
    }
    Ok(Secret::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_relay_it_is_said_what_is_needed() {
        let needs = |because| needs_relay(&Place::Here, because);
        let failure = needs(Because::NoSignIn);
        assert_eq!(failure.code, Code::SignIn);
        assert!(failure.to_string().contains("adit login"), "{failure}");
        assert_eq!(needs(Because::ManySignIns).code, Code::Usage);
        let asked = needs(Because::Settings).to_string();
        assert!(asked.contains("`here` (adit use)") && asked.contains("--on"), "{asked}");
    }

    #[test]
    fn a_token_is_no_argument() {
        assert_eq!("-".parse::<Written>().unwrap().check(), Ok(()));
        let failure = "eyJhbGciOi.x.y".parse::<Written>().unwrap().check().unwrap_err();
        assert!(failure.to_string().contains("standard input"), "{failure}");
        assert!(!failure.to_string().contains("eyJ"), "{failure}");
    }
}
