//! What a status says to one who was not there, as the events that would have led to it.

use super::{State, Tunnel};
use crate::lines::{self, Event, Url};
use crate::reach::Reaches;

/// The events that bring somebody who has just come to where the tunnel stands.
pub fn retell(tunnel: &Tunnel, reaches: &Reaches) -> Vec<Event> {
    let mut events = Vec::new();
    let state = |state| Event::State { state, message: None };
    events.push(match tunnel.state {
        State::Connecting => state(lines::State::Connecting),
        State::Hosting => state(lines::State::Hosting),
        State::Reconnecting => state(lines::State::Reconnecting),
        State::Stopped => state(lines::State::Stopped),
        State::Standby => Event::Standby,
        State::Error => {
            let message = tunnel.error.as_ref().map(|error| error.message.to_string());
            Event::State { state: lines::State::Error, message }
        }
    });
    events.extend(tunnel.phase.map(|phase| Event::Progress { phase }));
    let urls = tunnel.ports.iter().flat_map(|(port, of)| {
        of.urls.iter().map(|url| {
            let reach = reaches.of(url).map(|reach| reach.to_string());
            Url { port: *port, url: url.clone(), reach }
        })
    });
    let urls: Vec<_> = urls.collect();
    if tunnel.state == State::Hosting {
        events.push(Event::Ready { urls });
    }
    for (port, of) in &tunnel.ports {
        let health = of.health.clone().map(|health| Event::Health {
            port: *port,
            label: health.label,
            reason: health.reason.map(String::from).unwrap_or_default(),
            proven_at: health.proven_at,
            proof: health.proof,
        });
        events.extend(health);
    }
    events
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::status::Port;

    #[test]
    fn who_comes_late_hears_the_state_and_the_addresses() {
        let mut tunnel = Tunnel::new("shop.loc1", "here", None, Timestamp::UNIX_EPOCH);
        tunnel.state = State::Hosting;
        let urls = vec!["http://127.0.0.1:4001/".to_owned()];
        tunnel.ports.insert(3000, Port { urls, ..Port::default() });
        let told = retell(&tunnel, &Reaches::TRIAL);
        assert_eq!(told[0], Event::State { state: lines::State::Hosting, message: None });
        let Event::Ready { urls } = &told[1] else { panic!("{told:?}") };
        assert_eq!((urls[0].port, urls[0].reach.as_deref()), (3000, Some("this computer only")));
    }
}
