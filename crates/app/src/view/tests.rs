//! The rules of the fold, each with its number, and what the tray makes of the same cards.
//!
//! The rules are those of the product that this one replaces. Where ours is another on purpose, the test says so.

use adit_proto::contracts::{self, AccessControl, AccessEntry, AccessEntryType, TunnelPort};
use adit_proto::health::Label;
use adit_proto::host::GiveUp;
use adit_tunnel::host;
use jiff::tz::TimeZone;

use super::*;
use crate::command::{Command, Draft};
use crate::effect::Effect;
use crate::event::{Done, Event, Input, Preflight};
use crate::failure::Code;
use crate::known::Openness;
use crate::message::{Entry, Message, Offer, Word};
use crate::persist::Kept;
use crate::place_key::PlaceKey;
use crate::reach::Reach;
use crate::state::State;
use crate::state::world::{World, failure, hosted_by, kept, key, port, relay, told_port, tunnel};
use crate::update::update;
use crate::words::{self, Language};

/// Two tunnels, one of them hosted with two ports.
fn hosted() -> World {
    let mut world = World::told(&[tunnel("shop", &[80, 81]), tunnel("blog", &[90])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80, 81]);
    world
}

fn add(world: &mut World, id: &str, number: u16) {
    world.command(Command::AddPort { tunnel: key(id), port: port(number) });
}

fn create(world: &mut World, name: &str, ports: &[u16]) {
    world.command(Command::Create(Box::new(Draft {
        place: relay(),
        name: Some(name.parse().unwrap()),
        description: None,
        ports: ports.iter().map(|number| port(*number)).collect(),
        access: crate::access::Access::Private,
        expiration: None,
        labels: Default::default(),
        options: Default::default(),
    })));
}

fn moods(world: &World, id: &str) -> Vec<Mood> {
    world.card(id).rows.iter().map(|row| row.standing.mood).collect()
}

fn indices(world: &World) -> Vec<Option<usize>> {
    world.view().cards.iter().flat_map(|card| card.rows.iter().map(|row| row.index)).collect()
}

/// A probe decides how it stands with a port. Ours: only while the tunnel is hosted, since a probe of before says
/// nothing of a tunnel that nobody serves.
#[test]
fn v1_what_a_probe_found_is_the_state_of_a_port() {
    for (label, mood) in [
        (Label::Operational, Mood::Live),
        (Label::LocalDown, Mood::Local),
        (Label::LocalScheme, Mood::Local),
        (Label::Zombie, Mood::Error),
        (Label::DnsOrTls, Mood::Error),
    ] {
        let mut world = hosted();
        world.health("shop", 80, label);
        assert_eq!(moods(&world, "shop"), [mood, Mood::Checking], "{label:?}");
        world.engine_state("shop", host::State::Reconnecting);
        assert_eq!(moods(&world, "shop"), [Mood::Reconnecting; 2], "{label:?}");
    }
}

/// Ours tells apart what was one word: on the way up, on the way up again, up and unproven.
#[test]
fn v2_without_a_probe_the_session_decides() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    assert_eq!(moods(&world, "shop"), [Mood::Connecting]);
    world.hosting("shop", &[80]);
    assert_eq!(moods(&world, "shop"), [Mood::Checking]);
    world.engine_state("shop", host::State::Reconnecting);
    assert_eq!(moods(&world, "shop"), [Mood::Reconnecting]);
    world.engine_state("shop", host::State::Error(GiveUp::Fatal("no".to_owned())));
    assert_eq!(moods(&world, "shop"), [Mood::Error]);
}

/// Ours says who: a port that another computer hosts does not look like one of ours on its way up.
#[test]
fn v3_a_host_that_the_service_counts_is_another_computer() {
    let world = World::told(&[hosted_by(1, tunnel("shop", &[80]))]);
    assert_eq!(moods(&world, "shop"), [Mood::Standby]);
}

#[test]
fn v4_what_nobody_hosts_is_stopped() {
    assert_eq!(moods(&World::told(&[tunnel("shop", &[80])]), "shop"), [Mood::Stopped]);
}

