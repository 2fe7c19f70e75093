//! Hosting: started, stopped, taken over, begun again.

use std::time::Duration;

use adit_proto::health::Label;
use adit_proto::host::GiveUp;
use adit_tunnel::host;

use crate::cause::Cause;
use crate::command::Command;
use crate::condition;
use crate::effect::{Effect, NoticeKind};
use crate::event::{Event, Preflight};
use crate::failure::{Code, Failure};
use crate::message::{Counted, Message, Offer};
use crate::persist::{Kept, Save};
use crate::state::world::{World, failure, hosted_by, kept, key, portless, relay, tunnel};
use crate::view::{Hosts, Mood};

fn tell(id: &str, command: host::Command) -> Effect {
    Effect::Tell { tunnel: key(id), command }
}

/// What is to be hosted at the next start, by the last file that was written.
fn remembered(world: &World) -> Option<Vec<String>> {
    world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save(Save::Memory(memory)) => {
            Some(memory.tunnels.iter().map(|key| key.id.tunnel.to_string()).collect())
        }
        _ => None,
    })
}

#[test]
fn what_was_hosted_is_hosted_again_once() {
    let mut world = World::new(kept(&["ant", "bee", "portless"], &[], 0));
    world.ready();
    assert!(world.hosts().is_empty(), "nothing before the service has told what there is");
    let list = [tunnel("bee", &[80]), tunnel("portless", &[]), tunnel("other", &[80])];
    let list = [&list[..], &[tunnel("ant", &[80])]].concat();
    world.list(&list);
    assert_eq!(world.hosts(), [key("ant"), key("bee")]);
    world.effects.clear();
    world.command(Command::Stop(key("ant")));
    world.event(Event::Ended(key("ant")));
    world.refresh(&list);
    assert!(world.hosts().is_empty());
}

#[test]
fn a_tunnel_whose_ports_are_not_told_waits_for_them() {
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    world.list(&[portless("shop")]);
    world.show("shop", Err(failure(Code::Unreachable)));
    assert!(world.hosts().is_empty());
    world.refresh(&[portless("shop")]);
    world.show("shop", Ok(tunnel("shop", &[80])));
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn a_place_that_cannot_be_reached_at_the_start_is_resumed_when_it_can() {
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.check(Preflight::Failed(failure(Code::Unreachable)));
    world.pass(5);
    world.ready();
    world.answer_list(Err(failure(Code::Unreachable)));
    world.pass(60);
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn a_tunnel_that_two_answers_do_not_know_is_forgotten_with_a_notice() {
    let mut world = World::new(kept(&["gone", "shop"], &[], 0));
    world.ready();
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(remembered(&world), None);
    world.effects.clear();
    world.pass(10);
    world.list(&[tunnel("shop", &[80])]);
    assert_eq!(remembered(&world).unwrap(), ["shop"]);
    let [notice] = world.notices()[..] else { panic!("{:?}", world.notices()) };
    assert_eq!(notice.kind, NoticeKind::Forgotten);
    assert_eq!(notice.text, Message::Forgotten("gone".to_owned()));
}

#[test]
fn a_tunnel_that_one_answer_does_not_know_is_kept() {
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    for _ in 0..5 {
        world.list(&[]);
        world.pass(10);
        world.list(&[tunnel("shop", &[])]);
        world.command(Command::Refresh(None));
    }
    assert_eq!(remembered(&world), None);
}

#[test]
fn what_was_stopped_with_all_stays_stopped_until_the_next_start() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    assert_eq!(remembered(&world).unwrap(), ["shop"]);
    world.effects.clear();
    world.command(Command::StopAll);
    world.event(Event::Ended(key("shop")));
    world.command(Command::Refresh(None));
    world.pass(10);
    world.list(&[tunnel("shop", &[80])]);
    assert!(world.hosts().is_empty());
    assert_eq!(remembered(&world), None, "it is remembered as before");
}

#[test]
fn an_engine_that_finds_no_tunnel_is_one_answer() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.engine_state("shop", host::State::Error(GiveUp::UnknownTunnel));
    assert_eq!(world.card("shop").standing.text, Message::UnknownTunnel);
    world.effects.clear();
    world.pass(10);
    world.list(&[]);
    assert_eq!(remembered(&world).unwrap(), Vec::<String>::new());
}

