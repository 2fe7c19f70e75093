//! Checks of whole requests.
//!
//! Only what the client wrote is looked at; members that the service sets are ignored on input and here.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::access::Scope;
use crate::contracts::{
    AccessControl, AccessEntry, AccessEntryType, ConnectionMode, Protocol, Severity, Tunnel,
    TunnelEndpoint, TunnelEvent, TunnelOptions, TunnelPort,
};

/// What is wrong with a request: messages by member, such as `accessControl.entries[0].scopes[1]`.
pub type Errors = BTreeMap<String, Vec<String>>;

/// Checks the body that makes a tunnel. In addition to [`check_tunnel`], its id must be of the new form.
pub fn check_new_tunnel(tunnel: &Tunnel) -> Errors {
    let mut report = Report::default();
    tunnel_members(&mut report, tunnel);
    if let Some(id) = &tunnel.tunnel_id {
        report.check("tunnelId", new_tunnel_id(id));
    }
    report.errors
}

/// Checks the body that changes a tunnel. Absent members are fine.
pub fn check_tunnel(tunnel: &Tunnel) -> Errors {
    let mut report = Report::default();
    tunnel_members(&mut report, tunnel);
    if let Some(id) = &tunnel.tunnel_id {
        report.check("tunnelId", tunnel_id(id));
    }
    report.errors
}

/// Checks the body that makes or changes a port. Its number is in the path; one in the body must be a port number.
pub fn check_port(port: &TunnelPort) -> Errors {
    let mut report = Report::default();
    port_members(&mut report, port);
    report.errors
}

/// Checks an access list.
pub fn check_access_control(access: &AccessControl) -> Errors {
    let mut report = Report::default();
    access_members(&mut report, access);
    report.errors
}

/// Checks the body that registers an endpoint.
pub fn check_endpoint(endpoint: &TunnelEndpoint) -> Errors {
    let mut report = Report::default();
    endpoint_members(&mut report, endpoint);
    report.errors
}

/// Checks a report of events. The body is a list, so members are named `[0].name`, and the list itself `events`.
pub fn check_events(events: &[TunnelEvent]) -> Errors {
    let mut report = Report::default();
    report.check("events", count(events.len(), MAX_EVENTS));
    report.each("", events.iter().take(MAX_EVENTS), event_members);
    report.errors
}

/// Collects messages below a path.
#[derive(Default)]
struct Report {
    path: String,
    errors: Errors,
}

impl Report {
    fn check(&mut self, member: &str, check: Check) {
        if let Err(violation) = check {
            let separator = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{separator}{member}", self.path);
            self.errors.entry(path).or_default().push(violation.to_string());
        }
    }

    fn text(&mut self, member: &str, value: Option<&String>, check: fn(&str) -> Check) {
        if let Some(value) = value {
            self.check(member, check(value));
        }
    }

    fn within<T>(&mut self, member: &str, value: &T, members: impl FnOnce(&mut Report, &T)) {
        let outer = self.path.len();
        if outer > 0 {
            self.path.push('.');
        }
        self.path.push_str(member);
        members(self, value);
        self.path.truncate(outer);
    }

    fn each<'a, T: 'a>(
        &mut self,
        member: &str,
        values: impl IntoIterator<Item = &'a T>,
        members: impl Fn(&mut Report, &T),
    ) {
        for (index, value) in values.into_iter().enumerate() {
            self.within(&format!("{member}[{index}]"), value, &members);
        }
    }

    /// Checks the count of a list of texts, and each of them up to that count.
    fn texts(&mut self, member: &str, values: &[String], most: usize, check: fn(&str) -> Check) {
        self.check(member, count(values.len(), most));
        for (index, value) in values.iter().take(most).enumerate() {
            self.check(&format!("{member}[{index}]"), check(value));
        }
    }
}

fn tunnel_members(report: &mut Report, tunnel: &Tunnel) {
    report.text("name", tunnel.name.as_ref(), tunnel_name);
    report.text("description", tunnel.description.as_ref(), description);
    report.text("domain", tunnel.domain.as_ref(), domain);
    if let Some(labels) = &tunnel.labels {
        report.texts("labels", labels, MAX_LABELS, label);
    }
    if let Some(access) = &tunnel.access_control {
        report.within("accessControl", access, access_members);
    }
    if let Some(options) = &tunnel.options {
        report.within("options", options, option_members);
    }
    if let Some(seconds) = tunnel.custom_expiration {
        report.check("customExpiration", custom_expiration(seconds));
    }
    if let Some(ports) = &tunnel.ports {
        report.check("ports", count(ports.len(), MAX_PORTS));
        report.each("ports", ports.iter().take(MAX_PORTS), |report, port| {
            report.check("portNumber", port_number(port.port_number));
            port_members(report, port);
        });
        let mut seen = BTreeSet::new();
        for (index, port) in ports.iter().take(MAX_PORTS).enumerate() {
            if !seen.insert(port.port_number) {
                report.check(&format!("ports[{index}].portNumber"), Err(Violation::Duplicate));
            }
        }
    }
    if let Some(endpoints) = &tunnel.endpoints {
        report.each("endpoints", endpoints, endpoint_members);
    }
}

