//! The first run, and the first URL in it.

use super::*;

#[test]
fn the_first_run_comes_where_there_is_nothing_and_never_again() {
    let mut world = fresh();
    assert!(world.view().setup.first_run.is_some());
    assert!(acts(&world).contains(&&Act::LookForCommand));
    told(&mut world, Told::CommandIsThere(false));
    assert_eq!(world.view().setup.first_run.unwrap().command_is_there, Some(false));
    ask(&mut world, Ask::EndFirstRun);
    assert!(world.view().setup.first_run.is_none());
    let kept_now = Kept { setup: saved(&world), ..Kept::default() };
    let again = World::at(vec![PlaceKey::here()], kept_now);
    assert!(again.view().setup.first_run.is_none());
    // Who has something already is not asked.
    for used in
        [World::new(Kept::default()), World::at(vec![PlaceKey::here()], kept(&["shop"], &[], 0))]
    {
        assert!(used.view().setup.first_run.is_none() && saved(&used).first_run_over);
    }
}

fn here(id: &str) -> TunnelKey {
    TunnelKey { place: PlaceKey::here(), id: format!("{id}.loc1").parse().unwrap() }
}

#[test]
fn a_port_that_is_tried_out_is_hosted_now_and_after_the_next_start() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(5173) });
    let (ticket, made) = world
        .take(|effect| match effect {
            Effect::Create { ticket, tunnel, .. } => Some((*ticket, tunnel.clone())),
            _ => None,
        })
        .expect("it is made");
    assert_eq!(made.name.as_deref(), Some("port-5173"));
    assert_eq!(made.access_control.unwrap().entries.len(), 0);
    // A second click while it is made does nothing.
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(5173) });
    assert!(!world.effects.iter().any(|it| matches!(it, Effect::Create { .. })));
    world.done(ticket, Done::Created(Box::new(tunnel("abc", &[5173]))));
    assert_eq!(world.hosts(), [here("abc")]);
    assert!(world.state.remembered.iter().any(|it| it.key == here("abc")));
    let trial = world.view().setup.first_run.unwrap().trial.unwrap();
    assert_eq!((trial.tunnel, trial.port), (Some(here("abc")), Some(5173)));
}

#[test]
fn a_page_of_our_own_is_served_where_nothing_else_is() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: None });
    assert!(acts(&world).contains(&&Act::Sample(None)));
    told(&mut world, Told::Sample(Ok(40_123)));
    assert_eq!(saved(&world).sample, Some(40_123));
    let made = world.take(|effect| match effect {
        Effect::Create { tunnel, .. } => tunnel.ports.clone(),
        _ => None,
    });
    assert_eq!(made.unwrap()[0].port_number, 40_123);
}

#[test]
fn a_trial_that_fails_says_why_and_can_be_tried_again() {
    let mut world = fresh();
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: None });
    told(&mut world, Told::Sample(Err(Failure::new(Code::Listen, "no port"))));
    let trial = |world: &World| world.view().setup.first_run.unwrap().trial.unwrap();
    assert_eq!(trial(&world).failed.unwrap().detail, "no port");
    ask(&mut world, Ask::TryOut { place: PlaceKey::here(), port: Some(80) });
    let ticket = world.take(|effect| match effect {
        Effect::Create { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let failure = Failure::new(Code::Unreachable, "it is away").into();
    world.event(Event::Changed { ticket: ticket.unwrap(), result: Err(failure) });
    assert_eq!(trial(&world).failed.unwrap().detail, "it is away");
    // Told there, and not once more as a card that could not be made.
    assert!(world.view().cards.is_empty());
}

#[test]
fn the_page_of_an_earlier_run_is_served_while_a_tunnel_leads_to_it() {
    let with_sample = |ports: &[u16]| {
        let setup = Setup { sample: Some(3_000), first_run_over: true, ..Setup::default() };
        World::new(Kept { setup, ..kept(&[], &[tunnel("shop", ports)], -10) })
    };
    assert!(acts(&with_sample(&[3_000])).contains(&&Act::Sample(Some(3_000))));
    let gone = with_sample(&[80]);
    assert!(!acts(&gone).iter().any(|act| matches!(act, Act::Sample(_))));
    assert_eq!(saved(&gone).sample, None);
    // Something of the user's own is there now.
    let mut taken = with_sample(&[3_000]);
    told(&mut taken, Told::Sample(Err(Failure::new(Code::Listen, "taken"))));
    assert_eq!(saved(&taken).sample, None);
}
