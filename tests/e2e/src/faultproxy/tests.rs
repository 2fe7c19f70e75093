//! The proxy against a server of its own: a few lines of HTTP and a "websocket" of raw frames.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::deadline::{soon, until};

const UPGRADE: &str = "GET /api/v1/Host HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Protocol: tunnel-relay-host\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
const VERSION_FRAME: &[u8] = b"\x82\x0bSSH-2.0-x\r\n";

/// The proxy, and where its connections arrive.
struct Scene {
    proxy: FaultProxy,
    server: TcpListener,
}

impl Scene {
    async fn set() -> Self {
        let proxy = FaultProxy::start().await;
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        proxy.serve(server.local_addr().unwrap());
        Self { proxy, server }
    }

    /// A connection through the proxy: the client's end and the server's.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.addr()).await.unwrap();
        let (server, _) = soon("the connection", self.server.accept()).await.unwrap();
        (client, server)
    }

    /// A connection that became a host's websocket.
    async fn socket(&self) -> (TcpStream, TcpStream) {
        let (mut client, mut server) = self.connect().await;
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        expect(&mut server, UPGRADE.as_bytes()).await;
        server.write_all(SWITCHED.as_bytes()).await.unwrap();
        expect(&mut client, SWITCHED.as_bytes()).await;
        (client, server)
    }
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    soon("bytes", stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, bytes);
}

/// Whether something can be read, looked at without taking it.
fn is_silent(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 1]) {
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

#[tokio::test]
async fn requests_before_an_upgrade_pass_and_are_listed() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.connect().await;
    let call = b"PUT /tunnels/a/endpoints/e HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    client.write_all(call).await.unwrap();
    expect(&mut server, call).await;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;

    client.write_all(UPGRADE.as_bytes()).await.unwrap();
    expect(&mut server, UPGRADE.as_bytes()).await;
    let refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    server.write_all(refusal).await.unwrap();
    expect(&mut client, refusal).await;
    assert_eq!(scene.proxy.sockets(Role::Host), 0);

    client.write_all(call).await.unwrap();
    expect(&mut server, call).await;
    assert_eq!(scene.proxy.count("PUT", "/endpoints/"), 2);
    assert_eq!(scene.proxy.requests()[1], "GET /api/v1/Host");
}

#[tokio::test]
async fn the_next_upgrades_are_answered_as_planned_and_then_pass() {
    let scene = Scene::set().await;
    scene.proxy.answer_upgrades(Role::Host, 503, 2);
    for _ in 0..2 {
        let (mut client, _server) = scene.connect().await;
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        expect(&mut client, b"HTTP/1.1 503 ").await;
    }
    scene.socket().await;
}

#[tokio::test]
async fn a_dropped_socket_is_reset_and_others_stay() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.socket().await;
    let (mut other, mut far) = scene.connect().await;
    assert_eq!(scene.proxy.drop_sockets(Role::Host), 1);
    let read = soon("the reset", client.read_u8()).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(soon("the end", server.read_u8()).await.is_err());

    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    expect(&mut far, b"GET / HTTP/1.1\r\n\r\n").await;
    until("the dropped one to be gone", async || scene.proxy.sockets(Role::Host) == 0).await;
}

#[tokio::test]
async fn held_bytes_arrive_when_they_are_let_go() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.socket().await;
    scene.proxy.flow(Role::Host, Flow::Hold);
    client.write_all(b"from the client").await.unwrap();
    server.write_all(VERSION_FRAME).await.unwrap();
    let all = "from the client".len() + VERSION_FRAME.len();
    until("all to be held", async || scene.proxy.held(Role::Host) == all).await;
    assert!(is_silent(&client) && is_silent(&server));
    scene.proxy.flow(Role::Host, Flow::Pass);
    expect(&mut server, b"from the client").await;
    expect(&mut client, VERSION_FRAME).await;
}

#[tokio::test]
async fn a_proxy_that_stops_reading_fills_the_senders_window() {
    let scene = Scene::set().await;
    let (client, mut server) = scene.socket().await;
    scene.proxy.flow(Role::Host, Flow::Stop);
    let mut sent = 0;
    let piece = vec![7; 1 << 20];
    let writing = async {
        loop {
            client.writable().await.unwrap();
            if let Ok(size) = client.try_write(&piece) {
                sent += size;
            }
        }
    };
    let stuck = tokio::time::timeout(std::time::Duration::from_millis(300), writing).await;
    assert!(stuck.is_err());
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    scene.proxy.flow(Role::Host, Flow::Pass);
    let mut all = vec![0; sent];
    soon("all that was sent", server.read_exact(&mut all)).await.unwrap();
    assert!(all.iter().all(|byte| *byte == 7));
}

#[tokio::test]
async fn a_disconnect_is_inserted_between_two_packets() {
    let scene = Scene::set().await;
    let (mut client, mut server) = scene.socket().await;
    server.write_all(VERSION_FRAME).await.unwrap();
    expect(&mut client, VERSION_FRAME).await;

    // Half a packet: the disconnect has to wait for the other half.
    server.write_all(&[0x82, 6, 0, 0, 0, 4, 1, 2]).await.unwrap();
    expect(&mut client, &[0x82, 6, 0, 0, 0, 4, 1, 2]).await;
    assert_eq!(scene.proxy.disconnect(Role::Host, 12), 1);
    scene.socket().await;
    assert!(is_silent(&client));
    server.write_all(&[0x82, 2, 3, 4, 0x82, 1]).await.unwrap();
    let mut expected = vec![0x82, 2, 3, 4];
    expected.extend(frames::disconnect(12));
    expected.extend([0x82, 1]);
    expect(&mut client, &expected).await;
}
