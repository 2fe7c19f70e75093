//! What is told somebody who does not look at the window.

use adit_proto::contracts;
use adit_proto::health::Label;
use adit_tunnel::host::{self, PortUrls};
use jiff::Timestamp;

use crate::command::Command;
use crate::effect::NoticeKind;
use crate::message::{Message, Offer};
use crate::persist::Kept;
use crate::state::world::{World, hosted_by, kept, key, tunnel};

const HOUR: i64 = 3_600;

/// A tunnel whose life is so long and ends so many seconds from now.
fn ending(world: &World, life: Option<u32>, left: i64) -> contracts::Tunnel {
    let ends = Timestamp::from_second(world.now.wall.as_second() + left).ok();
    contracts::Tunnel { expiration: ends, custom_expiration: life, ..tunnel("shop", &[80]) }
}

fn kinds(world: &World) -> Vec<NoticeKind> {
    world.notices().iter().map(|notice| notice.kind).collect()
}

/// Its engine serves port 80 at this URL.
fn at(world: &mut World, url: &str) {
    let urls = vec![PortUrls { port: 80, urls: vec![url.to_owned()] }];
    world.engine("shop", host::Event::Ready { urls });
}

fn listed_at(url: &str) -> contracts::Tunnel {
    let mut tunnel = tunnel("shop", &[80]);
    let urls = Some(vec![url.to_owned()]);
    tunnel.ports.iter_mut().flatten().for_each(|it| it.port_forwarding_uris.clone_from(&urls));
    tunnel
}

#[test]
fn a_tunnel_that_goes_away_soon_is_told_a_day_before_once() {
    let mut world = World::told(&[]);
    let shop = ending(&world, None, 25 * HOUR);
    world.refresh(std::slice::from_ref(&shop));
    world.pass(HOUR as u64 - 1);
    assert_eq!(kinds(&world), []);
    world.pass(1);
    assert_eq!(kinds(&world), [NoticeKind::AboutToExpire]);
    let notice = world.notices()[0];
    assert_eq!(notice.text, Message::Expiring(shop.expiration.unwrap()));
    assert_eq!(notice.name.as_deref(), Some("shop"));
    assert_eq!(notice.offer, Some(Offer::Start));
    let card = world.card("shop");
    assert_eq!(card.notices[0].text, Message::Expiring(shop.expiration.unwrap()));
    assert!(card.needs_you(), "as the tray's icon says");
    world.pass(HOUR as u64);
    assert_eq!(kinds(&world).len(), 1);
}

#[test]
fn a_short_life_is_not_told_as_soon_as_it_begins() {
    let mut world = World::told(&[]);
    let shop = ending(&world, Some(HOUR as u32), HOUR);
    world.refresh(&[shop]);
    world.pass(49 * 60);
    assert_eq!(kinds(&world), []);
    world.pass(60);
    assert_eq!(kinds(&world), [NoticeKind::AboutToExpire]);
}

#[test]
fn what_is_hosted_or_used_is_kept_from_its_end() {
    let mut world = World::told(&[]);
    let shop = ending(&world, None, HOUR);
    world.refresh(&[hosted_by(1, shop.clone())]);
    assert_eq!(kinds(&world), [], "another computer hosts it");
    world.command(Command::Host(key("shop")));
    world.refresh(std::slice::from_ref(&shop));
    assert_eq!(kinds(&world), [], "this computer hosts it");
    world.command(Command::Stop(key("shop")));
    world.event(crate::event::Event::Ended(key("shop")));
    assert_eq!(kinds(&world), [NoticeKind::AboutToExpire]);
    // Used, so its life is whole again.
    world.refresh(&[ending(&world, None, 30 * 24 * HOUR)]);
    let again = ending(&world, None, HOUR);
    world.refresh(&[again]);
    assert_eq!(kinds(&world).len(), 2);
}

#[test]
fn a_hosted_tunnel_whose_life_is_not_renewed_is_told() {
    let mut world = World::told(&[]);
    let shop = ending(&world, None, HOUR);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.refresh(std::slice::from_ref(&shop));
    assert_eq!(kinds(&world), []);
    let wait = std::time::Duration::from_secs(60);
    world.engine("shop", host::Event::RenewalFailed { wait, cause: "refused".into() });
    assert_eq!(kinds(&world), [NoticeKind::AboutToExpire]);
}

