//! What people read: lines with the words of the `devtunnel` command, whose output they know.

use adit_proto::contracts::{
    AccessEntry, AccessEntryType, NamedRateStatus, ResourceStatus, Tunnel, TunnelPort,
};
use adit_proto::id::FullId;
use adit_tunnel::management::access;
use jiff::Timestamp;

use super::units::{moment, size, time_left};
use crate::screen::harmless;

/// A tunnel with its ports, line by line.
pub(super) fn tunnel(tunnel: &Tunnel, id: &FullId, now: Timestamp) -> Vec<String> {
    let status = tunnel.status.clone().unwrap_or_default();
    let shown = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default());
    let mut lines = vec![line("Tunnel ID", &id.to_string())];
    if tunnel.name.as_ref().is_some_and(|name| !name.is_empty()) {
        lines.push(line("Name", &shown(&tunnel.name)));
    }
    lines.push(line("Description", &shown(&tunnel.description)));
    lines.push(line("Labels", &words(tunnel.labels.as_deref())));
    if let Some(control) = &tunnel.access_control {
        let entries = access::in_force(control.entries.clone(), now);
        lines.push(line("Access control", &summary(&entries)));
    }
    lines.push(line("Host connections", &count(status.host_connection_count.as_ref())));
    lines.push(line("Client connections", &count(status.client_connection_count.as_ref())));
    if let (Some(up), Some(down)) = (status.upload_total, status.download_total) {
        lines.push(line("Upload total", &size(up)));
        lines.push(line("Download total", &size(down)));
    }
    let ports = tunnel.ports.as_deref().unwrap_or_default();
    lines.push(line("Ports", &ports.len().to_string()));
    lines.extend(port_rows(ports).into_iter().map(|row| format!("  {row}")));
    if let Some(end) = tunnel.expiration {
        lines.push(line("Tunnel Expiration", &time_left(end, now)));
    }
    lines
}

/// A port, line by line.
pub(super) fn port(port: &TunnelPort, id: &FullId, now: Timestamp) -> Vec<String> {
    let shown = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default());
    let mut lines = vec![
        line("Tunnel ID", &id.to_string()),
        line("Port Number", &port.port_number.to_string()),
        line("Protocol", port.protocol.clone().unwrap_or_default().as_str()),
        line("Description", &shown(&port.description)),
        line("Labels", &words(port.labels.as_deref())),
    ];
    for uri in port.port_forwarding_uris.iter().flatten() {
        lines.push(line("Port URI", &harmless(uri)));
    }
    if let Some(control) = &port.access_control {
        let entries = access::in_force(control.entries.clone(), now);
        lines.push(line("Access control", &summary(&entries)));
    }
    lines.push(line("Client connections", &clients(port).to_string()));
    lines
}

/// Ports below each other.
pub(super) fn port_rows(ports: &[TunnelPort]) -> Vec<String> {
    let row = |port: &TunnelPort| {
        let uri = port.port_forwarding_uris.iter().flatten().next();
        vec![
            port.port_number.to_string(),
            port.protocol.clone().unwrap_or_default().to_string(),
            uri.map(|uri| harmless(uri)).unwrap_or_default(),
            format!("{} client connections", clients(port)),
        ]
    };
    table(ports.iter().map(row).collect())
}

/// Tunnels below each other, with their heading.
pub(super) fn tunnel_rows(tunnels: &[(FullId, Tunnel)], now: Timestamp) -> Vec<String> {
    let heading = ["Tunnel ID", "Host Connections", "Labels", "Ports", "Expiration", "Description"];
    let row = |(id, tunnel): &(FullId, Tunnel)| {
        let status = tunnel.status.clone().unwrap_or_default();
        vec![
            id.to_string(),
            count(status.host_connection_count.as_ref()),
            words(tunnel.labels.as_deref()),
            count(status.port_count.as_ref()),
            tunnel.expiration.map(|end| time_left(end, now)).unwrap_or_default(),
            harmless(tunnel.description.as_deref().unwrap_or_default()),
        ]
    };
    let heading = heading.iter().map(|it| (*it).to_owned()).collect();
    table(std::iter::once(heading).chain(tunnels.iter().map(row)).collect())
}

/// Limits below each other, with their heading.
pub(super) fn limit_rows(limits: &[NamedRateStatus]) -> Vec<String> {
    let row = |limit: &NamedRateStatus| {
        let most = limit.rate.limit.map(|most| most.to_string());
        vec![harmless(&limit.name), limit.rate.current.to_string(), most.unwrap_or_default()]
    };
    let heading = vec!["Name".to_owned(), "Current".to_owned(), "Limit".to_owned()];
    table(std::iter::once(heading).chain(limits.iter().map(row)).collect())
}

