//! The relay with a certificate.

use adit_relay::config::TlsFiles;
use adit_wire::{net, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Relay;

const REQUEST: &[u8] = b"GET /clusters HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_relay_with_a_certificate_speaks_tls_and_says_so_in_its_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: folder.path().join("c"), key: folder.path().join("k") };
    std::fs::write(&files.cert, pair.cert.pem()).unwrap();
    std::fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
    let trust = tls::Client::with_authorities(&files.cert).unwrap();
    let relay = Relay::with(|config| config.tls = Some(files)).await;

    // Whoever speaks no TLS is cut off, and disturbs nobody.
    let mut plain = TcpStream::connect(relay.server.addr()).await.unwrap();
    plain.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));

    let tcp = TcpStream::connect(relay.server.addr()).await.unwrap();
    let mut stream = trust.connect(net::Stream::from(tcp), "localhost").await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""uri":"https://localhost/""#), "{answer}");
}
