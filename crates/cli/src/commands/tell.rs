//! `adit stop`, `adit retry`, `adit take-over`: tell something to the process that hosts a tunnel.

use std::time::Duration;

use adit_app::control::{Client, Reply, Request};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::running::{self, Process};
use adit_app::status::Tunnel;
use adit_wire::clock;
use serde_json::json;

use crate::context::Context;
use crate::screen::print_line;

/// What `stop` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit stop shop          end the hosting of one tunnel, whichever process does it
  adit stop --all         end all hosting of this user on this computer")]
pub(crate) struct StopArgs {
    /// The tunnels: ids or names, as `adit status` shows them.
    #[arg(value_name = "TUNNEL", required_unless_present = "all")]
    tunnels: Vec<String>,

    /// All that this user hosts on this computer.
    #[arg(long, conflicts_with = "tunnels")]
    all: bool,
}

/// What the others take.
#[derive(Debug, clap::Args)]
pub(crate) struct OneArgs {
    /// The tunnel: an id or a name, as `adit status` shows it.
    #[arg(value_name = "TUNNEL")]
    tunnel: String,
}

/// How long a tunnel may take to end in good order, and how often that is looked at.
const END: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn stop(args: StopArgs, context: &Context) -> Outcome {
    let processes = running::all(&context.profile.places).await;
    let found = match args.all {
        true => all(&processes),
        false => args.tunnels.iter().map(|name| find(&processes, name)).collect::<Outcome<_>>()?,
    };
    for (process, tunnel) in &found {
        let tunnels = vec![tunnel.tunnel_id.clone()];
        tell(process, &Request::Stop { tunnels }).await?;
    }
    for (process, tunnel) in &found {
        ended(process, tunnel).await?;
        said(context, "stopped", tunnel)?;
    }
    match found.is_empty() && !context.json {
        true => context.screen.line("Nothing is hosted on this computer."),
        false => Ok(()),
    }
}

pub(crate) async fn retry(args: OneArgs, context: &Context) -> Outcome {
    one(&args.tunnel, context, "trying now", |tunnel| Request::Retry { tunnel }).await
}

pub(crate) async fn take_over(args: OneArgs, context: &Context) -> Outcome {
    one(&args.tunnel, context, "taking over", |tunnel| Request::TakeOver { tunnel }).await
}

async fn one(
    name: &str,
    context: &Context,
    done: &str,
    request: impl FnOnce(String) -> Request,
) -> Outcome {
    let processes = running::all(&context.profile.places).await;
    let (process, tunnel) = find(&processes, name)?;
    tell(process, &request(tunnel.tunnel_id.clone())).await?;
    said(context, done, tunnel)
}

type Found<'a> = (&'a Process, &'a Tunnel);

fn all(processes: &[Process]) -> Vec<Found<'_>> {
    processes
        .iter()
        .flat_map(|process| process.status.tunnels.iter().map(move |tunnel| (process, tunnel)))
        .collect()
}

/// The hosted tunnel of that name.
fn find<'a>(processes: &'a [Process], name: &str) -> Outcome<Found<'a>> {
    let is = |tunnel: &Tunnel| {
        let id = tunnel.tunnel_id.as_str();
        let bare = id.split_once('.').map_or(id, |(bare, _)| bare);
        id == name || bare == name || tunnel.name.as_deref() == Some(name)
    };
    let mut found = all(processes).into_iter().filter(|(_, tunnel)| is(tunnel));
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(Failure::new(Code::NotFound, format!("{name} is not hosted here"))
            .hint("see what is, with: adit status")),
        (Some(_), Some(_)) => {
            Err(Failure::new(Code::Usage, format!("several hosted tunnels are called {name}"))
                .hint("give an id with its cluster, as `adit status --json` shows it"))
        }
    }
}

async fn tell(process: &Process, request: &Request) -> Outcome {
    let gone = || {
        let pid = process.status.pid;
        Failure::new(Code::NotFound, format!("process {pid} has ended meanwhile"))
    };
    let mut client = Client::connect(&process.directory).await.ok_or_else(gone)?;
    client.ask(request).await.map(|_| ())
}

/// Waits until the tunnel is hosted no longer.
async fn ended(process: &Process, tunnel: &Tunnel) -> Outcome {
    let deadline = clock::now() + END;
    while clock::now() < deadline {
        let Some(mut client) = Client::connect(&process.directory).await else { return Ok(()) };
        let is_there = match client.ask(&Request::Status).await {
            Ok(Reply::Status(status)) => {
                status.tunnels.iter().any(|hosted| hosted.tunnel_id == tunnel.tunnel_id)
            }
            _ => false,
        };
        if !is_there {
            return Ok(());
        }
        clock::sleep(LOOK).await;
    }
    let what = format!("{} still finishes what it carries", tunnel.tunnel_id);
    Err(Failure::new(Code::Internal, what).hint("look again with: adit status"))
}

fn said(context: &Context, done: &str, tunnel: &Tunnel) -> Outcome {
    let id = &tunnel.tunnel_id;
    match context.json {
        true => print_line(&json!({ "tunnel_id": id, "done": done }).to_string()),
        false => context.screen.line(format!("{id}: {done}")),
    }
}
