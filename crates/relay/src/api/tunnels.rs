//! Tunnels: list, look at, make, change, delete.

use std::sync::Arc;

use adit_proto::constraints::{check_tunnel, tunnel_name};
use adit_proto::contracts::{
    AccessEntry, AccessEntryType, Tunnel, TunnelListByRegion, TunnelListByRegionResponse,
};
use adit_proto::id::TunnelId;
use http::StatusCode;

use super::problem::Problem;
use super::query::Condition;
use super::reply::Reply;
use super::show::Shown;
use super::{Api, Call};
use crate::auth::Caller;
use crate::record::{TunnelRecord, User};

impl Api {
    pub(super) fn list_tunnels(&self, call: &Call) -> Result<Reply, Problem> {
        let user = self.require_user(call)?;
        let tokens = call.query.token_requests()?;
        let shown = Shown {
            ports: call.query.flag("includePorts"),
            access: call.query.flag("includeAccessControl"),
            tokens: &tokens,
        };
        let filter = Filter::of(call);
        let mut records = self.directory.tunnels_of(&user.id);
        if !call.query.flag("ownedTunnelsOnly") {
            records.extend(self.shared_with(call, &user));
        }
        let chosen = records.iter().filter(|record| filter.fits(record)).take(filter.limit);
        let value = chosen
            .map(|record| self.show_tunnel(call, record, &shown))
            .collect::<Result<Vec<_>, _>>()?;
        let cluster = self.cluster.to_string();
        Ok(Reply::ok(&TunnelListByRegionResponse {
            value: vec![TunnelListByRegion {
                region_name: Some(cluster.clone()),
                cluster_id: Some(cluster),
                value,
                ..TunnelListByRegion::default()
            }],
            next_link: None,
        }))
    }

    /// Tunnels of others that name this user or a group of his.
    fn shared_with(&self, call: &Call, user: &User) -> Vec<Arc<TunnelRecord>> {
        let mut records = self.directory.tunnels();
        records.retain(|record| {
            let of_ports = record.ports.values().flat_map(|port| &port.access);
            let named = record.access.iter().chain(of_ports).any(|entry| names(entry, user));
            named && record.owner != user.id && self.check_read(call, record).is_ok()
        });
        records
    }

    pub(super) fn show_one_tunnel(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let record = self.find(id).ok_or_else(Problem::no_tunnel)?;
        self.check_read(call, &record)?;
        self.reply_tunnel(call, &record, StatusCode::OK)
    }

    pub(super) async fn put_tunnel(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let body: Tunnel = call.object()?;
        Problem::of(check_tunnel(&body))?;
        let tokens = call.query.token_requests()?;
        let id = self.target_of_put(call, id)?;
        let given = body.tunnel_id.as_deref().filter(|given| !given.is_empty());
        if given.is_some_and(|given| given != id.as_str()) {
            return Err(Problem::member("tunnelId", "must be the one in the path"));
        }
        let edit = self.edit(call);
        let force = call.query.flag("forceRename");
        let change =
            self.directory.change(move |draft| edit.put_tunnel(draft, &id, body, force, &tokens));
        let (record, done) = change.await?;
        self.reply_tunnel(call, &record, done.status())
    }

    /// The tunnel that a PUT is about. Only what must be there may be named; what may be made has an
    /// id, so that nobody learns the id behind a name by claiming it.
    fn target_of_put(&self, call: &Call, text: &str) -> Result<TunnelId, Problem> {
        if call.condition == Condition::Present {
            return Ok(self.find(text).ok_or_else(Problem::no_tunnel)?.id.clone());
        }
        let suffix = format!(".{}", self.cluster);
        let id = text.strip_suffix(&suffix).unwrap_or(text);
        id.parse().map_err(|violation| Problem::member("tunnelId", format!("{violation}")))
    }

    pub(super) async fn delete_tunnel(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        let edit = self.edit(call);
        self.directory.change(move |draft| edit.delete_tunnel(draft, &id)).await?;
        Ok(Reply::nothing())
    }

    pub(super) fn check_name(&self, name: &str) -> Reply {
        let is_free =
            !name.is_empty() && tunnel_name(name).is_ok() && self.directory.find(name).is_none();
        Reply::ok(&is_free)
    }

    fn reply_tunnel(
        &self,
        call: &Call,
        record: &TunnelRecord,
        status: StatusCode,
    ) -> Result<Reply, Problem> {
        let tokens = call.query.token_requests()?;
        let ports = call.query.flag("includePorts");
        let shown = Shown { ports, access: true, tokens: &tokens };
        Ok(Reply::json(status, &self.show_tunnel(call, record, &shown)?))
    }

    /// Finds a tunnel by `id`, `id.cluster`, `name` or `name.domain`.
    pub(super) fn find(&self, text: &str) -> Option<Arc<TunnelRecord>> {
        if let Some(record) = self.directory.find(text) {
            return Some(record);
        }
        let (name, rest) = text.split_once('.')?;
        let record = self.directory.find(name)?;
        let fits = rest == self.cluster.as_str()
            || self.domain.as_deref() == Some(rest)
            || record.domain.as_deref() == Some(rest);
        fits.then_some(record)
    }

    /// The user who asks in person.
    pub(super) fn require_user(&self, call: &Call) -> Result<Arc<User>, Problem> {
        self.auth.in_person(&call.caller).ok_or_else(|| match call.caller {
            Caller::Token(_) => {
                Problem::forbidden("An access token is for one tunnel only; use an API key.")
            }
            _ => Problem::unauthorized("An API key of this relay is needed."),
        })
    }
}

/// Whether an entry is about this user. What is open to everybody is in nobody's list.
fn names(entry: &AccessEntry, user: &User) -> bool {
    match entry.kind {
        AccessEntryType::Users => entry.subjects.iter().any(|id| id == user.id.as_str()),
        AccessEntryType::Groups => entry.subjects.iter().any(|it| user.groups.contains(it)),
        _ => false,
    }
}

/// Which tunnels or ports to list.
pub(super) struct Filter<'a> {
    labels: Vec<&'a str>,
    all_labels: bool,
    domain: Option<&'a str>,
    limit: usize,
}

impl<'a> Filter<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        Self {
            labels: call.query.list("labels"),
            all_labels: call.query.flag("allLabels"),
            domain: call.query.first("domain"),
            limit: call.query.first("limit").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX),
        }
    }

    fn fits(&self, record: &TunnelRecord) -> bool {
        let domain = self.domain.is_none_or(|domain| record.domain.as_deref() == Some(domain));
        domain && self.fits_labels(&record.labels)
    }

    pub(super) fn fits_labels(&self, labels: &[String]) -> bool {
        let has = |wanted: &&str| labels.iter().any(|label| label == wanted);
        match self.all_labels {
            _ if self.labels.is_empty() => true,
            true => self.labels.iter().all(has),
            false => self.labels.iter().any(has),
        }
    }
}
