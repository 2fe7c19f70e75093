//! What goes in and comes out, in few words.

use std::collections::BTreeSet;

use adit_app::command::Command;
use adit_app::effect::Effect;
use adit_app::event::{Done, Event, Input};
use adit_app::persist::Save;
use adit_app::tunnel_key::TunnelKey;
use adit_proto::contracts::Tunnel;
use adit_tunnel::host;

pub(crate) fn of_input(input: &Input) -> String {
    match input {
        Input::Tick => "tick".to_owned(),
        Input::Command(command) => format!("asked {}", of_command(command)),
        Input::Event(event) => of_event(event),
    }
}

fn of_command(command: &Command) -> String {
    match command {
        Command::Host(of) => format!("to host {of}"),
        Command::Stop(of) => format!("to stop {of}"),
        Command::Lend(of) => format!("to lend {of}"),
        Command::GiveBack(of) => format!("to take back {of}"),
        Command::Drop(of) => format!("to drop {of}"),
        Command::TakeOver(of) => format!("to take over {of}"),
        Command::TryNow(of) => format!("to try {of} now"),
        Command::Delete(of) => format!("to remove {of}"),
        Command::DeletePort { tunnel, port } => format!("to remove port {port} of {tunnel}"),
        Command::AddPort { tunnel, port } => format!("to add port {port} to {tunnel}"),
        Command::Begin(errand) => format!("to begin {:?}", errand.id),
        Command::Create(draft) => format!("to make a tunnel on {}", draft.place),
        command => format!("{command:?}"),
    }
}

fn of_event(event: &Event) -> String {
    let of_result = |is_ok: bool| if is_ok { "well" } else { "badly" };
    match event {
        Event::Listed { place, serial, result } => match result {
            Ok(tunnels) => {
                let all: Vec<_> = tunnels.iter().map(of_tunnel).collect();
                format!("list {serial} of {place}: {}", all.join(", "))
            }
            Err(trouble) => format!("no list {serial} of {place}: {:?}", trouble.code()),
        },
        Event::Shown { tunnel, serial, result } => match result {
            Ok(told) => format!("answer {serial} about {tunnel}: {}", of_tunnel(told)),
            Err(trouble) => format!("no answer {serial} about {tunnel}: {:?}", trouble.code()),
        },
        Event::Changed { ticket, result } => match result {
            Ok(Done::Created(tunnel)) => format!("change {ticket}: made {}", of_tunnel(tunnel)),
            Ok(_) => format!("change {ticket} is made"),
            Err(trouble) => format!("change {ticket} is not made: {:?}", trouble.code()),
        },
        Event::Engine { tunnel, event } => match event {
            host::Event::Ready { urls } | host::Event::UrlChanged { urls } => {
                let ports: Vec<_> = urls.iter().map(|of| of.port).collect();
                format!("{tunnel} serves {ports:?}")
            }
            host::Event::Health { port, health } => {
                format!("{tunnel}: {port} is {:?}", health.label)
            }
            event => format!("{tunnel}: {event:?}"),
        },
        Event::NotHosted { tunnel, failure } => format!("{tunnel} is not hosted: {failure}"),
        Event::Ended(tunnel) => format!("the engine of {tunnel} is gone"),
        Event::Checked { place, found } => format!("{place} is {found:?}"),
        Event::Saved { part, result } => format!("{part:?} written {}", of_result(result.is_ok())),
        event => format!("{event:?}"),
    }
}

/// Its id, how many host it, and which ports it has.
fn of_tunnel(tunnel: &Tunnel) -> String {
    let id = tunnel.tunnel_id.as_deref().unwrap_or_default();
    let count = tunnel.status.as_ref().and_then(|status| status.host_connection_count.as_ref());
    let hosts = count.map_or(0, |count| count.current);
    let ports = tunnel.ports.as_ref();
    let ports = ports.map(|ports| ports.iter().map(|port| port.port_number).collect::<Vec<_>>());
    match ports {
        Some(ports) => format!("{id}*{hosts} {ports:?}"),
        None => format!("{id}*{hosts}"),
    }
}

pub(crate) fn of_effect(effect: &Effect) -> String {
    match effect {
        Effect::Host(tunnel) => format!("host {tunnel}"),
        Effect::Tell { tunnel, command } => format!("tell {tunnel} to {command:?}"),
        Effect::Check(place) => format!("check {place}"),
        Effect::List { place, serial } => format!("ask for list {serial} of {place}"),
        Effect::Show { tunnel, serial } => format!("ask {serial} about {tunnel}"),
        Effect::Create { ticket, place, .. } => format!("{ticket}: make a tunnel on {place}"),
        Effect::AddPort { ticket, tunnel, port } => {
            format!("{ticket}: add port {} to {tunnel}", port.number)
        }
        Effect::DeletePort { ticket, tunnel, port } => {
            format!("{ticket}: remove port {port} of {tunnel}")
        }
        Effect::DeleteTunnel { ticket, tunnel } => format!("{ticket}: remove {tunnel}"),
        Effect::Save(Save::Memory(memory)) => format!("write {}", keys(&memory.tunnels)),
        Effect::Save(save) => format!("write {:?}", save.part()),
        Effect::Notify(notice) => format!("say {:?} of {}", notice.kind, notice.about),
        Effect::Apply(_) => "put settings in force".to_owned(),
        effect => format!("{effect:?}"),
    }
}

pub(crate) fn keys<'a>(of: impl IntoIterator<Item = &'a TunnelKey>) -> String {
    let all: BTreeSet<_> = of.into_iter().map(|key| key.id.to_string()).collect();
    format!("{all:?}")
}
