//! `adit relay`: runs a relay, or manages the users of one.

mod serve;
mod user;

use std::path::PathBuf;

use adit_app::durable;
use adit_app::failure::{Code, Failure, Outcome};
use adit_relay::config::{Config, Storage};

use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a configuration it listens on 127.0.0.1:8443, for this computer only. A relay for
others has a domain and a certificate for it and for everything below it:

  listen = \"0.0.0.0:443\"
  domain = \"relay.example.com\"
  tls = { cert = \"cert.pem\", key = \"key.pem\" }

Users sign in at https://cp.relay.example.com with a key that `adit relay user add` prints.
`docs/relay.md` lists all that may be configured.")]
pub(crate) struct Args {
    /// The configuration; else ADIT_CONFIG, else relay.toml in the configuration directory.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// Take the place of the relay that runs on the same data directory, which then ends by
    /// itself; visitors do not notice. If none runs, just start.
    #[arg(long)]
    take_over: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add, list and revoke users. A running relay notices.
    #[command(subcommand)]
    User(user::Command),
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let option = args.config.as_ref().map(|path| format!("--config {} ", path.display()));
    let config = config(args.config, context)?;
    match args.command {
        None => serve::run(config, args.take_over, &option.unwrap_or_default(), context).await,
        Some(Command::User(_)) if args.take_over => {
            let message = "--take-over starts a relay, and does not go with `user`";
            Err(Failure::new(Code::Usage, message).hint("leave one of the two out"))
        }
        Some(Command::User(command)) => user::run(command, data_dir(config)?, context).await,
    }
}

/// Reads the configuration. A file that is named must be there; the usual one need not.
fn config(named: Option<PathBuf>, context: &Context) -> Outcome<Config> {
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| context.profile.places.relay_config());
    let text = match durable::read(&path)? {
        Some(text) => text,
        None if is_named => {
            let message = format!("there is no configuration {}", path.display());
            return Err(Failure::new(Code::Usage, message).hint("check the path after --config"));
        }
        None => String::new(),
    };
    Config::parse(&text, &context.profile.places.data).map_err(|error| {
        let message = format!("cannot read {}: {}", path.display(), error.to_string().trim_end());
        Failure::new(Code::Usage, message)
            .hint("mend the file; `docs/relay.md` lists what may stand in it")
    })
}

fn data_dir(config: Config) -> Outcome<PathBuf> {
    match config.storage {
        Storage::Directory(path) => Ok(path),
        Storage::Memory => Err(Failure::new(Code::Internal, "the relay keeps no users")),
    }
}
