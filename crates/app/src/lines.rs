//! JSON event lines: what `up --json` and `host --json` print, one compact object a line.
//!
//! A contract of its own, apart from the types of the engine: names and meanings here never change
//! within version 1; what is added means nothing to a reader that does not know it. `docs/cli.md`
//! is the reader's side. They are read here too: a second `adit host` follows the first one's.

mod tell;

use std::time::Instant;

use adit_wire::clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

pub use crate::status::Phase;

pub use tell::{Teller, given_up};

/// The version of the contract.
const VERSION: u8 = 1;

/// Writes event lines.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    started: Instant,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version of the contract.
    pub v: u8,
    /// Milliseconds since the start of the run.
    pub elapsed_ms: u64,
    /// The tunnel it is about, as `id.cluster`; none on lines about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Started {
        /// The tunnels of the command line.
        tunnel_ids: Vec<String>,
    },
    /// A tunnel is in another state.
    State {
        /// The state.
        state: State,
        /// Why, for `Error` only.
        message: Option<String>,
    },
    /// A step on the way to `Hosting`.
    Progress {
        /// The step that begins.
        phase: Phase,
    },
    /// The tunnel can be reached there.
    Ready {
        /// All addresses.
        urls: Vec<Url>,
    },
    /// The tunnel can be reached elsewhere than before.
    UrlChanged {
        /// All addresses.
        urls: Vec<Url>,
    },
    /// A visitor's request went through.
    Request {
        /// The port.
        port: u16,
        /// As in the request line.
        method: String,
        /// The target, with the values of its query hidden unless they were asked for.
        path: String,
        /// The status of the answer; none where there was no answer.
        status: Option<u16>,
        /// Milliseconds until the answer was complete.
        ms: u64,
        /// How the answer ended, unless it is complete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ending: Option<String>,
    },
    /// A port's requests are not, or no longer, looked into. Once for each port and reason.
    NotInspected {
        /// The port.
        port: u16,
        /// Why.
        reason: String,
    },
    /// `connect`: a port of the tunnel is at this port of localhost.
    Listening {
        /// The tunnel's port.
        port: u16,
        /// The port of this computer.
        local: u16,
    },
    /// `connect`: a port of the tunnel is gone.
    Removed {
        /// The tunnel's port.
        port: u16,
    },
    /// The connection is tried again after a while.
    Retry {
        /// Which try it is, from 1.
        attempt: u32,
        /// Milliseconds until it begins.
        in_ms: u64,
        /// Why the one before failed.
        cause: String,
    },
    /// The relay serves a port after all.
    PortServed {
        /// The port.
        port: u16,
    },
    /// A local port answers again.
    LocalUp {
        /// The port.
        port: u16,
    },
    /// What is known of a port's URL is another thing than before.
    Health {
        /// The port.
        port: u16,
        /// One of the labels of `docs/cli.md`.
        label: String,
        /// Why.
        reason: String,
        /// When the URL was last seen to reach this host.
        proven_at: Option<Timestamp>,
        /// How well: `strong` or `weak`.
        proof: Option<String>,
    },
    /// Nothing more can be done until somebody signs in again.
    ReloginRequired,
    /// Another host serves the tunnel now.
    Standby,
    /// How it stands with a tunnel, on demand.
    Status {
        /// The same as in `adit status --json`.
        status: Box<crate::status::Tunnel>,
    },
    /// Something went wrong that does not end the run.
    Error {
        /// What kind it is.
        code: Code,
        /// What happened.
        message: String,
        /// What to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// The last line of the run.
    Stopped,
}

/// The state of a tunnel. `Connected` and `Waiting` (for a host) are those of `connect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// On the way up for the first time.
    Connecting,
    /// The session is up and its ports are announced.
    Hosting,
    /// `connect`: the tunnel's ports are at hand.
    Connected,
    /// `connect`: for a host.
    Waiting,
    /// On the way up again.
    Reconnecting,
    /// Not wanted any more.
    Stopped,
    /// Given up until it is started again.
    Error,
}

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// The port.
    pub port: u16,
    /// The address.
    pub url: String,
    /// `this computer only`, `this network` or `the internet`; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
}

