//! The tunnels of this computer, with the relay that the application embeds: made, hosted and visited without an
//! account, and at the same URL after a restart.

use std::sync::Arc;

use adit_app::access::Access;
use adit_app::command::{Command, Draft, Errand, ErrandId, Wish};
use adit_app::controller::{Config, Handle, ProfileServices};
use adit_app::known::Openness;
use adit_app::message::Message;
use adit_app::persist::Files;
use adit_app::place_key::PlaceKey;
use adit_app::port::Port;
use adit_app::preferences::NewTunnels;
use adit_app::profile::Profile;
use adit_app::view::{Hosts, Mood, Progress, View};
use adit_tunnel::host::Identity;

use crate::world::{environment, origin, soon, until, visit};

async fn spawn(folder: &tempfile::TempDir) -> Handle {
    let profile = Profile::new(environment(folder.path()), |_| {}).unwrap();
    let config = Config {
        places: vec![PlaceKey::here()],
        files: Files::new(folder.path().join("desktop")),
        claims: Some(profile.places.clone()),
        services: Arc::new(ProfileServices::new(Arc::new(profile))),
        identity: Identity::random(),
    };
    config.spawn().await
}

fn is_live(view: &View) -> bool {
    view.cards.iter().any(|card| card.hosts == Hosts::Us && card.standing.mood == Mood::Live)
}

fn url(view: &View) -> String {
    view.cards[0].rows[0].urls[0].clone()
}

#[tokio::test]
async fn a_tunnel_of_this_computer_answers_and_keeps_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _origin) = origin("hello from here").await;
    let app = spawn(&folder).await;
    let store = folder.path().join("embedded/desktop/relay");
    until(&app, |view| view.places[0].mood == Mood::Live).await;
    assert!(!store.exists(), "nothing is started before there is something to serve");

    let draft = Draft {
        place: PlaceKey::here(),
        name: "shop".parse().ok(),
        description: None,
        ports: vec![port.to_string().parse().unwrap()],
        access: Access::Private,
        expiration: None,
        labels: Default::default(),
        options: Default::default(),
    };
    app.commands().send(Command::Create(Box::new(draft))).await;
    let made = |view: &View| view.cards.iter().any(|card| !card.is_placeholder);
    let view = until(&app, made).await;
    let tunnel = view.cards[0].tunnel().unwrap().clone();
    app.commands().send(Command::Host(tunnel)).await;
    let first = url(&*until(&app, is_live).await);
    assert!(first.starts_with("http://127.0.0.1:"), "{first}");
    assert!(visit(&first).await.contains("hello from here"));
    soon(app.quit()).await;

    // It is hosted again by itself.
    let app = spawn(&folder).await;
    let again = url(&*until(&app, is_live).await);
    assert_eq!(again, first);
    // The list says who may visit, too.
    let is_told = |view: &View| matches!(view.places[0].list, Some(Message::CheckedAgo(_)));
    assert_eq!(until(&app, is_told).await.cards[0].openness, Openness::OnlyMe);
    assert!(visit(&again).await.contains("hello from here"));
    soon(app.quit()).await;
}

#[tokio::test]
async fn a_port_gets_a_url_that_answers_in_one_errand() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _origin) = origin("hello at once").await;
    let app = spawn(&folder).await;
    let draft = Draft::new(PlaceKey::here(), &NewTunnels::default());
    let draft = Draft { name: "shop".parse().ok(), ..draft };
    let wanted: Port = port.to_string().parse().unwrap();
    let wish = Wish::Create { draft, port: Some(wanted.into()) };
    app.commands().send(Command::Begin(Box::new(Errand { id: ErrandId(7), wish }))).await;
    let url = |view: &View| match &view.errand.as_ref()?.progress {
        Progress::Done { url, .. } => url.clone(),
        _ => None,
    };
    let told = url(&*until(&app, |view| url(view).is_some()).await).unwrap();
    let live = self::url(&*until(&app, is_live).await);
    assert_eq!(told, live, "what was told is what answers");
    assert!(visit(&live).await.contains("hello at once"));
    soon(app.quit()).await;
}
