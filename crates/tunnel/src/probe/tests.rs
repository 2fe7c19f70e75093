//! What looks make of answers, and of local servers.

use std::io;
use std::net::Ipv4Addr;

use adit_proto::health::{Leg, Speaks};
use adit_wire::net::{Proxies, Step, Stream};
use adit_wire::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::management::{Base, Credential, Rest};

fn look(url: &str) -> Look {
    Look {
        tunnel: "web".parse().expect("a locator"),
        url: url.into(),
        nonce: Some(Nonce::new(std::array::from_fn(|at| at as u8))),
        arrivals: Arc::default(),
    }
}

fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = status.try_into().expect("a status");
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    response
}

#[test]
fn a_look_is_marked_as_none_of_a_visitor_and_goes_to_the_sessions_path() {
    let look = look("https://web-3000.example.com/");
    let secret = Secret::new("canary");
    let request = request(&look, Some(&secret)).expect("a request");
    let path = look.nonce.as_ref().expect("a secret").path();
    assert_eq!(request.uri(), &*format!("https://web-3000.example.com{path}"));
    assert_eq!(request.headers()["x-tunnel-skip-antiphishing-page"], "true");
    assert_eq!(request.headers()["x-tunnel-authorization"], "tunnel canary");
    assert!(!request.headers()["accept"].to_str().expect("text").contains("text/html"));
    assert!(!format!("{request:?}").contains("canary"));
    let plain = Look { nonce: None, ..look };
    let request = super::request(&plain, None).expect("a request");
    assert_eq!(request.uri().path(), PLAIN_LOOK);
    assert!(!request.headers().contains_key("x-tunnel-authorization"));
}

#[test]
fn answers_are_told_apart_by_who_gives_them() {
    let look = look("https://web-3000.example.com/");
    let nonce = look.nonce.clone().expect("a secret");
    let answer = nonce.response();
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    let ours = [("x-served-by", OUR_EDGE)];
    let problem = r#"{"title":"x","status":502,"code":"no_host"}"#;
    let echo = nonce.path();
    for (response, expected) in [
        (response(200, &[], body), Answer::Proven),
        // A page that says what it was asked proves nothing.
        (response(200, &[], &echo[echo.len() - 32..]), Answer::Status(200)),
        (response(502, &ours, problem), Answer::Edge("no_host".into())),
        (response(502, &[], problem), Answer::Status(502)),
        (response(502, &ours, "no json"), Answer::Status(502)),
        (response(302, &[("location", "/login")], ""), Answer::Status(302)),
        (response(302, &[("location", "https://other.example.com/")], ""), Answer::Status(401)),
    ] {
        assert_eq!(read(Ok(response.clone()), &look), expected, "{response:?}");
    }
}