#[test]
fn a_url_that_is_another_one_is_told_and_the_first_is_not() {
    let mut world = World::told(&[listed_at("http://one/")]);
    world.command(Command::Host(key("shop")));
    at(&mut world, "http://one");
    assert_eq!(kinds(&world), [], "the same without its slash");
    at(&mut world, "http://two/");
    assert_eq!(kinds(&world), [], "the list says so still");
    world.refresh(&[listed_at("http://two/")]);
    assert_eq!(kinds(&world), [NoticeKind::UrlChanged]);
    assert_eq!(world.notices()[0].text, Message::UrlIs("http://two/".to_owned()));
    assert_eq!(world.notices()[0].offer, Some(Offer::CopyUrl("http://two/".to_owned())));
    world.refresh(&[listed_at("http://two/")]);
    assert_eq!(kinds(&world).len(), 1);
}

#[test]
fn a_url_that_changed_since_the_last_run_is_told() {
    let mut world = World::new(kept(&["shop"], &[listed_at("http://old/")], 0));
    world.ready();
    assert_eq!(kinds(&world), []);
    world.list(&[listed_at("http://new/")]);
    assert_eq!(world.hosts(), [key("shop")]);
    at(&mut world, "http://new/");
    assert_eq!(kinds(&world), [NoticeKind::UrlChanged]);
}

#[test]
fn a_url_that_nobody_tells_just_now_is_as_it_was() {
    let mut none = tunnel("shop", &[80]);
    none.ports.iter_mut().flatten().for_each(|it| it.port_forwarding_uris = None);
    let mut world = World::told(std::slice::from_ref(&none));
    world.command(Command::Host(key("shop")));
    at(&mut world, "http://one/");
    world.engine("shop", host::Event::UrlChanged { urls: vec![] });
    world.engine_state("shop", host::State::Reconnecting);
    assert_eq!(kinds(&world), []);
    at(&mut world, "http://two/");
    assert_eq!(kinds(&world), [NoticeKind::UrlChanged]);
}

#[test]
fn what_nobody_wants_to_hear_is_not_told() {
    let mut world = World::told(&[listed_at("http://one/")]);
    let mut preferences = world.state.preferences().clone();
    preferences.notify.url_changed = false;
    preferences.notify.expiring = false;
    world.command(Command::Prefer(Box::new(preferences)));
    world.command(Command::Host(key("shop")));
    world.refresh(&[listed_at("http://two/")]);
    world.command(Command::Stop(key("shop")));
    world.event(crate::event::Event::Ended(key("shop")));
    let end = ending(&world, None, HOUR);
    world.refresh(&[end]);
    assert_eq!(kinds(&world), []);
}

#[test]
fn ordinary_ups_and_downs_are_told_nobody() {
    let mut world = World::told(&[listed_at("http://one/")]);
    world.command(Command::Host(key("shop")));
    at(&mut world, "http://one/");
    for _ in 0..3 {
        world.engine_state("shop", host::State::Hosting);
        world.health("shop", 80, Label::Operational);
        world.pass(60);
        world.health("shop", 80, Label::LocalDown);
        world.pass(60);
        world.engine_state("shop", host::State::Reconnecting);
        world.pass(60);
    }
    assert_eq!(kinds(&world), []);
}

#[test]
fn what_was_hosted_is_not_hosted_again_where_nobody_wants_that() {
    let mut off = kept(&["shop", "blog"], &[], 0);
    off.preferences.general.resume = false;
    let tunnels = [tunnel("shop", &[80]), tunnel("blog", &[80])];
    let mut world = World::new(Kept { ..off });
    world.ready();
    world.list(&tunnels);
    assert_eq!(world.hosts(), []);
    // Asked for in this run, it comes back after a sign-in like any other.
    world.command(Command::Host(key("shop")));
    world.event(crate::event::Event::NotHosted {
        tunnel: key("shop"),
        failure: crate::failure::Failure::new(crate::failure::Code::SignIn, "signed out"),
    });
    world.effects.clear();
    world.command(Command::CheckAgain(crate::state::world::relay()));
    world.ready();
    world.list(&tunnels);
    assert_eq!(world.hosts(), [key("shop")]);
}