fn port_members(report: &mut Report, port: &TunnelPort) {
    report.text("name", port.name.as_ref(), port_name);
    report.text("description", port.description.as_ref(), description);
    report.text("sshUser", port.ssh_user.as_ref(), ssh_user);
    if let Some(labels) = &port.labels {
        report.texts("labels", labels, MAX_LABELS, label);
    }
    match &port.protocol {
        Some(Protocol::Other(_)) => {
            report.check("protocol", Err(Violation::NotOneOf(Protocol::KNOWN)));
        }
        Some(Protocol::Udp) => report.check("protocol", Err(Violation::Unsupported(NO_UDP))),
        _ => {}
    }
    if let Some(access) = &port.access_control {
        // What is inherited is the tunnel's business, and is stripped.
        report.within("accessControl", &access.own(), access_members);
    }
    if let Some(options) = &port.options {
        report.within("options", options, option_members);
    }
}

fn option_members(report: &mut Report, options: &TunnelOptions) {
    report.text("hostHeader", options.host_header.as_ref(), header_value);
    report.text("originHeader", options.origin_header.as_ref(), header_value);
}

fn access_members(report: &mut Report, access: &AccessControl) {
    report.check("entries", count(access.entries.len(), MAX_ACCESS_ENTRIES));
    report.each("entries", access.entries.iter().take(MAX_ACCESS_ENTRIES), entry_members);
}

fn entry_members(report: &mut Report, entry: &AccessEntry) {
    const EVALUATED: &[&str] = &["Anonymous", "Users", "Groups"];
    report.text("provider", entry.provider.as_ref(), |provider| length(provider, 0..=12));
    match entry.kind {
        AccessEntryType::Anonymous => {
            if !entry.subjects.is_empty() {
                report.check("subjects", Err(Violation::Form("empty, as everybody is meant")));
            }
        }
        AccessEntryType::Users | AccessEntryType::Groups => {
            // An entry that names users of another service would look like a protection, and be none.
            if entry.provider.as_ref().is_some_and(|provider| !provider.is_empty()) {
                report.check("provider", Err(Violation::Unsupported(NO_PROVIDERS)));
            }
            report.texts("subjects", &entry.subjects, MAX_SUBJECTS, user_id);
        }
        _ => report.check("type", Err(Violation::NotOneOf(EVALUATED))),
    }
    if entry.scopes.is_empty() {
        report.check("scopes", Err(Violation::Form("a list of at least one scope")));
    }
    report.texts("scopes", &entry.scopes, MAX_SCOPES, |scope| match scope.parse::<Scope>() {
        Ok(Scope::Create) | Err(_) => Err(Violation::NotOneOf(TUNNEL_SCOPES)),
        Ok(_) => Ok(()),
    });
}

fn endpoint_members(report: &mut Report, endpoint: &TunnelEndpoint) {
    report.text("id", endpoint.id.as_ref(), endpoint_id);
    report.check("hostId", endpoint_id(&endpoint.host_id));
    if endpoint.connection_mode != ConnectionMode::TunnelRelay {
        report.check("connectionMode", Err(Violation::NotOneOf(&["TunnelRelay"])));
    }
    report.texts("hostPublicKeys", &endpoint.host_public_keys, MAX_HOST_KEYS, |key| {
        length(key, 1..=4000)?;
        STANDARD.decode(key).map(drop).map_err(|_| Violation::Form("padded standard base64"))
    });
}

fn event_members(report: &mut Report, event: &TunnelEvent) {
    report.check("name", event_name(&event.name));
    report.text("details", event.details.as_ref(), event_text);
    if let Some(Severity::Other(_)) = event.severity {
        report.check("severity", Err(Violation::NotOneOf(Severity::KNOWN)));
    }
    report.check("properties", count(event.properties.len(), MAX_EVENT_PROPERTIES));
    for (name, value) in event.properties.iter().take(MAX_EVENT_PROPERTIES) {
        // The name goes into the message only once it is known to be short and harmless.
        match event_property_name(name) {
            Ok(()) => report.check(&format!("properties.{name}"), event_text(value)),
            name => report.check("properties", name),
        }
    }
}

const TUNNEL_SCOPES: &[&str] = &["manage", "manage:ports", "host", "inspect", "connect"];
const NO_UDP: &str = "must be a protocol over TCP: the relay carries no datagrams";
const NO_PROVIDERS: &str = "must be absent: this relay knows its own users and groups only";
