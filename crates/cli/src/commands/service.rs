//! `adit service`: hosts tunnels as a service of the user, from login on, without a terminal.
//!
//! On Linux with systemd only, as a user unit: no root, and the sign-in and files are the user's own.

mod unit;

use std::path::PathBuf;
use std::process::Command;

use adit_app::durable;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::Place;
use adit_app::unit::NAME;
use adit_tunnel::management::Locator;
use adit_wire::task;
use serde_json::json;

use self::unit::Unit;
use super::host::services::Services;
use crate::context::Context;
use crate::screen::print_line;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: What,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Host tunnels from now on and from each login on, restarted if it ever fails.
    #[command(after_help = "\
The tunnels are hosted by a systemd user unit, adit.service. For hosting while nobody is
logged in: loginctl enable-linger

Examples:
  adit service install shop blog
  adit service install shop --print     show the unit, install nothing")]
    Install(InstallArgs),
    /// Host them no longer, and remove the service.
    Uninstall,
    /// Say whether the service is installed and running.
    Status,
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// The tunnels: ids, or names.
    #[arg(required = true, value_name = "TUNNEL")]
    tunnels: Vec<Locator>,

    /// The relay that they live on, or `microsoft`.
    #[arg(long, value_name = "PLACE")]
    on: Option<Place>,

    /// Keep the tunnels from running out while they are hosted: their own life is given to them anew.
    #[arg(long)]
    renew: bool,

    /// Print the unit and install nothing.
    #[arg(long)]
    print: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err(Failure::new(Code::Refused, "a service can only be installed on Linux so far")
            .hint("have your system start `adit host <tunnel>` at login"));
    }
    match args.command {
        What::Install(args) => install(args, context).await,
        What::Uninstall => uninstall(context).await,
        What::Status => status(context).await,
    }
}

async fn install(args: InstallArgs, context: &Context) -> Outcome {
    let mut services = Services::new(context);
    let place = services.place(args.on)?;
    // With its cluster a tunnel needs no look-up at the start, when the network may not be there yet.
    let tunnels = services.get(&place).await?.find_all(&args.tunnels).await?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::caused(Code::Internal, "cannot tell where adit is", &error))?;
    let variables = context.profile.overrides.clone();
    let unit = Unit { program, tunnels, place, renew: args.renew, variables };
    let text = unit.text()?;
    if args.print {
        return print_line(text.trim_end());
    }
    let path = path()?;
    durable::write(&path, &text)?;
    systemctl(&["daemon-reload"]).await?;
    systemctl(&["enable", NAME]).await?;
    // A service that runs already has the tunnels of the unit before.
    systemctl(&["restart", NAME]).await?;
    said(context, "installed", &path)
}

async fn uninstall(context: &Context) -> Outcome {
    let path = path()?;
    if !path.exists() {
        return Err(Failure::new(Code::NotFound, "the service is not installed"));
    }
    systemctl(&["disable", "--now", NAME]).await?;
    std::fs::remove_file(&path).map_err(|error| durable::cannot("remove", &path, &error))?;
    systemctl(&["daemon-reload"]).await?;
    said(context, "removed", &path)
}

async fn status(context: &Context) -> Outcome {
    let path = path()?;
    let installed = path.exists();
    let state = match installed {
        true => show("ActiveState").await?,
        false => "not installed".to_owned(),
    };
    if context.json {
        let status = json!({ "installed": installed, "state": state, "unit": path });
        return print_line(&status.to_string());
    }
    context.screen.line(format!("{NAME}: {state}"))?;
    match installed {
        true => context
            .screen
            .line("What it hosts: adit status. What it says: journalctl --user -u adit"),
        false => context.screen.line("Install it with: adit service install <tunnel>"),
    }
}

fn said(context: &Context, done: &str, path: &std::path::Path) -> Outcome {
    match context.json {
        true => print_line(&json!({ "done": done, "unit": path }).to_string()),
        false => context.screen.line(format!("{done}: {}", path.display())),
    }
}

/// Where systemd looks for the user's own units.
fn path() -> Outcome<PathBuf> {
    Ok(adit_app::unit::Unit::of_user(&[])?.path().to_owned())
}

async fn systemctl(args: &[&str]) -> Outcome {
    call(args).await.map(|_| ())
}

async fn show(property: &str) -> Outcome<String> {
    let said = call(&["show", NAME, "--property", property, "--value"]).await?;
    Ok(said.trim().to_owned())
}

async fn call(args: &[&str]) -> Outcome<String> {
    let shown = format!("systemctl --user {}", args.join(" "));
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let output = task::blocking("systemctl", move || {
        Command::new("systemctl").arg("--user").args(args).output()
    });
    let output = output.await.map_err(|error| {
        Failure::caused(Code::Refused, format_args!("cannot run `{shown}`"), &error)
            .hint("the service needs systemd; elsewhere start `adit host <tunnel>` at login")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(Code::Refused, format!("`{shown}` failed: {said}")).hint(
        "a session with its own systemd is needed: log in at a desktop or with ssh, not with su",
    ))
}
