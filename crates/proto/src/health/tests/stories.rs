//! What happens to a tunnel over minutes and hours.

use super::*;

fn dead() -> Place {
    Place::answering(Answer::Edge("no_host".into()), false, Leg::Up)
}

#[test]
fn a_url_that_works_is_looked_at_once_an_interval_and_told_once() {
    let mut world = World::live();
    world.pass(3600 * SECOND);
    assert_eq!(world.labels(), [""; 0]);
    let looks = world.asks.len();
    assert!((60..=76).contains(&looks), "{looks} looks in an hour");
    assert_eq!(world.proofs, looks - 1, "but for the first");
    let stamp = world.health(3000).proven.expect("it was proven").0;
    let wall = Timestamp::from_second(1_000_000_000).unwrap();
    assert!(stamp.duration_since(wall).as_secs() > 3500, "the last proof is known");
}

#[test]
fn another_interval_is_in_force_at_once_either_way() {
    let every = |seconds: u32| Event::Every(Interval::new(seconds * SECOND).unwrap());
    let mut world = World::live();
    world.tell(every(600));
    world.pass(400 * SECOND);
    assert_eq!(world.asks.len(), 1, "the look that was planned has more time now");
    world.tell(every(10));
    world.pass(SECOND);
    assert_eq!(world.asks.len(), 2, "the one that is over by now is made up for");
    world.tell(every(60));
    world.pass(40 * SECOND);
    assert_eq!(world.asks.len(), 2);
    world.tell(every(60));
    world.pass(20 * SECOND);
    assert_eq!(world.asks.len(), 3, "what was said before puts nothing off");
}

#[test]
fn another_interval_puts_off_no_look_that_is_in_a_hurry() {
    let mut world = World::live();
    world.places.insert(3000, dead());
    while world.probes.last() != Some(&Probe::Down) {
        world.pass(SECOND);
    }
    world.tell(Event::Every(Interval::new(Interval::MAX).unwrap()));
    world.pass(11 * SECOND);
    assert_eq!(world.labels(), ["zombie"], "confirmed as soon as ever");
    world.tell(Event::Down(Absence::Stopped));
    let looks = world.asks.len();
    world.tell(Event::Every(Interval::new(Interval::MIN).unwrap()));
    world.pass(600 * SECOND);
    assert_eq!(world.asks.len(), looks, "without a session nothing is looked at");
}

#[test]
fn fifty_tunnels_do_not_look_in_step() {
    let seconds: BTreeSet<_> = (0..50_u64)
        .map(|seed| {
            let mut world = World::new(&[(3000, Speaks::Http)]);
            world.random = seed << 40;
            world.tell(Event::Up);
            world.pass(70 * SECOND);
            world.asks[1].1.as_secs()
        })
        .collect();
    assert!(seconds.len() >= 10, "{seconds:?}");
}

#[test]
fn a_dead_url_is_confirmed_twice_five_seconds_apart_and_then_the_policys() {
    let mut world = World::live();
    world.places.insert(3000, dead());
    world.pass(70 * SECOND);
    let story = world.story();
    let time = |line: &String| line.split_once(' ').unwrap().0.parse::<u64>().unwrap();
    let words: Vec<_> = story.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(words, ["DOWN", "DOWN", "WARN", "zombie", "DOWN"]);
    assert!(time(&story[0]) <= 61, "{story:?}");
    assert_eq!((time(&story[1]) - time(&story[0]), time(&story[4]) - time(&story[1])), (5, 5));
    let reason = world.health(3000).said();
    assert!(reason.contains("port 3000") && reason.contains("no host"), "{reason}");
}

#[test]
fn a_zombie_heals_with_its_next_session() {
    let mut world = World::live();
    world.places.insert(3000, dead());
    world.pass(75 * SECOND);
    world.story();
    // The policy has another session made, within the time that is no alarm.
    world.tell(away("the URL was dead"));
    world.places.insert(3000, Place::fine());
    world.tell(Event::Up);
    world.pass(SECOND);
    assert_eq!(world.labels(), ["operational"]);
    world.places.insert(3000, dead());
    world.pass(75 * SECOND);
    let warnings = world.story().iter().filter(|line| line.ends_with("WARN")).count();
    assert_eq!(warnings, 1, "it is another occurrence");
}

