//! `adit login`: keeps a user's key for a relay, after asking the relay whether it is good.

use std::io::{self, BufRead, IsTerminal, Read};

use adit_app::credentials::{SignIn, parse_key};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::relay_url::RelayUrl;
use adit_app::service::service;
use adit_proto::token::Secret;
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

Examples:
  adit login https://cp.relay.example.com
  adit login https://cp.relay.example.com < key.txt")]
pub(crate) struct Args {
    /// The address of the relay, such as https://cp.relay.example.com.
    #[arg(value_name = "RELAY URL")]
    relay: RelayUrl,
}

impl Args {
    /// For that relay.
    pub(crate) fn of(relay: RelayUrl) -> Self {
        Self { relay }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let Args { relay } = args;
    if relay.is_exposed() {
        remark(format!(
            "{relay} is not encrypted: everybody on the way can read your key and your traffic"
        ));
    }
    let prompt = format!("API key for {relay}: ");
    let key = task::blocking("read key", move || read_key(&prompt)).await?;
    let service = service(&relay, key.clone());
    let user = service.whoami().await;
    let user = user.map_err(|error| match Failure::service("sign in", &error) {
        failure if failure.code == Code::SignIn => {
            failure.hint("the relay does not know this key; ask its operator for one")
        }
        failure => failure,
    })?;
    let mut credentials = context.profile.credentials()?;
    credentials.put(SignIn { relay: relay.clone(), key })?;
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
