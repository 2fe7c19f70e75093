//! What a port is that is made of two, of which one says more and the other goes before it.

use adit_proto::contracts::{AccessControl, TunnelOptions, TunnelPort};
use adit_wire::clock;

/// The port as it shall be.
pub(super) fn changed(port: &TunnelPort, known: &TunnelPort) -> TunnelPort {
    TunnelPort {
        name: port.name.clone().or(known.name.clone()),
        is_default: port.is_default.or(known.is_default),
        ssh_user: port.ssh_user.clone().or(known.ssh_user.clone()),
        protocol: port.protocol.clone().or(known.protocol.clone()),
        description: port.description.clone().or(known.description.clone()),
        labels: port.labels.clone().or(known.labels.clone()),
        access_control: port.access_control.clone().or(known.access_control.clone()),
        options: match (&port.options, &known.options) {
            (Some(new), Some(old)) => Some(options_over(new, old)),
            (new, old) => new.clone().or(old.clone()),
        },
        ..known.clone()
    }
}

/// The port that somebody has made, with what was noted where it has nothing.
pub(super) fn filled(there: &TunnelPort, noted: &TunnelPort) -> TunnelPort {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let own = there.access_control.as_ref().map(AccessControl::own);
    let named = TunnelPort {
        name: said(&there.name),
        description: said(&there.description),
        labels: there.labels.clone().filter(|labels| !labels.is_empty()),
        access_control: own.filter(|own| !own.entries.is_empty()),
        ..there.clone()
    };
    // The one way to have another protocol is to be made again.
    TunnelPort { protocol: there.protocol.clone(), ..changed(&named, noted) }
}

/// The options as they shall be. Who names a header, be it to clear it, says all of it.
fn options_over(new: &TunnelOptions, old: &TunnelOptions) -> TunnelOptions {
    let mut old = old.clone();
    if new.host_header.is_some() || new.is_host_header_unchanged.is_some() {
        (old.host_header, old.is_host_header_unchanged) = (None, None);
    }
    if new.origin_header.is_some() || new.is_origin_header_unchanged.is_some() {
        (old.origin_header, old.is_origin_header_unchanged) = (None, None);
    }
    new.over(&old)
}

/// Without access that has ended meanwhile, which a service need not take.
pub(super) fn unended(port: &TunnelPort) -> TunnelPort {
    let now = clock::wall();
    let mut port = port.clone();
    if let Some(control) = &mut port.access_control {
        control.entries.retain(|entry| entry.expiration.is_none_or(|end| end > now));
    }
    port
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::{AccessEntry, AccessEntryType, Protocol};

    use super::super::fixtures::port;
    use super::*;

    #[test]
    fn what_somebody_has_chosen_for_a_port_stays() {
        let open =
            |kind| AccessControl { entries: vec![AccessEntry { kind, ..AccessEntry::default() }] };
        let noted = TunnelPort {
            description: Some("the shop".into()),
            access_control: Some(open(AccessEntryType::Anonymous)),
            ..port(3000, Protocol::Https)
        };
        let there = TunnelPort {
            description: Some(String::new()),
            access_control: Some(open(AccessEntryType::Users)),
            ..port(3000, Protocol::Http)
        };
        let description = noted.description.clone();
        assert_eq!(filled(&there, &noted), TunnelPort { description, ..there });
    }

    #[test]
    fn who_names_a_header_says_all_of_it() {
        let unchanged = TunnelOptions {
            is_host_header_unchanged: Some(true),
            is_origin_header_unchanged: Some(true),
            request_timeout_seconds: Some(7),
            ..TunnelOptions::default()
        };
        let host = |text: &str| Some(text.to_owned());
        let fixed = TunnelOptions { host_header: host("shop.test"), ..TunnelOptions::default() };
        let (port, known) = (with_options(&fixed), with_options(&unchanged));
        let expected = TunnelOptions {
            host_header: host("shop.test"),
            is_host_header_unchanged: None,
            ..unchanged.clone()
        };
        assert_eq!(changed(&port, &known).options, Some(expected));
        assert_eq!(changed(&known, &port).options, Some(unchanged));
        let cleared = TunnelOptions { host_header: host(""), ..TunnelOptions::default() };
        let cleared = changed(&with_options(&cleared), &with_options(&fixed)).options;
        assert_eq!(cleared, Some(TunnelOptions::default()));
    }

    fn with_options(options: &TunnelOptions) -> TunnelPort {
        TunnelPort { options: Some(options.clone()), ..port(3000, Protocol::Http) }
    }
}
