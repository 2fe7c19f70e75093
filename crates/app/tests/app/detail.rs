//! The details of a port, from a visitor's request through the relay to what the screen shows.

use std::sync::Arc;

use adit_app::command::Command;
use adit_app::controller::Handle;
use adit_app::traffic::{self, Again, Detail, Kind};
use adit_app::view::{Hosts, Mood, View};

use crate::world::{World, origin, soon, until, visit};

/// The first details of which this holds.
async fn until_detail(app: &Handle, holds: impl Fn(&Detail) -> bool) -> Arc<Detail> {
    let mut details = app.details();
    let found = soon(async {
        let found = details.wait_for(|detail| detail.as_deref().is_some_and(&holds)).await;
        found.map(|detail| detail.clone())
    });
    found.await.expect("the controller runs").expect("it was waited for")
}

fn is_hosted(view: &View) -> bool {
    let hosted = |mood| matches!(mood, Mood::Checking | Mood::Live);
    view.cards.iter().any(|card| card.hosts == Hosts::Us && hosted(card.standing.mood))
}

#[tokio::test]
async fn a_visit_is_listed_counted_copied_and_sent_again() {
    let world = World::new().await;
    let (port, server) = origin("hello").await;
    let shop = world.tunnel("shop", &[port]).await;
    let app = world.spawn().await;
    let commands = app.commands();
    commands.send(Command::Visible(true)).await;
    commands.send(Command::Host(shop.clone())).await;
    let view = until(&app, is_hosted).await;
    let url = view.cards[0].rows[0].urls[0].clone();
    assert_eq!(*app.details().borrow(), None);

    let keep = Command::KeepBodies { tunnel: shop.clone(), port, keep: true };
    commands.send(keep).await;
    commands.send(Command::Select(Some((shop.clone(), port)))).await;
    let detail = until_detail(&app, |detail| detail.keeps_bodies).await;
    assert!(detail.requests.is_empty());

    assert!(visit(&url).await.contains("hello"));
    let detail = until_detail(&app, |detail| !detail.requests.is_empty()).await;
    let request = &detail.requests[0];
    assert_eq!((&*request.method, &*request.path, request.status), ("GET", "/", Some(200)));
    let answer = request.response.as_ref().expect("its head");
    assert_eq!(answer.header("content-length"), Some("5"));
    assert_eq!(answer.body.as_ref().expect("its body").bytes(), b"hello");
    assert_eq!(traffic::curl(request, &url), Ok(format!("curl {url}")));
    let counted = |detail: &Detail| detail.quarter.chart(Kind::Connections).lines[0].total > 0;
    until_detail(&app, counted).await;
    // Heads are counted with bodies, and nothing twice.
    let bytes = |detail: &Detail, line: usize| detail.quarter.chart(Kind::Bytes).lines[line].total;
    let detail = until_detail(&app, |detail| bytes(detail, 0) > 0 && bytes(detail, 1) > 0).await;
    assert!((25..1_000).contains(&bytes(&detail, 0)) && bytes(&detail, 1) < 2_000, "{detail:?}");

    commands.send(Command::SendAgain { tunnel: shop.clone(), port, of: request.number }).await;
    let detail = until_detail(&app, |detail| detail.requests.len() == 2).await;
    assert_eq!((detail.requests[0].again, detail.requests[0].status), (Some(1), Some(200)));
    assert_eq!(detail.quarter.chart(Kind::Requests).lines[0].total, 1);

    drop(server);
    commands.send(Command::SendAgain { tunnel: shop, port, of: 1 }).await;
    until_detail(&app, |detail| matches!(detail.again, Some(Again::Failed { of: 1, .. }))).await;

    // Nobody looks: nothing is told.
    commands.send(Command::Visible(false)).await;
    let mut details = app.details();
    soon(details.wait_for(Option::is_none)).await.expect("the controller runs");
    app.quit().await;
}