#[test]
fn v5_our_session_wins_over_what_the_service_counts() {
    let mut world = hosted();
    world.refresh(&[hosted_by(1, tunnel("shop", &[80, 81]))]);
    let card = world.card("shop");
    assert_eq!((card.hosts, card.toggle.on), (Hosts::Us, true));
}

#[test]
fn v6_a_foreign_host_is_shown_as_such_and_can_be_replaced() {
    let world = World::told(&[hosted_by(2, tunnel("shop", &[80]))]);
    let card = world.card("shop");
    assert_eq!((card.hosts, card.toggle.on), (Hosts::Elsewhere, false));
    assert_eq!(card.standing.offer, Some(Offer::TakeOver));
    // What was counted in an earlier run says nothing now.
    let world = World::new(kept(&[], &[hosted_by(2, tunnel("shop", &[80]))], -60));
    assert_eq!(world.card("shop").hosts, Hosts::Nobody);
}

#[test]
fn what_another_computer_hosts_is_not_started_by_the_way_and_needs_nobody() {
    let mut world = World::told(&[hosted_by(1, tunnel("shop", &[80]))]);
    let card = world.card("shop");
    assert!(card.is_taken() && !card.can_start() && !card.needs_you());
    assert_eq!(world.view().counts.needs_you, 0);
    let lines = menu(&world);
    let says = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(says("Take over (disconnects it)") && !says("Start shop"), "{lines:?}");
    // It is wanted here, and was taken from here.
    world.command(Command::TakeOver(key("shop")));
    world.engine_state("shop", host::State::Standby);
    assert_eq!(world.view().counts.needs_you, 1);
}

#[test]
fn without_a_network_tunnels_wait_for_it_and_say_since_when() {
    let mut world = hosted();
    world.event(Event::Network { is_there: false });
    world.pass(60);
    assert_eq!(world.card("shop").standing.word, Word::Checking, "its session is still there");
    assert_eq!(world.view().banner, None);
    let since = world.now.wall.checked_sub(std::time::Duration::from_secs(60)).unwrap();
    world.engine_state("shop", host::State::Reconnecting);
    world.pass(5);
    let card = world.card("shop");
    assert_eq!(card.standing.text, Message::WaitingForNetwork(since));
    let words: Vec<_> = card.rows.iter().map(|row| row.standing.word).collect();
    assert_eq!(words, [Word::Waiting; 2]);
    let view = world.view();
    assert_eq!(view.banner.unwrap().text, Message::NoNetwork);
    assert_eq!(view.places[0].trouble.as_ref().unwrap().text, Message::NoNetwork);
    let offline = Message::Count { what: crate::message::Counted::Offline, n: 1 };
    assert_eq!(view.headline.below, Some(Message::All(vec![offline])));
    world.effects.clear();
    world.event(Event::Network { is_there: true });
    assert_eq!(world.view().banner, None);
    assert_eq!(world.card("shop").standing.word, Word::Reconnecting);
    let is_list = |effect: &Effect| matches!(effect, Effect::List { .. });
    assert!(world.effects.iter().any(is_list), "{:?}", world.effects);
}

#[test]
fn a_relay_on_this_computer_needs_no_network() {
    let here = PlaceKey::from("http://127.0.0.1:8443");
    let mut world = World::at(vec![here.clone()], Kept::default());
    let ready = crate::event::Preflight::Ready { account: None };
    world.event(Event::Checked { place: here.clone(), found: ready });
    world.event(Event::Network { is_there: false });
    let serial = world.state.place(&here).unwrap().asked.unwrap().serial;
    let result = Err(failure(Code::Unreachable));
    world.event(Event::Listed { place: here.clone(), serial, result });
    world.pass(5);
    assert_eq!(world.view().banner.unwrap().text, Message::RelayUnreachable(here));
}

#[test]
fn what_does_not_work_has_something_to_do() {
    let mut world = hosted();
    for (label, offer) in [
        (Label::Zombie, Offer::TryNow),
        (Label::DnsOrTls, Offer::TryNow),
        (Label::RelayUnreachable, Offer::TryNow),
        (Label::UnknownTunnel, Offer::Forget),
    ] {
        world.health("shop", 80, label);
        assert_eq!(world.card("shop").standing.offer, Some(offer), "{label:?}");
    }
    world.engine_state("shop", host::State::Error(GiveUp::UnknownTunnel));
    let offer = world.card("shop").standing.offer.unwrap();
    assert_eq!(offer.command(&key("shop")), Some(Command::Stop(key("shop"))));
}

