//! What an event of the engine is told as.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_tunnel::host::{self, GiveUp, PortUrls};
use adit_tunnel::inspect::{self, Exchange, Observation, Observed, mask_query};

use super::{Event, State, Url};
use crate::failure::{Code, Failure};
use crate::reach::Reaches;

/// Turns what engines tell into lines.
#[derive(Debug)]
pub struct Teller {
    show_query: bool,
    /// What was said once and needs no repeating: tunnel, port and reason.
    said: BTreeSet<(String, u16, String)>,
}

impl Teller {
    /// `show_query` shows the values in the queries of requests.
    pub fn new(show_query: bool) -> Self {
        Self { show_query, said: BTreeSet::new() }
    }

    /// The line for an event, unless nothing is told of it.
    pub fn tell(&mut self, tunnel: &str, event: &host::Event, reaches: &Reaches) -> Option<Event> {
        Some(match event {
            host::Event::State(state) => return to_state(state),
            host::Event::Progress(phase) => Event::Progress { phase: (*phase).into() },
            host::Event::Ready { urls } => Event::Ready { urls: flatten(urls, reaches) },
            host::Event::UrlChanged { urls } => Event::UrlChanged { urls: flatten(urls, reaches) },
            host::Event::Observed(observed) => return self.observed(tunnel, observed),
            host::Event::Retry { attempt, wait, cause } => {
                Event::Retry { attempt: *attempt, in_ms: millis(*wait), cause: cause.to_string() }
            }
            host::Event::ReloginRequired => Event::ReloginRequired,
            host::Event::PortRefused { port, cause } => {
                let message = format!("port {port} is not served: {cause}");
                Failure::new(Code::Refused, message).into()
            }
            host::Event::PortServed { port } => Event::PortServed { port: *port },
            // The health that follows says it.
            host::Event::UrlDead { .. } => return None,
            host::Event::Swapped | host::Event::Proven { .. } => return None,
            host::Event::SwapFailed { cause, .. } => {
                Failure::new(Code::Unreachable, format!("the session was not renewed: {cause}"))
                    .hint("it serves on, and will be renewed later")
                    .into()
            }
            host::Event::PortsUnknown { cause } => {
                Failure::new(Code::Unreachable, format!("the ports are not known: {cause}"))
                    .hint("those known are served on")
                    .into()
            }
            host::Event::Renewed { .. } => return None,
            // Nothing passes by itself that a person may have to see to, so it is no mere delay.
            host::Event::RenewalFailed { cause, .. } => {
                Failure::new(Code::Refused, format!("the tunnel's life was not renewed: {cause}"))
                    .hint("it is served on and tried again; sign in if that is what it wants")
                    .into()
            }
            host::Event::LocalDown { port, cause } => {
                Failure::new(Code::LocalPort, format!("port {port}: {cause}"))
                    .hint("start your server; visitors get an error page until then")
                    .into()
            }
            host::Event::LocalUp { port } => Event::LocalUp { port: *port },
            host::Event::Health { port, health } => Event::Health {
                port: *port,
                label: health.label.as_str().to_owned(),
                reason: health.said(),
                proven_at: health.proven.map(|(at, _)| at),
                proof: health.proven.map(|(_, proof)| proof.as_str().to_owned()),
            },
        })
    }

    fn observed(&mut self, tunnel: &str, observed: &Observed) -> Option<Event> {
        let port = observed.port;
        match &observed.observation {
            Observation::Exchange(exchange) => Some(Event::Request {
                port,
                method: exchange.method.to_string(),
                path: self.shown_path(exchange),
                status: exchange.status,
                ms: millis(exchange.took),
                ending: match exchange.ending {
                    inspect::Ending::Complete => None,
                    ending => Some(ending.to_string()),
                },
            }),
            // An `https` port has many connections, of which each says so.
            Observation::NotInspected(why) => {
                let reason = why.to_string();
                let news = self.said.insert((tunnel.to_owned(), port, reason.clone()));
                news.then_some(Event::NotInspected { port, reason })
            }
        }
    }

    fn shown_path(&self, exchange: &Exchange) -> String {
        if self.show_query { exchange.target.to_string() } else { mask_query(&exchange.target) }
    }
}

