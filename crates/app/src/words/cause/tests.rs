//! Each reason in both languages. The English is what event lines and logs say, word for word.

use adit_proto::health::{Health, Label};
use adit_tunnel::host;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::command::Command;
use crate::message::Message;
use crate::state::world::{World, key, tunnel};
use crate::words;

/// What others said, and nothing of ours.
const CAUSE: &str = "ECONNRESET";

/// One of each kind, in the order of [`kind`].
fn reasons() -> Vec<Reason> {
    let cause = || CAUSE.to_owned();
    let port = 3000;
    let flaws = [Flaw::Protocol, Flaw::Closes, Flaw::Silent];
    let signs = [
        Sign::Status(502),
        Sign::NoHost,
        Sign::HostAway,
        Sign::HostSilent,
        Sign::NotShared,
        Sign::Edge(CAUSE.into()),
        Sign::Unreachable(cause()),
        Sign::Silent,
    ];
    let bars = [Barred::Gate(403), Barred::Token, Barred::Said(cause())];
    let lacks = [
        NoSession::Away(None),
        NoSession::Away(Some(Failure::Unauthorized)),
        NoSession::Away(Some(Failure::Forbidden(cause()))),
        NoSession::Away(Some(Failure::NotFound)),
        NoSession::Away(Some(Failure::RateLimited { retry_after: None })),
        NoSession::Away(Some(Failure::Unavailable { retry_after: None })),
        NoSession::Away(Some(Failure::Fatal(cause()))),
        NoSession::Away(Some(Failure::Transient(cause()))),
        NoSession::Limited,
        NoSession::AnotherHost,
        NoSession::SignIn,
        NoSession::Refused(cause()),
        NoSession::UnknownTunnel,
        NoSession::GivenUp(cause()),
    ];
    let mut reasons = vec![
        Reason::Local(Refusal::Nobody { port }),
        Reason::LocalOnly(Refusal::Other { port, cause: cause() }),
    ];
    reasons.extend(flaws.map(|flaw| Reason::LocalFlaw { port, flaw }));
    reasons.push(Reason::LocalScheme { port });
    reasons.extend(signs.map(|sign| Reason::Dead { port, sign }));
    reasons.push(Reason::Limited { port });
    reasons.extend(bars.map(|by| Reason::Unchecked { port, by }));
    reasons.extend([
        Reason::SignIn { port },
        Reason::NoName { port, cause: cause() },
        Reason::Untrusted { port, cause: cause() },
        Reason::UnknownTunnel,
        Reason::UnknownPort { port },
        Reason::NotServed { port, cause: cause() },
    ]);
    reasons.extend(lacks.map(|why| Reason::NoSession { port, why }));
    reasons
}

/// Numbers the kinds. One that is new does not compile until it is here, and then wants its place in [`reasons`].
fn kind(reason: &Reason) -> usize {
    match reason {
        Reason::Local(_) => 0,
        Reason::LocalOnly(_) => 1,
        Reason::LocalFlaw { flaw, .. } => match flaw {
            Flaw::Protocol => 2,
            Flaw::Closes => 3,
            Flaw::Silent => 4,
        },
        Reason::LocalScheme { .. } => 5,
        Reason::Dead { sign, .. } => match sign {
            Sign::Status(_) => 6,
            Sign::NoHost => 7,
            Sign::HostAway => 8,
            Sign::HostSilent => 9,
            Sign::NotShared => 10,
            Sign::Edge(_) => 11,
            Sign::Unreachable(_) => 12,
            Sign::Silent => 13,
        },
        Reason::Limited { .. } => 14,
        Reason::Unchecked { by, .. } => match by {
            Barred::Gate(_) => 15,
            Barred::Token => 16,
            Barred::Said(_) => 17,
        },
        Reason::SignIn { .. } => 18,
        Reason::NoName { .. } => 19,
        Reason::Untrusted { .. } => 20,
        Reason::UnknownTunnel => 21,
        Reason::UnknownPort { .. } => 22,
        Reason::NotServed { .. } => 23,
        Reason::NoSession { why, .. } => match why {
            NoSession::Away(None) => 24,
            NoSession::Away(Some(failure)) => match failure {
                Failure::Unauthorized => 25,
                Failure::Forbidden(_) => 26,
                Failure::NotFound => 27,
                Failure::RateLimited { .. } => 28,
                Failure::Unavailable { .. } => 29,
                Failure::Fatal(_) => 30,
                Failure::Transient(_) => 31,
            },
            NoSession::Limited => 32,
            NoSession::AnotherHost => 33,
            NoSession::SignIn => 34,
            NoSession::Refused(_) => 35,
            NoSession::UnknownTunnel => 36,
            NoSession::GivenUp(_) => 37,
        },
    }
}