#[test]
fn v7_otherwise_nobody_hosts() {
    assert_eq!(World::told(&[tunnel("shop", &[80])]).card("shop").hosts, Hosts::Nobody);
}

#[test]
fn v8_cards_and_rows_stay_in_the_order_they_were_first_seen() {
    let mut world = World::told(&[tunnel("shop", &[81, 80]), tunnel("blog", &[90])]);
    assert_eq!(world.names(), ["shop", "blog"]);
    let ports: Vec<_> = world.card("shop").rows.iter().map(|row| row.port).collect();
    assert_eq!(ports, [81, 80]);
    world.command(Command::Host(key("blog")));
    world.engine_state("blog", host::State::Error(GiveUp::Fatal("no".to_owned())));
    assert_eq!(world.names(), ["shop", "blog"]);
}

/// Ours has one answer for a tunnel, so there is nothing to choose between: each attribute is the tunnel's.
#[test]
fn v9_a_card_has_the_attributes_of_its_tunnel() {
    let mut told = tunnel("shop", &[80, 81]);
    told.description = Some("for the demo".to_owned());
    told.access_control = Some(Default::default());
    let card = World::told(&[told]).card("shop");
    assert_eq!(card.description.as_deref(), Some("for the demo"));
    assert_eq!((card.openness, &card.place), (Openness::OnlyMe, &relay()));
}

#[test]
fn v10_a_tunnel_without_ports_has_a_card() {
    let card = World::told(&[tunnel("shop", &[])]).card("shop");
    assert!(card.rows.is_empty() && !card.has_port && !card.toggle.is_enabled);
}

#[test]
fn v11_a_port_counts_when_it_is_seen_or_belongs_to_a_new_card() {
    let mut world = World::told(&[tunnel("shop", &[])]);
    add(&mut world, "shop", 80);
    assert!(!world.card("shop").has_port);
    create(&mut world, "news", &[90]);
    assert!(world.card("news").has_port);
    let mut world = World::told(&[tunnel("shop", &[80])]);
    assert!(world.card("shop").has_port);
    world.command(Command::DeletePort { tunnel: key("shop"), port: 80 });
    assert!(!world.card("shop").has_port);
}

#[test]
fn v12_rows_that_are_hidden_one_by_one_keep_their_place_and_hidden_cards_do_not() {
    let list = [tunnel("shop", &[80, 81]), tunnel("bare", &[]), tunnel("blog", &[90])];
    let mut world = World::told(&list);
    // The tunnel without ports has a place of its own.
    assert_eq!(indices(&world), [Some(0), Some(1), Some(3)]);
    world.command(Command::DeletePort { tunnel: key("shop"), port: 80 });
    assert_eq!(indices(&world), [Some(1), Some(3)]);
    world.command(Command::Delete(key("shop")));
    assert_eq!(indices(&world), [Some(1)]);
}

#[test]
fn v13_only_ports_that_are_there_and_seen_are_counted() {
    let mut world = World::told(&[tunnel("shop", &[80, 81]), tunnel("bare", &[])]);
    assert_eq!(world.view().rendered_ports, 2);
    world.command(Command::DeletePort { tunnel: key("shop"), port: 80 });
    add(&mut world, "shop", 82);
    assert_eq!(world.view().rendered_ports, 1);
}

#[test]
fn v14_a_removed_tunnel_takes_its_card_along() {
    let mut world = hosted();
    world.command(Command::Delete(key("shop")));
    assert_eq!(world.names(), ["blog"]);
}

#[test]
fn v15_a_removed_port_takes_only_its_row_along() {
    let mut world = hosted();
    world.command(Command::DeletePort { tunnel: key("shop"), port: 80 });
    let ports: Vec<_> = world.card("shop").rows.iter().map(|row| row.port).collect();
    assert_eq!(ports, [81]);
}

