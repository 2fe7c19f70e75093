//! What each event of the engine means for the status.

use std::time::Duration;

use adit_tunnel::host::{self, Event, GiveUp, PortUrls};
use jiff::Timestamp;

use super::{Error, ErrorKind, Health, Port, Retry, State, Tunnel};
use crate::cause::Cause;

impl Tunnel {
    /// Takes in what the engine told at `now`.
    pub fn apply(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::State(state) => self.state(state, now),
            Event::Progress(phase) => self.progress(*phase),
            Event::Ready { urls } | Event::UrlChanged { urls } => {
                self.urls(urls);
                self.mended(ErrorKind::PortsUnknown);
            }
            Event::Retry { attempt, wait, cause } => {
                self.phase = None;
                let (attempt, cause) = (*attempt, cause.to_string());
                self.retry = Some(Retry { attempt, at: after(now, *wait), cause });
            }
            Event::ReloginRequired => {
                let message = Cause::Said("somebody has to sign in again".to_owned());
                self.error = Some(Error { kind: ErrorKind::SignIn, message });
            }
            Event::PortRefused { port, cause } => {
                self.port(*port).refused = Some(cause.to_string());
            }
            Event::PortServed { port } => self.port(*port).refused = None,
            Event::SwapFailed { cause, .. } => self.failed(ErrorKind::NotRenewed, cause),
            Event::Swapped => self.renewed(),
            Event::RenewalFailed { cause, .. } => self.failed(ErrorKind::RunningOut, cause),
            Event::Renewed { .. } => self.mended(ErrorKind::RunningOut),
            Event::PortsUnknown { cause } => self.failed(ErrorKind::PortsUnknown, cause),
            Event::LocalDown { port, cause } => {
                self.port(*port).local_down = Some(cause.to_string());
            }
            Event::LocalUp { port } => self.port(*port).local_down = None,
            Event::UrlDead { port } => self.port(*port).dead += 1,
            Event::Health { port, health } => self.port(*port).health = Some(to_health(health)),
            Event::Proven { port, at, proof } => {
                if let Some(health) = &mut self.port(*port).health {
                    health.proven_at = Some(*at);
                    health.proof = Some(proof.as_str().to_owned());
                }
            }
            Event::Observed(_) => {}
        }
    }

    fn progress(&mut self, phase: host::Phase) {
        // The steps of a planned replacement are nobody's concern: the tunnel is hosted all the time, and what becomes of
        // its ports is told once they are another session's.
        if self.state == State::Hosting {
            return;
        }
        if phase == host::Phase::ForwardingPorts {
            // Each session asks for all of them, and tells of its own refusals before it serves.
            self.ports.values_mut().for_each(|port| port.refused = None);
        }
        self.phase = Some(phase.into());
    }

    fn state(&mut self, state: &host::State, now: Timestamp) {
        let Some(new) = to_state(state) else { return };
        if self.state != new {
            self.since = now;
        }
        self.state = new;
        self.phase = None;
        self.retry = None;
        match state {
            // Who stands by was let in, and not in the way of anything but another host.
            host::State::Hosting | host::State::Standby => self.error = None,
            host::State::Error(why) => {
                let message = Cause::GivenUp(why.clone());
                self.error = Some(Error { kind: to_kind(why), message });
            }
            // What was known of the URLs is not true of a tunnel that nobody serves.
            host::State::Stopped => self.ports.values_mut().for_each(|port| port.health = None),
            _ => {}
        }
    }

    fn urls(&mut self, urls: &[PortUrls]) {
        self.ports.retain(|number, _| urls.iter().any(|of| of.port == *number));
        for of in urls {
            self.port(of.port).urls.clone_from(&of.urls);
        }
    }

    fn port(&mut self, number: u16) -> &mut Port {
        self.ports.entry(number).or_default()
    }

    /// A failure that leaves the tunnel hosted does not hide one that asks for a person.
    fn failed(&mut self, kind: ErrorKind, cause: &str) {
        if self.error.as_ref().is_none_or(|error| error.kind != ErrorKind::SignIn) {
            self.error = Some(Error { kind, message: Cause::Said(cause.to_owned()) });
        }
    }

    /// New tokens were to be had, so nobody has to sign in either.
    fn renewed(&mut self) {
        self.mended(ErrorKind::NotRenewed);
        self.mended(ErrorKind::SignIn);
    }

    fn mended(&mut self, kind: ErrorKind) {
        if self.error.as_ref().is_some_and(|error| error.kind == kind) {
            self.error = None;
        }
    }
}

fn to_state(state: &host::State) -> Option<State> {
    Some(match state {
        host::State::Idle => return None,
        host::State::Connecting => State::Connecting,
        host::State::Hosting => State::Hosting,
        host::State::Reconnecting => State::Reconnecting,
        host::State::Standby => State::Standby,
        host::State::Stopped => State::Stopped,
        host::State::Error(_) => State::Error,
    })
}