#[test]
fn a_gate_is_told_from_an_application_that_has_a_gate_itself() {
    let look = look("https://web-3000.example.com/");
    let denied = |response, arrived| is_denied(&Ok(response), &look, arrived);
    let ours = [("x-served-by", OUR_EDGE)];
    assert!(denied(response(401, &[], ""), false));
    assert!(!denied(response(401, &[], ""), true), "it came through");
    assert!(denied(response(401, &ours, r#"{"code":"sign_in"}"#), true));
    assert!(!denied(response(502, &ours, r#"{"code":"no_host"}"#), false));
    assert!(!denied(response(404, &[], ""), false));
}

#[test]
fn no_answer_has_a_cause_by_its_type() {
    let target = Target::from_uri(&Uri::from_static("https://web.example.com/")).expect("a target");
    let connect = |error| without_answer(&wire_http::Error::Connect(error));
    let dns = ConnectError::Dns { host: "web".into(), source: io::Error::other("not found") };
    assert_eq!(connect(dns), Answer::NoName("not found".into()));
    let tls = |problem| ConnectError::Tls { target: target.clone(), problem };
    let expired = tls::Error::Certificate(tls::Distrust::Expired);
    assert!(matches!(connect(tls(expired)), Answer::Untrusted(_)));
    let broken = tls::Error::Io(io::ErrorKind::ConnectionReset.into());
    assert!(matches!(connect(tls(broken)), Answer::Unreachable(_)));
    let late = ConnectError::Timeout { target, step: Step::Connect };
    assert!(matches!(connect(late), Answer::Unreachable(_)));
    assert_eq!(without_answer(&wire_http::Error::Late), Answer::Silent);
}

/// A local server that speaks HTTP, in the clear or over TLS.
async fn server(secure: bool) -> (u16, task::Task<()>) {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
    let folder = tempfile::tempdir().expect("a directory");
    let (cert, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, key.cert.pem()).expect("a file");
    std::fs::write(&private, key.signing_key.serialize_pem()).expect("a file");
    let tls = tls::Server::from_files(&cert, &private).expect("a certificate");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let task = task::spawn("server", async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let mut stream = Stream::from(tcp);
            if secure {
                let Ok(agreed) = tls.accept(stream).await else { continue };
                stream = agreed;
            }
            if let Ok(1..) = stream.read(&mut [0; 1024]).await {
                let _ =
                    stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
                let _ = stream.flush().await;
            }
        }
    });
    (port, task)
}

/// A URL whose server gives this answer, and says so each time.
async fn answering(head: &'static str) -> (String, mpsc::Receiver<()>, task::Task<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (answered, answers) = mpsc::channel(PLACES);
    let task = task::spawn("server", async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            if let Ok(1..) = tcp.read(&mut [0; 1024]).await {
                let _ = tcp.write_all(head.as_bytes()).await;
                let _ = answered.send(()).await;
            }
        }
    });
    (url, answers, task)
}

#[tokio::test]
async fn who_waits_for_a_token_is_in_the_way_of_no_other_look() {
    let connector = || Connector::new(tls::Client::danger_unverified(), Proxies::none());
    // It takes connections and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let base = format!("http://{}/", silent.local_addr().expect("an address"));
    let base = Base::parse(&base).expect("a base");
    let rest = Rest::new(connector(), base, Credential::Anonymous);
    let prober = Arc::new(Prober::new(Arc::new(rest), connector()));
    let (gate, mut refused, _gate) =
        answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let waiting: Vec<_> = (0..PLACES)
        .map(|_| {
            let (prober, look) = (prober.clone(), look(&gate));
            task::spawn("look", async move { drop(prober.ask(&look).await) })
        })
        .collect();
    for _ in 0..PLACES {
        refused.recv().await.expect("a look");
    }
    let (open, _, _open) = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(prober.ask(&look(&open)).await, (Answer::Status(404), false));
    assert!(waiting.iter().all(|look| !look.is_finished()), "none had to give up its place");
}

#[tokio::test]
async fn a_local_server_is_tried_in_the_language_it_should_speak() {
    let (plain, _plain) = server(false).await;
    let (secure, _secure) = server(true).await;
    for (port, speaks, leg) in [
        (plain, None, Leg::Up),
        (plain, Some(Speaks::Http), Leg::Up),
        (plain, Some(Speaks::Https), Leg::OtherScheme),
        (secure, Some(Speaks::Https), Leg::Up),
        (secure, Some(Speaks::Http), Leg::OtherScheme),
        (secure, Some(Speaks::Auto), Leg::Up),
    ] {
        assert_eq!(try_local(port, speaks).await, leg, "{port} {speaks:?}");
    }
}

#[tokio::test]
async fn a_local_port_without_a_server_is_refused_in_plain_words() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let port = socket.local_addr().expect("an address").port();
    let leg = try_local(port, Some(Speaks::Http)).await;
    let Leg::Refused(refusal) = leg else { panic!("{leg:?}") };
    assert_eq!(refusal.to_string(), format!("nothing listens on localhost:{port}"));
}