#[test]
fn v16_without_its_last_port_a_card_is_without_ports() {
    let mut world = hosted();
    world.command(Command::DeletePort { tunnel: key("blog"), port: 90 });
    let card = world.card("blog");
    assert!(card.rows.is_empty() && !card.has_port);
}

/// Ours goes by the tunnel and not by its name: of two tunnels of one name, the right one gets the row.
#[test]
fn v17_a_port_on_its_way_stands_with_its_tunnel() {
    let namesake =
        adit_proto::contracts::Tunnel { name: Some("shop".to_owned()), ..tunnel("other", &[90]) };
    let mut world = World::told(&[tunnel("shop", &[80]), namesake]);
    add(&mut world, "other", 91);
    let cards = world.view().cards;
    assert_eq!((cards[0].rows.len(), cards[1].rows.len()), (1, 2));
    let row = &cards[1].rows[1];
    assert_eq!((row.port, row.index, &row.standing.text), (91, None, &Message::BeingMade));
    assert!(row.urls.is_empty());
}

/// Ours makes no second card for a name that exists: a tunnel is asked for as a tunnel, a port as a port.
#[test]
fn v18_a_tunnel_on_its_way_has_a_card_of_its_own() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    create(&mut world, "news", &[]);
    let card = world.card("news");
    assert!(card.is_placeholder && !card.has_port && card.rows.is_empty());
    assert_eq!(card.tunnel(), None);
    create(&mut world, "more", &[90]);
    assert!(world.card("more").has_port);
    add(&mut world, "shop", 81);
    assert_eq!(world.names(), ["shop", "news", "more"]);
}

#[test]
fn v19_what_is_on_its_way_is_not_counted() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    create(&mut world, "news", &[90]);
    add(&mut world, "shop", 81);
    assert_eq!(world.view().rendered_ports, 1);
}

#[test]
fn v20_a_chosen_port_is_found() {
    let mut world = World::told(&[tunnel("shop", &[80, 81])]);
    world.command(Command::Select(Some((key("shop"), 81))));
    assert_eq!(world.view().selection, Selection { index: Some(1), is_stale: false });
}

#[test]
fn v21_a_chosen_port_that_is_hidden_or_gone_is_stale() {
    let stale = Selection { index: None, is_stale: true };
    let mut world = World::told(&[tunnel("shop", &[80, 81])]);
    world.command(Command::Select(Some((key("shop"), 81))));
    world.command(Command::DeletePort { tunnel: key("shop"), port: 81 });
    assert_eq!(world.view().selection, stale);
    world.command(Command::Select(Some((key("shop"), 80))));
    world.command(Command::Delete(key("shop")));
    assert_eq!(world.view().selection, stale);
    world.command(Command::Select(Some((key("none"), 80))));
    assert_eq!(world.view().selection, stale);
}

#[test]
fn v22_without_a_choice_nothing_is_chosen() {
    assert_eq!(World::told(&[tunnel("shop", &[80])]).view().selection, Selection::default());
}

#[test]
fn an_error_stays_with_its_tunnel_through_lists_and_other_news() {
    let mut world = hosted();
    world.command(Command::Host(key("blog")));
    let gave_up = GiveUp::Fatal("the protocol cannot be changed".to_owned());
    world.engine_state("blog", host::State::Error(gave_up));
    let of = |world: &World| world.card("blog").standing;
    let before = of(&world);
    assert_eq!(before.text, Message::Refused);
    assert!(before.detail.as_ref().unwrap().to_string().contains("cannot be changed"));
    world.refresh(&[tunnel("shop", &[80, 81]), tunnel("blog", &[90])]);
    world.health("shop", 80, Label::Operational);
    assert_eq!(of(&world), before);
    world.hosting("blog", &[90]);
    assert_eq!(of(&world).mood, Mood::Checking);
}

#[test]
fn a_hosted_tunnel_that_no_list_has_is_shown_all_the_same() {
    let mut world = hosted();
    world.refresh(&[tunnel("blog", &[90])]);
    assert_eq!(world.names(), ["blog", "shop"]);
    assert_eq!(world.card("shop").rows.len(), 2);
}

