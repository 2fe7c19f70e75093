//! What happened, bounded: per tunnel the events with their times, per port the traffic of the last quarter of an
//! hour and of the last day, and the last requests. [`crate::traffic`] makes charts and lists of it.
//!
//! Times come from outside, so a test makes a day pass in a line. Requests are never written to a file.

mod event;
pub(crate) mod request;
mod ring;
mod series;

use std::collections::BTreeMap;
use std::time::Duration;

use adit_tunnel::host;
use adit_tunnel::inspect::{Exchange, NotInspected, Observation, Passed};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::tunnel_key::TunnelKey;

pub use event::{Happening, What};
pub use request::{Request, Requests};
pub use ring::Ring;
pub use series::{Sample, Series, Statuses};

/// Events that are kept of a tunnel: some weeks of one that drops now and then.
const EVENTS: usize = 500;

/// The bytes that the requests of all ports may take. Full means that the port with most of them loses its oldest.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;

/// So long after its last sign of life a tunnel that no service lists any more is remembered.
const GONE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A chart of 15 minutes has 180 points.
const QUARTER: (Duration, usize) = (Duration::from_secs(5), 180);

/// A chart of 24 hours has 288 points.
const DAY: (Duration, usize) = (Duration::from_secs(300), 288);

/// All tunnels' history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    #[serde(with = "as_list")]
    tunnels: BTreeMap<TunnelKey, OfTunnel>,
    /// The bytes that the requests of all ports take.
    #[serde(skip)]
    request_bytes: usize,
}

/// A tunnel's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OfTunnel {
    /// What happened, oldest first.
    pub events: Ring<Happening>,
    /// Its ports, by number.
    pub ports: BTreeMap<u16, OfPort>,
}

/// A port's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OfPort {
    /// The last 15 minutes.
    #[serde(skip, default = "quarter")]
    pub quarter: Series,
    /// The last 24 hours.
    pub day: Series,
    /// The last requests, oldest first.
    #[serde(skip)]
    pub requests: Requests,
    /// Why no requests of the last connection were seen, where there was nothing to see from its begin on.
    #[serde(skip)]
    pub unseen: Option<Unseen>,
}

/// Why there are no requests to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// The bytes are encrypted.
    Encrypted,
    /// They are not HTTP.
    NotHttp,
}

impl History {
    /// A tunnel's history, if there is any.
    pub fn of(&self, tunnel: &TunnelKey) -> Option<&OfTunnel> {
        self.tunnels.get(tunnel)
    }

    /// All tunnels of which there is any.
    pub fn iter(&self) -> impl Iterator<Item = (&TunnelKey, &OfTunnel)> {
        self.tunnels.iter()
    }

    /// Takes in what an engine told; `true` when there is something new that is kept in the file.
    pub fn note(&mut self, tunnel: &TunnelKey, event: &host::Event, now: Timestamp) -> bool {
        let of = self.tunnels.entry(tunnel.clone()).or_default();
        match event {
            host::Event::Observed(observed) => match &observed.observation {
                Observation::Exchange(exchange) => {
                    let port = of.ports.entry(observed.port).or_default();
                    port.unseen = None;
                    port.count(exchange, now);
                    self.keep(tunnel, observed.port, exchange, None, now);
                    true
                }
                Observation::NotInspected(why) => {
                    of.ports.entry(observed.port).or_default().unseen = match why {
                        NotInspected::Encrypted => Some(Unseen::Encrypted),
                        NotInspected::NotHttp => Some(Unseen::NotHttp),
                        NotInspected::HeadTooLarge | NotInspected::Unclear => None,
                    };
                    false
                }
            },
            event => match What::of(event, &of.events) {
                Some(what) => {
                    of.events.push(Happening { at: now, what });
                    true
                }
                None => false,
            },
        }
    }

