//! The edge: where a Host goes, and what becomes of headers.

use adit_relay::edge::route::{Names, Target};

/// Any text as the authority of a request.
pub fn edge(data: &[u8]) {
    let Ok(authority) = std::str::from_utf8(data) else { return };
    for domain in [None, Some("tunnels.example.com")] {
        let names = Names::new(domain, &["127.0.0.1"]);
        let target = names.target(authority);
        assert_eq!(target, names.target(authority), "routing has no memory");
        if let Target::Port { port, .. } = target {
            assert_ne!(port, 0, "port 0 is nobody's");
        }
    }
}