fn to_kind(why: &GiveUp) -> ErrorKind {
    match why {
        GiveUp::SignIn => ErrorKind::SignIn,
        GiveUp::Forbidden(_) => ErrorKind::Access,
        GiveUp::UnknownTunnel => ErrorKind::NotFound,
        GiveUp::Fatal(_) => ErrorKind::Refused,
    }
}

fn to_health(health: &host::Health) -> Health {
    Health {
        label: health.label.as_str().to_owned(),
        reason: health.reason.clone().map(Cause::Url),
        proven_at: health.proven.map(|(at, _)| at),
        proof: health.proven.map(|(_, proof)| proof.as_str().to_owned()),
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::{self, Lines};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn urls(ports: &[u16]) -> Vec<PortUrls> {
        ports
            .iter()
            .map(|port| PortUrls { port: *port, urls: vec![format!("http://x/{port}")] })
            .collect()
    }

    fn told(events: &[Event]) -> Tunnel {
        let mut tunnel = Tunnel::new("shop.loc1", "here", None, at(0));
        for (second, event) in (1..).zip(events) {
            tunnel.apply(event, at(second));
        }
        tunnel
    }

    #[test]
    fn a_tunnel_comes_up_and_its_addresses_are_known() {
        let tunnel = told(&[
            Event::State(host::State::Connecting),
            Event::Progress(host::Phase::ForwardingPorts),
            Event::State(host::State::Hosting),
            Event::Ready { urls: urls(&[3000]) },
        ]);
        assert_eq!((tunnel.state, tunnel.since, tunnel.phase), (State::Hosting, at(3), None));
        assert_eq!(tunnel.ports[&3000].urls, ["http://x/3000"]);
    }

    #[test]
    fn a_drop_shows_at_once_with_its_next_try() {
        let tunnel = told(&[
            Event::State(host::State::Hosting),
            Event::State(host::State::Reconnecting),
            Event::Retry { attempt: 3, wait: Duration::from_secs(8), cause: "no network".into() },
        ]);
        let retry = Retry { attempt: 3, at: at(11), cause: "no network".into() };
        assert_eq!((tunnel.state, tunnel.retry), (State::Reconnecting, Some(retry)));
    }

    #[test]
    fn an_error_keeps_its_place_until_the_tunnel_is_hosted() {
        let mut events = vec![
            Event::State(host::State::Connecting),
            Event::State(host::State::Error(GiveUp::UnknownTunnel)),
        ];
        let error = told(&events).error.unwrap();
        assert_eq!(error.kind, ErrorKind::NotFound);
        events.push(Event::State(host::State::Connecting));
        assert_eq!(told(&events).error, Some(error));
        events.push(Event::State(host::State::Hosting));
        assert_eq!(told(&events).error, None);
    }

    #[test]
    fn what_asks_for_a_person_is_not_hidden_by_what_passes() {
        let swap = Event::SwapFailed { wait: Duration::from_secs(1), cause: "refused".into() };
        let tunnel = told(&[Event::State(host::State::Hosting), Event::ReloginRequired, swap]);
        assert_eq!(tunnel.error.unwrap().kind, ErrorKind::SignIn);
    }

    #[test]
    fn a_session_that_was_replaced_after_all_mends_what_kept_it() {
        let swap = Event::SwapFailed { wait: Duration::from_secs(1), cause: "refused".into() };
        let mut events = vec![Event::State(host::State::Hosting), swap];
        assert_eq!(told(&events).error.unwrap().kind, ErrorKind::NotRenewed);
        events.extend([Event::Progress(host::Phase::Authorizing), Event::Swapped]);
        let tunnel = told(&events);
        assert_eq!((tunnel.error, tunnel.phase), (None, None));
    }

    #[test]
    fn a_life_that_was_renewed_after_all_is_no_condition_any_more() {
        let failed = Event::RenewalFailed { wait: Duration::from_secs(1), cause: "busy".into() };
        let mut events = vec![Event::State(host::State::Hosting), failed];
        assert_eq!(told(&events).error.unwrap().kind, ErrorKind::RunningOut);
        events.push(Event::Renewed { life: Duration::from_secs(3600) });
        assert_eq!(told(&events).error, None);
    }

    #[test]
    fn each_proof_of_a_url_is_the_last_one() {
        let proven = Some((at(1), host::Proof::Weak));
        let label = host::Label::Operational;
        let health = host::Health { label, reason: None, proven };
        let again = Event::Proven { port: 3000, at: at(61), proof: host::Proof::Strong };
        let tunnel = told(&[Event::Health { port: 3000, health }, again]);
        let known = tunnel.ports[&3000].health.clone().unwrap();
        assert_eq!((known.proven_at, known.proof.as_deref()), (Some(at(61)), Some("strong")));
    }

    #[test]
    fn ports_come_and_go_with_what_is_known_of_them() {
        let down = |port| Event::LocalDown { port, cause: "nothing listens".into() };
        let mut events = vec![
            Event::State(host::State::Hosting),
            Event::Ready { urls: urls(&[3000, 3001]) },
            down(3000),
            down(3001),
            Event::UrlChanged { urls: urls(&[3001]) },
        ];
        let tunnel = told(&events);
        assert_eq!(tunnel.ports.keys().collect::<Vec<_>>(), [&3001]);
        assert!(tunnel.ports[&3001].local_down.is_some());
        events.push(Event::LocalUp { port: 3001 });
        assert!(told(&events).ports[&3001].local_down.is_none());
    }

    #[test]
    fn each_time_that_a_url_was_dead_counts() {
        let mut events =
            vec![Event::State(host::State::Hosting), Event::Ready { urls: urls(&[3000]) }];
        let text = |tunnel: &Tunnel| serde_json::to_string(tunnel).unwrap();
        assert!(!text(&told(&events)).contains("dead"));
        events.extend([Event::UrlDead { port: 3000 }, Event::UrlDead { port: 3000 }]);
        events.push(Event::State(host::State::Reconnecting));
        let tunnel = told(&events);
        assert!(text(&tunnel).contains(r#""dead":2"#), "{tunnel:?}");
        assert_eq!(serde_json::from_str::<Tunnel>(&text(&tunnel)).unwrap(), tunnel);
    }

    #[test]
    fn a_port_that_is_served_after_all_is_refused_no_longer() {
        let refused = Event::PortRefused { port: 3000, cause: "the relay did not answer".into() };
        let mut events = vec![Event::State(host::State::Hosting), refused];
        assert!(told(&events).ports[&3000].refused.is_some());
        events.push(Event::PortServed { port: 3000 });
        assert_eq!(told(&events).ports[&3000].refused, None);
    }

    #[test]
    fn what_a_session_refuses_before_it_serves_stays_and_goes_with_the_next_session() {
        let refused = Event::PortRefused { port: 3000, cause: "no port of the tunnel".into() };
        let announces = || Event::Progress(host::Phase::ForwardingPorts);
        let mut events = vec![announces(), refused, Event::State(host::State::Hosting)];
        assert!(told(&events).ports[&3000].refused.is_some());
        events.extend([Event::State(host::State::Reconnecting), announces()]);
        assert_eq!(told(&events).ports[&3000].refused, None);
    }

    #[test]
    fn a_replacement_that_announces_says_nothing_of_ports_yet() {
        let refused = Event::PortRefused { port: 3000, cause: "no port of the tunnel".into() };
        let announces = || Event::Progress(host::Phase::ForwardingPorts);
        let failed = Event::SwapFailed { wait: Duration::from_secs(1), cause: "late".into() };
        let mut events = vec![announces(), refused, Event::State(host::State::Hosting)];
        events.extend([announces(), failed]);
        assert!(told(&events).ports[&3000].refused.is_some(), "the old session serves on");
        events.extend([announces(), Event::Swapped, Event::PortServed { port: 3000 }]);
        assert_eq!(told(&events).ports[&3000].refused, None);
    }

    #[test]
    fn other_processes_read_the_same() {
        let mut tunnel = told(&[Event::State(host::State::Hosting), Event::ReloginRequired]);
        tunnel.phase = Some(host::Phase::ConnectingRelay.into());
        tunnel.urls(&urls(&[3000]));
        let text = serde_json::to_string(&tunnel).unwrap();
        assert!(text.contains(r#""where":"here","state":"Hosting""#), "{text}");
        assert!(text.contains(r#""ports":[{"port":3000,"urls":["http://x/3000"]}]"#), "{text}");
        assert_eq!(serde_json::from_str::<Tunnel>(&text).unwrap(), tunnel);
        let status = Box::new(tunnel);
        let line = Lines::start().write(None, lines::Event::Status { status: status.clone() });
        let read: lines::Line = serde_json::from_str(&line).unwrap();
        assert_eq!(read.event, lines::Event::Status { status });
    }

    #[test]
    fn other_processes_read_why_a_url_is_dead_as_a_text() {
        let reason = host::Reason::Limited { port: 3000 };
        let health = host::Health { label: reason.label(), reason: Some(reason), proven: None };
        let tunnel = told(&[
            Event::State(host::State::Error(GiveUp::Forbidden("no".to_owned()))),
            Event::Health { port: 3000, health },
        ]);
        let text = serde_json::to_string(&tunnel).unwrap();
        let said = "the relay takes no more requests to port 3000 for now";
        assert!(text.contains(&format!(r#""label":"limited","reason":"{said}""#)), "{text}");
        assert!(text.contains(r#""message":"access was refused: no""#), "{text}");
        let read: Tunnel = serde_json::from_str(&text).unwrap();
        assert_eq!(read.ports[&3000].health.as_ref().unwrap().reason, Cause::said(said));

        let health = host::Health { label: host::Label::Operational, reason: None, proven: None };
        let tunnel = told(&[Event::Health { port: 3000, health }]);
        let text = serde_json::to_string(&tunnel).unwrap();
        assert!(text.contains(r#""label":"operational","reason":"""#), "{text}");
        assert_eq!(serde_json::from_str::<Tunnel>(&text).unwrap(), tunnel);
    }
}
