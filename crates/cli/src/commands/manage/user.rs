//! `adit user`: signing in and out, in the words of the `devtunnel` command.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::relay_url::RelayUrl;
use serde_json::json;

use super::foreign;
use super::target::{On, relay};
use crate::commands::{login, logout};
use crate::context::Context;
use crate::screen::{harmless, print_line};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Sign in to a relay, as `adit login` does.
    Login(LoginArgs),
    /// Sign out of a relay, as `adit logout` does.
    Logout(LogoutArgs),
    /// Show who you are on a relay.
    Show(ShowArgs),
}

/// What `adit user login` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The API key is asked for, or read from standard input.

Examples:
  adit user login https://cp.relay.example.com
  adit user login < key.txt        to the relay where tunnels live now")]
pub(crate) struct LoginArgs {
    /// The relay; without it, the one where tunnels live now.
    #[arg(value_name = "RELAY URL")]
    relay: Option<RelayUrl>,

    #[command(flatten)]
    foreign: foreign::SignIn,
}

/// What `adit user logout` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct LogoutArgs {
    /// The relay; not needed when you are signed in to one only.
    #[arg(value_name = "RELAY URL")]
    relay: Option<RelayUrl>,
}

/// What `adit user show` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It is no failure not to be signed in: the answer says so. `adit whoami` ends with 77 then.")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    on: On,
}

pub(crate) async fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Login(args) => login(args, context).await,
        Command::Logout(args) => logout::run(&logout::Args::of(args.relay), context).await,
        Command::Show(args) => show(args, context).await,
    }
}

async fn login(args: LoginArgs, context: &Context) -> Outcome {
    args.foreign.refuse()?;
    let relay = match args.relay {
        Some(relay) => relay,
        None => relay(context, None).map_err(|_| {
            Failure::new(Code::Usage, "it is not said which relay to sign in to")
                .hint("write: adit user login <relay URL>, or choose one with: adit use <relay>")
        })?,
    };
    login::run(login::Args::of(relay), context).await
}

async fn show(args: ShowArgs, context: &Context) -> Outcome {
    let relay = match args.on.relay(context) {
        Ok(relay) => relay,
        Err(failure) if failure.code == Code::SignIn => return nobody(None, context),
        Err(failure) => return Err(failure),
    };
    let service = match context.profile.service(&relay) {
        Ok(service) => service,
        Err(failure) if failure.code == Code::SignIn => return nobody(Some(&relay), context),
        Err(failure) => return Err(failure),
    };
    let user = match service.whoami().await {
        Ok(user) => user,
        Err(error) if error.requires_sign_in() => return nobody(Some(&relay), context),
        Err(error) => {
            return Err(Failure::service(format_args!("ask {relay} who you are"), &error));
        }
    };
    if context.json {
        let line = json!({ "status": "Logged in", "provider": "adit", "username": user,
            "relay": relay });
        return print_line(&line.to_string());
    }
    let user = user.map(|user| format!(" as {}", harmless(&user))).unwrap_or_default();
    context.screen.line(format!("Logged in{user} on {relay}."))
}

fn nobody(relay: Option<&RelayUrl>, context: &Context) -> Outcome {
    if context.json {
        return print_line(&json!({ "status": "Not logged in", "relay": relay }).to_string());
    }
    let relay = relay.map_or_else(|| "<relay URL>".to_owned(), ToString::to_string);
    context.screen.line(format!("Not logged in. Sign in with: adit login {relay}"))
}
