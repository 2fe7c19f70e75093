//! `adit port`: the ports of a tunnel.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::service::find;
use adit_proto::contracts::TunnelPort;
use adit_proto::id::FullId;
use adit_tunnel::management::{Locator, Management};
use adit_wire::clock;

use super::define::{Changed, New, Speaks};
use super::target::{Service, Target};
use super::update::nothing_to_change;
use super::{shape, text};
use crate::context::Context;

/// What to do with ports.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a port.
    #[command(alias = "add")]
    Create(CreateArgs),
    /// List the ports of a tunnel.
    List(ListArgs),
    /// Show a port.
    Show(OneArgs),
    /// Change a port; what is not named stays.
    Update(UpdateArgs),
    /// Take a port away.
    #[command(alias = "remove")]
    Delete(OneArgs),
}

/// What `adit port create` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever hosts the tunnel begins to serve the port within a minute.

Examples:
  adit port create -p 3000                          of the default tunnel
  adit port create shop -p 8443 --protocol https    the local server speaks TLS")]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    one: OneArgs,

    /// What the local server speaks: http, https or auto, which finds out.
    #[arg(long)]
    protocol: Option<Speaks>,

    #[command(flatten)]
    new: New,
}

/// What `adit port list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    target: Target,
}

/// What a command about one port takes.
#[derive(Debug, clap::Args)]
pub(crate) struct OneArgs {
    #[command(flatten)]
    target: Target,

    /// The port.
    #[arg(
        short = 'p',
        long = "port-number",
        alias = "port",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    port: u16,
}

/// What `adit port update` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit port update -p 3000 -d 'the front'
  adit port update shop -p 3000 --host-header unchanged --origin-header unchanged")]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    one: OneArgs,

    /// What the local server speaks: http, https or auto, which finds out.
    #[arg(long)]
    protocol: Option<Speaks>,

    #[command(flatten)]
    changed: Changed,
}

pub(crate) async fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Create(args) => create(args, context).await,
        Command::List(args) => list(args, context).await,
        Command::Show(args) => show(args, context).await,
        Command::Update(args) => update(args, context).await,
        Command::Delete(args) => delete(args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Outcome {
    let port = TunnelPort {
        port_number: args.one.port,
        protocol: args.protocol.map(|Speaks(protocol)| protocol),
        labels: args.new.labels(),
        description: args.new.description,
        options: args.new.forwarding.options(),
        ..TunnelPort::default()
    };
    let of = Of::open(&args.one.target, context).await?;
    let made = of.service.rest.create_port(&of.at, &port).await;
    let made = made.map_err(|error| match of.failure("add", args.one.port, &error) {
        failure if failure.code == Code::Conflict => {
            failure.hint("change it with `adit port update`, or choose another number")
        }
        failure => failure,
    })?;
    of.print(made, context)
}

async fn list(args: ListArgs, context: &Context) -> Outcome {
    let of = Of::open(&args.target, context).await?;
    let ports = of.service.rest.ports(&of.at).await;
    let ports = ports.map_err(|error| {
        Failure::service(format_args!("list the ports of {}", of.tunnel), &error)
    })?;
    if context.json {
        let now = clock::wall();
        let shape = |port| shape::Port::of(port, &of.tunnel, now);
        return shape::print("ports", &ports.into_iter().map(shape).collect::<Vec<_>>());
    }
    if ports.is_empty() {
        return context.screen.line(format!("{} has no ports.", of.tunnel));
    }
    text::port_rows(&ports).iter().try_for_each(|line| context.screen.line(line))
}

async fn show(args: OneArgs, context: &Context) -> Outcome {
    let of = Of::open(&args.target, context).await?;
    let port = of.find(args.port).await?;
    of.print(port, context)
}

async fn update(args: UpdateArgs, context: &Context) -> Outcome {
    let change = args.changed.change();
    if change.is_nothing() && args.protocol.is_none() {
        return Err(nothing_to_change("adit port update"));
    }
    let of = Of::open(&args.one.target, context).await?;
    let known = of.find(args.one.port).await?;
    let protocol = args.protocol.map(|Speaks(protocol)| protocol);
    let changed = TunnelPort { protocol, ..change.of_port(&known) };
    let changed = of.service.rest.update_port(&of.at, &changed).await;
    let changed = changed.map_err(|error| of.failure("change", args.one.port, &error))?;
    of.print(changed, context)
}

async fn delete(args: OneArgs, context: &Context) -> Outcome {
    let of = Of::open(&args.target, context).await?;
    let deleted = of.service.rest.delete_port(&of.at, args.port).await;
    match deleted.map_err(|error| of.failure("delete", args.port, &error))? {
        true if context.json => shape::print("deletedPort", &args.port.to_string()),
        true => context.screen.line(format!("Deleted port: {} of {}", args.port, of.tunnel)),
        false => Err(of.no_port(args.port)),
    }
}

/// The tunnel whose ports a command is about.
struct Of {
    service: Service,
    tunnel: FullId,
    at: Locator,
}

impl Of {
    async fn open(target: &Target, context: &Context) -> Outcome<Self> {
        let (service, at) = target.open(context).await?;
        let tunnel = find(&service.rest, &at).await?;
        Ok(Self { service, at: tunnel.clone().into(), tunnel })
    }

    async fn find(&self, number: u16) -> Outcome<TunnelPort> {
        let ports = self.service.rest.ports(&self.at).await;
        let ports = ports.map_err(|error| self.failure("show", number, &error))?;
        let found = ports.into_iter().find(|port| port.port_number == number);
        found.ok_or_else(|| self.no_port(number))
    }

    fn print(&self, port: TunnelPort, context: &Context) -> Outcome {
        let now = clock::wall();
        if context.json {
            return shape::print("port", &shape::Port::of(port, &self.tunnel, now));
        }
        let lines = text::port(&port, &self.tunnel, now);
        lines.iter().try_for_each(|line| context.screen.line(line))
    }

    fn no_port(&self, number: u16) -> Failure {
        Failure::new(Code::NotFound, format!("{} has no port {number}", self.tunnel))
            .hint(format!("see: adit port list {}", self.tunnel))
    }

    fn failure(&self, verb: &str, number: u16, error: &adit_tunnel::management::Error) -> Failure {
        Failure::service(format_args!("{verb} port {number} of {}", self.tunnel), error)
    }
}
