//! `adit login`: keeps a user's key for a relay, after asking the relay whether it is good; or lets the
//! official `devtunnel` command sign its user in to Microsoft's service.

pub(crate) mod microsoft;

use std::io::{self, BufRead, IsTerminal, Read};
use std::str::FromStr;

use adit_app::credentials::parse_key;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::login::{SignedIn, with_key};
use adit_app::relay_url::RelayUrl;
use adit_app::service::connector;
use adit_proto::token::Secret;
use adit_tunnel::management::BadBase;
use adit_wire::task;
use serde_json::json;

use crate::context::Context;
use crate::screen::{harmless, print_line, remark};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The API key is asked for, or read from standard input; it is never an argument, where
other users of the computer could read it. The relay's operator makes one with
`adit relay user add <name>`.

For `microsoft` the official `devtunnel` command signs you in, with a browser or a code, and
keeps the sign-in itself.

Examples:
  adit login https://cp.relay.example.com
  adit login https://cp.relay.example.com < key.txt
  adit login microsoft --github --device-code")]
pub(crate) struct Args {
    /// The address of the relay, such as https://cp.relay.example.com, or `microsoft`.
    #[arg(value_name = "RELAY URL")]
    at: At,

    /// With `microsoft`: sign in with a GitHub account instead of a Microsoft account.
    #[arg(long)]
    github: bool,

    /// With `microsoft`: show a code to type elsewhere instead of opening a browser.
    #[arg(long)]
    device_code: bool,
}

/// Where one can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Relay(RelayUrl),
    Microsoft,
}

impl FromStr for At {
    type Err = BadBase;

    fn from_str(text: &str) -> Result<Self, BadBase> {
        match text.trim() {
            "microsoft" => Ok(Self::Microsoft),
            url => url.parse().map(Self::Relay),
        }
    }
}

impl Args {
    /// For that relay.
    pub(crate) fn of(relay: RelayUrl) -> Self {
        Self { at: At::Relay(relay), github: false, device_code: false }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let Args { at, github, device_code } = args;
    match at {
        At::Microsoft => microsoft::login(github, device_code, context).await,
        At::Relay(_) if github || device_code => Err(Failure::new(
            Code::Usage,
            "--github and --device-code are for: adit login microsoft",
        )),
        At::Relay(relay) => to_relay(relay, context).await,
    }
}

async fn to_relay(relay: RelayUrl, context: &Context) -> Outcome {
    if relay.is_exposed() {
        remark(format!(
            "{relay} is not encrypted: everybody on the way can read your key and your traffic"
        ));
    }
    let prompt = format!("API key for {relay}: ");
    let key = task::blocking("read key", move || read_key(&prompt)).await?;
    let places = &context.profile.places;
    let SignedIn { user, credentials } = with_key(places, &relay, key, connector()).await?;
    credentials.remarks().iter().for_each(remark);
    if context.json {
        let line = json!({ "relay": relay, "signed_in": true, "user": user });
        return print_line(&line.to_string());
    }
    let user = user.map(|user| format!(" as {}", harmless(&user))).unwrap_or_default();
    context.screen.line(format!("Signed in to {relay}{user}."))?;
    match credentials.all().len() {
        1 => context.screen.line("`adit up` uses it from now on; `--on here` does not."),
        _ => context.screen.line(format!("To use it unless said otherwise: adit use {relay}")),
    }
}

/// Asks for the key where somebody can type it, else reads a line.
fn read_key(prompt: &str) -> Outcome<Secret> {
    let text =
        if io::stdin().is_terminal() { rpassword::prompt_password(prompt) } else { read_line() };
    let text = Secret::new(text.map_err(|error| {
        Failure::caused(Code::Usage, "cannot read the API key", &error)
            .hint("type it when asked, or give it on standard input")
    })?);
    parse_key(text.expose())
}

/// More than any key has.
const LONGEST: u64 = 4096;

fn read_line() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut text)?;
    Ok(text)
}
