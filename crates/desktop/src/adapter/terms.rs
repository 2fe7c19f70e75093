//! Small things that several views show: moods, places, addresses, names of tunnels, and texts.

use adit_app::cause::Cause;
use adit_app::message::Message;
use adit_app::place_key::{Kind, PlaceKey};
use adit_app::reach::Reach;
use adit_app::view::{CardId, Mood, View};
use adit_app::words::{self, Ages, Language};
use jiff::ZonedDateTime;
use slint::SharedString;

use crate::ui;

/// In which language, and against which time, messages are said.
#[derive(Clone, Debug)]
pub struct Speech {
    /// The language.
    pub language: Language,
    /// Now, in the zone that times are told in.
    pub now: ZonedDateTime,
    /// How exactly ages are told.
    pub ages: Ages,
}

impl Speech {
    /// Says a message.
    pub fn say(&self, message: &Message) -> SharedString {
        words::text_with(message, self.language, &self.now, self.ages).into()
    }

    /// Says what others said, as a sentence.
    pub fn heard(&self, said: &str) -> String {
        sentence(&words::heard(said, self.language))
    }

    /// Says why, as a sentence.
    pub fn why(&self, cause: &Cause) -> String {
        sentence(&words::cause(cause, self.language))
    }
}

/// A mood, as the interface has it.
pub fn mood(mood: Mood) -> ui::Mood {
    match mood {
        Mood::Stopped => ui::Mood::Stopped,
        Mood::Live => ui::Mood::Live,
        Mood::Checking => ui::Mood::Checking,
        Mood::Connecting => ui::Mood::Connecting,
        Mood::Reconnecting => ui::Mood::Reconnecting,
        Mood::Local => ui::Mood::Local,
        Mood::Standby => ui::Mood::Standby,
        Mood::Error => ui::Mood::Error,
    }
}

/// How far URLs reach, as the interface has it.
pub fn reach(reach: Option<Reach>) -> ui::Reach {
    match reach {
        None => ui::Reach::Unknown,
        Some(Reach::Computer) => ui::Reach::Computer,
        Some(Reach::Network) => ui::Reach::Network,
        Some(Reach::Internet) => ui::Reach::Internet,
    }
}

/// The same of a place, as far as it is known.
pub fn reach_of(view: &View, place: &PlaceKey) -> ui::Reach {
    reach(view.places.iter().find(|it| it.key == *place).and_then(|it| it.reach))
}

/// What kind of place it is.
pub fn place_kind(place: &PlaceKey) -> ui::PlaceKind {
    match place.kind() {
        Kind::Here => ui::PlaceKind::Here,
        Kind::Relay => ui::PlaceKind::Relay,
        Kind::Microsoft => ui::PlaceKind::Microsoft,
    }
}

/// What names a card in the interface.
pub fn card_key(id: &CardId) -> SharedString {
    match id {
        CardId::Tunnel(tunnel) => slint::format!("{} {}", tunnel.place, tunnel.id),
        CardId::New(ticket) => slint::format!("new {ticket}"),
    }
}

/// What others said, as a sentence.
pub fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{end}", capital(text))
}

/// A text with a capital at its beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

/// An address in its parts. Only the first label of the host may be shortened, and not the port in it.
pub fn address(url: &str) -> ui::Address {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_number = host.starts_with(|it: char| it.is_ascii_digit())
        && host.ends_with(|it: char| it.is_ascii_digit());
    let end = match host.find('.') {
        // A name whose port stands behind the last dash, or an IP address, which stays whole.
        Some(dot) if !is_number => host[..dot].rfind('-').unwrap_or(dot),
        _ => host.find(':').unwrap_or(host.len()),
    };
    let (label, host) = host.split_at(end);
    ui::Address {
        scheme: scheme.into(),
        label: label.into(),
        host: host.into(),
        path: path.into(),
        whole: url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_port_and_domain() {
        for (url, parts) in [
            ("https://k3x-5173.r.example/", ["https://", "k3x", "-5173.r.example", "/"]),
            ("http://127.0.0.1:49214/", ["http://", "127.0.0.1", ":49214", "/"]),
            ("https://name.example/a/b?c", ["https://", "name", ".example", "/a/b?c"]),
            ("http://localhost:80", ["http://", "localhost", ":80", ""]),
            ("odd", ["", "odd", "", ""]),
        ] {
            let address = address(url);
            let told = [address.scheme, address.label, address.host, address.path];
            assert_eq!(told, parts, "{url}");
            assert_eq!(address.whole, url);
        }
    }
}
