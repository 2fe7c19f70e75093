//! Listeners as macOS and Windows tell them: tables of sockets, each with its process.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Listening, is_forwarded_to, risk};

/// A socket and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Socket {
    pub(super) address: SocketAddr,
    /// The process.
    pub(super) id: u32,
    /// What its program is called.
    pub(super) program: String,
}

/// What listens on TCP, except the process `without`. Neither system names the processes of other users to one that
/// has no right to look into them, so those are not among these. Nothing where the system does not answer.
#[cfg(not(target_os = "linux"))]
pub(super) fn listening(without: u32) -> Option<Vec<Listening>> {
    use listeners::{Protocol, SocketState};

    let found = match listeners::get_all() {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "what listens on this computer could not be read");
            return None;
        }
    };
    let is_listening =
        |it: &listeners::Listener| it.protocol == Protocol::TCP && it.state == SocketState::Listen;
    let sockets = found.into_iter().filter(is_listening).map(|it| Socket {
        address: it.socket,
        id: it.process.pid,
        program: it.process.name,
    });
    Some(of(sockets, without))
}

/// One for each port that a tunnel could forward to; when their processes began is not told.
pub(super) fn of(sockets: impl Iterator<Item = Socket>, without: u32) -> Vec<Listening> {
    let is_it = |it: &Socket| it.id != without && is_forwarded_to(it.address.ip());
    // Processes that share a socket stand in no order; the lowest id is most often that of the parent.
    let sockets: BTreeSet<_> =
        sockets.filter(is_it).map(|it| (it.address.port(), it.id, it.program)).collect();
    let mut seen = BTreeSet::new();
    let first = sockets.into_iter().filter(|(port, ..)| seen.insert(*port));
    let listening = first.map(|(port, _, program)| Listening {
        port,
        program: Some(name(&program)).filter(|name| !name.is_empty()),
        since: None,
        risk: risk(port),
    });
    listening.collect()
}

/// `node.exe` is `node`.
fn name(program: &str) -> String {
    let bytes = program.as_bytes();
    let is_file = bytes.len() > 4 && bytes[bytes.len() - 4..].eq_ignore_ascii_case(b".exe");
    let end = if is_file { bytes.len() - 4 } else { bytes.len() };
    program.get(..end).unwrap_or(program).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(address: &str, id: u32, program: &str) -> Socket {
        Socket { address: address.parse().unwrap(), id, program: program.to_owned() }
    }

    #[test]
    fn ports_that_a_tunnel_can_forward_to_are_told_once_with_their_program() {
        let sockets = [
            socket("[::1]:5173", 20, "node.exe"),
            socket("127.0.0.1:5173", 20, "node.exe"),
            socket("0.0.0.0:8000", 31, "Python"),
            socket("0.0.0.0:8000", 30, "gunicorn"),
            socket("192.168.1.2:9000", 40, "elsewhere"),
            socket("[::ffff:127.0.0.1]:5432", 50, "postgres.EXE"),
            socket("127.0.0.1:7000", 7, "adit-desktop"),
        ];
        let found = of(sockets.into_iter(), 7);
        let told: Vec<_> = found.iter().map(|it| (it.port, it.program.as_deref())).collect();
        assert_eq!(
            told,
            [(5173, Some("node")), (5432, Some("postgres")), (8000, Some("gunicorn"))]
        );
        assert!(found[1].risk.is_some());
    }

    #[test]
    fn what_is_only_called_like_a_file_keeps_its_name() {
        assert_eq!([name(".exe"), name("a.exe"), name("caf\u{e9}")], [".exe", "a", "caf\u{e9}"]);
    }
}
