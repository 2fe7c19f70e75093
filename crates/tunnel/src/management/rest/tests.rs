use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use adit_wire::net::Proxies;
use adit_wire::{task, tls};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// A service that answers as told and notes what it was asked.
pub(super) struct Service {
    pub(super) rest: Rest,
    asked: mpsc::Receiver<Asked>,
    _task: task::Task<()>,
}

/// A request as the service saw it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    headers: HeaderMap,
    pub(super) body: Value,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

impl Service {
    /// Answers the requests that come with these, in turn, and then with the last again.
    pub(super) async fn answering(credential: Credential, answers: &[(u16, &'static str)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (sender, asked) = mpsc::channel(16);
        let answers = answers.to_vec();
        let task = task::spawn("service", async move {
            let mut answers = answers.into_iter();
            let mut answer = answers.next().expect("an answer");
            while let Ok((stream, _)) = listener.accept().await {
                let served = service_fn(|request| serve(request, answer, sender.clone()));
                let connection = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), served);
                connection.await.expect("a request");
                answer = answers.next().unwrap_or(answer);
            }
        });
        let base = Base::parse(&format!("http://{address}/")).expect("a base");
        let rest = Rest::new(connector(), base, credential);
        Self { rest, asked, _task: task }
    }

    pub(super) fn asked(&mut self) -> Asked {
        self.asked.try_recv().expect("a request")
    }
}

async fn serve(
    request: Request<Incoming>,
    (status, body): (u16, &'static str),
    asked: mpsc::Sender<Asked>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, sent) = request.into_parts();
    let sent = sent.collect().await.expect("a body").to_bytes();
    let line = format!("{} {}", head.method, head.uri);
    let line = line.replace("api-version=2023-09-27-preview", "V");
    let body_sent =
        if sent.is_empty() { Value::Null } else { serde_json::from_slice(&sent).expect("JSON") };
    asked
        .send(Asked { line, headers: head.headers, body: body_sent })
        .await
        .expect("somebody listens");
    let response = Response::builder()
        .status(status)
        .header("X-Served-By", "tunnels-test")
        .header("Retry-After", "7")
        .body(Full::from(body));
    Ok(response.expect("a response"))
}

fn connector() -> Connector {
    Connector::new(tls::Client::danger_unverified(), Proxies::none())
}

fn key() -> Credential {
    Credential::User(Secret::new("key-1"))
}

fn at(text: &str) -> Locator {
    text.parse().expect("a locator")
}

