//! How it stands with a hosted tunnel and each of its ports: one glyph, one sentence, one thing to do.

use adit_proto::contracts::Protocol;
use adit_proto::health::{Label, Proof, Reason};
use jiff::Timestamp;

use crate::cause::Cause;
use crate::message::{Message, Offer, Word};
use crate::place_key::PlaceKey;
use crate::status::{Error, ErrorKind, Health, Phase, Port, Retry, State, Tunnel};

/// What kind of state it is: the glyph. The order is by urgency, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mood {
    /// Not hosted, as somebody chose.
    Stopped,
    /// The URL is proven.
    Live,
    /// Hosted and not proven.
    Checking,
    /// On the way up for the first time.
    Connecting,
    /// On the way up again.
    Reconnecting,
    /// The tunnel is fine; the local server is not.
    Local,
    /// Another host has the tunnel.
    Standby,
    /// It does not work, and will not mend itself.
    Error,
}

impl Mood {
    /// Something is going on that ends by itself.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Checking | Self::Connecting | Self::Reconnecting)
    }
}

/// How it stands with one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The glyph.
    pub mood: Mood,
    /// The sentence.
    pub text: Message,
    /// The same where there is no room for a sentence.
    pub word: Word,
    /// Why, as far as is known; nothing where the sentence says it all.
    pub detail: Option<Cause>,
    /// What a person can do.
    pub offer: Option<Offer>,
}

/// From this try on it is told why the one before failed: what mends itself at once needs no reason.
const EXPLAINED_FROM: u32 = 3;

/// How it stands with a hosted tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelStatus {
    /// Of the tunnel: while it is hosted, that of its worst port.
    pub standing: Standing,
    /// What is wrong besides and does not stop it, such as a sign-in that has ended.
    pub notice: Option<Standing>,
    /// Its ports, by number.
    pub ports: Vec<PortStatus>,
}

/// How it stands with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatus {
    /// Its number.
    pub port: u16,
    /// Its addresses, the preferred one first. Without any, [`Message::NoUrlYet`] stands in their place.
    pub urls: Vec<String>,
    /// Of the port.
    pub standing: Standing,
}

/// Folds what an engine told.
pub fn of_status(tunnel: &Tunnel) -> TunnelStatus {
    of_status_with(tunnel, |_| None)
}

/// As [`of_status`], where it is known what the ports speak.
pub(crate) fn of_status_with(
    tunnel: &Tunnel,
    protocol: impl Fn(u16) -> Option<Protocol>,
) -> TunnelStatus {
    let place = PlaceKey::from(tunnel.place.as_str());
    let session = of_session(tunnel, &place);
    let ports: Vec<_> = tunnel
        .ports
        .iter()
        .map(|(number, port)| PortStatus {
            port: *number,
            urls: port.urls.clone(),
            // What was known of a port says nothing while nobody serves it.
            standing: session
                .clone()
                .unwrap_or_else(|| of_port(*number, port, protocol(*number), &place)),
        })
        .collect();
    let worst = || ports.iter().map(|port| &port.standing).max_by_key(|standing| standing.mood);
    let standing = session.or_else(|| worst().cloned()).unwrap_or_else(no_ports);
    let is_told = tunnel.state == State::Error;
    let notice = tunnel.error.as_ref().filter(|_| !is_told).map(|error| of_error(error, &place));
    TunnelStatus { standing, notice, ports }
}

impl Standing {
    pub(crate) fn new(mood: Mood, text: Message, word: Word) -> Self {
        Self { mood, text, word, detail: None, offer: None }
    }

    pub(crate) fn offer(self, offer: Offer) -> Self {
        Self { offer: Some(offer), ..self }
    }

    /// Adds why, unless that says nothing.
    pub(crate) fn detail(self, detail: Option<Cause>) -> Self {
        Self { detail: detail.filter(|it| !it.is_empty()), ..self }
    }

    /// Adds what others said of the cause.
    pub(crate) fn said(self, said: &str) -> Self {
        self.detail(Cause::said(said))
    }

