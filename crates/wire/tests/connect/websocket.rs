//! A websocket from its URL: name, TLS, handshake, and the server's own stream at the end.

use std::convert::Infallible;
use std::future::ready;

use adit_proto::token::Secret;
use adit_wire::handshake::{self, Error};
use adit_wire::net::{ConnectError, Connector, Proxies};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use super::reach::refusing;
use super::tls::Authority;
use super::*;

#[tokio::test]
async fn a_secure_websocket_is_one_call_and_both_ends_keep_their_streams() {
    let ca = Authority::new();
    let tls = ca.server("localhost");
    let (address, _server) = serve(move |stream| {
        let tls = tls.clone();
        async move { serve_websocket(tls.accept(stream).await.unwrap()).await }
    });
    let connector = Connector::new(ca.client(), Proxies::none());
    let uri = format!("wss://localhost:{}/x", address.port()).parse().unwrap();
    let mut connected = open(&connector, &uri).await.unwrap();
    assert_eq!(connected.protocol, "b");
    assert_eq!(connected.stream.peer_addr(), Some(address));
    echoes(&mut connected.stream).await;
}

#[tokio::test]
async fn what_keeps_a_websocket_from_being_reached_is_passed_on() {
    let (_held, port) = refusing((Ipv4Addr::LOCALHOST, 0).into());
    let uri = format!("ws://localhost:{port}").parse().unwrap();
    let error = open(&Connector::default(), &uri).await.unwrap_err();
    assert!(matches!(error, Error::Connect(ConnectError::Refused { .. })), "{error:?}");
    let error = open(&Connector::default(), &Uri::from_static("/x")).await.unwrap_err();
    assert!(matches!(error, Error::Url(_)), "{error:?}");
}

async fn open(connector: &Connector, uri: &Uri) -> Result<handshake::Connected, Error> {
    let (token, headers, deadline) = (Secret::new("right"), HeaderMap::new(), soon());
    let token = Some(&token);
    let request = handshake::Request { uri, protocols: &["a", "b"], token, headers, deadline };
    handshake::connect(connector, request).await
}

/// Takes one websocket from a client with the right token, and echoes what comes through it.
async fn serve_websocket(stream: Stream) {
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let service = service_fn(move |mut request: Request<Incoming>| {
        assert_eq!(request.headers()[AUTHORIZATION], "tunnel right");
        let accepted = handshake::accept(&mut request, Some("b")).unwrap();
        upgrades.try_send(accepted.upgrade).unwrap();
        ready(Ok::<_, Infallible>(accepted.response.map(|()| Empty::<Bytes>::new())))
    });
    let server = hyper::server::conn::http1::Builder::new();
    server.serve_connection(TokioIo::new(stream), service).with_upgrades().await.unwrap();
    let (stream, leftover) = upgraded.recv().await.unwrap().wait().await.unwrap();
    assert!(matches!(stream, Stream::Tls(_)) && leftover.is_empty());
    echo(stream).await;
}