/// An access list below each other. `name` knows what subjects are called. What a port inherits has
/// no number: it is changed at the tunnel.
pub(super) fn entry_rows(
    entries: &[AccessEntry],
    name: impl Fn(&AccessEntry, &str) -> String,
) -> Vec<String> {
    let mut number = 0;
    let row = |entry: &AccessEntry| {
        let place = if entry.is_inherited {
            "-".to_owned()
        } else {
            number += 1;
            number.to_string()
        };
        let inherited = if entry.is_inherited { ", of the tunnel" } else { "" };
        vec![place, format!("{}{inherited}", sentence(entry, &name))]
    };
    table(entries.iter().map(row).collect())
}

/// What an entry says.
fn sentence(entry: &AccessEntry, name: impl Fn(&AccessEntry, &str) -> String) -> String {
    let names = || {
        let names = entry.subjects.iter().map(|id| harmless(&name(entry, id)));
        names.collect::<Vec<_>>().join(", ")
    };
    let who = match (&entry.kind, entry.is_inverse) {
        (AccessEntryType::Anonymous, false) => "everybody".to_owned(),
        (AccessEntryType::Anonymous, true) => "everybody who has signed in".to_owned(),
        (AccessEntryType::Users, false) => format!("user {}", names()),
        (AccessEntryType::Groups, false) => format!("group {}", names()),
        (kind, inverse) => {
            let except = if inverse { "all except " } else { "" };
            format!("{except}{} {}", harmless(kind.as_str()), names())
        }
    };
    let may = if entry.is_deny { "may not" } else { "may" };
    let end = entry.expiration.map(|end| format!(", until {}", moment(end))).unwrap_or_default();
    format!("{who} {may} {}{end}", harmless(&entry.scopes.join(", ")))
}

/// An access list in a few words.
fn summary(entries: &[AccessEntry]) -> String {
    let everybody = |entry: &&AccessEntry| entry.kind == AccessEntryType::Anonymous;
    let mut parts: Vec<_> =
        entries.iter().filter(everybody).map(|it| sentence(it, |_, id| id.to_owned())).collect();
    match entries.len() - parts.len() {
        0 if parts.is_empty() => parts.push("the owner only".to_owned()),
        0 => {}
        1 => parts.push("1 entry for users or groups".to_owned()),
        others => parts.push(format!("{others} entries for users or groups")),
    }
    parts.join("; ")
}

fn line(label: &str, value: &str) -> String {
    format!("{label:<21} : {value}").trim_end().to_owned()
}

fn words(words: Option<&[String]>) -> String {
    harmless(&words.unwrap_or_default().join(" "))
}

fn count(status: Option<&ResourceStatus>) -> String {
    status.map_or(0, |status| status.current).to_string()
}

fn clients(port: &TunnelPort) -> u64 {
    let count = port.status.as_ref().and_then(|status| status.client_connection_count.as_ref());
    count.map_or(0, |count| count.current)
}

/// Cells below each other, each column as wide as its widest.
fn table(rows: Vec<Vec<String>>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let whole = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
    };
    rows.iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(value: serde_json::Value) -> AccessEntry {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_entry_is_a_sentence() {
        let say = |value| sentence(&entry(value), |_, id| format!("<{id}>"));
        assert_eq!(
            say(json!({"type": "Anonymous", "scopes": ["connect"],
                "expiration": "2026-01-01T08:00:00Z"})),
            "everybody may connect, until 2026-01-01 08:00:00 UTC"
        );
        assert_eq!(
            say(json!({"type": "Users", "isDeny": true, "subjects": ["a", "b"],
                "scopes": ["connect", "host"]})),
            "user <a>, <b> may not connect, host"
        );
        assert_eq!(
            say(json!({"type": "Organizations", "subjects": ["o"], "scopes": ["connect"]})),
            "Organizations <o> may connect"
        );
    }

    #[test]
    fn an_access_list_is_told_in_a_few_words() {
        let everybody = entry(json!({"type": "Anonymous", "scopes": ["connect"]}));
        let user = entry(json!({"type": "Users", "subjects": ["a"], "scopes": ["connect"]}));
        assert_eq!(summary(&[]), "the owner only");
        assert_eq!(summary(std::slice::from_ref(&user)), "1 entry for users or groups");
        assert_eq!(
            summary(&[everybody, user.clone(), user]),
            "everybody may connect; 2 entries for users or groups"
        );
    }

    #[test]
    fn what_a_port_inherits_has_no_number() {
        let inherited = entry(json!({"type": "Anonymous", "isInherited": true,
            "scopes": ["connect"]}));
        let own = entry(json!({"type": "Groups", "subjects": ["team"], "scopes": ["connect"]}));
        assert_eq!(
            entry_rows(&[inherited, own], |_, id| id.to_owned()),
            ["-   everybody may connect, of the tunnel", "1   group team may connect"]
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = |row: &[&str]| row.iter().map(|it| (*it).to_owned()).collect();
        let rows = vec![cells(&["a", "long one", ""]), cells(&["bb", "x", "y"])];
        assert_eq!(table(rows), ["a    long one", "bb   x          y"]);
        assert_eq!(line("Tunnel ID", "x"), "Tunnel ID             : x");
    }
}
