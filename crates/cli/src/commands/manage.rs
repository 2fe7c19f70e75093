//! Tunnels on a relay in the words of Microsoft's `devtunnel` command, so that scripts move over by
//! changing one word. `docs/devtunnel-commands.md` says what is the same and what differs.
//!
//! Each command reads its arguments, asks the relay, and prints; what a change means is decided in
//! [`adit_tunnel::management`], what scripts read in [`shape`], what people read in [`text`].

mod access;
mod clusters;
mod confirm;
pub(crate) mod create;
mod default;
pub(crate) mod define;
mod delete;
mod echo;
pub(crate) mod foreign;
mod limits;
mod list;
mod ping;
mod port;
mod shape;
mod show;
pub(crate) mod target;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod units;
mod update;
mod user;

use adit_app::failure::Outcome;

use crate::context::Context;

/// What to do. Hidden from the list of all commands, where they stand below each other in a few
/// lines of their own.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a tunnel on a relay; it becomes the default one.
    #[command(hide = true)]
    Create(create::Args),
    /// List your tunnels.
    #[command(hide = true)]
    List(list::Args),
    /// Show a tunnel with its ports.
    #[command(hide = true)]
    Show(show::Args),
    /// Change a tunnel; what is not named stays.
    #[command(hide = true)]
    Update(update::Args),
    /// Delete a tunnel, for good.
    #[command(hide = true)]
    Delete(delete::Args),
    /// Delete all your tunnels, for good.
    #[command(hide = true)]
    DeleteAll(delete::AllArgs),
    /// Add, list, show, change and delete the ports of a tunnel.
    #[command(hide = true, subcommand)]
    Port(port::Command),
    /// Say who may visit a tunnel besides you.
    #[command(hide = true, subcommand)]
    Access(access::Command),
    /// Print an access token of a tunnel, to hand on.
    #[command(hide = true)]
    Token(token::Args),
    /// Choose the tunnel that is meant where none is named.
    #[command(hide = true)]
    Set(default::SetArgs),
    /// Forget which tunnel is meant where none is named.
    #[command(hide = true)]
    Unset(default::UnsetArgs),
    /// Sign in and out of a relay, and show who you are there.
    #[command(hide = true, subcommand)]
    User(user::Command),
    /// Show how much of what you may use is used.
    #[command(hide = true)]
    Limits(limits::Args),
    /// List the clusters of a relay.
    #[command(hide = true)]
    Clusters(clusters::Args),
    /// Measure the way to a relay, or to a URL, and back.
    #[command(hide = true)]
    Ping(ping::Args),
    /// Serve a port that answers with what it is sent, to test with.
    #[command(hide = true)]
    Echo(echo::Args),
}

/// Runs a command to its end.
pub(crate) async fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Update(args) => update::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::DeleteAll(args) => delete::run_all(args, context).await,
        Command::Port(command) => port::run(command, context).await,
        Command::Access(command) => access::run(command, context).await,
        Command::Token(args) => token::run(args, context).await,
        Command::Set(args) => default::set(args, context).await,
        Command::Unset(args) => default::unset(args, context),
        Command::User(command) => user::run(command, context).await,
        Command::Limits(args) => limits::run(args, context).await,
        Command::Clusters(args) => clusters::run(args, context).await,
        Command::Ping(args) => ping::run(args, context).await,
        Command::Echo(args) => echo::run(args, context).await,
    }
}
