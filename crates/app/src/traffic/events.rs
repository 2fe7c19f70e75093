//! A tunnel's event log as values, and as text to copy.

use jiff::{Timestamp, ZonedDateTime};

use crate::history::{Happening, OfTunnel, What};
use crate::message::Message;
use crate::view::Mood;
use crate::words::{self, Language};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The glyph.
    pub mood: Mood,
    /// What happened.
    pub text: Message,
    /// What others said of the cause, in their words.
    pub cause: Option<String>,
}

/// The log of a tunnel, the newest first; of a port, without what is about its other ports.
pub fn entries(of: &OfTunnel, port: Option<u16>) -> Vec<Entry> {
    let concerns = |happening: &&Happening| match (happening.what.port(), port) {
        (Some(about), Some(port)) => about == port,
        _ => true,
    };
    of.events.iter().rev().filter(concerns).map(entry).collect()
}

/// Entries as text, one line each, with dates in the zone of `now`.
pub fn to_text(entries: &[Entry], language: Language, now: &ZonedDateTime) -> String {
    let line = |entry: &Entry| {
        let at = entry.at.to_zoned_datetime(now.time_zone().clone());
        let time = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
        let text = words::text(&entry.text, language, now);
        let cause = entry.cause.as_ref().map(|it| format!(" ({})", words::heard(it, language)));
        format!("{} {time}  {text}{}\n", at.date(), cause.unwrap_or_default())
    };
    entries.iter().map(line).collect()
}

fn entry(happening: &Happening) -> Entry {
    let (mood, text) = said(&happening.what);
    let cause = happening.what.cause().map(ToOwned::to_owned);
    Entry { at: happening.at, mood, text, cause }
}

fn said(what: &What) -> (Mood, Message) {
    match what {
        What::Connecting => (Mood::Connecting, Message::Connecting(None)),
        What::Hosting => (Mood::Checking, Message::Checking),
        What::Reconnecting => (Mood::Reconnecting, Message::Reconnecting(None)),
        What::TakenOver => (Mood::Standby, Message::AnotherHost),
        What::Stopped => (Mood::Stopped, Message::Stopped),
        What::GaveUp { .. } => (Mood::Error, Message::GivenUp),
        What::AskedForAccess => (Mood::Connecting, Message::AskedForAccess),
        What::Renewed => (Mood::Live, Message::SessionRenewed),
        What::NotRenewed { .. } => (Mood::Reconnecting, Message::SessionNotRenewed),
        What::LifeNotRenewed { .. } => (Mood::Error, Message::RunningOut),
        What::SignInNeeded => (Mood::Error, Message::SignInNeeded),
        What::LocalDown { port } => (Mood::Local, Message::LocalSilent(*port)),
        What::LocalScheme { port } => {
            (Mood::Local, Message::LocalScheme { port: *port, configured: None })
        }
        What::DnsOrTls { port } => (Mood::Error, Message::DnsOrTlsOf(*port)),
        What::LocalUp { port } => (Mood::Checking, Message::LocalAnswers(*port)),
        What::UrlWell { port } => (Mood::Live, Message::UrlAnswers(*port)),
        What::UrlDead { port } => (Mood::Error, Message::UrlDeadOf(*port)),
        What::PortRefused { port, .. } => (Mood::Error, Message::PortRefused(*port)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn log() -> OfTunnel {
        let mut of = OfTunnel::default();
        let cause = "no route".to_owned();
        let events = [
            What::Hosting,
            What::LocalDown { port: 80 },
            What::UrlWell { port: 81 },
            What::GaveUp { cause },
        ];
        for (second, what) in (0..).zip(events) {
            let at = Timestamp::from_second(second).unwrap();
            of.events.push(Happening { at, what });
        }
        of
    }

    #[test]
    fn a_port_has_the_tunnels_events_and_its_own_the_newest_first() {
        let moods = |port| entries(&log(), port).iter().map(|it| it.mood).collect::<Vec<_>>();
        assert_eq!(moods(Some(80)), [Mood::Error, Mood::Local, Mood::Checking]);
        assert_eq!(moods(Some(81)), [Mood::Error, Mood::Live, Mood::Checking]);
        assert_eq!(moods(None).len(), 4);
    }

    #[test]
    fn it_can_be_copied_in_both_languages() {
        let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        let entries = entries(&log(), Some(80));
        assert_eq!(
            to_text(&entries, Language::English, &now),
            "1970-01-01 00:00:03  Given up until it is started again (no route)\n\
             1970-01-01 00:00:01  Nothing answers on localhost:80\n\
             1970-01-01 00:00:00  Hosting, checking the URL\n"
        );
        let text = to_text(&entries, Language::Portuguese, &now);
        assert!(text.contains("Nada responde em localhost:80\n"), "{text}");
    }
}
