//! `adit logout`: forgets a user's key for a relay, or signs out of Microsoft's service.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::relay_url::RelayUrl;
use serde_json::json;

use super::login::{At, microsoft};
use crate::context::Context;
use crate::screen::{print_line, remark};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The relay, or `microsoft`; not needed when you are signed in to one relay only.
    #[arg(value_name = "RELAY URL")]
    at: Option<At>,
}

impl Args {
    /// For that relay.
    pub(crate) fn of(relay: Option<RelayUrl>) -> Self {
        Self { at: relay.map(At::Relay) }
    }
}

pub(crate) async fn run(args: &Args, context: &Context) -> Outcome {
    match &args.at {
        Some(At::Microsoft) => microsoft::logout(context).await,
        Some(At::Relay(relay)) => forget(Some(relay), context),
        None => forget(None, context),
    }
}

fn forget(relay: Option<&RelayUrl>, context: &Context) -> Outcome {
    let mut credentials = context.profile.credentials()?;
    let relay = match (relay, credentials.all()) {
        (Some(url), _) => match credentials.find(url).or(credentials.by_host(url.authority())) {
            Some(sign_in) => sign_in.relay.clone(),
            None => {
                let message = format!("you are not signed in to {url}");
                return Err(Failure::new(Code::NotFound, message).hint("see: adit whoami"));
            }
        },
        (None, [only]) => only.relay.clone(),
        (None, []) => return Err(Failure::new(Code::NotFound, "you are signed in to no relay")),
        (None, _) => {
            return Err(Failure::new(Code::Usage, "you are signed in to several relays")
                .hint("say which: adit logout <relay URL>; see: adit whoami"));
        }
    };
    credentials.remove(&relay)?;
    if context.profile.has_key_in_environment() {
        remark("ADIT_API_KEY is still set, and is used for any relay");
    }
    if context.json {
        return print_line(&json!({ "relay": relay, "signed_in": false }).to_string());
    }
    context.screen.line(format!(
        "Signed out of {relay}. The key itself still works; its relay's operator can revoke it."
    ))
}