#[test]
fn a_host_that_may_be_our_own_ghost_is_waited_for_and_another_is_left_alone() {
    let list = |hosts| [hosted_by(hosts, tunnel("shop", &[80]))];
    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    world.list(&list(1));
    assert!(world.hosts().is_empty());
    world.pass(10);
    world.list(&list(0));
    assert_eq!(world.hosts(), [key("shop")]);

    let mut world = World::new(kept(&["shop"], &[], 0));
    world.ready();
    for _ in 0..20 {
        world.list(&list(1));
        world.pass(10);
        if world.state.place(&relay()).unwrap().asked.is_none() {
            break;
        }
    }
    assert!(world.hosts().is_empty());
    let card = world.card("shop");
    assert_eq!((card.hosts, card.standing.text), (Hosts::Elsewhere, Message::AnotherHost));
    assert_eq!(card.standing.offer, Some(Offer::TakeOver));
    // Later it is free, and still nobody takes it behind somebody's back.
    world.refresh(&list(0));
    assert!(world.hosts().is_empty());
    world.command(Command::TakeOver(key("shop")));
    assert_eq!(world.hosts(), [key("shop")]);
}

#[test]
fn our_own_host_is_not_taken_for_another_just_after_it_left() {
    let list = |hosts| [hosted_by(hosts, tunnel("shop", &[80]))];
    let mut world = World::told(&list(0));
    world.command(Command::Host(key("shop")));
    world.refresh(&list(1));
    assert_eq!(world.card("shop").hosts, Hosts::Us);
    world.command(Command::Stop(key("shop")));
    world.event(Event::Ended(key("shop")));
    assert_eq!(world.card("shop").hosts, Hosts::Nobody);
    world.pass(29);
    world.refresh(&list(1));
    assert_eq!(world.card("shop").hosts, Hosts::Nobody);
    world.pass(5);
    world.refresh(&list(1));
    assert_eq!(world.card("shop").hosts, Hosts::Elsewhere);
}

#[test]
fn what_is_hosted_is_remembered_and_what_is_stopped_is_not() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    assert_eq!(remembered(&world).unwrap(), ["shop"]);
    assert!(world.card("shop").toggle.on);
    world.effects.clear();
    world.command(Command::Stop(key("shop")));
    assert_eq!(remembered(&world).unwrap(), Vec::<String>::new());
    assert!(world.has(&tell("shop", host::Command::Stop)));
    let card = world.card("shop");
    assert_eq!((card.toggle.on, card.standing.text), (false, Message::Stopping));
    world.event(Event::Ended(key("shop")));
    assert_eq!(world.card("shop").standing.text, Message::Stopped);
    world.engine_state("shop", host::State::Hosting);
    assert_eq!(world.card("shop").standing.text, Message::Stopped, "a late word");
}

#[test]
fn a_tunnel_that_is_started_while_it_ends_begins_when_it_has_ended() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    for command in [Command::Host, Command::Stop, Command::Host, Command::Host] {
        world.command(command(key("shop")));
    }
    assert_eq!(world.hosts().len(), 1);
    world.event(Event::Ended(key("shop")));
    assert_eq!(world.hosts().len(), 2);
    assert!(world.card("shop").toggle.on);
}

#[test]
fn a_tunnel_that_gave_up_is_started_again_and_one_that_stands_by_is_taken_over() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.engine_state("shop", host::State::Error(GiveUp::Fatal("no".to_owned())));
    world.command(Command::Host(key("shop")));
    assert!(world.has(&tell("shop", host::Command::Start)));
    world.hosting("shop", &[80]);
    world.engine_state("shop", host::State::Standby);
    assert_eq!(world.notices().last().unwrap().kind, NoticeKind::TakenOver);
    world.command(Command::Host(key("shop")));
    assert!(!world.has(&tell("shop", host::Command::TakeOver)), "nobody asked to take it over");
    world.command(Command::TakeOver(key("shop")));
    assert!(world.has(&tell("shop", host::Command::TakeOver)));
}

