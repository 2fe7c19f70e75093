//! A tunnel that is to live at another place: what it is there, and what does not come along.

use adit_proto::contracts::{
    AccessControl, AccessEntry, AccessEntryType, Protocol, Tunnel, TunnelOptions, TunnelPort,
};
use jiff::Timestamp;

use super::{Job, Supports, Whole};
use crate::place_key::PlaceKey;

const HOUR: i64 = 3_600;

/// What will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// What does not come along.
    pub left: Vec<Left>,
    /// The addresses that it has now, and will not have there.
    pub urls: Vec<String>,
    /// Does it.
    pub job: Job,
}

/// Something that does not come along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// So many who were let in or kept out: the other place does not know them.
    People(usize),
    /// Open access that would end within the hour, which the other place does not take.
    Open,
    /// Ways to pass requests on that the other place does not have.
    Options,
}

/// Makes the tunnel anew at another place.
pub fn to(whole: &Whole, to: &PlaceKey, name: Option<String>, now: Timestamp) -> Moving {
    let mut plan = Plan { supports: Supports::of(to), now, people: 0, left: Vec::new() };
    let told = &whole.tunnel;
    let ports = whole.ports().iter().map(|port| plan.port(port)).collect();
    let tunnel = Tunnel {
        name: name.filter(|name| !name.is_empty()),
        description: told.description.clone(),
        labels: told.labels.clone(),
        access_control: plan.control(told.access_control.as_ref()),
        options: plan.options(told.options.as_ref()),
        custom_expiration: told.custom_expiration.map(|seconds| plan.lifetime(seconds)),
        ports: Some(ports),
        ..Tunnel::default()
    };
    let mut left = plan.left;
    if plan.people > 0 {
        left.insert(0, Left::People(plan.people));
    }
    let urls = whole
        .ports()
        .iter()
        .filter_map(|port| port.port_forwarding_uris.iter().flatten().next().cloned());
    let urls = urls.collect();
    Moving { left, urls, job: Job::Move { to: to.clone(), tunnel: Box::new(tunnel) } }
}

struct Plan {
    supports: Supports,
    now: Timestamp,
    people: usize,
    left: Vec<Left>,
}

impl Plan {
    fn port(&mut self, port: &TunnelPort) -> TunnelPort {
        TunnelPort {
            port_number: port.port_number,
            protocol: Some(port.protocol.clone().unwrap_or(Protocol::Auto)),
            description: port.description.clone(),
            labels: port.labels.clone(),
            access_control: self.control(port.access_control.as_ref()),
            options: self.options(port.options.as_ref()),
            ..TunnelPort::default()
        }
    }

    /// Everybody means the same everywhere; others are known where they are.
    fn control(&mut self, control: Option<&AccessControl>) -> Option<AccessControl> {
        let mut entries = Vec::new();
        for entry in control?.own().entries {
            if entry.expiration.is_some_and(|end| end <= self.now) {
                continue;
            }
            if entry.kind != AccessEntryType::Anonymous || entry.is_inverse {
                self.people += entry.subjects.len().max(1);
                continue;
            }
            match self.end(&entry) {
                Ok(expiration) => entries.push(AccessEntry { expiration, ..entry }),
                Err(()) if entry.is_deny => {
                    entries.push(AccessEntry { expiration: None, ..entry });
                }
                Err(()) => self.leave(Left::Open),
            }
        }
        Some(AccessControl { entries })
    }

    /// An end that the other place takes, and never a later one.
    fn end(&self, entry: &AccessEntry) -> Result<Option<Timestamp>, ()> {
        let Some(end) = entry.expiration.filter(|_| self.supports.whole_hours) else {
            return Ok(entry.expiration);
        };
        let hours = (end.as_second() - self.now.as_second()) / HOUR;
        let end = self.now.as_second() + hours * HOUR;
        if hours == 0 { Err(()) } else { Timestamp::from_second(end).map(Some).map_err(drop) }
    }

    fn options(&mut self, options: Option<&TunnelOptions>) -> Option<TunnelOptions> {
        let options = options?;
        if self.supports.tunnel_options {
            return Some(options.clone());
        }
        let known = TunnelOptions {
            host_header: options.host_header.clone(),
            is_host_header_unchanged: options.is_host_header_unchanged,
            origin_header: options.origin_header.clone(),
            is_origin_header_unchanged: options.is_origin_header_unchanged,
            request_timeout_seconds: options.request_timeout_seconds,
            ..TunnelOptions::default()
        };
        if known != *options {
            self.leave(Left::Options);
        }
        Some(known)
    }

    /// Rather longer than shorter: what is not used goes away.
    fn lifetime(&self, seconds: u32) -> u32 {
        if self.supports.whole_hours { seconds.div_ceil(3_600) * 3_600 } else { seconds }
    }

    fn leave(&mut self, what: Left) {
        if !self.left.contains(&what) {
            self.left.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::tests::{at, entry, port, whole};

    fn made(moving: &Moving) -> &Tunnel {
        let Job::Move { tunnel, .. } = &moving.job else { panic!("a move") };
        tunnel
    }

    fn open(end: i64) -> AccessEntry {
        AccessEntry { expiration: Some(at(end)), ..entry(AccessEntryType::Anonymous, &[]) }
    }

    #[test]
    fn ports_options_and_open_access_come_along_and_people_do_not() {
        let mut admin = port(9000);
        admin.options = Some(TunnelOptions {
            host_header: Some("admin.test".to_owned()),
            is_inspection_enabled: Some(true),
            ..TunnelOptions::default()
        });
        let people = entry(AccessEntryType::Users, &["u1", "u2"]);
        let shop = whole(vec![open(10_000), people], vec![port(80), admin.clone()]);
        let here = to(&shop, &PlaceKey::here(), Some("shop".to_owned()), at(0));
        let tunnel = made(&here);
        assert_eq!(tunnel.access_control.as_ref().unwrap().entries, [open(10_000)]);
        assert_eq!(tunnel.ports.as_ref().unwrap()[1].options, admin.options);
        assert_eq!(here.left, [Left::People(2)]);
        assert_eq!(here.urls.len(), 2);
        assert!(
            tunnel.tunnel_id.is_none()
                && tunnel.ports.as_ref().unwrap()[0].port_forwarding_uris.is_none()
        );
    }

    #[test]
    fn an_end_is_never_moved_to_later() {
        let shop = whole(vec![open(10_000)], vec![port(80)]);
        let microsoft = PlaceKey::microsoft();
        let moving = to(&shop, &microsoft, None, at(0));
        let entries = &made(&moving).access_control.as_ref().unwrap().entries;
        assert_eq!(entries[0].expiration, Some(at(2 * HOUR)));
        let moving = to(&shop, &microsoft, None, at(10_000 - 60));
        assert_eq!(moving.left, [Left::Open]);
        assert!(made(&moving).access_control.as_ref().unwrap().entries.is_empty());
    }

    #[test]
    fn what_has_ended_and_what_a_port_inherits_does_not_come_along() {
        let mut shop = whole(vec![open(5)], vec![port(80)]);
        let inherited = AccessEntry { is_inherited: true, ..open(500) };
        shop.tunnel.ports.as_mut().unwrap()[0].access_control =
            Some(AccessControl { entries: vec![inherited] });
        let moving = to(&shop, &PlaceKey::here(), None, at(5));
        assert!(made(&moving).access_control.as_ref().unwrap().entries.is_empty());
        assert!(
            made(&moving).ports.as_ref().unwrap()[0]
                .access_control
                .as_ref()
                .unwrap()
                .entries
                .is_empty()
        );
        assert!(moving.left.is_empty());
    }
}
