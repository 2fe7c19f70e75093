//! What a hosted tunnel does, told line by line: to people on a screen, or to scripts as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::reach::Reaches;
use adit_tunnel::host::{self, GiveUp, Health, Label, PortUrls};
use adit_tunnel::inspect::{Ending, Exchange, NotInspected, Observation, Observed, mask_query};

use crate::lines::{Event, Lines, Phase, State, Url};
use crate::screen::{Screen, Style, harmless};

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Report {
    to: To,
    /// Query values are hidden unless somebody wants to see them.
    show_query: bool,
    /// How far the tunnels' addresses reach.
    reaches: Reaches,
}

#[derive(Debug)]
enum To {
    Script(Lines),
    People(People),
}

/// The state of a screen that shows tunnels.
#[derive(Debug)]
struct People {
    screen: Screen,
    /// Whether lines must say which tunnel, and which port, they are about.
    name_tunnels: bool,
    name_ports: bool,
    /// What was said once and needs no repeating.
    said: BTreeSet<(u16, String)>,
    /// Ports whose URL was said not to work.
    dead: BTreeSet<(String, u16)>,
}

impl Report {
    /// Event lines for a script.
    pub(crate) fn to_script(lines: Lines, show_query: bool, reaches: Reaches) -> Self {
        Self { to: To::Script(lines), show_query, reaches }
    }

    /// Text for people. `name_tunnels` says that several tunnels share the screen.
    pub(crate) fn to_people(
        screen: Screen,
        name_tunnels: bool,
        show_query: bool,
        reaches: Reaches,
    ) -> Self {
        let people = People {
            screen,
            name_tunnels,
            name_ports: false,
            said: BTreeSet::new(),
            dead: BTreeSet::new(),
        };
        Self { to: To::People(people), show_query, reaches }
    }

    /// The lines, where a script reads them.
    pub(crate) fn lines(&self) -> Option<Lines> {
        match &self.to {
            To::Script(lines) => Some(*lines),
            To::People(_) => None,
        }
    }

    /// How far an address reaches, as it is told.
    pub(crate) fn reaches(&self) -> &Reaches {
        &self.reaches
    }

    /// Tells an event of a hosted tunnel.
    pub(crate) fn event(&mut self, tunnel: &str, event: &host::Event) -> Outcome {
        match &mut self.to {
            To::Script(lines) => {
                let line = to_line(event, self.show_query, &self.reaches);
                line.map_or(Ok(()), |line| lines.print_of(tunnel, &line))
            }
            To::People(people) => people.event(tunnel, event, self.show_query, &self.reaches),
        }
    }
}

/// Why a tunnel is hosted no longer, as the failure of a command.
pub(crate) fn given_up(tunnel: &str, give_up: &GiveUp) -> Failure {
    let failure = |code| Failure::new(code, format!("{tunnel} is not hosted: {give_up}"));
    match give_up {
        GiveUp::SignIn => failure(Code::SignIn).hint("sign in again with: adit login <relay URL>"),
        GiveUp::Forbidden(_) => failure(Code::Access)
            .hint("ask the tunnel's owner for access, or sign in as somebody who has it"),
        GiveUp::UnknownTunnel => failure(Code::NotFound)
            .hint("check the id, and that this is the relay it lives on (--on)"),
        GiveUp::Fatal(_) => failure(Code::Refused),
    }
}