#[test]
fn the_headline_counts_what_somebody_wants_to_be_hosted() {
    let mut world = hosted();
    let headline = |world: &World| {
        let headline = world.view().headline;
        let now = world.now.wall.to_zoned_datetime(TimeZone::UTC);
        let say = |message| words::text(&message, Language::English, &now);
        (say(headline.text), headline.below.map(say).unwrap_or_default())
    };
    assert_eq!(
        headline(&world),
        ("1 tunnel is not live".to_owned(), "1 is checking its URL.".to_owned())
    );
    for number in [80, 81] {
        world.health("shop", number, Label::Operational);
    }
    assert_eq!(
        headline(&world),
        ("1 tunnel is live".to_owned(), "1 is stopped.".to_owned()),
        "that one is all, of another list than is shown"
    );
    world.command(Command::Host(key("blog")));
    world.hosting("blog", &[90]);
    world.health("blog", 90, Label::LocalDown);
    assert_eq!(
        headline(&world),
        ("1 of 2 tunnels is live".to_owned(), "1 waits for your server.".to_owned())
    );
    let counts = world.view().counts;
    assert_eq!(counts, Counts { all: 2, live: 1, needs_you: 1, stopped: 0 });
    for id in ["shop", "blog"] {
        world.command(Command::Stop(key(id)));
        world.event(Event::Ended(key(id)));
    }
    assert_eq!(headline(&world).0, "Nothing is hosted");
}

#[test]
fn another_look_that_goes_well_says_nothing_new() {
    let mut world = hosted();
    for port in [80, 81] {
        world.health("shop", port, Label::Operational);
    }
    let before = world.view();
    world.pass(5);
    world.health("shop", 80, Label::Operational);
    let after = world.view();
    assert!(before != after && after.is_alike(&before));
    world.health("shop", 81, Label::LocalDown);
    assert!(!world.view().is_alike(&after), "that is news");
}

#[test]
fn two_views_of_the_same_are_equal_however_much_time_has_passed() {
    let mut world = hosted();
    world.health("shop", 80, Label::Operational);
    let before = world.view();
    world.now = world.now.after(std::time::Duration::from_secs(30));
    world.tick();
    assert_eq!(world.view(), before);
}

fn menu(world: &World) -> Vec<String> {
    let now = world.now.wall.to_zoned_datetime(TimeZone::UTC);
    fn lines(items: &[Item], depth: usize, say: &dyn Fn(&Message) -> String) -> Vec<String> {
        items
            .iter()
            .flat_map(|item| {
                let indent = "  ".repeat(depth);
                match item {
                    Item::Text(text) => vec![format!("{indent}({})", say(text))],
                    Item::Separator => vec![format!("{indent}--")],
                    Item::Action(text, _) => vec![format!("{indent}{}", say(text))],
                    Item::Menu(text, items) => {
                        let title = format!("{indent}{}:", say(text));
                        [vec![title], lines(items, depth + 1, say)].concat()
                    }
                }
            })
            .collect()
    }
    lines(&world.view().tray.menu, 0, &|text| words::text(text, Language::English, &now))
}

