//! As much of HTTP/1.1 as the proxy must understand: where a request ends, and whether it asks for a
//! websocket.

use super::Role;

/// The largest request head that is looked into, and its most headers.
const LIMIT: usize = 64 * 1024;
const HEADERS: usize = 100;

/// What is known of a request from its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the head.
    pub(super) size: usize,
    /// Method and target.
    pub(super) line: String,
    /// Who asks for a websocket, if it does.
    pub(super) upgrade: Option<Role>,
    /// Bytes of the body that follow; `None` when only reading it would tell.
    pub(super) body: Option<usize>,
}

/// Not a request, or larger than this proxy looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHttp;

impl Head {
    /// Reads the head at the start of `bytes`; `None` while it is not whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, NotHttp> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let size = match request.parse(bytes) {
            Ok(httparse::Status::Complete(size)) => size,
            Ok(httparse::Status::Partial) if bytes.len() < LIMIT => return Ok(None),
            _ => return Err(NotHttp),
        };
        let line =
            format!("{} {}", request.method.unwrap_or_default(), request.path.unwrap_or_default());
        let value = |name: &str| {
            let header = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()
        };
        let websocket =
            value("upgrade").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("websocket"));
        let offered = value("sec-websocket-protocol").unwrap_or_default();
        let role = if offered.contains("tunnel-relay-host") {
            Role::Host
        } else if offered.contains("tunnel-relay-client") {
            Role::Client
        } else {
            Role::Other
        };
        let body = match (value("transfer-encoding"), value("content-length")) {
            (Some(_), _) => None,
            (None, Some(size)) => size.trim().parse().ok(),
            (None, None) => Some(0),
        };
        Ok(Some(Self { size, line, upgrade: websocket.then_some(role), body }))
    }
}

/// A response of the proxy's own, after which the connection ends.
pub(super) fn answer(status: u16) -> Vec<u8> {
    let body = format!(r#"{{"title":"fault","detail":"status {status} made by a test"}}"#);
    let head = "X-Served-By: tunnels-faultproxy\r\nConnection: close\r\n";
    let size = body.len();
    format!(
        "HTTP/1.1 {status} Fault\r\n{head}Content-Type: application/problem+json\r\n\
         Content-Length: {size}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_from_upgrades_and_roles_from_each_other() {
        let plain = b"PUT /tunnels/a HTTP/1.1\r\nContent-Length: 12\r\n\r\n{";
        let head = Head::parse(plain).unwrap().unwrap();
        assert_eq!((head.line.as_str(), head.upgrade), ("PUT /tunnels/a", None));
        assert_eq!((head.size, head.body), (plain.len() - 1, Some(12)));

        for (protocols, role) in [
            ("tunnel-relay-host-v2-dev, tunnel-relay-host", Role::Host),
            ("tunnel-relay-client", Role::Client),
            ("chat", Role::Other),
        ] {
            let request = format!(
                "GET /x HTTP/1.1\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
            );
            let head = Head::parse(request.as_bytes()).unwrap().unwrap();
            assert_eq!(head.upgrade, Some(role));
        }
    }

    #[test]
    fn half_a_head_waits_and_noise_is_refused() {
        assert_eq!(Head::parse(b"GET / HTTP/1.1\r\nA: "), Ok(None));
        assert_eq!(Head::parse(b"\x00\x01\x02\r\n\r\n"), Err(NotHttp));
        assert_eq!(Head::parse(&[b'a'; LIMIT]), Err(NotHttp));
    }

    #[test]
    fn a_body_of_unknown_length_says_so() {
        let head = Head::parse(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!(head.unwrap().body, None);
    }
}