    /// Takes in what came of sending the request of number `of` again. It was no visitor's, so no chart counts it.
    pub fn sent_again(
        &mut self,
        tunnel: &TunnelKey,
        port: u16,
        of: u64,
        exchange: &Exchange,
        now: Timestamp,
    ) {
        self.keep(tunnel, port, exchange, Some(of), now);
    }

    /// Keeps a request, and forgets what is too much for it.
    fn keep(
        &mut self,
        tunnel: &TunnelKey,
        port: u16,
        exchange: &Exchange,
        again: Option<u64>,
        now: Timestamp,
    ) {
        let of = self.tunnels.entry(tunnel.clone()).or_default();
        let requests = &mut of.ports.entry(port).or_default().requests;
        self.request_bytes -= requests.bytes();
        requests.push(exchange, again, now);
        self.request_bytes += requests.bytes();
        while self.request_bytes > REQUEST_BYTES && self.forget_a_request() {}
    }

    fn forget_a_request(&mut self) -> bool {
        let ports = self.tunnels.values_mut().flat_map(|of| of.ports.values_mut());
        let Some(port) = ports.max_by_key(|port| port.requests.bytes()) else { return false };
        let before = port.requests.bytes();
        let was_there = port.requests.drop_oldest();
        self.request_bytes -= before - port.requests.bytes();
        was_there
    }

    /// Takes in how many connections a port has.
    pub fn connections(&mut self, tunnel: &TunnelKey, port: u16, count: u32, now: Timestamp) {
        let of = self.tunnels.entry(tunnel.clone()).or_default();
        let of = of.ports.entry(port).or_default();
        for series in [&mut of.quarter, &mut of.day] {
            series.at(now).connections = series.at(now).connections.max(count);
        }
    }

    /// Takes in how many bytes of a port passed.
    pub fn passed(&mut self, tunnel: &TunnelKey, port: u16, passed: Passed, now: Timestamp) {
        let of = self.tunnels.entry(tunnel.clone()).or_default();
        let of = of.ports.entry(port).or_default();
        for series in [&mut of.quarter, &mut of.day] {
            series.at(now).pass(passed.received, passed.sent);
        }
    }

    /// Forgets a tunnel that is gone; `false` when nothing was known of it.
    pub fn forget(&mut self, tunnel: &TunnelKey) -> bool {
        let Some(of) = self.tunnels.remove(tunnel) else { return false };
        let bytes: usize = of.ports.values().map(|port| port.requests.bytes()).sum();
        self.request_bytes -= bytes;
        true
    }

    /// Forgets tunnels that are not there any more and of which nothing was heard for a month: one may be gone from its
    /// list because nobody is signed in, and come back.
    pub fn forget_old(&mut self, now: Timestamp, is_there: impl Fn(&TunnelKey) -> bool) {
        let is_old = |of: &OfTunnel| of.last().is_none_or(|at| now.duration_since(at) > GONE_FOR);
        let tunnels = self.tunnels.iter().filter(|(tunnel, of)| is_old(of) && !is_there(tunnel));
        let old: Vec<_> = tunnels.map(|(tunnel, _)| tunnel.clone()).collect();
        for tunnel in &old {
            self.forget(tunnel);
        }
    }

    /// How often the tunnel's tokens were asked for since the history began.
    pub fn mints(&self, tunnel: &TunnelKey) -> usize {
        self.count(tunnel, |what| *what == What::AskedForAccess)
    }

    /// How often its URL was found dead while the session was up.
    pub fn zombies(&self, tunnel: &TunnelKey) -> usize {
        self.count(tunnel, |what| matches!(what, What::UrlDead { .. }))
    }

    fn count(&self, tunnel: &TunnelKey, counts: impl Fn(&What) -> bool) -> usize {
        let Some(of) = self.of(tunnel) else { return 0 };
        of.events.iter().filter(|happening| counts(&happening.what)).count()
    }
}

impl OfTunnel {
    /// When it gave its last sign of life.
    fn last(&self) -> Option<Timestamp> {
        let event = self.events.iter().next_back().map(|happening| happening.at);
        self.ports.values().filter_map(|port| port.day.last()).chain(event).max()
    }
}

