//! What a hosted tunnel does, told line by line: to people on a screen, or to scripts as JSON.

use std::collections::BTreeSet;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{Event, Lines, State, Teller, Url};
use adit_app::reach::Reaches;
use adit_tunnel::host;

use crate::output;
use crate::screen::{Screen, Style, harmless, print_line, report};

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Report {
    to: To,
    teller: Teller,
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
    /// Tunnels that were hosted before.
    known: BTreeSet<String>,
    /// Ports whose URL was said not to work.
    dead: BTreeSet<(String, u16)>,
}

impl Report {
    /// Event lines for a script.
    pub(crate) fn to_script(lines: Lines, show_query: bool) -> Self {
        output::begin(Some(lines));
        Self { to: To::Script(lines), teller: Teller::new(show_query) }
    }

    /// Text for people. `name_tunnels` says that several tunnels share the screen.
    pub(crate) fn to_people(screen: Screen, name_tunnels: bool, show_query: bool) -> Self {
        output::begin(None);
        let (known, dead) = (BTreeSet::new(), BTreeSet::new());
        let people = People { screen, name_tunnels, name_ports: false, known, dead };
        Self { to: To::People(people), teller: Teller::new(show_query) }
    }

    /// Whether a script reads it.
    pub(crate) fn is_for_script(&self) -> bool {
        matches!(self.to, To::Script(_))
    }

    /// Tells an event of a hosted tunnel. `reaches` says how far its addresses reach.
    pub(crate) fn event(
        &mut self,
        tunnel: &str,
        event: &host::Event,
        reaches: &Reaches,
    ) -> Outcome {
        match self.teller.tell(tunnel, event, reaches) {
            Some(event) => self.line(tunnel, event, reaches),
            None => Ok(()),
        }
    }

    /// Tells a line about a tunnel.
    pub(crate) fn line(&mut self, tunnel: &str, event: Event, reaches: &Reaches) -> Outcome {
        match &mut self.to {
            To::Script(lines) => print_line(&lines.write(Some(tunnel), event)),
            To::People(people) => people.event(tunnel, &event, reaches),
        }
    }

    /// Tells a failure that does not end the run.
    pub(crate) fn failure(&self, failure: Failure) -> Outcome {
        match &self.to {
            To::Script(_) => self.of_run(failure.into()),
            To::People(_) => {
                report(&failure, false);
                Ok(())
            }
        }
    }

    /// Tells a script something about the run; people are told otherwise.
    pub(crate) fn of_run(&self, event: Event) -> Outcome {
        match &self.to {
            To::Script(lines) => print_line(&lines.write(None, event)),
            To::People(_) => Ok(()),
        }
    }
}

impl People {
    fn event(&mut self, tunnel: &str, event: &Event, reaches: &Reaches) -> Outcome {
        match event {
            Event::State { state, .. } => self.state(tunnel, *state),
            Event::Standby => self.line(
                tunnel,
                "Another computer hosts this tunnel now; this one stands by. To take it over, which \
                 disconnects the other: adit take-over <tunnel>",
            ),
            Event::Ready { urls } => self.urls(tunnel, urls, reaches),
            Event::UrlChanged { urls } => {
                self.line(tunnel, "The addresses are other ones now:")?;
                self.urls(tunnel, urls, reaches)
            }
            Event::Request { port, method, path, status, ms, ending } => {
                self.request(tunnel, *port, [method, path], *status, *ms, ending.as_deref())
            }
            Event::NotInspected { port, reason } => {
                self.line(tunnel, &format!("port {port}: {}", harmless(reason)))
            }
            Event::Retry { attempt, in_ms, cause } => {
                let next = match in_ms {
                    0 => "trying again".to_owned(),
                    ms => format!("trying again in {}.{} s", ms / 1000, ms % 1000 / 100),
                };
                self.line(tunnel, &format!("{}; {next} (attempt {attempt})", harmless(cause)))
            }
            Event::ReloginRequired => {
                self.line(
                tunnel,
                "Somebody has to sign in again: adit login <relay URL or microsoft>",
            )
            }
            Event::Error { code, message, hint } => {
                self.error(tunnel, *code, message, hint.as_deref())
            }
            Event::PortServed { port } => {
                self.line(tunnel, &format!("port {port} is served after all"))
            }
            Event::LocalUp { port } => {
                self.line(tunnel, &format!("local port {port} answers again"))
            }
            Event::Health { port, label, reason, .. } => self.health(tunnel, *port, label, reason),
            Event::Started { .. }
            | Event::Progress { .. }
            | Event::Listening { .. }
            | Event::Removed { .. }
            | Event::Status { .. }
            | Event::Stopped => Ok(()),
        }
    }

