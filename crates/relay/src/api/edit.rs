//! Changes that a request asks for, decided on the state that they apply to.
//!
//! These run on the directory's writer, one after the other, so that of two who want the same id or
//! name one gets it. Absent members of a request change nothing; empty ones clear.

use std::collections::BTreeMap;
use std::sync::Arc;

use adit_proto::access::{Scope, Scopes, TokenRequest};
use adit_proto::constraints::new_tunnel_id;
use adit_proto::contracts::{AccessControl, AccessEntry, Tunnel, TunnelOptions, TunnelPort};
use adit_proto::id::TunnelId;
use http::StatusCode;
use jiff::Timestamp;

use super::problem::Problem;
use super::query::Condition;
use crate::auth::{Auth, Caller, millisecond};
use crate::config::Limits;
use crate::directory::Draft;
use crate::record::{LastUse, PortRecord, TunnelRecord, User};

/// What every change has to know.
pub(super) struct Edit {
    pub(super) auth: Arc<Auth>,
    pub(super) caller: Caller,
    pub(super) limits: Limits,
    pub(super) condition: Condition,
    pub(super) now: Timestamp,
}

/// Whether a thing was made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Created,
    Updated,
}

impl Done {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Created => StatusCode::CREATED,
            Self::Updated => StatusCode::OK,
        }
    }
}

impl Edit {
    /// Makes or changes a tunnel.
    pub(super) fn put_tunnel(
        &self,
        draft: &mut Draft,
        id: &TunnelId,
        body: Tunnel,
        force_rename: bool,
        tokens: &[TokenRequest],
    ) -> Result<(Arc<TunnelRecord>, Done), Problem> {
        let existing = draft.tunnel(id);
        let done = self.condition.decide(existing.is_some(), Problem::no_tunnel, || {
            Problem::conflict(format!("There is a tunnel {id} already."))
        })?;
        let mut record = match existing {
            Some(record) => {
                self.check_manages(&record)?;
                TunnelRecord::clone(&record)
            }
            None => self.new_tunnel(draft, id)?,
        };
        let name = body.name.clone();
        self.apply_tunnel(&mut record, body)?;
        if let Some(name) = name {
            self.rename(draft, &mut record, name, force_rename)?;
        }
        for request in tokens {
            self.auth.check_mint(&self.caller, &record, None, request, self.now)?;
        }
        record.used.touch(self.now);
        Ok((draft.put(record), done))
    }

    /// Removes a tunnel.
    pub(super) fn delete_tunnel(&self, draft: &mut Draft, id: &TunnelId) -> Result<(), Problem> {
        let record = draft.tunnel(id).ok_or_else(Problem::no_tunnel)?;
        self.auth.allow(&self.caller, &record, None, Scope::Manage, self.now)?;
        draft.remove(id);
        Ok(())
    }

    /// Makes or changes a port.
    pub(super) fn put_port(
        &self,
        draft: &mut Draft,
        id: &TunnelId,
        number: u16,
        body: TunnelPort,
        tokens: &[TokenRequest],
    ) -> Result<(Arc<TunnelRecord>, Done), Problem> {
        let mut record = self.writable(draft, id, number)?;
        let existing = record.ports.remove(&number);
        let missing = || Problem::no_port(number);
        let done = self.condition.decide(existing.is_some(), missing, || {
            Problem::conflict(format!("The tunnel has a port {number} already."))
        })?;
        let mut port = existing.unwrap_or_default();
        if changes_access(&port, &body) {
            // Who may add ports must not thereby decide who gets in.
            self.auth.allow(&self.caller, &record, Some(number), Scope::Manage, self.now)?;
        }
        apply_port(&mut port, body);
        if port.is_default == Some(true) {
            record.ports.values_mut().for_each(|other| other.is_default = None);
        }
        record.ports.insert(number, port);
        self.check_ports(&record)?;
        for request in tokens {
            self.auth.check_mint(&self.caller, &record, Some(number), request, self.now)?;
        }
        record.used.touch(self.now);
        Ok((draft.put(record), done))
    }

