//! A relay on a free port, and a plain HTTP client.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use adit_proto::token::Secret;
use adit_relay::Server;
use adit_relay::auth::users;
use adit_relay::config::{Config, Storage};
use adit_wire::{clock, task};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A relay, and how its owner says who it is.
pub(crate) struct Relay {
    pub(crate) server: Server,
    pub(crate) authorization: String,
}

/// The key of the embedded owner.
pub(crate) const KEY: &str = "adit_the-owner-s-key";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        assert_eq!(self.headers["x-served-by"], "tunnels-adit");
        assert!(self.headers.contains_key("vssaas-request-id"));
        if status >= 400 {
            assert!(self.json()["title"].is_string(), "{:?}", self.body);
        }
        self.json()
    }
}

impl Relay {
    pub(crate) async fn in_memory() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::embedded(Secret::from(KEY), Storage::Memory);
        change(&mut config);
        let server = Server::spawn(config).await.unwrap();
        Self { server, authorization: format!("Bearer {KEY}") }
    }

    /// A relay on a data directory, with users.
    pub(crate) async fn on_disk(data_dir: &Path, more: &str) -> Self {
        let server = Server::spawn(on_disk(data_dir, more)).await.unwrap();
        Self { server, authorization: String::new() }
    }

    pub(crate) async fn stop(self) {
        assert!(self.server.shutdown(Duration::from_secs(5)).await.is_clean());
    }

    /// Calls as the owner.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call_with(method, path, body, &[("authorization", &self.authorization)]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        send(self.server.addr(), method, path, body, headers).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// Makes a tunnel with one port, and returns it.
    pub(crate) async fn tunnel(&self, id: &str) -> Value {
        let body = json!({ "tunnelId": id, "ports": [{ "portNumber": 3000, "protocol": "http" }] });
        let path = format!("/tunnels/{id}?includePorts=true&tokenScopes=host,connect,manage");
        self.call("PUT", &path, body).await.expect(201)
    }
}

/// A relay on free ports, with a data directory.
pub(crate) fn on_disk(data_dir: &Path, more: &str) -> Config {
    let toml = format!("listen = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\n{more}");
    Config::parse(&toml, data_dir).unwrap()
}

/// One request on a connection of its own.
pub(crate) async fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    body: Bytes,
    headers: &[(&str, &str)],
) -> Answer {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let _connection = task::spawn("client", connection);
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap());
    request = request.uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", addr.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let (parts, body) = sent.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Adds a user and returns its `Authorization`.
pub(crate) fn add_user(data_dir: &Path, name: &str, groups: &[&str]) -> (String, String) {
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    let (user, key) = users::add(data_dir, name, &groups, clock::wall()).unwrap();
    (format!("github {}", key.expose()), user.id.to_string())
}