    /// Whether its reason is told beside the sentence: somebody is needed, or it does not come back by itself so soon.
    pub fn is_explained(&self) -> bool {
        match (self.mood, &self.text) {
            (Mood::Error | Mood::Standby, _) => true,
            (_, Message::ConnectingAgain { attempt, .. } | Message::Retry { attempt, .. }) => {
                *attempt >= EXPLAINED_FROM
            }
            _ => false,
        }
    }

    /// Of a tunnel that nobody hosts.
    pub(crate) fn stopped() -> Self {
        Self::new(Mood::Stopped, Message::Stopped, Word::Stopped)
    }

    /// Of a tunnel that another computer took from here, and hosts no longer.
    pub(crate) fn given_up_elsewhere() -> Self {
        Self::new(Mood::Standby, Message::GivenUpElsewhere, Word::StandingBy).offer(Offer::Start)
    }

    /// Of a tunnel that another computer hosts.
    pub(crate) fn another_host() -> Self {
        Self::new(Mood::Standby, Message::AnotherHost, Word::StandingBy).offer(Offer::TakeOver)
    }
}

impl TunnelStatus {
    /// The same where nobody hosts it any more for whom it stands by.
    pub(crate) fn given_up_elsewhere(self) -> Self {
        let standing = Standing::given_up_elsewhere();
        Self { standing, ports: Vec::new(), ..self }
    }

    /// The same where the place waits for the network, since then: that is why what is on its way does not come.
    pub(crate) fn waits(mut self, since: Timestamp) -> Self {
        let ports = self.ports.iter_mut().map(|port| &mut port.standing);
        for standing in ports.chain([&mut self.standing]) {
            if matches!(standing.mood, Mood::Connecting | Mood::Reconnecting) {
                let text = Message::WaitingForNetwork(since);
                *standing = Standing::new(Mood::Reconnecting, text, Word::Waiting);
            }
        }
        self
    }
}

/// Of a tunnel that is not hosted; nothing while it is, when its ports decide.
fn of_session(tunnel: &Tunnel, place: &PlaceKey) -> Option<Standing> {
    Some(match tunnel.state {
        State::Hosting => return None,
        State::Connecting => connecting(tunnel.phase, tunnel.retry.as_ref()),
        State::Reconnecting => reconnecting(tunnel.phase, tunnel.retry.as_ref()),
        State::Standby => Standing::another_host(),
        State::Stopped => Standing::stopped(),
        State::Error => match &tunnel.error {
            Some(error) => of_error(error, place),
            None => {
                Standing::new(Mood::Error, Message::Refused, Word::NotHosted).offer(Offer::Start)
            }
        },
    })
}

fn connecting(phase: Option<Phase>, retry: Option<&Retry>) -> Standing {
    let standing = |text| Standing::new(Mood::Connecting, text, Word::Connecting);
    match retry {
        Some(retry) => standing(Message::ConnectingAgain { attempt: retry.attempt, at: retry.at })
            .said(&retry.cause)
            .offer(Offer::TryNow),
        None => standing(Message::Connecting(phase)),
    }
}

fn reconnecting(phase: Option<Phase>, retry: Option<&Retry>) -> Standing {
    let standing = |text| Standing::new(Mood::Reconnecting, text, Word::Reconnecting);
    match retry {
        Some(retry) => standing(Message::Retry { attempt: retry.attempt, at: retry.at })
            .said(&retry.cause)
            .offer(Offer::TryNow),
        None => standing(Message::Reconnecting(phase)),
    }
}

fn of_error(error: &Error, place: &PlaceKey) -> Standing {
    let not_hosted = |text| Standing::new(Mood::Error, text, Word::NotHosted);
    // These do not stop the tunnel, and are tried again.
    let warns = |text| Standing::new(Mood::Reconnecting, text, Word::Checking);
    let standing = match error.kind {
        // The message would say the same again.
        ErrorKind::SignIn => {
            let offer = Offer::SignIn(place.clone());
            return not_hosted(Message::SignIn(place.clone())).offer(offer);
        }
        ErrorKind::NotFound => return not_hosted(Message::UnknownTunnel).offer(Offer::Forget),
        ErrorKind::Access => not_hosted(Message::AccessRefused).offer(Offer::Start),
        ErrorKind::Refused => not_hosted(Message::Refused).offer(Offer::Start),
        ErrorKind::NotRenewed => warns(Message::NotRenewed),
        ErrorKind::PortsUnknown => warns(Message::PortsUnknown),
        ErrorKind::RunningOut => warns(Message::RunningOut),
    };
    standing.detail(Some(error.message.clone()))
}