#[test]
fn a_tunnel_that_nobody_hosts_any_more_is_no_other_computers() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    world.engine_state("shop", host::State::Standby);
    // A count of just now may be from between the two.
    world.refresh(&[tunnel("shop", &[80])]);
    assert_eq!(world.card("shop").standing.text, Message::AnotherHost);
    world.pass(40);
    world.refresh(&[hosted_by(1, tunnel("shop", &[80]))]);
    assert_eq!(world.card("shop").standing.text, Message::AnotherHost);
    world.refresh(&[tunnel("shop", &[80])]);
    let card = world.card("shop");
    assert_eq!(card.standing.text, Message::GivenUpElsewhere);
    assert_eq!(card.standing.offer, Some(Offer::Start));
    assert!(!card.is_taken() && card.needs_you());
    let stopped = Message::Count { what: Counted::Stopped, n: 1 };
    assert_eq!(world.view().headline.below, Some(Message::All(vec![stopped])));
    world.command(Command::Host(key("shop")));
    assert!(world.has(&tell("shop", host::Command::TakeOver)));
}

#[test]
fn what_was_stopped_before_the_end_is_handed_on_to_nobody() {
    let mut world = World::told(&[tunnel("shop", &[80]), tunnel("blog", &[81])]);
    for id in ["shop", "blog"] {
        world.command(Command::Host(key(id)));
        world.hosting(id, &[80]);
    }
    world.command(Command::Stop(key("shop")));
    world.command(Command::Quit);
    world.command(Command::Quit);
    assert_eq!(world.state.handed_on, [key("blog")].into());
}

#[test]
fn who_looks_again_does_not_wait_for_the_next_try() {
    let mut world = World::told(&[tunnel("shop", &[80]), tunnel("blog", &[81])]);
    world.command(Command::Visible(true));
    for id in ["shop", "blog"] {
        world.command(Command::Host(key(id)));
        world.hosting(id, &[80]);
    }
    world.effects.clear();
    world.engine_state("shop", host::State::Reconnecting);
    // And whether the place is there is found out soon.
    world.pass(2);
    assert!(world.effects.iter().any(|it| matches!(it, Effect::List { .. })));
    world.command(Command::Refresh(None));
    assert!(world.has(&tell("shop", host::Command::RetryNow)));
    assert!(!world.has(&tell("blog", host::Command::RetryNow)));
}

#[test]
fn why_a_tunnel_could_not_begin_stays_until_it_does() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    let failure = Failure::new(Code::AlreadyRunning, "shop is running already in process 7");
    world.event(Event::NotHosted { tunnel: key("shop"), failure });
    let card = world.card("shop");
    assert_eq!((card.standing.mood, card.toggle.on), (Mood::Error, false));
    assert!(card.standing.detail.unwrap().to_string().contains("process 7"));
    world.refresh(&[tunnel("shop", &[80])]);
    assert_eq!(world.card("shop").standing.text, Message::CouldNotStart);
    world.command(Command::Host(key("shop")));
    assert_eq!(world.card("shop").standing.text, Message::Connecting(None));
}

#[test]
fn a_sign_in_lets_everything_that_waited_for_it_go_on() {
    let mut world = World::told(&[tunnel("ant", &[80]), tunnel("bee", &[80])]);
    world.command(Command::Host(key("ant")));
    world.command(Command::Host(key("bee")));
    world.hosting("ant", &[80]);
    world.engine("ant", host::Event::ReloginRequired);
    world.engine_state("bee", host::State::Error(GiveUp::SignIn));
    let signs: Vec<_> = world
        .notices()
        .iter()
        .filter(|it| it.kind == NoticeKind::SignIn)
        .map(|it| it.kind)
        .collect();
    assert_eq!(signs.len(), 1, "one place asks once");
    world.command(Command::CheckAgain(relay()));
    world.ready();
    assert!(world.has(&tell("ant", host::Command::Renew)));
    assert!(world.has(&tell("bee", host::Command::Start)));
}

#[test]
fn an_engine_that_ends_by_itself_is_told() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.event(Event::Ended(key("shop")));
    assert_eq!(world.card("shop").standing.mood, Mood::Error);
}

