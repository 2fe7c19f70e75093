//! The websocket handshake against peers that do it right, wrong, and strangely.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use adit_proto::token::Secret;
use adit_wire::handshake::{self, Connected, Error, Flaw, Malformed, Request, Upgrade};
use adit_wire::net::Stream;
use adit_wire::{clock, task};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

const PROTOCOLS: &[&str] = &["second-edition", "first-edition"];

#[tokio::test]
async fn both_ends_agree_and_lose_no_byte_of_what_follows() {
    let (near, far) = duplex(4096);
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let _server = serve(far, upgrades, Some("first-edition"));
    let mut connected = open(near, PROTOCOLS).await.expect("a websocket");
    assert_eq!(connected.protocol, "first-edition");
    assert_eq!(connected.headers["adit-epoch"], "7");

    let (mut server, leftover) = upgraded.recv().await.expect("an upgrade").wait().await.unwrap();
    assert!(leftover.is_empty() && connected.leftover.is_empty());
    connected.stream.write_all(b"from the client").await.unwrap();
    server.write_all(b"from the server").await.unwrap();
    assert_eq!(read(&mut server, 15).await, b"from the client");
    assert_eq!(read(&mut connected.stream, 15).await, b"from the server");
}

#[tokio::test]
async fn the_server_gets_its_own_stream_back_with_what_was_read_too_far() {
    let (mut near, far) = duplex(4096);
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let _server = serve(far, upgrades, Some("first-edition"));
    let hasty = [&request("")[..], b"frames already"].concat();
    near.write_all(&hasty).await.unwrap();
    let (stream, leftover) = upgraded.recv().await.expect("an upgrade").wait().await.unwrap();
    assert!(matches!(stream, Stream::Other(_)));
    assert_eq!(leftover, "frames already");

    drop(stream);
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    let answer = answer.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 switching protocols\r\n"), "{answer}");
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        "sec-websocket-protocol: first-edition",
    ] {
        assert_eq!(answer.lines().filter(|it| *it == line).count(), 1, "{line} in {answer}");
    }
    assert_eq!(answer.matches("connection:").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_bad_request_gets_the_status_that_tells_why() {
    for (change, status) in [
        ("-Sec-WebSocket-Version: 13", Malformed::Version.status()),
        ("-Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", Malformed::Key.status()),
        ("+Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", Malformed::Key.status()),
        ("-Connection: keep-alive, Upgrade", Malformed::NotUpgrade.status()),
        ("-Sec-WebSocket-Protocol: second-edition, first-edition", Malformed::Protocol.status()),
        ("", StatusCode::SWITCHING_PROTOCOLS),
    ] {
        let (mut near, far) = duplex(4096);
        let (upgrades, _upgraded) = mpsc::channel(1);
        let _server = serve(far, upgrades, Some("first-edition"));
        near.write_all(&request(change)).await.unwrap();
        let line = read(&mut near, 12).await;
        assert_eq!(line, format!("HTTP/1.1 {}", status.as_str()).as_bytes(), "{change}");
    }
}

#[tokio::test]
async fn the_request_says_what_was_asked_for_and_nothing_twice() {
    let (near, mut far) = duplex(4096);
    let uri = Uri::from_static("wss://user:secret@relay.example:8443/host/x?y=z");
    let mut headers = HeaderMap::new();
    headers.insert("sec-websocket-version", HeaderValue::from_static("8"));
    let deadline = clock::now() + Duration::from_secs(5);
    let token = Secret::new("abc");
    let token = Some(&token);
    let ask = Request { uri: &uri, protocols: PROTOCOLS, token, headers, deadline };
    let mut asking = Box::pin(handshake::over(Stream::other(near), ask));
    let mut text = vec![0; 1024];
    let length = tokio::select! {
        length = far.read(&mut text) => length.unwrap(),
        _ = &mut asking => panic!("there was no answer"),
    };
    let text = String::from_utf8_lossy(&text[..length]).into_owned();
    assert!(text.starts_with("GET /host/x?y=z HTTP/1.1\r\nHost: relay.example:8443\r\n"), "{text}");
    assert!(text.contains("\r\nSec-WebSocket-Protocol: second-edition, first-edition\r\n"));
    assert!(text.contains("\r\nauthorization: tunnel abc\r\n") && text.ends_with("\r\n\r\n"));
    assert!(!text.contains("secret") && text.to_lowercase().matches("-version:").count() == 1);
}

#[tokio::test]
async fn awkward_answers_are_refused_for_what_they_are() {
    let good = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n\
                Sec-WebSocket-Protocol: first-edition\r\n";
    let with = |from: &str, to: &str| good.replace(from, to);
    for (headers, flaw) in [
        (with("websocket\r\nC", "h2c\r\nC"), Flaw::Upgrade),
        (with("Connection: Upgrade", "Connection: close"), Flaw::Connection),
        (with("{key}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Flaw::Key),
        (with("first-edition", "third-edition"), Flaw::Protocol),
        (with("first-edition", "First-Edition"), Flaw::Protocol),
        (with("first-edition", "second-edition, first-edition"), Flaw::Protocol),
        (with("Sec-WebSocket-Protocol: first-edition\r\n", ""), Flaw::Protocol),
        (format!("{good}Sec-WebSocket-Protocol: second-edition\r\n"), Flaw::Protocol),
        (format!("{good}Sec-WebSocket-Extensions: permessage-deflate\r\n"), Flaw::Extension),
        (format!("{good}X: {}\r\n", "x".repeat(100_000)), Flaw::TooLong),
    ] {
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n");
        match answered(&answer).await {
            Err(Error::Answer(found)) => assert_eq!(found, flaw, "{headers}"),
            other => panic!("{headers}: {other:?}"),
        }
    }
    assert!(matches!(answered("SSH-2.0-x\r\n\r\n").await, Err(Error::Answer(Flaw::NotHttp))));
    assert!(matches!(answered("HTTP/1.1 101 S").await, Err(Error::Io(_))));
    let fine = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 S\r\n{good}\r\nframes");
    let connected = answered(&fine).await.expect("an interim answer is no harm");
    assert_eq!((&*connected.protocol, &*connected.leftover), ("first-edition", &b"frames"[..]));
}

#[tokio::test]
async fn a_refusal_carries_status_headers_and_when_to_return() {
    let answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 3\r\nX-Why: so\r\n\r\nbad";
    let Err(Error::Refused(refusal)) = answered(answer).await else { panic!("not refused") };
    assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refusal.headers[RETRY_AFTER], "7");
    assert_eq!(refusal.headers["x-why"], "so");
    assert_eq!(refusal.retry_after(clock::wall()), Some(Duration::from_secs(7)));
    let text = Error::Refused(refusal).to_string();
    assert!(text.contains("503") && text.contains("try again"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline() {
    let (near, _far) = duplex(4096);
    let start = clock::now();
    assert!(matches!(open(near, PROTOCOLS).await, Err(Error::Late)));
    assert_eq!(clock::now(), start + Duration::from_secs(5));
}

async fn open(io: DuplexStream, protocols: &[&str]) -> Result<Connected, Error> {
    let uri = Uri::from_static("ws://relay.example/x");
    let deadline = clock::now() + Duration::from_secs(5);
    let ask = Request { uri: &uri, protocols, token: None, headers: HeaderMap::new(), deadline };
    handshake::over(Stream::other(io), ask).await
}

/// What the client makes of `answer`, in which `{key}` stands for the right accept key.
async fn answered(answer: &str) -> Result<Connected, Error> {
    let (near, mut far) = duplex(1 << 20);
    let answer = answer.to_owned();
    let _peer = task::spawn("peer", async move {
        let mut request = vec![0; 4096];
        let length = far.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let mut sha1 =
            aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
        sha1.update(key.unwrap().as_bytes());
        sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let key = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, sha1.finish());
        far.write_all(answer.replace("{key}", &key).as_bytes()).await.unwrap();
    });
    open(near, PROTOCOLS).await
}

/// A hyper server that accepts websockets with `chosen` and hands the upgrades out.
fn serve(
    io: DuplexStream,
    out: mpsc::Sender<Upgrade>,
    chosen: Option<&'static str>,
) -> task::Task<()> {
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        let out = out.clone();
        async move {
            let answer = match handshake::accept(&mut request, chosen) {
                Ok(mut accepted) => {
                    let epoch = HeaderValue::from_static("7");
                    accepted.response.headers_mut().insert("adit-epoch", epoch);
                    out.send(accepted.upgrade).await.expect("the test takes one upgrade");
                    accepted.response
                }
                Err(malformed) => malformed.response(),
            };
            Ok::<Response<Empty<Bytes>>, std::convert::Infallible>(answer.map(|()| Empty::new()))
        }
    });
    let io = TokioIo::new(Stream::other(io));
    let server = hyper::server::conn::http1::Builder::new();
    task::spawn("server", async move {
        server.serve_connection(io, service).with_upgrades().await.ok();
    })
}

/// The request of RFC 6455 with two subprotocols; `change` takes a line away (`-`) or adds it (`+`).
fn request(change: &str) -> Vec<u8> {
    let good = "GET /x HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\n\
                Connection: keep-alive, Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Protocol: second-edition, first-edition\r\n";
    let request = match change.split_at_checked(1) {
        Some(("-", line)) => good.replace(&format!("{line}\r\n"), ""),
        Some(("+", line)) => format!("{good}{line}\r\n"),
        _ => good.to_owned(),
    };
    format!("{request}\r\n").into_bytes()
}

async fn read(io: &mut (impl tokio::io::AsyncRead + Unpin), length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await.unwrap();
    bytes
}
