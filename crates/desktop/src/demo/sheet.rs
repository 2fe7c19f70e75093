//! What a service answers to dialogs about a tunnel.

use std::sync::Arc;

use adit_app::access::edit::{Edit, made};
use adit_app::command::Ticket;
use adit_app::event::{Done, Event, Trouble};
use adit_app::failure::{Code, Failure};
use adit_app::manage::{Got, Job, Whole};
use adit_app::tunnel_key::TunnelKey;
use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntryType, AccessSubject, Tunnel, TunnelPort};
use adit_proto::token::Secret;
use adit_tunnel::management::Link;
use jiff::Timestamp;

use super::World;
use super::scene;
use super::world::unknown;

/// Who there is on the relay of the pictures.
const USERS: &[&str] = &["ben", "eva", "joao", "lia"];

impl World {
    /// Refuses every change of a tunnel from now on, or not any more.
    pub fn refuse_changes(&mut self, why: Option<&str>) {
        self.refusal = why.map(|why| Failure::new(Code::Refused, why));
    }

    pub(super) fn read_whole(&mut self, tunnel: TunnelKey, serial: u64) {
        let result = self.whole(&tunnel).map(Box::new);
        self.then(Event::Read { tunnel, serial, result });
    }

    pub(super) fn manage(&mut self, ticket: Ticket, tunnel: &TunnelKey, job: &Job, now: Timestamp) {
        let result = match self.refusal.clone() {
            Some(failure) => Err(failure.into()),
            None => self.done(tunnel, job, now).map(Done::Managed),
        };
        self.then(Event::Changed { ticket, result });
    }

    fn whole(&self, tunnel: &TunnelKey) -> Result<Whole, Trouble> {
        let links = self.links.get(tunnel).cloned().unwrap_or_default();
        let tunnel = self.tunnel(tunnel).cloned().ok_or_else(unknown)?;
        let name = |name: &&str| AccessSubject {
            kind: AccessEntryType::Users,
            id: Some((*name).to_owned()),
            name: Some((*name).to_owned()),
            ..AccessSubject::default()
        };
        Ok(Whole { tunnel, names: USERS.iter().map(name).collect(), links })
    }

    fn done(&mut self, tunnel: &TunnelKey, job: &Job, now: Timestamp) -> Result<Got, Trouble> {
        match job {
            Job::Access(steps) => {
                for step in steps {
                    self.change_access(tunnel, step.port, &step.edit, now)?;
                }
            }
            Job::Invite { kind, names } => {
                if let Some(name) = names.iter().find(|name| !USERS.contains(&name.as_str())) {
                    let message = format!("the relay knows no user `{name}`");
                    return Err(Failure::new(Code::NotFound, message).into());
                }
                let who = vec![(kind.clone(), names.clone())];
                let entries = made(who, false, &[Scope::Connect], None, now);
                self.change_access(tunnel, None, &Edit::Add(entries), now)?;
            }
            Job::Edit(edit) => {
                let known = self.tunnel_mut(tunnel).ok_or_else(unknown)?;
                let body = edit.body(known);
                merge(known, body);
            }
            Job::EditPort(edit) => {
                let known = self.tunnel_mut(tunnel).ok_or_else(unknown)?;
                let ports = known.ports.iter_mut().flatten();
                let port = ports.into_iter().find(|port| port.port_number == edit.number);
                let port = port.ok_or_else(unknown)?;
                let body = edit.body(port);
                merge_port(port, body);
            }
            Job::Token { .. } => {
                return Ok(Got::Token { token: Secret::from("demo.token.only"), until: None });
            }
            Job::Link { port, until } => {
                let links = self.links.entry(tunnel.clone()).or_default();
                let id = format!("demo{}", links.len());
                let link = Link { id, url: None, port: *port, expires: *until };
                links.push(link.clone());
                let url = Secret::from("https://cp.relay.example.com/go/demo-link-only");
                let link = Link { url: Some(url), ..link };
                return Ok(Got::Link { link, whole: self.whole(tunnel).ok().map(Arc::new) });
            }
            Job::Unlink { id } => {
                self.links.entry(tunnel.clone()).or_default().retain(|link| link.id != *id);
                return Ok(Got::Revoked { whole: self.whole(tunnel).ok().map(Arc::new) });
            }
            Job::Move { to, tunnel } => {
                let made = scene::made(to, (**tunnel).clone(), self.asked().len());
                self.places.entry(to.clone()).or_default().push(made.clone());
                return Ok(Got::Moved(Box::new(made)));
            }
        }
        self.whole(tunnel).map(|whole| Got::Whole(Arc::new(whole)))
    }

    fn change_access(
        &mut self,
        tunnel: &TunnelKey,
        port: Option<u16>,
        edit: &Edit,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let tunnel = self.tunnel_mut(tunnel).ok_or_else(unknown)?;
        let control = match port {
            None => &mut tunnel.access_control,
            Some(number) => {
                let ports = tunnel.ports.iter_mut().flatten();
                let port = ports.into_iter().find(|port| port.port_number == number);
                &mut port.ok_or_else(unknown)?.access_control
            }
        };
        let known = control.clone().unwrap_or_default().entries;
        if let Some(entries) = edit.apply(known, now) {
            *control = Some(AccessControl { entries });
        }
        Ok(())
    }
}

/// What is absent stays.
fn merge(known: &mut Tunnel, body: Tunnel) {
    known.name = body.name.or(known.name.take());
    known.description = body.description.or(known.description.take());
    known.labels = body.labels.or(known.labels.take());
    known.options = body.options.or(known.options.take());
    known.custom_expiration = body.custom_expiration.or(known.custom_expiration);
}

fn merge_port(known: &mut TunnelPort, body: TunnelPort) {
    known.protocol = body.protocol.or(known.protocol.take());
    known.labels = body.labels.or(known.labels.take());
    known.description = body.description.or(known.description.take());
    known.options = body.options.or(known.options.take());
}
