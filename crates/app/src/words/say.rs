//! Chooses the sentence for a message and fills its holes.

use adit_proto::contracts::Protocol;
use adit_proto::health::Proof;
use jiff::ZonedDateTime;

use super::catalogue::template;
use super::key::Key;
use super::{Language, span};
use crate::message::{Message, Offer, Word};
use crate::place_key::{Kind, PlaceKey};
use crate::status::Phase;

/// Says messages in a language, at a time.
pub(super) struct Speaker<'a> {
    pub(super) language: Language,
    pub(super) now: &'a ZonedDateTime,
}

impl Speaker<'_> {
    pub(super) fn text(&self, message: &Message) -> String {
        match message {
            Message::Connecting(phase) => self.bare(connecting(*phase)),
            Message::ConnectingAgain { attempt, at } => {
                self.next_try(Key::ConnectingAgain, Key::ConnectingNow, *attempt, *at)
            }
            Message::Checking => self.bare(Key::Checking),
            Message::Live { at, proof } => {
                let key = match proof {
                    Proof::Strong => Key::Live,
                    Proof::Weak => Key::LiveWeak,
                };
                self.say(key, &[("time", span::ago(*at, self.now))])
            }
            Message::LocalDown(port) => self.of_port(Key::LocalDown, *port),
            Message::LocalScheme { port, configured } => self.local_scheme(*port, configured),
            Message::UrlDead => self.bare(Key::UrlDead),
            Message::DnsOrTls => self.bare(Key::DnsOrTls),
            Message::RelayUnreachable(place) => self.of_place(Key::RelayUnreachable, place),
            Message::Limited => self.bare(Key::Limited),
            Message::Reconnecting(phase) => self.bare(reconnecting(*phase)),
            Message::Retry { attempt, at } => {
                self.next_try(Key::Retry, Key::RetryNow, *attempt, *at)
            }
            Message::AnotherHost => self.bare(Key::AnotherHost),
            Message::SignIn(place) => self.of_place(Key::SignInAgain, place),
            Message::AccessRefused => self.bare(Key::AccessRefused),
            Message::UnknownTunnel => self.bare(Key::UnknownTunnel),
            Message::Refused => self.bare(Key::Refused),
            Message::Stopping => self.bare(Key::Stopping),
            Message::Stopped => self.bare(Key::Stopped),
            Message::NoPorts => self.bare(Key::NoPorts),
            Message::NoUrlYet => self.bare(Key::NoUrlYet),
            Message::PortRefused(port) => self.of_port(Key::PortRefused, *port),
            Message::NotRenewed => self.bare(Key::NotRenewed),
            Message::PortsUnknown => self.bare(Key::PortsUnknown),
            Message::Do(offer) => self.offer(offer),
            Message::Word(word) => self.bare(to_key(*word)),
        }
    }

    fn offer(&self, offer: &Offer) -> String {
        match offer {
            Offer::TryNow => self.bare(Key::TryNow),
            Offer::TakeOver => self.bare(Key::TakeOver),
            Offer::SignIn(_) => self.bare(Key::SignIn),
            Offer::Start => self.bare(Key::Start),
            Offer::AddPort => self.bare(Key::AddPort),
            Offer::ChangeProtocol { to, .. } => {
                self.say(Key::ChangeProtocol, &[("protocol", to.to_string())])
            }
        }
    }

    fn next_try(&self, later: Key, at_once: Key, attempt: u32, at: jiff::Timestamp) -> String {
        let n = attempt.to_string();
        match span::until(at, self.now) {
            Some(time) => self.say(later, &[("n", n), ("time", time)]),
            None => self.say(at_once, &[("n", n)]),
        }
    }

    fn local_scheme(&self, port: u16, configured: &Option<Protocol>) -> String {
        let other = match configured {
            Some(Protocol::Http) => "https",
            Some(Protocol::Https) => "http",
            _ => return self.of_port(Key::LocalScheme, port),
        };
        let configured = configured.as_ref().map(ToString::to_string).unwrap_or_default();
        let holes =
            [("port", port.to_string()), ("other", other.to_owned()), ("configured", configured)];
        self.say(Key::LocalSchemeIs, &holes)
    }

    fn of_port(&self, key: Key, port: u16) -> String {
        self.say(key, &[("port", port.to_string())])
    }

    fn of_place(&self, key: Key, place: &PlaceKey) -> String {
        self.say(key, &[("place", self.place(place))])
    }

    /// What a place is called.
    fn place(&self, place: &PlaceKey) -> String {
        match place.kind() {
            Kind::Here => self.bare(Key::ThisComputer),
            Kind::Microsoft => self.bare(Key::Microsoft),
            Kind::Relay => place.host().to_owned(),
        }
    }

    fn bare(&self, key: Key) -> String {
        template(key, false, self.language).to_owned()
    }

    fn say(&self, key: Key, holes: &[(&str, String)]) -> String {
        fill(template(key, false, self.language), holes)
    }
}

fn connecting(phase: Option<Phase>) -> Key {
    match phase {
        None => Key::Connecting,
        Some(Phase::Authorizing) => Key::ConnectingAccess,
        Some(Phase::ConnectingRelay) => Key::ConnectingRelay,
        Some(Phase::ForwardingPorts) => Key::ConnectingPorts,
    }
}

fn reconnecting(phase: Option<Phase>) -> Key {
    match phase {
        None => Key::Reconnecting,
        Some(Phase::Authorizing) => Key::ReconnectingAccess,
        Some(Phase::ConnectingRelay) => Key::ReconnectingRelay,
        Some(Phase::ForwardingPorts) => Key::ReconnectingPorts,
    }
}

fn to_key(word: Word) -> Key {
    match word {
        Word::Live => Key::WordLive,
        Word::Checking => Key::WordChecking,
        Word::Connecting => Key::Connecting,
        Word::Reconnecting => Key::Reconnecting,
        Word::NoAnswer => Key::WordNoAnswer,
        Word::WrongProtocol => Key::WordWrongProtocol,
        Word::StandingBy => Key::WordStandingBy,
        Word::NotHosted => Key::WordNotHosted,
        Word::UrlDead => Key::WordUrlDead,
        Word::Stopping => Key::Stopping,
        Word::Stopped => Key::Stopped,
    }
}

/// Fills holes in one pass, so that braces in what is filled in stay as they are.
fn fill(template: &str, holes: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, behind)) = after.split_once('}') else { break };
        match holes.iter().find(|(hole, _)| *hole == name) {
            Some((_, value)) => text.push_str(value),
            None => text.extend(["{", name, "}"]),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}