    fn error(&self, tunnel: &str, code: Code, message: &str, hint: Option<&str>) -> Outcome {
        let message = harmless(message);
        if code == Code::Unreachable {
            // What is hosted goes on as it is.
            tracing::warn!(tunnel, message, "told by the engine");
            return Ok(());
        }
        match hint {
            Some(hint) => self.line(tunnel, &format!("{message}; {hint}")),
            None => self.line(tunnel, &message),
        }
    }

    /// Told where nothing else tells it: a local server that is away shows in the requests, and what ends
    /// the session in the state.
    fn health(&mut self, tunnel: &str, port: u16, label: &str, reason: &str) -> Outcome {
        let is = |other: host::Label| label == other.as_str();
        let key = (tunnel.to_owned(), port);
        let text = if is(host::Label::Operational) && self.dead.remove(&key) {
            "its URL answers again".to_owned()
        } else if is(host::Label::Zombie)
            || is(host::Label::DnsOrTls)
            || is(host::Label::LocalScheme)
        {
            self.dead.insert(key);
            harmless(reason)
        } else {
            return Ok(());
        };
        self.line(tunnel, &format!("port {port}: {text}"))
    }

    fn state(&mut self, tunnel: &str, state: State) -> Outcome {
        match state {
            State::Reconnecting => {
                self.line(tunnel, "The connection to the relay was lost; reconnecting")
            }
            State::Hosting if !self.known.insert(tunnel.to_owned()) => {
                self.line(tunnel, "Connected again")
            }
            _ => Ok(()),
        }
    }

    fn urls(&mut self, tunnel: &str, urls: &[Url], reaches: &Reaches) -> Outcome {
        let ports: BTreeSet<u16> = urls.iter().map(|url| url.port).collect();
        self.name_ports = ports.len() > 1 || self.name_tunnels;
        let width = urls.iter().map(|url| url.url.len()).max().unwrap_or(0);
        let mut before: Option<&Url> = None;
        for url in urls {
            let same_port = before.filter(|before| before.port == url.port);
            let reach = reaches.describe(&url.url, same_port.map(|before| before.url.as_str()));
            let port = self.port(url.port);
            let shown = self.screen.paint(Style::Strong, &format!("{:<width$}", url.url));
            self.line(tunnel, &format!("{port}{shown}   {reach}"))?;
            before = Some(url);
        }
        match urls {
            [] => self.line(
                tunnel,
                "The tunnel is hosted. It has no address yet: a port's URL may appear after the first \
                 connection, and a tunnel without ports has none",
            ),
            _ => Ok(()),
        }
    }

    fn request(
        &self,
        tunnel: &str,
        port: u16,
        [method, path]: [&str; 2],
        status: Option<u16>,
        ms: u64,
        ending: Option<&str>,
    ) -> Outcome {
        let (style, status) = match status {
            Some(status @ ..400) => (Style::Good, status.to_string()),
            Some(status @ 400..500) => (Style::Odd, status.to_string()),
            Some(status) => (Style::Bad, status.to_string()),
            None => (Style::Bad, "no answer".to_owned()),
        };
        let (port, method, path) = (self.port(port), harmless(method), harmless(path));
        let status = self.screen.paint(style, &status);
        let took = self.screen.paint(Style::Faint, &format!("{ms} ms"));
        let ending = ending.map(|ending| format!("   {}", harmless(ending))).unwrap_or_default();
        self.line(tunnel, &format!("{port}{method:<4} {path}   {status}   {took}{ending}"))
    }

    fn port(&self, port: u16) -> String {
        if self.name_ports { format!("{port}   ") } else { String::new() }
    }

    fn line(&self, tunnel: &str, text: &str) -> Outcome {
        if self.name_tunnels {
            self.screen.line(format!("{tunnel}   {text}"))
        } else {
            self.screen.line(text)
        }
    }
}
