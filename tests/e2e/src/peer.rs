//! Microsoft's TypeScript SDK as a peer: host, client or management calls in a Node process; and,
//! as independent as these, a local web server and a websocket client.
//!
//! The packages are unmodified; `ts/*.js` only turn commands into calls (see `ts/peer.js`). They
//! must be installed: `./test` does it, by hand it is `npm ci --prefix tests/e2e/ts`.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::lines::JsonLines;

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Management calls.
    Manage,
    /// Hosts a tunnel.
    Host,
    /// Connects to a tunnel and listens on local ports.
    Client,
    /// A local web server.
    Web,
    /// A websocket client: a visitor.
    Socket,
}

/// Which versions of the relay protocol a peer offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// What it offers unless told otherwise: V2, then V1.
    Default,
    /// V1 only.
    V1,
    /// V2 only.
    V2,
}

/// What the SDK threw.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Its message.
    pub message: String,
    /// The HTTP status, when the service answered one.
    pub status: Option<u64>,
    /// The body of that answer.
    pub problem: Value,
    /// The SSH disconnect reason, when that is what happened.
    pub reason: Option<u64>,
}

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    process: JsonLines,
    last_id: u64,
}

impl Peer {
    /// Starts a peer that offers what the SDK offers by default.
    ///
    /// # Panics
    /// When Node or the packages are missing.
    pub fn start(role: Role) -> Self {
        Self::offering(role, Offer::Default)
    }

    /// Starts a peer that offers only some versions.
    ///
    /// # Panics
    /// When Node or the packages are missing.
    pub fn offering(role: Role, offer: Offer) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ts");
        assert!(
            folder.join("node_modules/@microsoft").is_dir(),
            "the SDK is not installed: run ./test, or npm ci --prefix tests/e2e/ts"
        );
        let (name, script) = match role {
            Role::Manage => ("the SDK's management client", "manage.js"),
            Role::Host => ("the SDK's host", "host.js"),
            Role::Client => ("the SDK's client", "client.js"),
            Role::Web => ("the local web server", "web.js"),
            Role::Socket => ("the websocket client", "socket.js"),
        };
        let mut command = Command::new("node");
        command.arg(script).current_dir(folder);
        match offer {
            Offer::Default => command.env_remove(VERSION),
            Offer::V1 => command.env(VERSION, "1"),
            Offer::V2 => command.env(VERSION, "2"),
        };
        Self { process: JsonLines::spawn(name, command), last_id: 0 }
    }

    /// Runs a command of `ts/*.js`: `name` with `fields`.
    ///
    /// # Errors
    /// What the SDK threw.
    pub async fn ask(&mut self, name: &str, fields: Value) -> Result<Value, Refusal> {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({"id": id, "do": name});
        if let (Some(command), Value::Object(fields)) = (command.as_object_mut(), fields) {
            command.extend(fields);
        }
        self.process.send(&command).await;
        let mut answer =
            self.process.line(&format!("the answer to {name}"), |line| line["id"] == id).await;
        match answer.get("error") {
            Some(error) => Err(Refusal::from(error)),
            None => Ok(answer["result"].take()),
        }
    }

    /// Opens the management client at `service`; `authorization` is the whole header value.
    pub async fn open(&mut self, service: &str, authorization: Option<&str>) {
        let fields = json!({"service": service, "authorization": authorization});
        self.ask("open", fields).await.expect("opening asks nobody");
    }

    /// Calls a method of the management client.
    ///
    /// # Errors
    /// What the SDK threw.
    pub async fn call(&mut self, method: &str, args: Value) -> Result<Value, Refusal> {
        self.ask("call", json!({"method": method, "args": args})).await
    }

    /// As [`Peer::call`], and what it returns is the tunnel of the commands to come.
    ///
    /// # Errors
    /// What the SDK threw.
    pub async fn call_and_keep(&mut self, method: &str, args: Value) -> Result<Value, Refusal> {
        self.ask("call", json!({"method": method, "args": args, "keep": true})).await
    }

    /// Waits for an event; earlier ones of the same name that do not fit stay where they are.
    pub async fn event(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.process.line(name, |line| line["event"] == name && fits(line)).await
    }

    /// Waits for the next event with one of these names.
    pub async fn news(&mut self, what: &str, names: &[&str]) -> Value {
        let fits = |line: &Value| names.iter().any(|name| line["event"] == *name);
        self.process.line(what, fits).await
    }

    /// Waits until the host or client says that it has that status.
    pub async fn status(&mut self, status: &str) -> Value {
        let what = format!("status {status}");
        let fits = |line: &Value| line["event"] == "status" && line["to"] == status;
        self.process.line(&what, fits).await
    }

    /// Events that nobody asked for, so far.
    pub fn unasked(&self, name: &str) -> Vec<&Value> {
        self.process.kept().filter(|line| line["event"] == name).collect()
    }

    /// Disposes everything in the order an application would, and waits for the process to end.
    pub async fn end(mut self) {
        self.ask("end", json!({})).await.expect("disposing does not fail");
        assert!(self.process.ended().await.success(), "the peer ended well");
    }

    /// Ends the process without notice.
    pub async fn kill(self) {
        self.process.kill().await;
    }
}

impl From<&Value> for Refusal {
    fn from(error: &Value) -> Self {
        Self {
            message: error["message"].as_str().unwrap_or_default().to_owned(),
            status: error["status"].as_u64(),
            problem: error["problem"].clone(),
            reason: error["reason"].as_u64(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (status {:?}, reason {:?})", self.message, self.status, self.reason)
    }
}

/// The SDK's own switch, read when its modules load.
const VERSION: &str = "DEVTUNNELS_PROTOCOL_VERSION";