impl Lines {
    /// Counts time from now.
    pub fn start() -> Self {
        Self { started: clock::now() }
    }

    /// Writes what happened, to a tunnel or to the run, as a line without its end.
    pub fn write(self, tunnel_id: Option<&str>, event: Event) -> String {
        let elapsed = clock::now().saturating_duration_since(self.started);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let tunnel_id = tunnel_id.map(ToOwned::to_owned);
        let line = Line { v: VERSION, elapsed_ms, tunnel_id, event };
        serde_json::to_string(&line).expect("numbers and texts are JSON")
    }
}

impl From<Failure> for Event {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, hint } = failure;
        Self::Error { code, message, hint }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(tunnel: Option<&str>, event: Event) -> Value {
        let text = Lines::start().write(tunnel, event);
        assert!(!text.contains('\n'));
        assert!(serde_json::from_str::<Line>(&text).is_ok(), "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let elapsed = line.as_object_mut().unwrap().remove("elapsed_ms").unwrap();
        assert!(elapsed.is_u64());
        line
    }

    #[test]
    fn the_lines_that_scripts_know_keep_their_fields() {
        let id = "quiet-fox-4k9x2bd.loc1";
        assert_eq!(
            line(None, Event::Started { tunnel_ids: vec![id.into()] }),
            json!({"v": 1, "event": "started", "tunnel_ids": [id]})
        );
        assert_eq!(
            line(Some(id), Event::State { state: State::Hosting, message: None }),
            json!({"v": 1, "event": "state", "tunnel_id": id, "state": "Hosting", "message": null})
        );
        for (phase, word) in [
            (Phase::Authorizing, "authorizing"),
            (Phase::ConnectingRelay, "connecting_relay"),
            (Phase::ForwardingPorts, "forwarding_ports"),
        ] {
            assert_eq!(
                line(Some(id), Event::Progress { phase }),
                json!({"v": 1, "event": "progress", "tunnel_id": id, "phase": word})
            );
        }
        assert_eq!(
            line(Some(id), Event::ReloginRequired),
            json!({"v": 1, "event": "relogin_required", "tunnel_id": id})
        );
    }

    #[test]
    fn lines_beyond_those_carry_what_they_say() {
        let url = |reach: Option<&str>| Url {
            port: 3000,
            url: "http://127.0.0.1:4001/".into(),
            reach: reach.map(Into::into),
        };
        assert_eq!(
            line(
                Some("t"),
                Event::Ready { urls: vec![url(Some("this computer only")), url(None)] }
            ),
            json!({"v": 1, "event": "ready", "tunnel_id": "t", "urls": [
                {"port": 3000, "url": "http://127.0.0.1:4001/", "reach": "this computer only"},
                {"port": 3000, "url": "http://127.0.0.1:4001/"},
            ]})
        );
        let request = Event::Request {
            port: 3000,
            method: "GET".into(),
            path: "/?q=•••".into(),
            status: None,
            ms: 12,
            ending: None,
        };
        assert_eq!(
            line(Some("t"), request),
            json!({"v": 1, "event": "request", "tunnel_id": "t", "port": 3000, "method": "GET",
                "path": "/?q=•••", "status": null, "ms": 12})
        );
        assert_eq!(
            line(Some("t"), Event::Retry { attempt: 2, in_ms: 500, cause: "lost".into() }),
            json!({"v": 1, "event": "retry", "tunnel_id": "t", "attempt": 2, "in_ms": 500,
                "cause": "lost"})
        );
        assert_eq!(
            line(None, Failure::new(Code::Usage, "what").hint("this").into()),
            json!({"v": 1, "event": "error", "code": "usage", "message": "what", "hint": "this"})
        );
        assert_eq!(line(None, Event::Stopped), json!({"v": 1, "event": "stopped"}));
    }
}
