//! Changes of a tunnel that exists, on a relay that runs in the test.

use std::sync::Arc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::controller::Handle;
use adit_app::known::Openness;
use adit_app::manage::edit::{PortForm, TunnelForm};
use adit_app::manage::{Got, Job, Manage, Supports, Whole, Work, anyone, moving, people};
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::View;
use adit_proto::contracts::{AccessEntryType, Protocol};
use adit_wire::clock;

use crate::world::{self, World};

/// Opens the dialog of a tunnel, once that is shown.
async fn look(app: &Handle, tunnel: &TunnelKey) -> Arc<Whole> {
    world::until(app, |view| !view.cards.is_empty()).await;
    app.commands().send(Command::Manage(Manage::Look(Some(tunnel.clone())))).await;
    let view = world::until(app, |view| view.sheet.as_ref().is_some_and(|it| it.whole.is_some()));
    view.await.sheet.clone().and_then(|sheet| sheet.whole).unwrap()
}

/// What a change comes to, which is another thing than the change before.
async fn work(app: &Handle, tunnel: &TunnelKey, job: Job) -> Work {
    let of = |view: &View| view.sheet.as_ref().map(|sheet| sheet.work.clone());
    let before = of(&app.views().borrow());
    app.commands().send(Command::Manage(Manage::Do(tunnel.clone(), job))).await;
    let ends = |view: &View| {
        let work = of(view);
        work != before && !matches!(work, Some(Work::Idle | Work::Doing))
    };
    of(&*world::until(app, ends).await).unwrap()
}

fn whole(work: Work) -> Arc<Whole> {
    let Work::Done(Got::Whole(whole)) = work else { panic!("it was not changed: {work:?}") };
    whole
}

#[tokio::test]
async fn a_tunnel_is_opened_closed_edited_and_shared() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000, 5432]).await;
    let app = world.spawn().await;
    let known = look(&app, &shop).await;
    let supports = Supports::of(&shop.place);

    let until = clock::wall() + std::time::Duration::from_secs(3_600);
    let job = anyone::open(&known, &anyone::risky(&known), until).job.unwrap();
    let known = whole(work(&app, &shop, job).await);
    assert!(anyone::is_open(&known, clock::wall()).is_some());
    let view = app.views().borrow().clone();
    assert!(matches!(view.cards[0].openness, Openness::Anyone { until: Some(_), .. }));
    assert_eq!(people::list(&known, clock::wall()).len(), 2, "everybody, and not at the database");
    let known = whole(work(&app, &shop, anyone::close(&known)).await);
    assert!(people::list(&known, clock::wall()).is_empty());

    let names = vec!["nobody".to_owned()];
    let failed = work(&app, &shop, Job::Invite { kind: AccessEntryType::Users, names }).await;
    assert!(matches!(failed, Work::Failed(_)), "{failed:?}");

    let form = TunnelForm {
        name: "front".to_owned(),
        labels: "a b".to_owned(),
        expiration: "7d".to_owned(),
        ..TunnelForm::of(&known.tunnel)
    };
    let edit = form.change(&known, supports).unwrap().unwrap();
    let known = whole(work(&app, &shop, Job::Edit(Box::new(edit))).await);
    assert_eq!(known.tunnel.name.as_deref(), Some("front"));
    assert_eq!(known.tunnel.custom_expiration, Some(7 * 86_400));
    assert_eq!(known.tunnel.labels.as_ref().map(Vec::len), Some(2));
    assert_eq!(app.views().borrow().cards[0].name, "front");

    let port = known.port(3000).unwrap();
    let form = PortForm { protocol: Protocol::Https, ..PortForm::of(port) };
    let edit = form.change(port, supports).unwrap().unwrap();
    let known = whole(work(&app, &shop, Job::EditPort(Box::new(edit))).await);
    assert_eq!(known.port(3000).unwrap().protocol, Some(Protocol::Https));

    let got = work(&app, &shop, Job::Token { port: Some(3000) }).await;
    let Work::Done(got) = got else { panic!("{got:?}") };
    assert!(matches!(&got, Got::Token { until: Some(_), .. }) && got.header().is_some());

    let until = clock::wall().checked_add(Duration::from_secs(8 * 3_600)).unwrap();
    // This relay has no domain, so a link could lead nowhere.
    let failed = work(&app, &shop, Job::Link { port: Some(3000), until }).await;
    let Work::Failed(failure) = failed else { panic!("{failed:?}") };
    assert!(failure.message.contains("no domain"), "{failure}");
    app.quit().await;
}

#[tokio::test]
async fn a_tunnel_is_made_again_with_what_it_has() {
    let world = World::new().await;
    let shop = world.tunnel("shop", &[3000]).await;
    let app = world.spawn().await;
    let known = look(&app, &shop).await;
    // The only place of this world, under another name.
    let taken = moving::to(&known, &shop.place, Some("shop".to_owned()), clock::wall());
    let failed = work(&app, &shop, taken.job).await;
    assert!(matches!(failed, Work::Failed(_)), "the name is taken: {failed:?}");
    let moving = moving::to(&known, &shop.place, Some("shop-two".to_owned()), clock::wall());
    let moved = work(&app, &shop, moving.job).await;
    let Work::Moved(to) = moved else { panic!("{moved:?}") };
    assert_ne!(to, shop);
    let view = app.views().borrow().clone();
    let card = view.cards.iter().find(|card| card.tunnel() == Some(&to)).unwrap();
    assert_eq!((card.name.as_str(), card.rows[0].port), ("shop-two", 3000));
    app.quit().await;
}
