//! Makes text of messages. Nothing else in the application chooses words that people read on every face.
//!
//! The English stands in one table ([`key`]); other languages are gettext catalogues whose ids are the English.
//! A catalogue that lacks a sentence is a failing test; should it happen all the same, the English is shown.

mod catalogue;
mod key;
mod say;
mod span;

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use crate::message::Message;

pub use span::{clock, span};

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
}

/// Says a message. `now` is what times are told against, and in whose zone.
pub fn text(message: &Message, language: Language, now: &ZonedDateTime) -> String {
    say::Speaker { language, now }.text(message)
}