#[test]
fn a_url_that_no_session_mends_costs_ever_fewer_of_them() {
    let mut world = World::new(&[(3000, Speaks::Http)]);
    world.places.insert(3000, dead());
    let mut sessions = Vec::new();
    world.tell(Event::Up);
    for second in 0..6 * 3600_u64 {
        world.pass(SECOND);
        let downs = world.story().iter().filter(|line| line.ends_with("DOWN")).count();
        world.random ^= second;
        // The policy's own count, as in `policy.rs`.
        if downs > 0 && world.monitor.told_down() == crate::host::WATCHDOG {
            sessions.push(second);
            world.tell(away("the URL was dead"));
            world.tell(Event::Up);
        }
    }
    assert!(sessions.len() <= 12, "{sessions:?}");
    let gaps: Vec<_> = sessions.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] < 130 && gaps.last().is_some_and(|gap| *gap > 3000), "{gaps:?}");
}

#[test]
fn an_application_that_answers_502_itself_is_not_down() {
    let mut world = World::live();
    // The relay keeps connections, so that the look reaches the application.
    world.places.insert(3000, Place::answering(Answer::Status(502), true, Leg::Up));
    world.pass(600 * SECOND);
    let story = world.story();
    assert!(story.iter().all(|line| line.ends_with(" healthy")), "{story:?}");
}

#[test]
fn a_url_that_dies_with_its_session_is_no_warning() {
    let away = || away("the relay is away");
    let mut world = World::live();
    world.tell(away());
    world.pass(60 * SECOND);
    world.tell(away());
    world.pass(60 * SECOND);
    assert_eq!(world.story(), ["6 DEBUG", "6 relay_unreachable"], "once");

    let mut world = World::live();
    world.tell(Event::LocalRefused { port: 3000, refusal: nobody() });
    world.tell(away());
    world.pass(60 * SECOND);
    assert!(!world.story().iter().any(|line| line.ends_with("DEBUG")), "nothing listens either");

    let mut world = World::live();
    world.tell(Event::Down(Absence::Lacking(NoSession::AnotherHost)));
    assert_eq!(world.story(), ["1 another_host"], "it serves the URL");
}

#[test]
fn a_local_restart_every_three_seconds_changes_nothing_and_costs_no_session() {
    let mut world = World::live();
    for _ in 0..200 {
        world.places.insert(3000, Place::answering(Answer::Proven, true, refused()));
        world.tell(Event::LocalRefused { port: 3000, refusal: nobody() });
        world.pass(SECOND);
        world.places.insert(3000, Place::fine());
        world.tell(Event::LocalAccepted { port: 3000 });
        world.pass(2 * SECOND);
    }
    assert_eq!(world.labels(), [""; 0]);
}

#[test]
fn a_local_server_that_goes_is_told_after_two_seconds_and_back_when_it_is() {
    let mut world = World::live();
    world.places.insert(3000, Place::answering(Answer::Proven, true, refused()));
    world.tell(Event::LocalRefused { port: 3000, refusal: nobody() });
    world.pass(SECOND);
    assert_eq!(world.labels(), [""; 0], "it may just be restarting");
    world.pass(SECOND);
    assert_eq!(world.labels(), ["local_service_down"]);
    let reason = world.health(3000).said();
    assert!(reason.contains("localhost:3000; the tunnel is fine, start your server"), "{reason}");

    let (asks, tries) = (world.asks.len(), world.tries.len());
    world.pass(600 * SECOND);
    assert!(world.asks.len() - asks <= 13, "the way through the relay keeps its pace");
    assert!(world.tries.len() - tries >= 100, "the local port is tried every few seconds");
    assert!(!world.story().iter().any(|line| line.ends_with("DOWN")));
    world.places.insert(3000, Place::fine());
    world.pass(6 * SECOND);
    assert_eq!(world.labels(), ["operational"]);
}

#[test]
fn a_dead_port_hurries_no_other_and_is_not_forgiven_for_it() {
    let mut world = World::new(&[(3000, Speaks::Http), (3001, Speaks::Auto)]);
    world.places.insert(3001, dead());
    world.tell(Event::Up);
    world.pass(11 * SECOND);
    let of_3000 = world.asks.iter().filter(|(port, _)| *port == 3000).count();
    assert_eq!(of_3000, 1);
    let story = world.story();
    let downs = story.iter().filter(|line| line.ends_with("DOWN")).count();
    assert_eq!(downs, 3, "{story:?}");
    world.pass(600 * SECOND);
    let of_3000 = world.asks.iter().filter(|(port, _)| *port == 3000).count();
    assert!(of_3000 <= 14, "{of_3000}");
}