#[test]
fn a_port_gets_its_address_when_it_is_first_hosted() {
    let mut without = tunnel("shop", &[80]);
    without.ports.iter_mut().flatten().for_each(|port| port.port_forwarding_uris = None);
    let mut world = World::told(std::slice::from_ref(&without));
    assert_eq!(world.card("shop").rows[0].instead, Some(Message::NoUrlYet));
    world.command(Command::Host(key("shop")));
    world.engine_state("shop", host::State::Hosting);
    world.engine("shop", host::Event::Ready { urls: Vec::new() });
    world.show("shop", Ok(tunnel("shop", &[80])));
    assert_eq!(world.card("shop").rows[0].urls, ["http://x-80.r.example/"]);
}

#[test]
fn a_local_server_that_restarts_is_no_news_and_one_that_stays_away_is() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    let mut preferences = world.state.preferences().clone();
    preferences.notify.local_down = true;
    world.command(Command::Prefer(Box::new(preferences)));
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    for _ in 0..5 {
        world.engine("shop", host::Event::LocalDown { port: 80, cause: "refused".into() });
        world.pass(3);
        world.engine("shop", host::Event::LocalUp { port: 80 });
    }
    assert!(world.notices().is_empty());
    world.health("shop", 80, Label::LocalDown);
    world.pass(10);
    assert_eq!(world.notices()[0].text, Message::LocalDown(80));
}

#[test]
fn quitting_stops_everything_remembers_it_and_ends_in_time() {
    let mut world = World::told(&[tunnel("ant", &[80]), tunnel("bee", &[80])]);
    world.command(Command::Host(key("ant")));
    world.command(Command::Host(key("bee")));
    world.command(Command::Delete(key("bee")));
    world.effects.clear();
    world.command(Command::Quit);
    assert!(
        world.has(&tell("ant", host::Command::Stop))
            && world.has(&tell("bee", host::Command::Stop))
    );
    assert_eq!(remembered(&world), None, "they are hosted again at the next start");
    world.event(Event::Ended(key("ant")));
    world.pass(4);
    assert!(!world.has(&Effect::Finish));
    world.pass(1);
    assert!(world.has(&Effect::Finish), "an engine that does not end is not waited for");
    let deletes = |effect: &&Effect| matches!(effect, Effect::DeleteTunnel { .. });
    assert_eq!(world.effects.iter().filter(deletes).count(), 0);
    let finishes = |effect: &&Effect| matches!(effect, Effect::Finish);
    world.event(Event::Ended(key("bee")));
    assert_eq!(world.effects.iter().filter(finishes).count(), 1);
    world.command(Command::Host(key("ant")));
    assert!(world.hosts().is_empty());
}

#[test]
fn quitting_with_nothing_hosted_ends_at_once() {
    let mut world = World::new(Kept::default());
    world.command(Command::Quit);
    assert!(world.has(&Effect::Finish));
}

#[test]
fn what_happened_is_written_now_and_then() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.hosting("shop", &[80]);
    let saves = |world: &World| {
        let is_save = |effect: &&Effect| matches!(effect, Effect::Save(Save::History(_)));
        world.effects.iter().filter(is_save).count()
    };
    world.pass(29);
    world.engine_state("shop", host::State::Reconnecting);
    assert_eq!(saves(&world), 0);
    world.pass(1);
    assert_eq!(saves(&world), 1);
    world.pass(300);
    assert_eq!(saves(&world), 1);
}

#[test]
fn what_could_not_be_renewed_is_told_after_a_minute_with_its_cause() {
    let (wait, cause) = (Duration::from_secs(60), || "no".into());
    for event in [
        host::Event::SwapFailed { wait, cause: cause() },
        host::Event::RenewalFailed { wait, cause: cause() },
    ] {
        let mut world = World::told(&[tunnel("shop", &[80])]);
        world.command(Command::Host(key("shop")));
        world.hosting("shop", &[80]);
        world.engine("shop", event);
        let told = |world: &World| {
            let conditions = world.view().conditions;
            conditions.into_iter().find(|it| it.code == condition::Code::RenewalFailed)
        };
        world.pass(59);
        assert_eq!(told(&world), None, "it is tried again meanwhile");
        world.pass(1);
        assert_eq!(told(&world).unwrap().detail, Cause::said("no"));
        assert_eq!(world.notices().last().unwrap().kind, NoticeKind::Broken);
    }
}