    /// Removes a port.
    pub(super) fn delete_port(
        &self,
        draft: &mut Draft,
        id: &TunnelId,
        number: u16,
    ) -> Result<(), Problem> {
        let mut record = self.writable(draft, id, number)?;
        record.ports.remove(&number).ok_or_else(|| Problem::no_port(number))?;
        record.forget_lost_shares();
        draft.put(record);
        Ok(())
    }

    fn writable(&self, draft: &Draft, id: &TunnelId, port: u16) -> Result<TunnelRecord, Problem> {
        let record = draft.tunnel(id).ok_or_else(Problem::no_tunnel)?;
        self.auth.allow_any(&self.caller, &record, Some(port), Scopes::WRITE_PORTS, self.now)?;
        Ok(TunnelRecord::clone(&record))
    }

    /// Whoever may not change a tunnel and did not ask to change one meant a new one, and should
    /// hear that the id is taken: the SDKs then try another.
    fn check_manages(&self, record: &TunnelRecord) -> Result<(), Problem> {
        let refused = match self.auth.allow(&self.caller, record, None, Scope::Manage, self.now) {
            Ok(_) => return Ok(()),
            Err(refused) => refused,
        };
        if self.condition == Condition::None && matches!(self.caller, Caller::User(_)) {
            let detail = format!("There is a tunnel {} already, of somebody else.", record.id);
            return Err(Problem::conflict(detail));
        }
        Err(refused.into())
    }

    fn new_tunnel(&self, draft: &Draft, id: &TunnelId) -> Result<TunnelRecord, Problem> {
        let owner = self.creator()?;
        new_tunnel_id(id.as_str())
            .map_err(|violation| Problem::member("tunnelId", violation.to_string()))?;
        if draft.named(id.as_str()).is_some() {
            return Err(Problem::conflict(format!("{id} is the name of another tunnel.")));
        }
        let limit = self.limits.tunnels_per_user;
        if draft.count_of(&owner.id) >= limit as usize {
            let detail = format!("This user has {limit} tunnels, which is the limit. Delete some.");
            return Err(Problem::limit(detail));
        }
        Ok(TunnelRecord {
            id: id.clone(),
            owner: owner.id.clone(),
            name: None,
            description: None,
            domain: None,
            labels: Vec::new(),
            access: Vec::new(),
            options: None,
            custom_expiration: None,
            ports: BTreeMap::new(),
            endpoint: None,
            shares: Vec::new(),
            created: self.now,
            tokens_valid_from: millisecond(self.now),
            used: LastUse::new(self.now),
        })
    }

    fn creator(&self) -> Result<Arc<User>, Problem> {
        self.auth.in_person(&self.caller).ok_or_else(|| match self.caller {
            Caller::Token(_) => {
                Problem::forbidden("An access token of a tunnel makes no tunnels; use an API key.")
            }
            _ => Problem::unauthorized("Tunnels are made with an API key of this relay."),
        })
    }

    fn apply_tunnel(&self, record: &mut TunnelRecord, body: Tunnel) -> Result<(), Problem> {
        set_text(&mut record.description, body.description);
        set_text(&mut record.domain, body.domain);
        set_list(&mut record.labels, body.labels);
        set_access(&mut record.access, body.access_control);
        set_options(&mut record.options, body.options);
        if body.custom_expiration.is_some() {
            record.custom_expiration = body.custom_expiration;
        }
        if let Some(ports) = body.ports {
            let mut before = std::mem::take(&mut record.ports);
            for port in ports {
                let number = port.port_number;
                let mut definition = before.remove(&number).unwrap_or_default();
                apply_port(&mut definition, port);
                record.ports.insert(number, definition);
            }
            record.forget_lost_shares();
            self.check_ports(record)?;
        }
        Ok(())
    }

