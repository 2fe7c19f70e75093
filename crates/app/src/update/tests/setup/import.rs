//! Taking over from another app.

use super::*;

fn found() -> Imported {
    let text = r#"{"auto_host": ["quiet-fox.euw"], "settings": {"dark": true}}"#;
    reference(text).unwrap()
}

#[test]
fn what_another_app_kept_is_offered_once() {
    let mut world = fresh();
    assert!(acts(&world).contains(&&Act::LookForImport));
    told(&mut world, Told::Import(Some(found())));
    assert_eq!(world.view().setup.import.unwrap().tunnels.len(), 1);
    ask(&mut world, Ask::Import(false));
    let view = world.view();
    assert!(view.setup.import.is_none() && view.preferences == Default::default());
    assert!(saved(&world).import_answered && !saved(&world).microsoft);
    let again = World::at(vec![PlaceKey::here()], Kept { setup: saved(&world), ..Kept::default() });
    assert!(!acts(&again).contains(&&Act::LookForImport));
}

#[test]
fn what_is_taken_over_is_hosted_once_somebody_is_signed_in_and_nobody_else_hosts_it() {
    for (elsewhere, hosts) in [(0, 1), (1, 0)] {
        let mut world = fresh();
        told(&mut world, Told::Import(Some(found())));
        ask(&mut world, Ask::Import(true));
        assert_eq!(world.view().preferences, found().over(&Default::default()));
        assert!(saved(&world).microsoft && world.hosts().is_empty());
        let (place, account) = (PlaceKey::microsoft(), None);
        world.event(Event::Checked { place: place.clone(), found: Preflight::Ready { account } });
        let asked = world.state.place(&place).unwrap().asked.expect("a list was asked for");
        let fox = adit_proto::contracts::Tunnel {
            cluster_id: Some("euw".to_owned()),
            ..hosted_by(elsewhere, tunnel("quiet-fox", &[80]))
        };
        world.event(Event::Listed { place, serial: asked.serial, result: Ok(vec![fox]) });
        assert_eq!(world.hosts().len(), hosts);
    }
}

#[test]
fn a_file_that_says_nothing_is_no_question() {
    let mut world = fresh();
    told(&mut world, Told::Import(reference("{}")));
    assert!(world.view().setup.import.is_none());
}
