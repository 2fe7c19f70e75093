//! Every situation has its one label, and the policy hears what concerns it.

use super::*;

/// What is finally told of a port in this situation, and the last word to the policy.
fn outcome(speaks: Speaks, place: Place) -> (Label, Option<Proof>, Option<String>, String) {
    let mut world = World::new(&[(3000, speaks)]);
    world.places.insert(3000, place);
    world.tell(Event::Up);
    world.pass(11 * SECOND);
    let story = world.story();
    let said = ["healthy", "service down", "DOWN"];
    let word = |line: &String| line.split_once(' ').map(|(_, word)| word.to_owned());
    let policy = story.iter().filter_map(word).rfind(|word| said.contains(&word.as_str()));
    let health = world.health(3000);
    (health.label, health.proven.map(|(_, proof)| proof), policy, health.said())
}

#[test]
fn what_a_look_shows_becomes_a_label_and_a_word_to_the_policy() {
    use Label::*;
    let edge = |code: &str| Answer::Edge(code.into());
    let (strong, weak, none) = (Some(Proof::Strong), Some(Proof::Weak), None::<Proof>);
    let (healthy, service, down, nothing) =
        (Some("healthy"), Some("service down"), Some("DOWN"), None);
    let token = Answer::Denied(Denial::Refused("no token for you".into()));
    let rows = [
        (Answer::Proven, true, Leg::Up, Operational, strong, healthy),
        (Answer::Proven, true, refused(), LocalDown, strong, service),
        (Answer::Proven, true, Leg::OtherScheme, LocalScheme, strong, service),
        // The application's own answers, were they errors.
        (Answer::Status(404), true, Leg::Up, Operational, weak, healthy),
        (Answer::Status(502), true, Leg::Up, Operational, weak, healthy),
        (Answer::Status(429), true, Leg::Up, Operational, weak, healthy),
        // A gateway that cannot speak with the server.
        (Answer::Status(502), true, Leg::OtherScheme, LocalScheme, weak, service),
        (Answer::Status(502), false, refused(), LocalDown, none, service),
        (edge("refused"), false, refused(), LocalDown, none, service),
        (edge("no_tls"), true, Leg::OtherScheme, LocalScheme, none, service),
        (edge("not_http"), true, Leg::Up, LocalDown, none, service),
        (edge("timeout"), true, Leg::Up, LocalDown, none, service),
        (Answer::Silent, true, Leg::Up, LocalDown, none, service),
        // An answer that did not come through here.
        (Answer::Status(502), false, Leg::Up, Zombie, none, down),
        (Answer::Status(404), false, Leg::Up, Zombie, none, down),
        (Answer::Status(200), false, Leg::Up, Zombie, none, down),
        (edge("no_host"), false, refused(), Zombie, none, down),
        (edge("host_away"), false, Leg::Up, Zombie, none, down),
        (edge("not_shared"), false, Leg::Up, Zombie, none, down),
        (Answer::Silent, false, Leg::Up, Zombie, none, down),
        (Answer::Unreachable("no route".into()), false, Leg::Up, Zombie, none, down),
        // Nobody's fault that another session would mend.
        (Answer::Status(429), false, Leg::Up, Limited, none, nothing),
        (Answer::Limited, false, Leg::Up, Limited, none, nothing),
        (edge("busy"), false, Leg::Up, Limited, none, nothing),
        (Answer::Status(401), false, Leg::Up, AccessRefused, none, nothing),
        (edge("forbidden"), false, Leg::Up, AccessRefused, none, nothing),
        (token, false, Leg::Up, AccessRefused, none, nothing),
        (Answer::Denied(Denial::SignIn), false, Leg::Up, SignIn, none, nothing),
        (edge("no_tunnel"), false, Leg::Up, UnknownTunnel, none, nothing),
        (edge("no_port"), false, Leg::Up, UnknownTunnel, none, nothing),
        (Answer::NoName("no such host".into()), false, Leg::Up, DnsOrTls, none, nothing),
        (Answer::Untrusted("it has expired".into()), false, Leg::Up, DnsOrTls, none, nothing),
    ];
    for (answer, arrived, leg, label, proof, policy) in rows {
        let situation = format!("{answer:?}, arrived: {arrived}, {leg:?}");
        let told = outcome(Speaks::Http, Place::answering(answer, arrived, leg));
        assert_eq!((told.0, told.1, told.2.as_deref()), (label, proof, policy), "{situation}");
        let names_it = told.3.contains("3000") || label == UnknownTunnel;
        assert_eq!(told.3.is_empty(), label == Operational, "{situation}");
        assert!(names_it || label == Operational, "{situation}: {}", told.3);
    }
}

#[test]
fn what_keeps_a_session_away_becomes_a_label_too() {
    let rows = [
        (NoSession::Away(Some(Failure::Transient("no route".into()))), Label::RelayUnreachable),
        (NoSession::GivenUp("bad request".into()), Label::RelayUnreachable),
        (NoSession::Limited, Label::Limited),
        (NoSession::AnotherHost, Label::AnotherHost),
        (NoSession::SignIn, Label::SignIn),
        (NoSession::Refused("not yours".into()), Label::AccessRefused),
        (NoSession::UnknownTunnel, Label::UnknownTunnel),
    ];
    for (why, label) in rows {
        let mut world = World::live();
        world.tell(Event::Down(Absence::Lacking(why.clone())));
        world.pass(6 * SECOND);
        assert_eq!(world.labels(), [label.as_str()], "{why:?}");
        let health = world.health(3000);
        assert!(health.said().contains("port 3000"), "{}", health.said());
        assert!(health.proven.is_some(), "when it last worked stays known");
    }
}

#[test]
fn a_port_that_the_relay_does_not_serve_is_told_and_left_alone() {
    let mut world = World::new(&[(3000, Speaks::Http), (3001, Speaks::Http)]);
    world.tell(Event::Up);
    world.tell(Event::PortRefused { port: 3001, cause: "the token may not host it".into() });
    world.pass(300 * SECOND);
    assert_eq!(world.health(3001).label, Label::AccessRefused);
    assert!(world.asks.iter().all(|(port, _)| *port == 3000));
    assert!(!world.story().iter().any(|line| line.ends_with("DOWN")));
    world.tell(Event::PortServed { port: 3001 });
    world.pass(SECOND);
    assert_eq!(world.health(3001).label, Label::Operational, "its answer was late");
}

#[test]
fn an_https_port_is_proven_by_what_its_server_answers() {
    let (label, proof, policy, _) = outcome(Speaks::Https, Place::fine());
    assert_eq!((label, proof), (Label::Operational, Some(Proof::Weak)));
    assert_eq!(policy.as_deref(), Some("healthy"));
}
