//! The way out: everything is stopped, then removed.

use super::*;

#[test]
fn everything_is_stopped_before_it_is_removed_and_then_the_program_ends() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    let stays = world.view().setup.stays;
    assert_eq!((stays[0].names.join(" "), stays.len()), ("shop".to_owned(), 1));
    world.effects.clear();
    ask(&mut world, Ask::Remove);
    assert_eq!(begun(&world).1, Errand::MayRemove);
    assert!(world.card("shop").toggle.on, "it is hosted until that is known");
    end(&mut world, Ok(None));
    world.event(Event::Ended(key("shop")));
    assert_eq!(begun(&world).1, Errand::Remove);
    assert_eq!(deadline(&world.state, world.now.at), None);
    end(&mut world, Ok(None));
    let saves_history = |it: &Effect| matches!(it, Effect::Save(Save::History(_)));
    assert!(world.has(&Effect::Finish) && !world.effects.iter().any(saves_history));
}

#[test]
fn a_removal_that_is_not_possible_touches_nothing() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    world.state.preferences.general.start_at_login = true;
    ask(&mut world, Ask::Remove);
    end(&mut world, Err(Failure::new(Code::AlreadyRunning, "`adit up` hosts")));
    assert_eq!(errand(&world).failed.unwrap().detail, "`adit up` hosts");
    assert!(world.card("shop").toggle.on && world.view().preferences.general.start_at_login);
    assert!(!world.view().is_quitting);
}

#[test]
fn a_removal_is_called_off_as_long_as_nothing_was_touched() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.command(Command::Host(key("shop")));
    ask(&mut world, Ask::Remove);
    let serial = begun(&world).0;
    assert!(errand(&world).can_be_cancelled);
    ask(&mut world, Ask::Cancel);
    world.event(Event::Setup(Told::Ended { serial, result: Ok(None) }));
    assert!(world.view().setup.errand.is_none() && !world.view().is_quitting);
    assert!(world.card("shop").toggle.on);
}

#[test]
fn who_quits_while_a_removal_is_only_being_found_out_keeps_everything() {
    let mut world = World::told(&[tunnel("shop", &[80])]);
    world.state.preferences.general.start_at_login = true;
    ask(&mut world, Ask::Remove);
    let serial = begun(&world).0;
    world.command(Command::Quit);
    world.event(Event::Setup(Told::Ended { serial, result: Ok(None) }));
    assert!(world.has(&Effect::Finish) && !world.view().setup.is_removed);
    assert!(world.view().preferences.general.start_at_login);
}

#[test]
fn a_removal_that_fails_says_what_is_left_and_goes_on() {
    let mut world = fresh();
    world.state.preferences.general.start_at_login = true;
    ask(&mut world, Ask::Remove);
    end(&mut world, Ok(None));
    assert!(!world.view().preferences.general.start_at_login);
    end(&mut world, Err(Failure::new(Code::AlreadyRunning, "`adit up` hosts")));
    assert!(!world.has(&Effect::Finish) && !world.view().is_quitting);
    assert_eq!(errand(&world).failed.unwrap().detail, "`adit up` hosts");
    assert!(!world.view().setup.is_removed);
    ask(&mut world, Ask::Remove);
    end(&mut world, Ok(None));
    end(&mut world, Ok(None));
    assert!(world.has(&Effect::Finish) && world.view().setup.is_removed);
}

#[test]
fn after_a_removal_that_failed_nothing_hosts_by_itself() {
    // What was hosted before waits for the first list.
    let mut world = World::new(kept(&["shop"], &[], 0));
    ask(&mut world, Ask::Remove);
    end(&mut world, Ok(None));
    end(&mut world, Err(Failure::new(Code::AlreadyRunning, "`adit up` hosts")));
    world.ready();
    world.list(&[tunnel("shop", &[80])]);
    world.pass(60);
    assert!(!world.state.hosted.contains_key(&key("shop")));
}
