//! Through HTTP proxies, good and bad.

use std::sync::{Arc, Mutex};

use adit_wire::net::{ConnectError, Connector, Proxies, ProxyProblem, Step};
use tokio::net::TcpStream;

use super::reach::refusing;
use super::tls::{Authority, serve_tls};
use super::*;

/// What a proxy was asked, and by whom.
type Asked = Arc<Mutex<Vec<String>>>;

/// Proxies every request to `place`, whatever it names, and writes it down.
async fn pass_on(mut stream: Stream, place: SocketAddr, asked: Asked) {
    let head = read_head(&mut stream).await;
    asked.lock().unwrap().push(head);
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut further = TcpStream::connect(place).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut further).await;
}

fn through(proxy: &str, client: adit_wire::tls::Client) -> Connector {
    let proxy = proxy.to_owned();
    Connector::new(
        client,
        Proxies::from_vars(move |name| (name == "all_proxy").then(|| proxy.clone())),
    )
}

#[tokio::test]
async fn tls_with_the_target_goes_through_a_proxy_that_wants_a_sign_in() {
    let ca = Authority::new();
    let (place, _server) = serve_tls(ca.server("relay.example"));
    let asked = Asked::default();
    let (proxy, _proxy) = serve({
        let asked = asked.clone();
        move |stream| pass_on(stream, place, asked.clone())
    });
    let connector = through(&format!("http://me:secret@{proxy}"), ca.client());
    let mut stream = connector.connect(&target("wss://relay.example/x"), soon()).await.unwrap();
    echoes(&mut stream).await;
    assert_eq!(
        asked.lock().unwrap().as_slice(),
        ["CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n\
          Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"]
    );
}

#[tokio::test]
async fn a_proxy_may_be_reached_by_tls_itself() {
    let (ca, asked) = (Authority::new(), Asked::default());
    let (place, _server) = serve_tls(ca.server("relay.example"));
    let secure = ca.server("localhost");
    let (proxy, _proxy) = serve(move |stream| {
        let (secure, asked) = (secure.clone(), asked.clone());
        async move {
            let stream = secure.accept(stream).await.unwrap();
            pass_on(stream, place, asked).await;
        }
    });
    let connector = through(&format!("https://localhost:{}", proxy.port()), ca.client());
    let mut stream = connector.connect(&target("https://relay.example"), soon()).await.unwrap();
    assert_eq!(stream.peer_addr(), Some(proxy));
    echoes(&mut stream).await;
}

/// What comes of a proxy that answers like this.
async fn answered(answer: &'static str) -> ConnectError {
    let (proxy, _proxy) = serve(move |mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let connector = through(&proxy.to_string(), adit_wire::tls::Client::danger_unverified());
    connector.connect(&target("http://relay.example"), soon()).await.unwrap_err()
}

#[tokio::test]
async fn what_a_proxy_answers_is_told_with_what_to_do() {
    let error = answered("HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Basic\r\n\r\n").await;
    let ConnectError::Proxy { problem: ProxyProblem::Status { status }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(status.as_u16(), 407);
    assert!(error.to_string().contains("user name and password"), "{error}");
    for nonsense in ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 200", "", "HTTP/1.1 200 OK\r\n\r\nmore"] {
        let error = answered(nonsense).await;
        let ConnectError::Proxy { problem: ProxyProblem::Answer(_), .. } = &error else {
            panic!("{nonsense:?}: {error:?}")
        };
    }
}

#[tokio::test]
async fn a_dead_proxy_is_not_taken_for_a_dead_target() {
    let (_held, port) = refusing((Ipv4Addr::LOCALHOST, 0).into());
    let connector =
        through(&format!("me:secret@127.0.0.1:{port}"), adit_wire::tls::Client::system());
    let error = connector.connect(&target("http://relay.example"), soon()).await.unwrap_err();
    let ConnectError::Proxy { problem: ProxyProblem::Unreachable(inner), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(**inner, ConnectError::Refused { .. }), "{inner:?}");
    assert!(!format!("{error} {error:?} {connector:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_silent_proxy_costs_the_deadline_and_no_more() {
    let (proxy, _proxy) = serve(|stream| async move {
        let _held = stream;
        std::future::pending().await
    });
    let connector = through(&proxy.to_string(), adit_wire::tls::Client::system());
    let deadline = clock::now() + Duration::from_millis(200);
    let error = connector.connect(&target("http://relay.example"), deadline).await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { step: Step::Proxy, .. }), "{error:?}");
}