#[test]
fn the_tray_has_the_same_tunnels_in_the_same_words_worst_first() {
    let mut open = tunnel("blog", &[90]);
    open.access_control = Some(adit_proto::contracts::AccessControl {
        entries: vec![adit_proto::contracts::AccessEntry {
            kind: adit_proto::contracts::AccessEntryType::Anonymous,
            ..Default::default()
        }],
    });
    let mut world = World::told(&[tunnel("shop", &[80]), open, tunnel("bare", &[])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.health("shop", 80, Label::Operational);
    world.command(Command::Host(key("blog")));
    world.engine_state("blog", host::State::Standby);
    assert_eq!(
        menu(&world),
        [
            "(1 of 2 live, 1 needs you)",
            "--",
            "blog: standing by · anyone with the link:",
            "  Copy URL of :90",
            "  Open :90 in the browser",
            "  --",
            "  Take over (disconnects it)",
            "  Stop blog",
            "shop: live:",
            "  Copy URL of :80",
            "  Open :80 in the browser",
            "  --",
            "  Stop shop",
            "(bare: stopped)",
            "--",
            "New tunnel...",
            "Open window",
            "Stop all",
            "--",
            "Quit (stops 1 tunnel)",
        ]
    );
    // What is out of sight in the window is out of sight here.
    world.command(Command::Delete(key("blog")));
    assert!(!menu(&world).iter().any(|line| line.contains("blog")));
}

#[test]
fn an_entry_of_the_tray_does_what_it_says() {
    let mut world = hosted();
    let does = |world: &World, id: &str| {
        let menu = world.view().tray.menu;
        let is_it = |title: &Message| matches!(title, Message::Line { name, .. } if name == id);
        menu.into_iter().find_map(|item| match item {
            Item::Menu(title, items) if is_it(&title) => Some(items),
            _ => None,
        })
    };
    let items = does(&world, "shop").unwrap();
    let copy = Message::Menu(Entry::CopyUrl(80));
    assert!(items.contains(&Item::Action(
        copy,
        Does::Copy { url: "http://h-80/".to_owned(), name: "shop".to_owned(), port: 80 }
    )));
    let stop = Command::Stop(key("shop"));
    let stop =
        Item::Action(Message::Menu(Entry::Stop("shop".to_owned())), Does::Command(Box::new(stop)));
    assert!(items.contains(&stop));
    let start = Does::Command(Box::new(Command::Host(key("blog"))));
    let start = Item::Action(Message::Menu(Entry::Start("blog".to_owned())), start);
    assert!(does(&world, "blog").unwrap().contains(&start));
    world.engine_state("shop", host::State::Reconnecting);
    let retry = host::Event::Retry {
        attempt: 1,
        wait: std::time::Duration::from_secs(1),
        cause: "x".into(),
    };
    world.engine("shop", retry);
    let now = Does::Command(Box::new(Command::TryNow(key("shop"))));
    assert!(does(&world, "shop").unwrap().contains(&Item::Action(Message::Do(Offer::TryNow), now)));
}

#[test]
fn ten_tunnels_fit_and_the_rest_is_in_the_window() {
    let many: Vec<_> = (0..12).map(|n| tunnel(&format!("tunnel-{n}"), &[])).collect();
    let world = World::told(&many);
    let lines = menu(&world);
    assert_eq!(lines.iter().filter(|line| line.contains("stopped")).count(), 10);
    assert!(lines.contains(&"More...".to_owned()));
}

#[test]
fn the_icon_is_the_worst_and_a_short_reconnect_does_not_change_it() {
    let icon = |world: &World| world.view().tray.icon;
    let mut world = World::told(&[tunnel("shop", &[80])]);
    assert_eq!(icon(&world), Icon::Offline);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    assert_eq!(icon(&world), Icon::Ok);
    world.engine_state("shop", host::State::Reconnecting);
    world.pass(9);
    assert_eq!(icon(&world), Icon::Ok);
    world.pass(1);
    assert_eq!(icon(&world), Icon::Offline);
    world.engine_state("shop", host::State::Error(GiveUp::SignIn));
    assert_eq!(icon(&world), Icon::Attention);
    let tooltip = world.view().tray.tooltip;
    let now = world.now.wall.to_zoned_datetime(TimeZone::UTC);
    assert_eq!(
        words::text(&tooltip, Language::English, &now),
        "0 of 1 live, 1 needs you. Sign in to r.example again."
    );
}

#[test]
fn the_tooltip_names_the_tunnel_that_needs_a_person() {
    let mut world = hosted();
    world.health("shop", 80, Label::Operational);
    world.health("shop", 81, Label::LocalDown);
    world.pass(9);
    assert_eq!(world.view().tray.icon, Icon::Ok);
    world.pass(1);
    assert_eq!(world.view().tray.icon, Icon::Attention);
    let now = world.now.wall.to_zoned_datetime(TimeZone::UTC);
    assert_eq!(
        words::text(&world.view().tray.tooltip, Language::English, &now),
        "0 of 1 live, 1 needs you. shop: nothing answers on localhost:81. The tunnel is fine; start your server."
    );
}

#[test]
fn a_banner_is_about_the_application_or_a_place_and_the_worst_of_them() {
    let mut world = hosted();
    world.health("shop", 80, Label::Zombie);
    world.pass(10);
    assert_eq!(world.view().banner, None, "a tunnel's trouble stays in its card");
    world.pass(600);
    world.answer_list(Err(failure(Code::Unreachable)));
    world.pass(5);
    assert_eq!(world.view().banner.unwrap().text, Message::RelayUnreachable(relay()));
    world.answer_list(Err(failure(Code::SignIn)));
    // What is served still does not wait for it.
    assert_eq!(world.view().banner.unwrap().text, Message::SignIn(relay()));
}

#[test]
fn a_banner_names_what_waits_for_a_sign_in() {
    let names = ["alfa", "beta", "gama", "delta", "echo"];
    let told: Vec<_> = names.iter().map(|name| tunnel(name, &[80])).collect();
    let mut world = World::told(&told);
    world.check(crate::event::Preflight::SignedOut);
    let said = |world: &World, language| {
        let now = world.now.wall.to_zoned_datetime(TimeZone::UTC);
        words::text(&world.view().banner.unwrap().text, language, &now)
    };
    assert_eq!(said(&world, Language::English), "Sign in to r.example again");
    for (name, waiting) in [
        ("alfa", "alfa is not hosted until you do."),
        ("beta", "alfa and beta are not hosted until you do."),
        ("gama", "alfa, beta and gama are not hosted until you do."),
        ("delta", "alfa, beta, gama and 1 more are not hosted until you do."),
        ("echo", "alfa, beta, gama and 2 more are not hosted until you do."),
    ] {
        world.command(Command::Host(key(name)));
        world.engine_state(name, host::State::Error(GiveUp::SignIn));
        let text = format!("Sign in to r.example again. {waiting}");
        assert_eq!(said(&world, Language::English), text);
    }
    let text = "Entre em r.example novamente. alfa, beta, gama e mais 2 não serão hospedados até você entrar.";
    assert_eq!(said(&world, Language::Portuguese), text);
}

#[test]
fn a_port_that_was_added_is_a_row_like_others_before_any_list_has_it() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    add(&mut world, "shop", 81);
    let ticket = world.take(|effect| match effect {
        Effect::AddPort { ticket, .. } => Some(*ticket),
        _ => None,
    });
    world.done(ticket.unwrap(), Done::Port(Box::new(told_port(81))));
    let row = world.card("shop").rows[1].clone();
    assert_eq!((row.index, row.standing.word), (Some(1), Word::Stopped));
}

#[test]
fn nothing_is_called_empty_before_it_was_told() {
    let world = World::new(Kept::default());
    assert_eq!(world.view().headline.text, Message::Getting);
    assert_eq!(world.view().places[0].mood, Mood::Connecting);
}

/// Whoever is given a URL sits at another computer.
#[test]
fn of_this_computer_an_address_for_the_network_comes_first_where_the_network_may_come_in() {
    let here = PlaceKey::here();
    let shown = |entries| {
        let uris =
            ["http://127.0.0.1:4100/", "http://demo-80.localhost:4/", "http://192.168.1.20:4100/"];
        let port = TunnelPort {
            port_forwarding_uris: Some(uris.map(ToOwned::to_owned).to_vec()),
            ..told_port(80)
        };
        let told = contracts::Tunnel {
            ports: Some(vec![port]),
            access_control: Some(AccessControl { entries }),
            ..tunnel("demo", &[])
        };
        let now = World::told(&[]).now;
        let mut state = State::new(vec![here.clone()], Kept::default(), now);
        let ready = Preflight::Ready { account: None };
        update(&mut state, Input::Event(Event::Checked { place: here.clone(), found: ready }), now);
        let serial = state.place(&here).unwrap().asked.unwrap().serial;
        let listed = Event::Listed { place: here.clone(), serial, result: Ok(vec![told]) };
        update(&mut state, Input::Event(listed), now);
        let card = super::fold(&state).cards.remove(0);
        (card.rows[0].urls[0].clone(), card.reach)
    };
    assert_eq!(shown(vec![]), ("http://127.0.0.1:4100/".to_owned(), Some(Reach::Computer)));
    let anyone = AccessEntry { kind: AccessEntryType::Anonymous, ..AccessEntry::default() };
    let open = ("http://192.168.1.20:4100/".to_owned(), Some(Reach::Network));
    assert_eq!(shown(vec![anyone]), open);
}