/// Everything that can be said: reasons, and why a tunnel was given up.
fn causes() -> impl Iterator<Item = Cause> {
    let given_up = [
        GiveUp::SignIn,
        GiveUp::Forbidden(CAUSE.to_owned()),
        GiveUp::UnknownTunnel,
        GiveUp::Fatal(CAUSE.to_owned()),
    ];
    reasons().into_iter().map(Cause::Url).chain(given_up.map(Cause::GivenUp))
}

/// A word that is one in English only, as "a" and "no" are not.
fn english_word(said: &str) -> Option<&str> {
    let words = ["the", "is", "not", "it", "to", "of", "for", "there", "does", "answer", "this"];
    said.split(|it: char| !it.is_alphabetic()).find(|it| words.contains(it))
}

#[test]
fn no_kind_of_reason_is_left_out_here() {
    let kinds: Vec<_> = reasons().iter().map(kind).collect();
    assert_eq!(kinds, (0..38).collect::<Vec<_>>());
}

#[test]
fn the_english_is_what_event_lines_say() {
    for it in causes() {
        assert_eq!(cause(&it, Language::English), it.to_string());
    }
}

#[test]
fn the_portuguese_has_nothing_of_the_english_but_the_cause() {
    for it in causes().filter(|it| it.to_string() != CAUSE) {
        let said = cause(&it, Language::Portuguese);
        assert_ne!(said, it.to_string());
        assert_eq!(english_word(&said), None, "{said}");
        assert_eq!(said.contains(CAUSE), it.to_string().contains(CAUSE), "{said}");
        assert_eq!(said.contains("3000"), it.to_string().contains("3000"), "{said}");
        assert!(!said.contains('{'), "{said}");
    }
}

#[test]
fn what_others_said_stays_as_it_is() {
    let said = Cause::Said("the {socket} is gone".to_owned());
    assert_eq!(cause(&said, Language::Portuguese), "the {socket} is gone");
}

#[test]
fn a_card_with_a_dead_url_is_portuguese_throughout() {
    let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    let say = |message: &Message| words::text(message, Language::Portuguese, &now);
    for reason in reasons().into_iter().filter(|it| it.label() == Label::Zombie) {
        let mut world = World::told(&[tunnel("shop", &[3000])]);
        world.command(Command::Host(key("shop")));
        world.hosting("shop", &[3000]);
        let health = Health { label: reason.label(), reason: Some(reason.clone()), proven: None };
        world.engine("shop", host::Event::Health { port: 3000, health });
        let card = world.card("shop");
        assert_eq!(card.standing.detail, Some(Cause::Url(reason)));
        let standings = [&card.standing].into_iter().chain(&card.notices);
        for standing in standings.chain(card.rows.iter().map(|row| &row.standing)) {
            let why = standing.detail.iter().map(|it| cause(it, Language::Portuguese));
            let offer = standing.offer.iter().map(|it| say(&Message::Do(it.clone())));
            let sentence = [say(&standing.text), say(&Message::Word(standing.word))];
            for said in sentence.into_iter().chain(why).chain(offer) {
                assert_eq!(english_word(&said.to_lowercase()), None, "{said}");
            }
        }
    }
}
