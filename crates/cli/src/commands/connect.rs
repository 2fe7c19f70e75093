//! `adit connect`: brings a tunnel's ports to this computer until Ctrl-C.

use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{self, Lines};
use adit_app::place::Place;
use adit_app::service::{connector, find};
use adit_tunnel::client::{Client, ClientHandle, Config, Event, Failure as Cause, Numbers, State};
use adit_tunnel::management::{Locator, Management};
use adit_wire::change::Watcher;

use crate::commands::manage::target::{default_on, relay};
use crate::context::Context;
use crate::output;
use crate::screen::{Screen, harmless, print_line};
use crate::signal::{self, Requests};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each port of the tunnel becomes a port of localhost: the same number if it is free, else one
of the nine after it, else any; any other where the tunnel is hosted on this computer too.
All TCP passes, not only HTTP.

Examples:
  adit connect quiet-fox-4k9x2bd.loc1
  adit connect shop --on https://cp.relay.example.com")]
pub(crate) struct Args {
    /// The tunnel: its id, or its name. Without it, the default one (see `adit set`).
    tunnel: Option<Locator>,

    /// The relay that it lives on.
    #[arg(long, value_name = "RELAY")]
    on: Option<Place>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let lines = Lines::start();
    let mut requests = Requests::listen()?;
    let relay = relay(context, args.on)?;
    let tunnel = args.tunnel.map_or_else(|| default_on(&relay, context), Ok)?;
    let management: Arc<dyn Management> = Arc::new(context.profile.service_for_anybody(&relay)?);
    let tunnel = requests.unless(find(&*management, &tunnel)).await?;
    let shown = tunnel.to_string();
    output::begin(context.json.then_some(lines));
    if context.json {
        print_line(&lines.write(None, lines::Event::Started { tunnel_ids: vec![shown.clone()] }))?;
    }
    let mut config = Config::new(management, connector(), tunnel.clone().into());
    config.changes = Some(Watcher::spawn());
    let claim = context.profile.places.claim_of(&tunnel);
    config.numbers = Numbers::chosen_by(move |port| {
        let is_hosted_here = Claim::is_taken(&claim);
        if is_hosted_here { 0 } else { port }
    });
    let mut client = Client::spawn(config);
    let ended = loop {
        tokio::select! {
            event = client.next() => match event {
                Some(Event::Failed(cause)) => break Err(failure(&shown, &cause)),
                Some(event) => tell(&shown, &event, context, lines)?,
                None => break Err(Failure::new(Code::Internal, "the client ended by itself")),
            },
            () = requests.next() => break Ok(()),
        }
    };
    tokio::select! {
        () = ClientHandle::stop(client) => {}
        () = requests.next() => return Err(signal::interrupted()),
    }
    if context.json && ended.is_ok() {
        print_line(&lines.write(None, lines::Event::Stopped))?;
    }
    ended
}

fn tell(tunnel: &str, event: &Event, context: &Context, lines: Lines) -> Outcome {
    if context.json {
        return to_line(event).map_or(Ok(()), |line| print_line(&lines.write(Some(tunnel), line)));
    }
    show(event, context.screen)
}

fn show(event: &Event, screen: Screen) -> Outcome {
    match event {
        Event::Listening { port, local } if port == local => {
            screen.line(format!("port {port} of the tunnel is at localhost:{local}"))
        }
        Event::Listening { port, local } => screen.line(format!(
            "port {port} of the tunnel is at localhost:{local} ({port} is taken on this computer)"
        )),
        Event::Removed { port } => screen.line(format!("port {port} is gone from the tunnel")),
        Event::NotListening { port, cause } => {
            screen.line(format!("no local port could be had for port {port}: {cause}"))
        }
        Event::Refused { port, cause } => {
            screen.line(harmless(&format!("port {port} was not reached: {cause}")))
        }
        Event::Retry { wait, cause, .. } => {
            screen.line(harmless(&format!("{cause}; trying again in {:.1} s", wait.as_secs_f64())))
        }
        Event::State(State::Waiting) => screen.line("Nobody hosts the tunnel; waiting for a host"),
        Event::State(State::Reconnecting) => screen.line("The connection was lost; reconnecting"),
        Event::State(State::Connected) => screen.line("Connected. Ctrl-C ends it"),
        Event::State(State::Connecting | State::Stopped) | Event::Failed(_) => Ok(()),
    }
}

fn to_line(event: &Event) -> Option<lines::Event> {
    let error = |code, message| Some(Failure::new(code, message).into());
    match event {
        Event::State(state) => {
            let state = match state {
                State::Connecting => lines::State::Connecting,
                State::Connected => lines::State::Connected,
                State::Waiting => lines::State::Waiting,
                State::Reconnecting => lines::State::Reconnecting,
                State::Stopped => lines::State::Stopped,
            };
            Some(lines::Event::State { state, message: None })
        }
        Event::Listening { port, local } => {
            Some(lines::Event::Listening { port: *port, local: *local })
        }
        Event::Removed { port } => Some(lines::Event::Removed { port: *port }),
        Event::NotListening { port, cause } => {
            error(Code::Listen, format!("no local port could be had for port {port}: {cause}"))
        }
        Event::Refused { port, cause } => {
            error(Code::Refused, format!("port {port} was not reached: {cause}"))
        }
        Event::Retry { attempt, wait, cause } => Some(lines::Event::Retry {
            attempt: *attempt,
            in_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            cause: cause.to_string(),
        }),
        Event::Failed(_) => None,
    }
}

fn failure(tunnel: &str, cause: &Cause) -> Failure {
    let what = format!("connect to {tunnel}");
    match cause {
        Cause::Management(error) => Failure::service(what, error),
        Cause::NoHost => Failure::caused(Code::Unreachable, format!("cannot {what}"), cause),
        Cause::Socket(error) => {
            let failure = |code| Failure::caused(code, format!("cannot {what}"), cause);
            match error.status().map(|status| status.as_u16()) {
                Some(401) => failure(Code::SignIn).hint("sign in with: adit login <relay URL>"),
                Some(403) => failure(Code::Access).hint("ask the tunnel's owner for access"),
                Some(404) => failure(Code::NotFound)
                    .hint("check the id, and that this is the relay it lives on (--on)"),
                _ => failure(Code::Unreachable)
                    .hint("check that the relay runs, and the network or proxy between"),
            }
        }
        Cause::Ended(_) => Failure::caused(Code::Unreachable, format!("cannot {what}"), cause),
    }
}
