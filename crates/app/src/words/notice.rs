//! What a desktop notification says of a notice.

use jiff::ZonedDateTime;

use super::key::Key;
use super::say::Speaker;
use super::{Ages, Language};
use crate::effect::{Notice, NoticeKind};
use crate::message::{Message, Offer};

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// What happened, and to which tunnel.
    pub title: String,
    /// What stays safe, and what to do; may be empty.
    pub body: String,
    /// The words of its button.
    pub action: Option<String>,
    /// The words of the button that puts it away.
    pub later: String,
}

/// Says a notice. `now` is what times are told against.
pub fn telling(notice: &Notice, language: Language, now: &ZonedDateTime) -> Telling {
    let speaker = Speaker { language, now, ages: Ages::default() };
    let about = match &notice.name {
        Some(name) => Message::About { name: name.clone(), text: Box::new(notice.text.clone()) },
        None => notice.text.clone(),
    };
    let text = speaker.text(&about);
    let (title, body) = text.split_once(". ").unwrap_or((&text, ""));
    let body = match notice.kind {
        NoticeKind::SignIn if body.is_empty() => speaker.bare(Key::SignInKeeps),
        _ => body.to_owned(),
    };
    let action = notice.offer.as_ref().map(|offer| match offer {
        Offer::TakeOver => speaker.bare(Key::TakeOverHere),
        offer => speaker.text(&Message::Do(offer.clone())),
    });
    let title = title.trim_end_matches('.').to_owned();
    Telling { title, body, action, later: speaker.bare(Key::Later) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::condition::Subject;
    use crate::place_key::PlaceKey;

    fn told(notice: &Notice, language: Language) -> [String; 3] {
        let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        let told = telling(notice, language, &now);
        [told.title, told.body, told.action.unwrap_or_default()]
    }

    #[test]
    fn a_notice_says_what_happened_what_stays_and_what_to_do() {
        let notice = Notice {
            kind: NoticeKind::SignIn,
            about: Subject::Place(PlaceKey::microsoft()),
            name: None,
            text: Message::SignIn(PlaceKey::microsoft()),
            offer: Some(Offer::SignIn(PlaceKey::microsoft())),
        };
        assert_eq!(
            told(&notice, Language::English),
            [
                "Sign in to Microsoft again",
                "What was hosted there comes back after you do, with the same URLs.",
                "Sign in",
            ]
        );
        let notice = Notice {
            kind: NoticeKind::LocalDown,
            name: Some("billing".to_owned()),
            text: Message::LocalDown(3000),
            offer: None,
            ..notice
        };
        assert_eq!(
            told(&notice, Language::English),
            [
                "billing: nothing answers on localhost:3000",
                "The tunnel is fine; start your server.",
                "",
            ]
        );
        assert!(told(&notice, Language::Portuguese)[0].starts_with("billing: "));
    }
}
