//! The controller against a relay that runs in the test, with real engines and files.

use adit_app::command::{Command, Draft};
use adit_app::message::Message;
use adit_app::persist::{Files, Memory, Save};
use adit_app::place_key::PlaceKey;
use adit_app::view::{Card, Hosts, Mood, View};

use crate::world::{self, Calls, World};

/// A tunnel's card, if it is shown and this holds of it.
fn card(view: &View, name: &str, holds: impl Fn(&Card) -> bool) -> bool {
    view.cards.iter().any(|card| card.name == name && holds(card))
}

fn is_hosted(view: &View, name: &str) -> bool {
    card(view, name, |card| card.hosts == Hosts::Us && card.standing.mood == Mood::Checking)
}

fn draft(place: &PlaceKey, name: &str) -> Draft {
    Draft {
        place: place.clone(),
        name: Some(name.parse().unwrap()),
        description: None,
        ports: vec!["3000".parse().unwrap()],
        access: Default::default(),
        expiration: None,
        labels: Default::default(),
        options: Default::default(),
    }
}

#[tokio::test]
async fn what_was_hosted_is_hosted_again_and_stopped_in_good_order() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000]).await;
    let memory = Memory { tunnels: vec![shop.clone()] };
    Files::new(world.directory()).save(&Save::Memory(memory)).unwrap();

    let app = world.spawn().await;
    let view = world::until(&app, |view| is_hosted(view, "shop")).await;
    let url = &view.cards[0].rows[0].urls[0];
    assert!(url.starts_with("http://"), "{url}");
    assert_eq!(world.hosts("shop").await, 1);

    app.commands().send(Command::Stop(shop)).await;
    world::until(&app, |view| card(view, "shop", |card| card.standing.text == Message::Stopped))
        .await;
    app.quit().await;
    assert_eq!(Files::new(world.directory()).load().memory, Memory::default());
    world.until_hosts("shop", 0).await;
}

#[tokio::test]
async fn quitting_leaves_no_host_behind_and_remembers_what_was_hosted() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000]).await;
    let app = world.spawn().await;
    app.commands().send(Command::Host(shop.clone())).await;
    world::until(&app, |view| is_hosted(view, "shop")).await;
    app.quit().await;
    world.until_hosts("shop", 0).await;
    let kept = Files::new(world.directory()).load();
    assert_eq!(kept.memory.tunnels, std::slice::from_ref(&shop));
    assert!(kept.history.of(&shop).is_some_and(|of| of.events.len() > 2));
    assert_eq!(kept.lists.places.len(), 1);

    // The next start has something to show at once, and hosts it again.
    let app = world.spawn().await;
    assert_eq!(app.views().borrow().cards[0].name, "shop");
    world::until(&app, |view| is_hosted(view, "shop")).await;
    app.quit().await;
}

#[tokio::test]
async fn a_tunnel_is_made_hosted_given_a_port_and_removed() {
    let world = World::new().await;
    let app = world.spawn().await;
    app.commands().send(Command::Create(Box::new(draft(world.place(), "shop")))).await;
    let made = |view: &View| card(view, "shop", |card| !card.is_placeholder);
    let view = world::until(&app, made).await;
    let shop = view.cards[0].tunnel().unwrap().clone();
    app.commands().send(Command::Host(shop.clone())).await;
    world::until(&app, |view| is_hosted(view, "shop")).await;

    let port = "3001".parse().unwrap();
    app.commands().send(Command::AddPort { tunnel: shop.clone(), port }).await;
    // The engine announces it, so that it is served without a stop.
    world::until(&app, |view| {
        card(view, "shop", |card| {
            card.rows.iter().any(|row| row.port == 3001 && row.standing.mood == Mood::Checking)
        })
    })
    .await;

    world.calls.clear();
    app.commands().send(Command::Delete(shop)).await;
    world::until(&app, |view| view.cards.is_empty()).await;
    // Out of sight at once; removed when it can no longer be undone, and after its host has left.
    world.until_gone("shop").await;
    let calls = world.calls.take();
    let (left, removed) = (Calls::find(&calls, "delete_endpoint"), Calls::find(&calls, "delete "));
    assert!(left.is_some() && left < removed, "{calls:?}");
    app.quit().await;
}

#[tokio::test]
async fn a_tunnel_that_cannot_be_shown_says_so_at_its_card() {
    let world = World::new().await;
    world.tunnel("shop", &[3000]).await;
    world.calls.list_without_ports();
    world.calls.fail_to_show(true);
    let app = world.spawn().await;
    let failed =
        |card: &Card| card.notices.iter().any(|notice| notice.text == Message::PortsNotTold);
    let view = world::until(&app, |view| card(view, "shop", failed)).await;
    assert!(view.cards[0].toggle.is_enabled && view.cards[0].rows.is_empty());

    world.calls.fail_to_show(false);
    app.commands().send(Command::Refresh(None)).await;
    let told = |card: &Card| card.notices.is_empty() && card.rows.len() == 1;
    world::until(&app, |view| card(view, "shop", told)).await;
    app.quit().await;
}

#[tokio::test]
async fn a_tunnel_that_another_process_hosts_is_not_hosted_twice() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000]).await;
    let claim = adit_app::claim::Claim::take(&world.places().claim_of(&shop.id), "shop").unwrap();
    let app = world.spawn().await;
    app.commands().send(Command::Host(shop.clone())).await;
    let view = world::until(&app, |view| {
        card(view, "shop", |card| card.standing.text == Message::CouldNotStart)
    })
    .await;
    let detail = view.cards[0].standing.detail.as_ref().unwrap().to_string();
    assert!(detail.contains(&std::process::id().to_string()), "{detail}");
    drop(claim);
    app.commands().send(Command::Host(shop)).await;
    world::until(&app, |view| is_hosted(view, "shop")).await;
    app.quit().await;
}

#[tokio::test]
async fn somebody_who_is_not_signed_in_is_asked_once_and_goes_on_after() {
    let world = World::new().await;
    world.tunnel("shop", &[3000]).await;
    world.calls.sign_out();
    let mut app = world.spawn().await;
    let notice = app.notice().await.unwrap();
    assert_eq!(notice.text, Message::SignIn(world.place().clone()));
    world.calls.sign_in();
    app.commands().send(Command::CheckAgain(world.place().clone())).await;
    world::until(&app, |view| view.cards.len() == 1 && view.banner.is_none()).await;
    app.quit().await;
}

#[tokio::test]
async fn a_service_that_hangs_keeps_nobody_from_quitting() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000]).await;
    let app = world.spawn().await;
    app.commands().send(Command::Host(shop)).await;
    world::until(&app, |view| is_hosted(view, "shop")).await;
    world.calls.hang();
    app.commands().send(Command::Refresh(None)).await;
    world::soon(app.quit()).await;
    // What is remembered was written all the same.
    assert_eq!(Files::new(world.directory()).load().memory.tunnels.len(), 1);
}

#[tokio::test]
async fn what_is_asked_of_a_controller_that_has_ended_is_lost() {
    let world = World::new().await;
    let mut app = world.spawn().await;
    app.commands().send(Command::Quit).await;
    app.ended().await;
    assert!(app.views().borrow().is_quitting);
    // Asked for too late, and nobody hangs on it.
    app.commands().send(Command::Refresh(None)).await;
    assert!(app.notice().await.is_none());
}
