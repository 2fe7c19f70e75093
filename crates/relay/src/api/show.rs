//! Records as the API shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_proto::access::{Scope, Scopes, TokenRequest};
use adit_proto::contracts::{
    AccessControl, PortStatus, ResourceStatus, Tunnel, TunnelEndpoint, TunnelPort, TunnelStatus,
};
use adit_proto::token::Secret;

use super::links::{client_socket, host_socket};
use super::problem::Problem;
use super::{Api, Call};
use crate::record::{EndpointRecord, PortRecord, TunnelRecord};
use crate::seams::TunnelCounts;

/// For how long after its last sign of life a host's endpoint is shown although the host is away:
/// enough for any reconnect, so that clients wait for it rather than give up.
const ENDPOINT_GRACE: Duration = Duration::from_secs(600);

/// What is shown of a tunnel besides what always is.
pub(super) struct Shown<'a> {
    pub(super) ports: bool,
    pub(super) access: bool,
    pub(super) tokens: &'a [TokenRequest],
}

impl Api {
    /// A tunnel as this caller may see it.
    pub(super) fn show_tunnel(
        &self,
        call: &Call,
        record: &TunnelRecord,
        shown: &Shown<'_>,
    ) -> Result<Tunnel, Problem> {
        let counts = self.live.tunnel(&record.id);
        let manages = self.may(call, record, None, Scope::Manage);
        let ports = shown.ports.then(|| self.show_ports(call, record));
        let endpoints = record.endpoint.iter().filter(|it| self.is_current(call, it, &counts));
        Ok(Tunnel {
            cluster_id: Some(self.cluster.to_string()),
            tunnel_id: Some(record.id.to_string()),
            name: record.name.clone(),
            description: record.description.clone(),
            labels: (!record.labels.is_empty()).then(|| record.labels.clone()),
            domain: record.domain.clone(),
            access_tokens: self.mint(call, record, None, shown.tokens)?,
            access_control: (manages && shown.access)
                .then(|| AccessControl { entries: record.access.clone() }),
            options: record.options.clone(),
            status: Some(self.tunnel_status(record, &counts)),
            endpoints: Some(endpoints.map(|it| self.show_endpoint(call, record, it)).collect()),
            ports,
            created: Some(record.created),
            expiration: Some(record.expires(self.expiration)),
            custom_expiration: record.custom_expiration,
        })
    }

    /// The ports that this caller may see.
    pub(super) fn show_ports(&self, call: &Call, record: &TunnelRecord) -> Vec<TunnelPort> {
        let visible = record.ports.iter().filter(|(port, _)| self.sees_port(call, record, **port));
        visible.map(|(port, definition)| self.show_port(call, record, *port, definition)).collect()
    }

    /// A port, without tokens.
    pub(super) fn show_port(
        &self,
        call: &Call,
        record: &TunnelRecord,
        number: u16,
        port: &PortRecord,
    ) -> TunnelPort {
        let counts = self.live.port(&record.id, number);
        let manages = self.may(call, record, Some(number), Scope::Manage);
        let own = AccessControl { entries: port.access.clone() };
        let tunnel = AccessControl { entries: record.access.clone() };
        let loopback = self.edge.loopback(&record.id, number);
        TunnelPort {
            cluster_id: Some(self.cluster.to_string()),
            tunnel_id: Some(record.id.to_string()),
            port_number: number,
            name: port.name.clone(),
            description: port.description.clone(),
            labels: (!port.labels.is_empty()).then(|| port.labels.clone()),
            protocol: Some(port.protocol.clone().unwrap_or_default()),
            is_default: port.is_default,
            access_tokens: None,
            access_control: manages.then(|| own.under(&tunnel)),
            options: port.options.clone(),
            status: Some(PortStatus {
                client_connection_count: Some(u64::from(counts.clients).into()),
                last_client_connection_time: counts.last_client,
                ..PortStatus::default()
            }),
            ssh_user: port.ssh_user.clone(),
            port_forwarding_uris: Some(self.links.port(record, number, loopback)),
            inspection_uri: None,
        }
    }

    /// An endpoint with the addresses to meet at.
    pub(super) fn show_endpoint(
        &self,
        call: &Call,
        record: &TunnelRecord,
        endpoint: &EndpointRecord,
    ) -> TunnelEndpoint {
        let default = record.default_port().and_then(|port| {
            let loopback = self.edge.loopback(&record.id, port);
            self.links.port(record, port, loopback).into_iter().next()
        });
        TunnelEndpoint {
            id: Some(endpoint.id.clone()),
            host_id: endpoint.host_id.clone(),
            host_public_keys: endpoint.host_public_keys.clone(),
            host_relay_uri: Some(host_socket(&call.base, &record.id, &endpoint.id)),
            client_relay_uri: Some(client_socket(&call.base, &record.id)),
            port_uri_format: Some(self.links.port_format(&record.id)),
            tunnel_uri: default,
            ..TunnelEndpoint::default()
        }
    }

    /// The tokens that were asked for; nothing if none were.
    pub(super) fn mint(
        &self,
        call: &Call,
        record: &TunnelRecord,
        port: Option<u16>,
        requests: &[TokenRequest],
    ) -> Result<Option<BTreeMap<String, Secret>>, Problem> {
        if requests.is_empty() {
            return Ok(None);
        }
        let mint = |request: &TokenRequest| {
            let token = self.auth.mint(&call.caller, record, port, request, call.now)?;
            Ok((request.key.clone(), token))
        };
        requests.iter().map(mint).collect::<Result<_, Problem>>().map(Some)
    }

    /// Whether the caller may do this now.
    pub(super) fn may(
        &self,
        call: &Call,
        record: &TunnelRecord,
        port: Option<u16>,
        scope: Scope,
    ) -> bool {
        self.auth.allow(&call.caller, record, port, scope, call.now).is_ok()
    }

    /// Whether the caller may see a port.
    pub(super) fn sees_port(&self, call: &Call, record: &TunnelRecord, port: u16) -> bool {
        self.auth.allow_any(&call.caller, record, Some(port), Scopes::READ, call.now).is_ok()
    }

    /// Lets those pass who may see the tunnel or any of its ports.
    pub(super) fn check_read(&self, call: &Call, record: &TunnelRecord) -> Result<(), Problem> {
        match self.auth.allow_any(&call.caller, record, None, Scopes::READ, call.now) {
            Ok(()) => Ok(()),
            Err(_) if record.ports.keys().any(|port| self.sees_port(call, record, *port)) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    fn is_current(&self, call: &Call, endpoint: &EndpointRecord, counts: &TunnelCounts) -> bool {
        let seen = endpoint.registered.max(self.started);
        let seen = counts.last_host.map_or(seen, |last| last.max(seen));
        counts.hosts > 0 || call.now.duration_since(seen).unsigned_abs() < ENDPOINT_GRACE
    }

    fn tunnel_status(&self, record: &TunnelRecord, counts: &TunnelCounts) -> TunnelStatus {
        let ports = record.ports.len() as u64;
        let limit = Some(u64::from(self.limits.ports_per_tunnel));
        TunnelStatus {
            port_count: Some(ResourceStatus { current: ports, limit, limit_source: None }),
            host_connection_count: Some(u64::from(counts.hosts).into()),
            last_host_connection_time: counts.last_host,
            client_connection_count: Some(u64::from(counts.clients).into()),
            last_client_connection_time: counts.last_client,
            upload_total: Some(counts.uploaded),
            download_total: Some(counts.downloaded),
            ..TunnelStatus::default()
        }
    }
}