/// The line for an event, unless scripts are told nothing of it.
fn to_line(event: &host::Event, show_query: bool, reaches: &Reaches) -> Option<Event> {
    Some(match event {
        host::Event::State(state) => return to_state(state),
        host::Event::Progress(phase) => Event::Progress {
            phase: match phase {
                host::Phase::Authorizing => Phase::Authorizing,
                host::Phase::ConnectingRelay => Phase::ConnectingRelay,
                host::Phase::ForwardingPorts => Phase::ForwardingPorts,
            },
        },
        host::Event::Ready { urls } => Event::Ready { urls: flatten(urls, reaches) },
        host::Event::UrlChanged { urls } => Event::UrlChanged { urls: flatten(urls, reaches) },
        host::Event::Observed(Observed { port, observation }) => match observation {
            Observation::Exchange(exchange) => Event::Request {
                port: *port,
                method: exchange.method.to_string(),
                path: shown_path(exchange, show_query),
                status: exchange.status,
                ms: millis(exchange.took),
            },
            Observation::NotInspected(_) => return None,
        },
        host::Event::Retry { attempt, wait, cause } => {
            Event::Retry { attempt: *attempt, in_ms: millis(*wait), cause: cause.to_string() }
        }
        host::Event::ReloginRequired => Event::ReloginRequired,
        host::Event::PortRefused { port, cause } => port_refused(*port, cause).into(),
        host::Event::SwapFailed { cause, .. } => {
            Failure::new(Code::Unreachable, format!("the session was not renewed: {cause}")).into()
        }
        host::Event::PortsUnknown { cause } => {
            Failure::new(Code::Unreachable, format!("the ports are not known: {cause}")).into()
        }
        host::Event::LocalDown { port, cause } => local_down(*port, cause).into(),
        host::Event::Swapped | host::Event::LocalUp { .. } => return None,
        host::Event::Health { port, health } => Event::Health {
            port: *port,
            label: health.label.as_str(),
            reason: health.reason.clone(),
            proven_at: health.proven.map(|(at, _)| at),
            proof: health.proven.map(|(_, proof)| proof.as_str()),
        },
    })
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

fn port_refused(port: u16, cause: &str) -> Failure {
    Failure::new(Code::Refused, format!("the relay does not serve port {port}: {cause}"))
}

fn local_down(port: u16, cause: &str) -> Failure {
    Failure::new(Code::LocalPort, format!("port {port}: {cause}"))
        .hint("start your server; visitors get an error page until then")
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

fn shown_path(exchange: &Exchange, show_query: bool) -> String {
    if show_query { exchange.target.to_string() } else { mask_query(&exchange.target) }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl People {
    fn event(
        &mut self,
        tunnel: &str,
        event: &host::Event,
        show_query: bool,
        reaches: &Reaches,
    ) -> Outcome {
        match event {
            host::Event::State(state) => self.state(tunnel, state),
            host::Event::Progress(_) | host::Event::Swapped => Ok(()),
            host::Event::Ready { urls } => self.urls(tunnel, urls, reaches),
            host::Event::UrlChanged { urls } => {
                self.line(tunnel, "The addresses are other ones now:")?;
                self.urls(tunnel, urls, reaches)
            }
            host::Event::Observed(Observed { port, observation }) => match observation {
                Observation::Exchange(exchange) => {
                    self.exchange(tunnel, *port, exchange, show_query)
                }
                Observation::NotInspected(why) => self.not_inspected(tunnel, *port, *why),
            },
            host::Event::Retry { attempt, wait, cause } => {
                let cause = harmless(cause);
                let next = match wait.as_millis() {
                    0 => "trying again".to_owned(),
                    ms => format!("trying again in {}.{} s", ms / 1000, ms % 1000 / 100),
                };
                self.line(tunnel, &format!("{cause}; {next} (attempt {attempt})"))
            }
            host::Event::ReloginRequired => {
                self.line(tunnel, "The relay wants to know who you are: adit login <relay URL>")
            }
            host::Event::PortRefused { port, cause } => {
                self.line(tunnel, &harmless(&port_refused(*port, cause).message))
            }
            host::Event::SwapFailed { cause, .. } | host::Event::PortsUnknown { cause } => {
                tracing::warn!(tunnel, %cause, "what is hosted goes on as it is");
                Ok(())
            }
            host::Event::LocalDown { port, cause } => {
                let failure = local_down(*port, cause);
                let hint = failure.hint.unwrap_or_default();
                self.line(tunnel, &format!("{}; {hint}", harmless(&failure.message)))
            }
            host::Event::LocalUp { port } => {
                self.line(tunnel, &format!("local port {port} answers again"))
            }
            host::Event::Health { port, health } => self.health(tunnel, *port, health),
        }
    }

    /// Told where nothing else tells it: a local server that is away shows in the requests, and what ends
    /// the session in the state.
    fn health(&mut self, tunnel: &str, port: u16, health: &Health) -> Outcome {
        let text = match health.label {
            Label::Operational if self.dead.remove(&(tunnel.to_owned(), port)) => {
                "its URL answers again".to_owned()
            }
            Label::Zombie | Label::DnsOrTls | Label::LocalScheme => {
                self.dead.insert((tunnel.to_owned(), port));
                harmless(&health.reason)
            }
            _ => return Ok(()),
        };
        self.line(tunnel, &format!("port {port}: {text}"))
    }

    fn state(&mut self, tunnel: &str, state: &host::State) -> Outcome {
        match state {
            host::State::Reconnecting => {
                self.line(tunnel, "The connection to the relay was lost; reconnecting")
            }
            host::State::Standby => self.line(
                tunnel,
                "Another host serves this tunnel now; this one stands by. To take it over, end \
                 this one and start it again",
            ),
            host::State::Hosting if self.said.contains(&(0, tunnel.to_owned())) => {
                self.line(tunnel, "Connected again")
            }
            host::State::Hosting => {
                self.said.insert((0, tunnel.to_owned()));
                Ok(())
            }
            host::State::Idle
            | host::State::Connecting
            | host::State::Stopped
            | host::State::Error(_) => Ok(()),
        }
    }

    fn urls(&mut self, tunnel: &str, urls: &[PortUrls], reaches: &Reaches) -> Outcome {
        self.name_ports = urls.len() > 1 || self.name_tunnels;
        let width = urls.iter().flat_map(|of| &of.urls).map(String::len).max().unwrap_or(0);
        for PortUrls { port, urls } in urls {
            let before = std::iter::once(None).chain(urls.iter().map(|url| Some(url.as_str())));
            for (url, before) in urls.iter().zip(before) {
                let reach = reaches.describe(url, before);
                let port = if self.name_ports { format!("{port}   ") } else { String::new() };
                let url = self.screen.paint(Style::Strong, &format!("{url:<width$}"));
                self.line(tunnel, &format!("{port}{url}   {reach}"))?;
            }
            if urls.is_empty() {
                self.line(tunnel, &format!("port {port} has no address: its relay has none"))?;
            }
        }
        if urls.is_empty() {
            self.line(tunnel, "The tunnel is hosted, but has no ports")?;
        }
        Ok(())
    }

    fn exchange(&self, tunnel: &str, port: u16, exchange: &Exchange, show_query: bool) -> Outcome {
        let port = if self.name_ports { format!("{port}   ") } else { String::new() };
        let method = harmless(&exchange.method);
        let path = harmless(&shown_path(exchange, show_query));
        let (style, status) = match exchange.status {
            Some(status @ ..400) => (Style::Good, status.to_string()),
            Some(status @ 400..500) => (Style::Odd, status.to_string()),
            Some(status) => (Style::Bad, status.to_string()),
            None => (Style::Bad, "no answer".to_owned()),
        };
        let status = self.screen.paint(style, &status);
        let ending = match exchange.ending {
            Ending::Complete => String::new(),
            ending => format!("   {ending}"),
        };
        let took = self.screen.paint(Style::Faint, &format!("{} ms", millis(exchange.took)));
        self.line(tunnel, &format!("{port}{method:<4} {path}   {status}   {took}{ending}"))
    }

    /// Once for each port and reason: an `https` port has many connections.
    fn not_inspected(&mut self, tunnel: &str, port: u16, why: NotInspected) -> Outcome {
        if !self.said.insert((port, format!("{tunnel} {why}"))) {
            return Ok(());
        }
        self.line(tunnel, &format!("port {port}: {why}"))
    }

    fn line(&self, tunnel: &str, text: &str) -> Outcome {
        if self.name_tunnels {
            self.screen.line(format!("{tunnel}   {text}"))
        } else {
            self.screen.line(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_wire::clock;
    use serde_json::{Value, json};

    use super::*;

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
            ending: Ending::Complete,
        };
        host::Event::Observed(Observed { port: 3000, observation: Observation::Exchange(exchange) })
    }

    fn line(event: &host::Event, show_query: bool) -> Value {
        let line = to_line(event, show_query, &Reaches::default());
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