#[test]
fn one_hiccup_of_the_name_service_is_no_news() {
    let mut world = World::live();
    let fault = Answer::NoName("try again".into());
    world.places.insert(3000, Place::answering(fault, false, Leg::Up));
    world.tell(Event::Suspicion);
    world.pass(SECOND);
    world.places.insert(3000, Place::fine());
    world.pass(10 * SECOND);
    assert_eq!(world.labels(), [""; 0]);
}

#[test]
fn a_url_that_cannot_be_asked_stays_as_it_was() {
    let mut world = World::live();
    world.places.insert(3000, Place::answering(Answer::Unasked, false, Leg::Up));
    world.pass(120 * SECOND);
    assert_eq!(world.story(), [""; 0]);
    assert!(world.asks.len() > 2, "it is asked again");
}

#[test]
fn a_suspicion_is_looked_into_at_once() {
    let mut world = World::live();
    world.places.insert(3000, dead());
    world.tell(Event::Suspicion);
    world.pass(11 * SECOND);
    let downs = world.story().iter().filter(|line| line.ends_with("DOWN")).count();
    assert_eq!(downs, 3);
}

#[test]
fn a_drop_that_heals_at_once_is_no_news_and_a_long_one_is_told_once() {
    let mut world = World::live();
    world.tell(away("reset"));
    world.pass(4 * SECOND);
    world.tell(Event::Up);
    world.pass(SECOND);
    assert_eq!(world.labels(), [""; 0]);

    world.tell(away("reset"));
    for cause in ["refused", "timed out", "no route"] {
        world.pass(4 * SECOND);
        world.tell(away(cause));
    }
    assert_eq!(world.labels(), ["relay_unreachable"]);
    world.tell(Event::Down(Absence::Lacking(NoSession::Limited)));
    assert_eq!(world.labels(), ["limited"]);
    world.tell(Event::Up);
    world.pass(SECOND);
    assert_eq!(world.labels(), ["operational"]);
}

#[test]
fn what_is_told_late_of_an_old_look_does_no_harm() {
    let mut world = World::new(&[(3000, Speaks::Http)]);
    world.tell(Event::Up);
    let due = world.monitor.deadline().unwrap();
    let moment = Moment { now: due, ..world.moment() };
    world.monitor.handle_timeout(moment);
    let Some(Action::Ask { look, .. }) = world.monitor.poll() else { panic!("no look") };
    assert!(world.monitor.awaits(look));
    world.tell(Event::Down(Absence::Lacking(NoSession::AnotherHost)));
    assert!(!world.monitor.awaits(look));
    world.story();
    world.tell(Event::Answered { look, answer: Answer::Proven, arrived: true });
    world.tell(Event::Tried { look, leg: Leg::Up });
    assert_eq!(world.story(), [""; 0]);
}

#[test]
fn the_scheme_is_tried_when_a_server_has_come_up_and_not_with_every_look() {
    let mut world = World::live();
    assert_eq!(world.tries[0].2, Some(Speaks::Http));
    world.pass(300 * SECOND);
    assert!(world.tries[1..].iter().all(|(_, _, speaks)| speaks.is_none()));
    world.tell(Event::LocalRefused { port: 3000, refusal: nobody() });
    world.places.insert(3000, Place::answering(Answer::Proven, true, Leg::OtherScheme));
    world.pass(5 * SECOND);
    assert_eq!(world.labels(), ["local_scheme_mismatch"]);
    world.tell(Event::Ports([(3000, Speaks::Https)].into()));
    world.places.insert(3000, Place::fine());
    world.pass(5 * SECOND);
    assert_eq!(world.labels(), ["operational"]);
}

#[test]
fn ports_come_and_go() {
    let mut world = World::live();
    world.places.insert(3001, Place::fine());
    world.tell(Event::Ports([(3001, Speaks::Auto)].into()));
    world.pass(SECOND);
    assert_eq!(world.labels(), ["operational"]);
    assert!(world.monitor.health().all(|(port, _)| port == 3001));
    let asks = world.asks.len();
    world.tell(Event::Down(Absence::Stopped));
    world.pass(600 * SECOND);
    assert_eq!(world.asks.len(), asks, "what nobody wants is not looked at");
    assert_eq!(world.monitor.deadline(), None);
}