    fn rename(
        &self,
        draft: &mut Draft,
        record: &mut TunnelRecord,
        name: String,
        force: bool,
    ) -> Result<(), Problem> {
        let name = Some(name).filter(|name| !name.is_empty());
        if let Some(name) = &name {
            self.free_name(draft, record, name, force)?;
        }
        record.name = name;
        Ok(())
    }

    /// Makes sure that `name` means nothing else, taking it from another tunnel of the same owner
    /// if that is wanted.
    fn free_name(
        &self,
        draft: &mut Draft,
        record: &TunnelRecord,
        name: &str,
        force: bool,
    ) -> Result<(), Problem> {
        let is_other = |other: &Arc<TunnelRecord>| other.id != record.id;
        let as_id = name.parse().ok().and_then(|id| draft.tunnel(&id));
        if as_id.filter(is_other).is_some() {
            return Err(Problem::conflict(format!("{name} is the id of another tunnel.")));
        }
        let Some(other) = draft.named(name).filter(is_other) else { return Ok(()) };
        let is_own = self.auth.allow(&self.caller, &other, None, Scope::Manage, self.now).is_ok();
        if !force || !is_own {
            return Err(Problem::conflict(format!("The name {name} is taken.")));
        }
        draft.put(TunnelRecord { name: None, ..TunnelRecord::clone(&other) });
        Ok(())
    }

    fn check_ports(&self, record: &TunnelRecord) -> Result<(), Problem> {
        let limit = self.limits.ports_per_tunnel;
        if record.ports.len() > limit as usize {
            let detail = format!("A tunnel has at most {limit} ports on this relay.");
            return Err(Problem::limit(detail));
        }
        let mut names: Vec<_> =
            record.ports.values().filter_map(|port| port.name.as_deref()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(Problem::conflict(format!("Two ports cannot both be named {}.", pair[0])))
            }
            None => Ok(()),
        }
    }
}

impl Condition {
    /// Whether to make or to change a thing.
    pub(super) fn decide(
        self,
        exists: bool,
        missing: impl FnOnce() -> Problem,
        conflict: impl FnOnce() -> Problem,
    ) -> Result<Done, Problem> {
        match (self, exists) {
            (Self::None | Self::Present, true) => Ok(Done::Updated),
            (Self::None | Self::Absent, false) => Ok(Done::Created),
            (Self::Present, false) => Err(missing()),
            // Not 412: the SDKs try another id on 409 only.
            (Self::Absent, true) => Err(conflict()),
            (Self::Impossible, _) => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "The precondition cannot hold.",
                "Tunnels and ports have no versions: If-Match and If-None-Match take `*` only, \
                 and not both.",
            )),
        }
    }
}

fn apply_port(port: &mut PortRecord, body: TunnelPort) {
    set_text(&mut port.name, body.name);
    set_text(&mut port.description, body.description);
    set_text(&mut port.ssh_user, body.ssh_user);
    set_list(&mut port.labels, body.labels);
    set_access(&mut port.access, body.access_control);
    set_options(&mut port.options, body.options);
    port.protocol = body.protocol.or(port.protocol.take());
    port.is_default = body.is_default.or(port.is_default);
}

fn changes_access(port: &PortRecord, body: &TunnelPort) -> bool {
    body.access_control.as_ref().is_some_and(|access| access.own().entries != port.access)
}

fn set_text(current: &mut Option<String>, given: Option<String>) {
    if let Some(text) = given {
        *current = Some(text).filter(|text| !text.is_empty());
    }
}

fn set_list(current: &mut Vec<String>, given: Option<Vec<String>>) {
    if let Some(list) = given {
        *current = list;
    }
}

/// Entries that a port inherits are the tunnel's; they are not stored a second time.
fn set_access(current: &mut Vec<AccessEntry>, given: Option<AccessControl>) {
    if let Some(access) = given {
        *current = access.own().entries;
    }
}

fn set_options(current: &mut Option<TunnelOptions>, given: Option<TunnelOptions>) {
    if let Some(options) = given {
        *current = Some(options).filter(|options| *options != TunnelOptions::default());
    }
}