#[tokio::test]
async fn creating_sends_only_what_a_client_may_say() {
    let answer =
        r#"{"clusterId":"loc1","tunnelId":"quiet-fox-1234567","accessTokens":{"host":"h"}}"#;
    let mut service = Service::answering(key(), &[(201, answer)]).await;
    let tunnel: Tunnel = serde_json::from_value(json!({
        "tunnelId": "quiet-fox-1234567", "clusterId": "loc1", "name": "web",
        "accessTokens": {"host": "old"}, "status": {},
        "accessControl": {"entries": [
            {"type": "Anonymous", "subjects": [], "scopes": ["connect"]},
            {"type": "Users", "isInherited": true, "subjects": ["u"], "scopes": ["connect"]}]},
        "ports": [{"portNumber": 3000, "protocol": "http", "tunnelId": "x", "portForwardingUris": ["u"]}]
    }))
    .expect("a tunnel");
    let created = service.rest.create(&tunnel, Want::PORTS.token(Scope::Host)).await;
    let created = created.expect("it is created");
    assert_eq!(created.token(Scope::Host).expect("a token").expose(), "h");
    let asked = service.asked();
    assert_eq!(asked.line, "PUT /tunnels/quiet-fox-1234567?includePorts=true&tokenScopes=host&V");
    assert_eq!(asked.header("if-none-match"), Some("*"));
    assert_eq!(asked.header("authorization"), Some("Bearer key-1"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(
        asked.body,
        json!({
            "tunnelId": "quiet-fox-1234567", "name": "web",
            "accessControl": {"entries": [
                {"type": "Anonymous", "subjects": [], "scopes": ["connect"]}]},
            "ports": [{"portNumber": 3000, "protocol": "http"}]
        })
    );
}

#[tokio::test]
async fn a_generated_id_that_is_taken_is_made_anew() {
    let answer = r#"{"clusterId":"loc1","tunnelId":"quiet-fox-1234567"}"#;
    let mut service = Service::answering(key(), &[(409, "{}"), (409, "{}"), (200, answer)]).await;
    service.rest.create(&Tunnel::default(), Want::NOTHING).await.expect("it is created");
    let lines = [service.asked().line, service.asked().line, service.asked().line];
    assert!(lines[0] != lines[1] && lines[1] != lines[2], "{lines:?}");

    let named = Tunnel { name: Some("web".into()), ..Tunnel::default() };
    let mut service = Service::answering(key(), &[(409, r#"{"title":"taken"}"#)]).await;
    let error = service.rest.create(&named, Want::NOTHING).await.expect_err("it is taken");
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    service.asked();
    assert!(service.asked.try_recv().is_err(), "the name was taken, so a new id is no help");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_or_was_not_there() {
    let service = Service::answering(key(), &[(404, r#"{"title":"no such tunnel"}"#)]).await;
    let id = at("web");
    assert!(matches!(service.rest.get(&id, Want::PORTS).await, Err(Error::NotFound(_))));
    assert!(!service.rest.delete(&id).await.expect("an answer"));
    assert!(!service.rest.delete_port(&id, 80).await.expect("an answer"));
    let token = Secret::new("t");
    assert!(!service.rest.delete_endpoint(&id, "e", &token).await.expect("an answer"));

    let service = Service::answering(key(), &[(412, "{}")]).await;
    let tunnel = Tunnel { tunnel_id: Some("web".into()), ..Tunnel::default() };
    assert!(matches!(service.rest.update(&tunnel, Want::NOTHING).await, Err(Error::NotFound(_))));
    let port = TunnelPort { port_number: 80, ..TunnelPort::default() };
    assert!(matches!(service.rest.create_port(&id, &port).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn an_endpoint_is_registered_with_the_hosts_token() {
    let answer =
        r#"{"id":"a b-relay","hostId":"h","hostRelayUri":"ws://r/h","clientRelayUri":"ws://r/c"}"#;
    let mut service = Service::answering(key(), &[(200, answer)]).await;
    let endpoint = TunnelEndpoint {
        id: Some("a b-relay".into()),
        host_id: "h".into(),
        ..TunnelEndpoint::default()
    };
    let token = Secret::new("host-token");
    let put = service.rest.put_endpoint(&at("web.loc1"), &endpoint, &token).await;
    assert_eq!(put.expect("an endpoint").host_relay_uri.as_deref(), Some("ws://r/h"));
    let asked = service.asked();
    assert_eq!(asked.line, "PUT /tunnels/web/endpoints/a%20b-relay?connectionMode=TunnelRelay&V");
    assert_eq!(asked.header("authorization"), Some("tunnel host-token"));
    assert_eq!(asked.body["connectionMode"], "TunnelRelay");
}

#[tokio::test]
async fn lists_are_asked_for_by_label_and_flattened() {
    let answer = r#"{"value":[{"regionName":"a","clusterId":"loc1","value":[{"tunnelId":"web","clusterId":"loc1"}]},{"value":null}]}"#;
    let mut service = Service::answering(key(), &[(200, answer)]).await;
    let filter = Filter {
        labels: vec!["a=b".into(), "c".into()],
        all_labels: true,
        ports: true,
        access: true,
        ..Filter::default()
    };
    let tunnels = service.rest.list(&filter).await.expect("a list");
    assert_eq!(tunnels.len(), 1);
    assert_eq!(
        service.asked().line,
        "GET /tunnels?global=true&labels=a%3Db,c&allLabels=true&includeAccessControl=true&includePorts=true&V"
    );
}

#[tokio::test]
async fn a_token_that_does_not_come_is_a_broken_answer() {
    let answer = r#"{"clusterId":"loc1","tunnelId":"web","accessTokens":{"connect":"c"}}"#;
    let mut service = Service::answering(Credential::Anonymous, &[(200, answer)]).await;
    let token = service.rest.mint(&at("web.loc1"), Scope::Connect).await.expect("a token");
    assert_eq!(token.expose(), "c");
    let asked = service.asked();
    assert_eq!(asked.line, "GET /tunnels/web?tokenScopes=connect&V");
    assert_eq!(asked.header("authorization"), None);
    let error = service.rest.mint(&at("web.loc1"), Scope::Host).await.expect_err("no token");
    assert!(matches!(error, Error::Protocol { flaw: Flaw::Missing(_), .. }), "{error}");
}

#[tokio::test]
async fn trouble_says_how_long_to_wait_and_whose_it_is() {
    let service = Service::answering(key(), &[(429, ""), (503, "busy"), (200, "<html>")]).await;
    let id = at("web");
    let error = service.rest.get(&id, Want::NOTHING).await.expect_err("limited");
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let error = service.rest.get(&id, Want::NOTHING).await.expect_err("busy");
    assert!(matches!(error, Error::Unavailable { status: 503, .. }), "{error}");
    let error = service.rest.get(&id, Want::NOTHING).await.expect_err("no JSON");
    assert!(matches!(error, Error::Protocol { flaw: Flaw::Json(_), .. }), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn nobody_at_home_is_unreachable_and_may_come_back() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let base = Base::parse(&format!("http://{address}/")).expect("a base");
    let rest = Rest::new(connector(), base, Credential::Anonymous);
    let error = rest.clusters().await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_transient());
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_client_never_shows_its_key() {
    let base = Base::parse("https://cp.relay.example.com/").expect("a base");
    let rest = Rest::new(connector(), base, Credential::User(Secret::new("hush-hush")));
    assert!(!format!("{rest:?}").contains("hush"), "{rest:?}");
}

#[tokio::test]
async fn a_token_with_several_scopes_is_one_token_for_a_tunnel_or_a_port() {
    let answer = r#"{"accessTokens":{"host connect":"t"}}"#;
    let mut service = Service::answering(key(), &[(200, answer)]).await;
    let scopes = Scopes::of(&[Scope::Connect, Scope::Host]);
    let at = at("quiet-fox-1234567.loc1");
    for (port, path) in [(None, ""), (Some(3000), "/ports/3000")] {
        let token = service.rest.issue(&at, port, scopes).await.expect("a token");
        assert_eq!(token.expose(), "t");
        let line = format!("GET /tunnels/quiet-fox-1234567{path}?tokenScopes=host%20connect&V");
        assert_eq!(service.asked().line, line);
    }
    let other = service.rest.issue(&at, None, Scopes::of(&[Scope::Manage])).await;
    let error = other.expect_err("it was not what was asked for");
    assert!(matches!(error, Error::Protocol { flaw: Flaw::Missing(_), .. }), "{error}");
}