fn of_port(number: u16, port: &Port, protocol: Option<Protocol>, place: &PlaceKey) -> Standing {
    if let Some(cause) = &port.refused {
        return Standing::new(Mood::Error, Message::PortRefused(number), Word::NotHosted)
            .said(cause)
            .offer(Offer::TryNow);
    }
    if port.local_down.is_some() {
        return local_down(number);
    }
    match &port.health {
        Some(health) => of_health(number, health, protocol, place),
        None => checking(),
    }
}

fn of_health(
    number: u16,
    health: &Health,
    configured: Option<Protocol>,
    place: &PlaceKey,
) -> Standing {
    let Some(label) = Label::ALL.into_iter().find(|label| label.as_str() == health.label) else {
        // A label of a newer program proves nothing to this one.
        return checking().detail(health.reason.clone());
    };
    let error = |text, word| Standing::new(Mood::Error, text, word).detail(health.reason.clone());
    match label {
        Label::Operational => match health.proven_at {
            Some(at) => {
                let proof = if health.proof.as_deref() == Some(Proof::Weak.as_str()) {
                    Proof::Weak
                } else {
                    Proof::Strong
                };
                Standing::new(Mood::Live, Message::Live { at, proof }, Word::Live)
            }
            None => checking(),
        },
        Label::LocalDown => local_down(number),
        Label::LocalScheme => local_scheme(number, configured).detail(health.reason.clone()),
        Label::Limited => error(Message::Limited, Word::UrlDead),
        Label::RelayUnreachable => {
            error(Message::RelayUnreachable(place.clone()), Word::UrlDead).offer(Offer::TryNow)
        }
        Label::DnsOrTls => error(Message::DnsOrTls, Word::UrlDead).offer(Offer::TryNow),
        Label::Zombie => error(Message::UrlDead, Word::UrlDead).offer(Offer::TryNow),
        Label::AnotherHost => Standing::another_host(),
        Label::AccessRefused => error(Message::AccessRefused, Word::UrlDead).offer(Offer::TryNow),
        Label::SignIn => {
            error(Message::SignIn(place.clone()), Word::UrlDead).offer(Offer::SignIn(place.clone()))
        }
        // Of a port that is gone the rest of the tunnel is not.
        Label::UnknownTunnel => match &health.reason {
            Some(Cause::Url(Reason::UnknownPort { .. })) => {
                error(Message::PortGone(number), Word::UrlDead).offer(Offer::TryNow)
            }
            _ => error(Message::UnknownTunnel, Word::UrlDead).offer(Offer::Forget),
        },
    }
}

fn checking() -> Standing {
    Standing::new(Mood::Checking, Message::Checking, Word::Checking)
}

fn no_ports() -> Standing {
    Standing::new(Mood::Checking, Message::NoPorts, Word::Checking).offer(Offer::AddPort)
}

fn local_down(port: u16) -> Standing {
    Standing::new(Mood::Local, Message::LocalDown(port), Word::NoAnswer)
}