impl OfPort {
    fn count(&mut self, exchange: &Exchange, now: Timestamp) {
        for series in [&mut self.quarter, &mut self.day] {
            series.at(now).add(exchange.status);
        }
    }
}

impl Default for OfTunnel {
    fn default() -> Self {
        Self { events: Ring::new(EVENTS), ports: BTreeMap::new() }
    }
}

impl Default for OfPort {
    fn default() -> Self {
        let day = Series::new(DAY.0, DAY.1);
        Self { quarter: quarter(), day, requests: Requests::default(), unseen: None }
    }
}

fn quarter() -> Series {
    Series::new(QUARTER.0, QUARTER.1)
}

/// JSON's members have names that are texts, and a tunnel's key is two.
mod as_list {
    use std::collections::BTreeMap;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::Serializer;

    use super::{OfTunnel, TunnelKey};

    pub(super) fn serialize<S: Serializer>(
        tunnels: &BTreeMap<TunnelKey, OfTunnel>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tunnels)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<TunnelKey, OfTunnel>, D::Error> {
        Ok(Vec::<(TunnelKey, OfTunnel)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use adit_proto::health::{Health, Label};
    use adit_tunnel::host::{Phase, State};
    use adit_tunnel::inspect::{Ending, Observed};
    use adit_wire::clock;

    use super::*;
    use crate::place_key::PlaceKey;

    fn key() -> TunnelKey {
        TunnelKey { place: PlaceKey::here(), id: "shop.loc1".parse().unwrap() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn request(status: Option<u16>, started: Instant) -> host::Event {
        let exchange = Exchange {
            method: "GET".into(),
            target: "/".into(),
            status,
            started,
            waited: None,
            took: Duration::from_millis(7),
            sent: 10,
            received: 100,
            ending: Ending::Complete,
            request: None,
            response: None,
        };
        host::Event::Observed(Observed { port: 80, observation: Observation::Exchange(exchange) })
    }

    fn health(label: Label) -> host::Event {
        let health = Health { label, reason: None, proven: None };
        host::Event::Health { port: 80, health }
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_of_requests_stays_within_its_bounds() {
        let mut history = History::default();
        let started = clock::now();
        // One request every 10 s for 25 hours.
        for second in (0..90_000).step_by(10) {
            history.note(&key(), &request(Some(200), started), at(second));
        }
        let port = &history.of(&key()).unwrap().ports[&80];
        assert_eq!(port.requests.len(), 200);
        let total = |series: &Series| -> u64 {
            series.points(at(89_999)).iter().flatten().map(|sample| sample.requests).sum()
        };
        // The youngest point is not full yet, and is counted among the 180 and the 288.
        assert_eq!(total(&port.quarter), 90);
        assert_eq!(total(&port.day), 288 * 30);
    }

    #[test]
    fn what_happened_is_told_once_and_in_order() {
        let mut history = History::default();
        let state = |state| host::Event::State(state);
        let events = [
            state(State::Connecting),
            host::Event::Progress(Phase::Authorizing),
            state(State::Hosting),
            health(Label::Operational),
            health(Label::Operational),
            health(Label::Zombie),
            state(State::Reconnecting),
            state(State::Hosting),
            health(Label::Zombie),
            host::Event::Swapped,
            health(Label::LocalDown),
            health(Label::LocalDown),
            health(Label::LocalScheme),
            health(Label::Operational),
        ];
        for (second, event) in (0..).zip(&events) {
            history.note(&key(), event, at(second));
        }
        let told: Vec<_> = history.of(&key()).unwrap().events.iter().map(|it| &it.what).collect();
        assert_eq!(
            told,
            [
                &What::Connecting,
                &What::AskedForAccess,
                &What::Hosting,
                &What::UrlWell { port: 80 },
                &What::UrlDead { port: 80 },
                &What::Reconnecting,
                &What::Hosting,
                &What::UrlDead { port: 80 },
                &What::Renewed,
                &What::LocalDown { port: 80 },
                &What::LocalScheme { port: 80 },
                &What::UrlWell { port: 80 },
            ]
        );
        assert_eq!((history.mints(&key()), history.zombies(&key())), (1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_not_written_and_the_day_is() {
        let mut history = History::default();
        history.note(&key(), &request(Some(503), clock::now()), at(1_000));
        history.note(&key(), &host::Event::State(State::Hosting), at(1_001));
        let text = serde_json::to_string(&history).unwrap();
        assert!(!text.contains("GET"), "{text}");
        let read: History = serde_json::from_str(&text).unwrap();
        let of = read.of(&key()).unwrap();
        assert_eq!(of.events.len(), 1);
        assert_eq!(of.ports[&80].day, history.of(&key()).unwrap().ports[&80].day);
        assert_eq!(of.ports[&80].requests.len(), 0);
    }

    #[test]
    fn all_requests_together_stay_within_their_bytes() {
        let mut history = History::default();
        let body = "x".repeat(65_536);
        let request = format!("POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n{body}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n{body}");
        let exchange = request::tests::exchange(request, answer);
        for n in 0..1_000_u16 {
            history.keep(&key(), n % 50, &exchange, None, at(0));
        }
        let of = history.of(&key()).unwrap();
        let bytes: usize = of.ports.values().map(|port| port.requests.bytes()).sum();
        assert_eq!(bytes, history.request_bytes);
        assert!((REQUEST_BYTES - 200_000..=REQUEST_BYTES).contains(&bytes), "{bytes}");
        assert!(of.ports.values().all(|port| !port.requests.is_empty()));
        history.forget(&key());
        assert_eq!(history.request_bytes, 0);
    }

    #[test]
    fn what_was_sent_again_is_listed_and_not_counted() {
        let mut history = History::default();
        let exchange =
            request::tests::exchange("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        history.sent_again(&key(), 80, 9, &exchange, at(5));
        let port = &history.of(&key()).unwrap().ports[&80];
        assert_eq!(port.requests.iter().map(|it| it.again).collect::<Vec<_>>(), [Some(9)]);
        assert!(port.quarter.points(at(5)).iter().all(Option::is_none));
    }

    #[test]
    fn what_is_gone_for_a_month_is_forgotten_and_what_is_listed_is_not() {
        let other: TunnelKey =
            TunnelKey { place: PlaceKey::here(), id: "blog.loc1".parse().unwrap() };
        let mut history = History::default();
        history.note(&key(), &host::Event::State(host::State::Hosting), at(0));
        history.note(&other, &host::Event::State(host::State::Hosting), at(0));
        history.connections(&other, 80, 1, at(86_400));
        let month = 30 * 86_400;
        let forget = |history: &mut History, second, there: &[TunnelKey]| {
            history.forget_old(at(second), |tunnel| there.contains(tunnel));
            history.iter().map(|(tunnel, _)| tunnel.clone()).collect::<Vec<_>>()
        };
        assert_eq!(forget(&mut history, month, &[]).len(), 2);
        assert_eq!(forget(&mut history, month + 1, &[key()]).len(), 2);
        assert_eq!(forget(&mut history, month + 1, &[]), [other]);
        assert_eq!(forget(&mut history, month + 2 * 86_400, &[]), []);
    }

    #[test]
    fn a_tunnel_that_is_gone_is_forgotten() {
        let mut history = History::default();
        history.connections(&key(), 80, 3, at(0));
        history.connections(&key(), 80, 2, at(1));
        let points = history.of(&key()).unwrap().ports[&80].quarter.points(at(2));
        assert_eq!(points.last().unwrap().as_ref().unwrap().connections, 3);
        assert!(history.forget(&key()));
        assert!(history.of(&key()).is_none());
    }
}
