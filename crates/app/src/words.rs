//! Makes text of messages. Nothing else in the application chooses words that people read on every face.
//!
//! The English stands in one table; other languages are gettext catalogues whose ids are the English.
//! A catalogue that lacks a sentence is a failing test; should it happen all the same, the English is shown.

mod catalogue;
mod cause;
mod finding;
mod heard;
mod key;
mod notice;
pub mod number;
mod say;
mod span;

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use crate::message::Message;

pub use cause::cause;
pub(crate) use finding::{told, verdict};
pub use heard::heard;
pub use notice::{Telling, telling};
pub use span::{clock, date, span, until_clock};

/// A language that there is a catalogue for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Portuguese as it is written in Brazil.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Portuguese];

    /// Returns its code, as settings write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The one that a locale such as `pt_BR.UTF-8` asks for, if there is one for it.
    pub fn of_locale(locale: &str) -> Option<Self> {
        let word = locale.split(['_', '-', '.', '@']).next()?;
        match word.to_ascii_lowercase().as_str() {
            "en" | "c" | "posix" => Some(Self::English),
            "pt" => Some(Self::Portuguese),
            _ => None,
        }
    }

    /// Whether `n` things take the plural.
    fn is_many(self, n: u64) -> bool {
        match self {
            Self::English => n != 1,
            // None takes the singular, as Brazil has it.
            Self::Portuguese => n > 1,
        }
    }
}

/// How exactly it is said how long ago something was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ages {
    /// To the second, below a minute.
    #[default]
    Seconds,
    /// To the minute: what is younger is just now. Said so, it stays true for a minute.
    Minutes,
}

/// Says a message. `now` is what times are told against, and in whose zone.
pub fn text(message: &Message, language: Language, now: &ZonedDateTime) -> String {
    text_with(message, language, now, Ages::Seconds)
}

/// Says a message, with ages as exactly as is asked for.
pub fn text_with(message: &Message, language: Language, now: &ZonedDateTime, ages: Ages) -> String {
    say::Speaker { language, now, ages }.text(message)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::message::{Counted, Entry, Seen, Word};

    fn said(message: Message, language: Language) -> String {
        text(&message, language, &Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC))
    }

    /// In both languages.
    fn both(message: Message) -> [String; 2] {
        Language::ALL.map(|language| said(message.clone(), language))
    }

    #[test]
    fn each_language_has_its_own_plural() {
        let count = |n| both(Message::Count { what: Counted::Reconnecting, n });
        assert_eq!(count(0), ["0 are reconnecting", "0 está reconectando"]);
        assert_eq!(count(1), ["1 is reconnecting", "1 está reconectando"]);
        assert_eq!(count(2), ["2 are reconnecting", "2 estão reconectando"]);
        assert_eq!(both(Message::Menu(Entry::Quit(0))), ["Quit", "Sair"]);
        assert_eq!(both(Message::Menu(Entry::Quit(1)))[1], "Sair (para 1 túnel)");
        assert_eq!(both(Message::Menu(Entry::Quit(5)))[0], "Quit (stops 5 tunnels)");
    }

    #[test]
    fn all_live_is_said_as_such() {
        let live = |live, of| said(Message::LiveCount { live, of }, Language::English);
        assert_eq!(live(5, 5), "All 5 tunnels are live");
        assert_eq!(live(1, 1), "The tunnel is live");
        assert_eq!(live(2, 5), "2 of 5 tunnels are live");
        assert_eq!(live(1, 5), "1 of 5 tunnels is live");
        assert_eq!(live(0, 5), "0 of 5 tunnels are live");
        assert_eq!(live(0, 1), "1 tunnel is not live");
    }

    #[test]
    fn counts_are_one_sentence() {
        let counts = [(Counted::Checking, 1), (Counted::Waiting, 2)];
        let counts = counts.map(|(what, n)| Message::Count { what, n }).to_vec();
        let all = said(Message::All(counts), Language::English);
        assert_eq!(all, "1 is checking its URL, 2 wait for your server.");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let line = Message::Line { name: "{word}".to_owned(), word: Word::Live, seen: Seen::ByFew };
        assert_eq!(said(line, Language::English), "{word}: live");
        let text = Box::new(Message::UrlDead);
        let about = Message::About { name: "shop".to_owned(), text };
        assert_eq!(said(about, Language::English), "shop: the URL is dead though the tunnel is up");
        let word = Message::Line { name: "a".to_owned(), word: Word::UrlDead, seen: Seen::ByLink };
        assert_eq!(said(word, Language::English), "a: URL dead · anyone with the link");
    }

    #[test]
    fn a_locale_finds_its_language() {
        assert_eq!(Language::of_locale("pt_BR.UTF-8"), Some(Language::Portuguese));
        assert_eq!(Language::of_locale("en-GB"), Some(Language::English));
        assert_eq!(Language::of_locale("fr_FR"), None);
    }
}