fn local_scheme(port: u16, configured: Option<Protocol>) -> Standing {
    let to = match &configured {
        Some(Protocol::Http) => Some(Protocol::Https),
        Some(Protocol::Https) => Some(Protocol::Http),
        _ => None,
    };
    let text = Message::LocalScheme { port, configured };
    let standing = Standing::new(Mood::Local, text, Word::WrongProtocol);
    match to {
        Some(to) => standing.offer(Offer::ChangeProtocol { port, to }),
        None => standing,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adit_proto::host::GiveUp;
    use adit_tunnel::host::{self, Event, PortUrls};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::words::{self, Language};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What a face prints of a tunnel at second 100 after these events, all told at second 88.
    fn shown(place: &str, events: &[Event]) -> Vec<String> {
        let mut tunnel = Tunnel::new("shop.loc1", place, None, at(80));
        events.iter().for_each(|event| tunnel.apply(event, at(88)));
        let status = of_status(&tunnel);
        let now = at(100).to_zoned_datetime(TimeZone::UTC);
        let text = |standing: &Standing| {
            let text = words::text(&standing.text, Language::English, &now);
            match &standing.offer {
                Some(offer) => {
                    let offer = Message::Do(offer.clone());
                    format!("{text} · {}", words::text(&offer, Language::English, &now))
                }
                None => text,
            }
        };
        let ports =
            status.ports.iter().map(|port| format!("{}: {}", port.port, text(&port.standing)));
        [text(&status.standing)]
            .into_iter()
            .chain(status.notice.iter().map(text))
            .chain(ports)
            .collect()
    }

    fn urls(ports: &[u16]) -> Event {
        let urls = |port: &u16| PortUrls { port: *port, urls: vec!["http://x/".to_owned()] };
        Event::Ready { urls: ports.iter().map(urls).collect() }
    }

    fn health(port: u16, label: Label, proven: Option<Proof>) -> Event {
        let proven = proven.map(|proof| (at(88), proof));
        Event::Health { port, health: host::Health { label, reason: None, proven } }
    }

    const HOSTING: Event = Event::State(host::State::Hosting);
    const RECONNECTING: Event = Event::State(host::State::Reconnecting);

    /// The table that every face keeps to, line by line.
    #[test]
    fn the_words_are_those_of_the_table() {
        let progress = |phase| shown("microsoft", &[Event::Progress(phase)]);
        assert_eq!(progress(host::Phase::Authorizing), ["Connecting: getting access"]);
        assert_eq!(progress(host::Phase::ConnectingRelay), ["Connecting: reaching the relay"]);
        assert_eq!(progress(host::Phase::ForwardingPorts), ["Connecting: announcing ports"]);

        let hosting = |event| shown("microsoft", &[HOSTING, urls(&[3000]), event])[0].clone();
        let proven = Some(Proof::Strong);
        assert_eq!(shown("microsoft", &[HOSTING, urls(&[3000])])[0], "Hosting, checking the URL");
        assert_eq!(hosting(health(3000, Label::Operational, proven)), "Live, checked 12 s ago");
        let down = "Nothing answers on localhost:3000. The tunnel is fine; start your server.";
        assert_eq!(hosting(Event::LocalDown { port: 3000, cause: "refused".into() }), down);
        assert_eq!(hosting(health(3000, Label::LocalDown, proven)), down);

        let retry = Event::Retry { attempt: 3, wait: Duration::from_secs(20), cause: "x".into() };
        assert_eq!(
            shown("microsoft", &[HOSTING, RECONNECTING, retry]),
            ["Reconnecting, try 3 in 8 s · Try now"]
        );
        assert_eq!(
            shown("microsoft", &[HOSTING, Event::State(host::State::Standby)]),
            ["Another computer hosts this tunnel · Take over (disconnects it)"]
        );
        let sign_in = Event::State(host::State::Error(GiveUp::SignIn));
        assert_eq!(shown("microsoft", &[sign_in]), ["Sign in to Microsoft again · Sign in"]);
        let now = at(0).to_zoned_datetime(TimeZone::UTC);
        assert_eq!(
            words::text(&Message::NoUrlYet, Language::English, &now),
            "URL appears after the first connection"
        );
    }

    #[test]
    fn a_connection_that_does_not_come_back_says_why_from_the_third_try_on() {
        let explained = |events: &[Event]| {
            let mut tunnel = Tunnel::new("shop.loc1", "here", None, at(80));
            events.iter().for_each(|event| tunnel.apply(event, at(88)));
            let standing = of_status(&tunnel).standing;
            (standing.is_explained(), standing.detail)
        };
        let retry = |attempt| Event::Retry {
            attempt,
            wait: Duration::from_secs(20),
            cause: "no route".into(),
        };
        let why = Some(Cause::Said("no route".to_owned()));
        assert_eq!(explained(&[HOSTING, RECONNECTING, retry(2)]), (false, why.clone()));
        let third = [HOSTING, RECONNECTING, retry(3)];
        assert_eq!(explained(&third), (true, why.clone()));
        // Also while the try is under way, so that nothing comes and goes with each.
        let step = Event::Progress(host::Phase::ConnectingRelay);
        assert_eq!(explained(&[&third[..], &[step]].concat()), (true, why.clone()));
        assert_eq!(explained(&[retry(3)]), (true, why));
        assert!(!explained(&[HOSTING, RECONNECTING, retry(3), HOSTING]).0);
    }

    #[test]
    fn connecting_reconnecting_and_stopped_are_told_apart() {
        assert_eq!(shown("here", &[]), ["Connecting"]);
        assert_eq!(shown("here", &[HOSTING, RECONNECTING]), ["Reconnecting"]);
        let relay = Event::Progress(host::Phase::ConnectingRelay);
        assert_eq!(
            shown("here", &[HOSTING, RECONNECTING, relay])[0],
            "Reconnecting: reaching the relay"
        );
        assert_eq!(shown("here", &[HOSTING, Event::State(host::State::Stopped)]), ["Stopped"]);
    }

    #[test]
    fn live_is_said_only_with_a_proof() {
        let of = |proven| {
            shown("here", &[HOSTING, urls(&[1]), health(1, Label::Operational, proven)])[0].clone()
        };
        assert_eq!(of(None), "Hosting, checking the URL");
        assert_eq!(of(Some(Proof::Weak)), "Live, an answer was seen 12 s ago");
    }

    #[test]
    fn a_tunnel_shows_its_worst_port_and_each_port_its_own() {
        let events = [
            HOSTING,
            urls(&[80, 81]),
            health(80, Label::Operational, Some(Proof::Strong)),
            health(81, Label::Zombie, None),
        ];
        assert_eq!(
            shown("here", &events),
            [
                "The URL is dead though the tunnel is up · Try now",
                "80: Live, checked 12 s ago",
                "81: The URL is dead though the tunnel is up · Try now"
            ]
        );
    }

    #[test]
    fn of_a_port_that_is_gone_the_tunnel_is_not() {
        let gone = host::Health {
            label: Label::UnknownTunnel,
            reason: Some(Reason::UnknownPort { port: 80 }),
            proven: None,
        };
        let events = [HOSTING, urls(&[80]), Event::Health { port: 80, health: gone }];
        assert_eq!(shown("here", &events)[1], "80: This tunnel has no port 80 any more · Try now");
    }

    #[test]
    fn what_was_proven_of_a_url_is_not_shown_while_nobody_serves_it() {
        let live = health(80, Label::Operational, Some(Proof::Strong));
        let shown = shown("here", &[HOSTING, urls(&[80]), live, RECONNECTING]);
        assert_eq!(shown, ["Reconnecting", "80: Reconnecting"]);
    }

    #[test]
    fn a_hosted_tunnel_whose_sign_in_has_ended_is_still_live() {
        let live = health(80, Label::Operational, Some(Proof::Strong));
        let events = [HOSTING, urls(&[80]), live, Event::ReloginRequired];
        assert_eq!(
            shown("https://cp.r.example", &events)[..2],
            ["Live, checked 12 s ago", "Sign in to r.example again · Sign in"]
        );
    }

    #[test]
    fn a_hosted_tunnel_without_ports_asks_for_one() {
        assert_eq!(shown("here", &[HOSTING, urls(&[])]), ["No port yet · Add port"]);
    }

    #[test]
    fn a_mismatch_offers_the_other_protocol_where_it_is_known() {
        let mut tunnel = Tunnel::new("shop.loc1", "here", None, at(0));
        for event in [HOSTING, urls(&[3000]), health(3000, Label::LocalScheme, None)] {
            tunnel.apply(&event, at(0));
        }
        let status = of_status_with(&tunnel, |_| Some(Protocol::Http));
        let offer = Offer::ChangeProtocol { port: 3000, to: Protocol::Https };
        assert_eq!(status.standing.offer, Some(offer));
        let now = at(0).to_zoned_datetime(TimeZone::UTC);
        assert_eq!(
            words::text(&status.standing.text, Language::English, &now),
            "localhost:3000 speaks https, the port says http."
        );
        assert_eq!(of_status(&tunnel).standing.offer, None);
    }
}
