//! What a port is that is made of two, of which one says more and the other goes before it.

use adit_proto::contracts::{TunnelOptions, TunnelPort};
use adit_wire::clock;

/// The port as it shall be.
pub(super) fn changed(port: &TunnelPort, known: &TunnelPort) -> TunnelPort {
    TunnelPort {
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
    use adit_proto::contracts::Protocol;

    use super::super::fixtures::port;
    use super::*;

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