/// Why a tunnel is hosted no longer, as the failure of a command.
pub fn given_up(tunnel: &str, give_up: &GiveUp) -> Failure {
    let failure = |code| Failure::new(code, format!("{tunnel} is not hosted: {give_up}"));
    match give_up {
        GiveUp::SignIn => {
            failure(Code::SignIn).hint("sign in again with: adit login <relay URL or microsoft>")
        }
        GiveUp::Forbidden(_) => failure(Code::Access)
            .hint("ask the tunnel's owner for access, or sign in as somebody who has it"),
        GiveUp::UnknownTunnel => failure(Code::NotFound)
            .hint("check the id, and that this is the relay it lives on (--on)"),
        GiveUp::Fatal(_) => failure(Code::Refused),
    }
}

fn to_state(state: &host::State) -> Option<Event> {
    let of = |state| Some(Event::State { state, message: None });
    match state {
        host::State::Idle => None,
        host::State::Connecting => of(State::Connecting),
        host::State::Hosting => of(State::Hosting),
        host::State::Reconnecting => of(State::Reconnecting),
        host::State::Stopped => of(State::Stopped),
        host::State::Standby => Some(Event::Standby),
        host::State::Error(give_up) => {
            Some(Event::State { state: State::Error, message: Some(give_up.to_string()) })
        }
    }
}

fn flatten(urls: &[PortUrls], reaches: &Reaches) -> Vec<Url> {
    let each = |of: &PortUrls| {
        let port = of.port;
        let url = |url: &String| {
            let reach = reaches.of(url).map(|reach| reach.to_string());
            Url { port, url: url.clone(), reach }
        };
        of.urls.iter().map(url).collect::<Vec<_>>()
    };
    urls.iter().flat_map(each).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use adit_wire::clock;
    use serde_json::{Value, json};

    use super::*;

    fn observed(observation: Observation) -> host::Event {
        host::Event::Observed(Observed { port: 3000, observation })
    }

    fn exchange(target: &str) -> host::Event {
        let exchange = Exchange {
            method: "GET".into(),
            target: target.into(),
            status: Some(200),
            started: clock::now(),
            waited: None,
            took: Duration::from_micros(12_900),
            sent: 0,
            received: 0,
            ending: inspect::Ending::Complete,
            request: None,
            response: None,
        };
        observed(Observation::Exchange(exchange))
    }

    fn line(event: &host::Event, show_query: bool) -> Value {
        let line = Teller::new(show_query).tell("t", event, &Reaches::default());
        serde_json::to_value(line).unwrap()
    }

    #[test]
    fn the_values_of_a_query_are_shown_only_on_demand() {
        let event = exchange("/cb?token=canary&n=1");
        assert_eq!(line(&event, false)["path"], "/cb?token=•••&n=•••");
        assert_eq!(line(&event, true)["path"], "/cb?token=canary&n=1");
        assert_eq!(line(&event, false)["ms"], 12);
    }

    #[test]
    fn what_every_connection_of_a_port_says_is_told_once() {
        let mut teller = Teller::new(false);
        let event = observed(Observation::NotInspected(inspect::NotInspected::Encrypted));
        let mut told = |tunnel| teller.tell(tunnel, &event, &Reaches::default()).is_some();
        assert_eq!([told("a"), told("a"), told("b")], [true, false, true]);
    }

    #[test]
    fn standing_by_is_an_event_of_its_own_and_giving_up_is_a_state() {
        let state = |state| line(&host::Event::State(state), false);
        assert_eq!(state(host::State::Idle), Value::Null);
        assert_eq!(state(host::State::Standby), json!({"event": "standby"}));
        assert_eq!(
            state(host::State::Error(GiveUp::UnknownTunnel)),
            json!({"event": "state", "state": "Error", "message": "the tunnel no longer exists"})
        );
    }

    #[test]
    fn a_local_port_that_is_down_is_an_error_with_advice() {
        let down = host::Event::LocalDown { port: 3000, cause: "connection refused".into() };
        let line = line(&down, false);
        assert_eq!(line["event"], "error");
        assert_eq!(line["code"], "local_port");
        assert!(line["message"].as_str().unwrap().contains("3000"));
        assert!(line["hint"].is_string());
    }

    #[test]
    fn giving_up_becomes_the_exit_code_that_says_what_to_do() {
        let code = |give_up: GiveUp| given_up("t", &give_up).code.exit();
        assert_eq!(code(GiveUp::SignIn), 77);
        assert_eq!(code(GiveUp::Forbidden("no".into())), 77);
        assert_eq!(code(GiveUp::UnknownTunnel), 2);
        assert_eq!(code(GiveUp::Fatal("no".into())), 1);
    }
}
