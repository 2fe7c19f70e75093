//! JSON event lines: what `up --json` and `host --json` print, one compact object a line.
//!
//! A contract of its own, apart from the types of the engine: names and meanings here never change
//! within version 1; what is added means nothing to a reader that does not know it. `docs/cli.md`
//! is the reader's side.

use std::time::Instant;

use adit_app::failure::{Code, Failure, Outcome};
use adit_wire::clock;
use jiff::Timestamp;
use serde::Serialize;

use crate::screen::print_line;

/// The version of the contract.
const VERSION: u8 = 1;

/// Prints event lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    started: Instant,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel_id: Option<&'a str>,
    #[serde(flatten)]
    event: &'a Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The first line.
    Started { tunnel_ids: Vec<String> },
    /// A tunnel is in another state.
    State { state: State, message: Option<String> },
    /// A step on the way to `Hosting`.
    Progress { phase: Phase },
    /// The tunnel can be reached there.
    Ready { urls: Vec<Url> },
    /// The tunnel can be reached elsewhere than before.
    UrlChanged { urls: Vec<Url> },
    /// A visitor's request went through.
    Request { port: u16, method: String, path: String, status: Option<u16>, ms: u64 },
    /// `connect`: a port of the tunnel is at this port of localhost.
    Listening { port: u16, local: u16 },
    /// `connect`: a port of the tunnel is gone.
    Removed { port: u16 },
    /// The connection is tried again after a while.
    Retry { attempt: u32, in_ms: u64, cause: String },
    /// What is known of a port's URL is another thing than before.
    Health {
        port: u16,
        label: &'static str,
        reason: String,
        proven_at: Option<Timestamp>,
        proof: Option<&'static str>,
    },
    /// Nothing more can be done until somebody signs in again.
    ReloginRequired,
    /// Another host serves the tunnel now.
    Standby,
    /// Something went wrong that does not end the run.
    Error {
        code: Code,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// The last line, of the run or, with a tunnel's id, of that tunnel.
    Stopped,
}

/// The state of a tunnel. `Connected` and `Waiting` (for a host) are those of `connect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    Connecting,
    Hosting,
    Connected,
    Waiting,
    Reconnecting,
    Stopped,
    Error,
}

/// A step on the way to `Hosting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Authorizing,
    ConnectingRelay,
    ForwardingPorts,
}

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Url {
    pub(crate) port: u16,
    pub(crate) url: String,
    /// `this computer only`, `this network` or `the internet`; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reach: Option<String>,
}

impl Lines {
    /// Counts time from now.
    pub(crate) fn start() -> Self {
        Self { started: clock::now() }
    }

    /// Prints a line about the run.
    pub(crate) fn print(self, event: &Event) -> Outcome {
        print_line(&self.write(None, event))
    }

    /// Prints a line about a tunnel.
    pub(crate) fn print_of(self, tunnel: &str, event: &Event) -> Outcome {
        print_line(&self.write(Some(tunnel), event))
    }

    fn write(self, tunnel_id: Option<&str>, event: &Event) -> String {
        let elapsed = clock::now().saturating_duration_since(self.started);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
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
        let text = Lines::start().write(tunnel, &event);
        assert!(!text.contains('\n'));
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
