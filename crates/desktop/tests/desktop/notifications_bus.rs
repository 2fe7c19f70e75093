//! Notifications on a bus of the test's own, with a server that shows them and somebody who answers.

use adit_app::condition::Subject;
use adit_app::effect::{Notice, NoticeKind};
use adit_app::message::{Message, Offer};
use adit_app::place_key::PlaceKey;
use adit_app::words::{Ages, Language};
use adit_desktop::adapter::terms::Speech;
use adit_desktop::notify::{Answer, Note, Notifier};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::bus::notifications::Server;
use crate::bus::{Private, next};

fn speech() -> Speech {
    let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    Speech { language: Language::English, now, ages: Ages::Seconds }
}

fn sign_in(place: &str) -> Notice {
    let place = PlaceKey::from(place);
    Notice {
        kind: NoticeKind::SignIn,
        about: Subject::Place(place.clone()),
        name: None,
        text: Message::SignIn(place.clone()),
        offer: Some(Offer::SignIn(place)),
    }
}

#[tokio::test]
async fn a_notice_is_shown_and_its_offer_taken() {
    let private = Private::start();
    let mut server = Server::start(&private, &["actions", "body"]).await;
    let (notifier, mut answers) = Notifier::start(private.bus());
    let notice = sign_in("microsoft");
    notifier.notes().show(Note::of(notice.clone(), &speech()));
    let shown = server.shown().await;
    assert_eq!(shown.title, "Sign in to Microsoft again");
    assert!(shown.body.contains("comes back after you do"));
    assert_eq!(shown.actions[2..], ["act", "Sign in", "later", "Later"]);
    assert!(shown.hints.contains_key("image-data"));
    // A choice in somebody else's note is none of ours.
    server.press(shown.id + 1_000, "act").await;
    server.press(shown.id, "later").await;
    server.press(shown.id, "act").await;
    assert_eq!(next(&mut answers).await, Answer::Act(notice.clone()));
    server.press(shown.id, "default").await;
    assert_eq!(next(&mut answers).await, Answer::Show(notice));
}

#[tokio::test]
async fn the_same_takes_the_place_of_the_older_while_that_is_seen() {
    let private = Private::start();
    let mut server = Server::start(&private, &["actions"]).await;
    let (notifier, _answers) = Notifier::start(private.bus());
    let show = |place| notifier.notes().show(Note::of(sign_in(place), &speech()));
    show("microsoft");
    let first = server.shown().await;
    show("microsoft");
    assert_eq!(server.shown().await.replaces, first.id);
    show("https://cp.relay.example.com");
    assert_eq!(server.shown().await.replaces, 0);
}

#[tokio::test]
async fn what_was_done_passes_and_a_server_without_buttons_gets_none() {
    let private = Private::start();
    let mut server = Server::start(&private, &["body-markup"]).await;
    let (notifier, _answers) = Notifier::start(private.bus());
    notifier.notes().show(Note::passing("URL of storefront :5173 copied"));
    let shown = server.shown().await;
    assert_eq!(shown.title, "URL of storefront :5173 copied");
    assert!(shown.actions.is_empty() && shown.time > 0);
    assert_eq!(shown.hints.get("transient").unwrap().downcast_ref::<bool>(), Ok(true));
    let mut note = Note::of(sign_in("microsoft"), &speech());
    note.body = "a <b> & c".to_owned();
    notifier.notes().show(note);
    let shown = server.shown().await;
    assert_eq!(shown.body, "a &lt;b&gt; &amp; c");
    assert!(shown.actions.is_empty());
}

#[tokio::test]
async fn a_server_that_comes_late_is_used() {
    let private = Private::start();
    let (notifier, _answers) = Notifier::start(private.bus());
    notifier.notes().show(Note::passing("lost"));
    let mut server = Server::start(&private, &[]).await;
    // The first may have been shown or lost, whichever was sooner; the second is not lost.
    notifier.notes().show(Note::passing("kept"));
    let mut shown = server.shown().await;
    if shown.title == "lost" {
        shown = server.shown().await;
    }
    assert_eq!(shown.title, "kept");
}
