//! The commands, each with its arguments beside what it does.

pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod doctor;
pub(crate) mod host;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manage;
pub(crate) mod manual;
pub(crate) mod place;
pub(crate) mod relay;
pub(crate) mod sample;
pub(crate) mod service;
pub(crate) mod share;
pub(crate) mod status;
pub(crate) mod tell;
pub(crate) mod up;
pub(crate) mod whoami;

use adit_app::failure::Outcome;

use crate::args::{Cli, Command};
use crate::context::Context;

/// Runs a command to its end.
pub(crate) async fn run(cli: Cli, context: Context) -> Outcome {
    match cli.command {
        Command::Up(args) => up::run(args, &context).await,
        Command::Host(args) => host::run(args, &context).await,
        Command::Connect(args) => connect::run(args, &context).await,
        Command::Share(args) => share::run(args, &context).await,
        Command::Doctor => doctor::run(&context).await,
        Command::Service(args) => service::run(args, &context).await,
        Command::Status(args) => status::run(args, &context).await,
        Command::Stop(args) => tell::stop(args, &context).await,
        Command::Retry(args) => tell::retry(args, &context).await,
        Command::TakeOver(args) => tell::take_over(args, &context).await,
        Command::Relay(args) => relay::run(args, &context).await,
        Command::Login(args) => login::run(args, &context).await,
        Command::Logout(args) => logout::run(&args, &context).await,
        Command::Whoami => whoami::run(&context).await,
        Command::Use(args) => place::run(args, &context),
        Command::Sample(args) => sample::run(&args, &context).await,
        Command::Completions(args) => completions::run(&args),
        Command::Manual(args) => manual::run(&args),
        Command::Manage(command) => manage::run(command, &context).await,
    }
}
