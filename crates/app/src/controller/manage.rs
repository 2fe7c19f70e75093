//! Changes of a tunnel that exists, as calls of its service.

use std::sync::Arc;

use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{AccessEntry, AccessEntryType, TunnelPort};
use adit_proto::id::FullId;
use adit_proto::token::peek;
use adit_tunnel::management::{Confirmed, Error, Management, Want, access};
use jiff::Timestamp;

use super::calls::{at, told};
use crate::access::edit::{Edit, made};
use crate::event::Trouble;
use crate::failure::{Code, Failure};
use crate::manage::edit::{PortEdit, TunnelEdit};
use crate::manage::{Got, Job, Step, Whole};

/// Reads a tunnel with its ports, and what those are called who are in its access lists.
pub(super) async fn read(service: &dyn Management, id: &FullId) -> Result<Whole, Trouble> {
    let found = service.get(&at(id), Want::PORTS).await;
    let mut tunnel = told(format_args!("look up {id}"), found)?;
    if tunnel.ports.is_none() {
        let ports = service.ports(&at(id)).await;
        tunnel.ports = Some(told(format_args!("list the ports of {id}"), ports)?);
    }
    let of_ports = tunnel.ports.iter().flatten().filter_map(|port| port.access_control.as_ref());
    let lists = tunnel.access_control.iter().chain(of_ports);
    let entries: Vec<AccessEntry> = lists.flat_map(|control| control.own().entries).collect();
    let names = access::names(service, &entries).await;
    let links = match service.links(&at(id)).await {
        // A place without links, or one that tells them to others only.
        Err(Error::Invalid { .. } | Error::NotFound { .. } | Error::Forbidden { .. }) => Vec::new(),
        links => told(format_args!("list the links to {id}"), links)?,
    };
    Ok(Whole { tunnel, names, links })
}

/// Does what was asked for.
pub(super) async fn run(
    service: &dyn Management,
    id: &FullId,
    job: &Job,
    now: Timestamp,
) -> Result<Got, Trouble> {
    match job {
        Job::Access(steps) => change(service, id, steps, now).await?,
        Job::Invite { kind, names } => invite(service, id, kind, names, now).await?,
        Job::Edit(edit) => change_tunnel(service, id, edit).await?,
        Job::EditPort(edit) => change_port(service, id, edit).await?,
        Job::Token { port } => return token(service, id, *port).await,
        Job::Link { port, until } => {
            let made = service.create_link(&at(id), *port, *until).await;
            let link = told(format_args!("make a link to {id}"), made)?;
            // It is told once: that nothing else can be read is no reason to lose it.
            let whole = read(service, id).await.ok().map(Arc::new);
            return Ok(Got::Link { link, whole });
        }
        Job::Unlink { id: link } => {
            // One that is gone already is as good.
            let revoked = service.delete_link(&at(id), link).await;
            told(format_args!("revoke a link to {id}"), revoked)?;
            return Ok(Got::Revoked { whole: read(service, id).await.ok().map(Arc::new) });
        }
        Job::Move { to, tunnel } => {
            let made = service.create(tunnel, Want::PORTS).await;
            let made = told(format_args!("make the tunnel on {to}"), made)?;
            return Ok(Got::Moved(Box::new(made)));
        }
    }
    Ok(Got::Whole(Arc::new(read(service, id).await?)))
}

async fn change(
    service: &dyn Management,
    id: &FullId,
    steps: &[Step],
    now: Timestamp,
) -> Result<(), Trouble> {
    for Step { port, edit } in steps {
        let apply = |known| edit.apply(known, now);
        // Nothing to take away is as good as taken away.
        let changed = access::change(service, &at(id), *port, apply).await;
        match port {
            None => told(format_args!("change who may visit {id}"), changed)?,
            Some(port) => told(format_args!("change who may visit port {port} of {id}"), changed)?,
        };
    }
    Ok(())
}

async fn invite(
    service: &dyn Management,
    id: &FullId,
    kind: &AccessEntryType,
    names: &[String],
    now: Timestamp,
) -> Result<(), Trouble> {
    let found = access::ids(service, kind, names).await;
    let found = told(format_args!("find those who are to visit {id}"), found)?;
    let ids: Result<Vec<_>, _> = names.iter().zip(found).map(|(name, id)| id.ok_or(name)).collect();
    let ids = ids.map_err(|name| {
        let what = if *kind == AccessEntryType::Users { "user" } else { "group" };
        Failure::new(Code::NotFound, format!("the relay knows no {what} `{name}`"))
    })?;
    let entries = made(vec![(kind.clone(), ids)], false, &[Scope::Connect], None, now);
    change(service, id, &[Step { port: None, edit: Edit::Add(entries) }], now).await
}

async fn change_tunnel(
    service: &dyn Management,
    id: &FullId,
    edit: &TunnelEdit,
) -> Result<(), Trouble> {
    let known = service.get(&at(id), Want::NOTHING).await;
    let known = told(format_args!("look up {id}"), known)?;
    let changed = service.update(&edit.body(&known), Want::NOTHING).await;
    told(format_args!("change {id}"), changed).map(drop)
}

async fn change_port(
    service: &dyn Management,
    id: &FullId,
    edit: &PortEdit,
) -> Result<(), Trouble> {
    let number = edit.number;
    let ports = service.ports(&at(id)).await;
    let ports = told(format_args!("list the ports of {id}"), ports)?;
    let known = ports.into_iter().find(|port| port.port_number == number);
    let known =
        known.unwrap_or_else(|| TunnelPort { port_number: number, ..TunnelPort::default() });
    let (at, body) = (at(id), edit.body(&known));
    let changed = match edit.replaces {
        true => service.replace_port(&at, &body, Confirmed).await,
        false => service.update_port(&at, &body).await,
    };
    told(format_args!("change port {number} of {id}"), changed).map(drop)
}

async fn token(service: &dyn Management, id: &FullId, port: Option<u16>) -> Result<Got, Trouble> {
    let made = service.issue(&at(id), port, Scopes::of(&[Scope::Connect])).await;
    let token = told(format_args!("make a token for visitors of {id}"), made)?;
    let until = peek(token.expose()).and_then(|claims| claims.exp);
    Ok(Got::Token { token, until })
}
