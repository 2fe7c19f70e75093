//! `adit status`: what this user hosts on this computer, and how it stands with it.

use adit_app::failure::Outcome;
use adit_app::running::{self, Process, Watch};
use adit_app::status::Tunnel;
use adit_app::view::{self, Mood, Standing};
use adit_app::words::{self, Language};
use adit_wire::clock;
use jiff::ZonedDateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::context::Context;
use crate::screen::{Screen, Style, harmless, print_line};
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit status             what is hosted here, and whether the URLs work
  adit status --watch     again whenever it changes
  adit status --json      for scripts; `docs/cli.md` lists the fields")]
pub(crate) struct Args {
    /// Print it again whenever it changes, until Ctrl-C.
    #[arg(short, long)]
    watch: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let shown = running::all(&context.profile.places).await;
    show(&shown, context)?;
    if !args.watch {
        return Ok(());
    }
    let mut requests = Requests::listen()?;
    let mut watch = Watch::new(context.profile.places.clone(), &shown);
    loop {
        tokio::select! {
            now = watch.next() => show(&now, context)?,
            () = requests.next() => return Ok(()),
        }
    }
}

fn show(processes: &[Process], context: &Context) -> Outcome {
    if context.json {
        let processes: Vec<_> = processes.iter().map(|process| &process.status).collect();
        return print_line(&json!({ "v": 1, "processes": processes }).to_string());
    }
    let now = clock::wall().to_zoned_datetime(TimeZone::system());
    if processes.iter().all(|process| process.status.tunnels.is_empty()) {
        return context.screen.line("Nothing is hosted on this computer. Start with: adit up 3000");
    }
    for process in processes {
        for tunnel in &process.status.tunnels {
            let by = format!("adit {}, process {}", process.status.program, process.status.pid);
            show_tunnel(tunnel, &by, context.screen, &now)?;
        }
    }
    Ok(())
}

fn show_tunnel(tunnel: &Tunnel, by: &str, screen: Screen, now: &ZonedDateTime) -> Outcome {
    let name = tunnel.name.as_deref().unwrap_or(&tunnel.tunnel_id);
    let heading = screen.paint(Style::Strong, &harmless(name));
    screen.line(format!("{heading}   on {}   {}", harmless(&tunnel.place), by))?;
    let view = view::of_status(tunnel);
    for port in &view.ports {
        let mut text = say(&port.standing, screen, now);
        let dead = tunnel.ports.get(&port.port).map_or(0, |port| port.dead);
        if dead > 0 {
            let times = if dead == 1 { "once" } else { &format!("{dead} times") };
            text.push_str(&screen.paint(Style::Faint, &format!("  (found dead {times})")));
        }
        match port.urls.first() {
            Some(url) => screen.line(format!("  {:<5}  {}   {text}", port.port, harmless(url)))?,
            None => screen.line(format!("  {:<5}  {text}", port.port))?,
        }
    }
    if view.ports.is_empty() {
        screen.line(format!("  {}", say(&view.standing, screen, now)))?;
    }
    match &view.notice {
        Some(notice) => screen.line(format!("  {}", say(notice, screen, now))),
        None => Ok(()),
    }
}

fn say(standing: &Standing, screen: Screen, now: &ZonedDateTime) -> String {
    let style = match standing.mood {
        Mood::Live => Style::Good,
        Mood::Stopped | Mood::Checking => Style::Faint,
        Mood::Connecting | Mood::Reconnecting | Mood::Local | Mood::Standby => Style::Odd,
        Mood::Error => Style::Bad,
    };
    let text = words::text(&standing.text, Language::English, now);
    let mut said = screen.paint(style, &text);
    if let Some(detail) = &standing.detail {
        said.push_str(&format!(" ({})", harmless(&detail.to_string())));
    }
    said
}
