//! The controls of every screen and dialog: each has a name, and room for a finger at the smallest size.

use adit_desktop::demo::Scene;
use adit_desktop::{Dialog, Dialogs, FirstRun, FirstStep, Nav, Screen, Settings, SettingsPage};
use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementQuery};
use slint::{ComponentHandle as _, Model as _};

use crate::common::Stage;
use crate::main_window::at_port;

/// What is wrong with the controls at the smallest size, twice as large: each needs a name, and room for a finger.
fn faults(stage: &Stage, what: &str, least: usize) -> Vec<String> {
    use AccessibleRole::{
        Button, Checkbox, Combobox, RadioButton, Slider, Spinbox, Switch, Tab, TextInput,
    };
    const CONTROLS: [AccessibleRole; 9] =
        [Button, Checkbox, Combobox, RadioButton, Slider, Spinbox, Switch, Tab, TextInput];
    stage.size(640, 440, 2.0);
    let controls = ElementQuery::from_root(stage.window.app())
        .match_predicate(|it| it.accessible_role().is_some_and(|role| CONTROLS.contains(&role)))
        .find_all();
    assert!(controls.len() >= least, "{what}");
    let fault = |control: &ElementHandle| {
        let name = control.accessible_label().unwrap_or_default();
        let size = control.size();
        let is_shown = size.width > 0.0 && size.height > 0.0;
        let is_small = size.width < 24.0 || size.height < 24.0;
        let kind = control.type_name();
        match name.is_empty() {
            true => Some(format!("{what}: {kind:?} has no name")),
            false => (is_shown && is_small).then(|| format!("{what}: `{name}` has {size:?}")),
        }
    };
    controls.iter().filter_map(fault).collect()
}

#[test]
fn controls_of_screens_have_names_and_are_large_enough_at_the_smallest_size() {
    let mut found = Vec::new();
    for scene in [
        Scene::Main,
        Scene::Errors,
        Scene::Empty,
        Scene::Offline,
        Scene::SignIn,
        Scene::FirstRun,
        Scene::FirstRunImport,
    ] {
        found.extend(faults(&Stage::new(scene), &format!("{scene:?}"), 2));
    }
    let stage = Stage::new(Scene::SignIn);
    let nav = stage.window.app().global::<Nav<'_>>();
    nav.invoke_go(Screen::Log);
    found.extend(faults(&stage, "the log", 4));
    nav.invoke_go(Screen::Settings);
    for page in [
        SettingsPage::General,
        SettingsPage::Places,
        SettingsPage::Defaults,
        SettingsPage::Notifications,
        SettingsPage::Network,
        SettingsPage::Status,
        SettingsPage::About,
    ] {
        stage.window.app().global::<Settings<'_>>().invoke_go(page);
        found.extend(faults(&stage, &format!("{page:?}"), 4));
    }
    let stage = Stage::new(Scene::FirstRun);
    for step in [FirstStep::Relay, FirstStep::Microsoft, FirstStep::Port, FirstStep::Done] {
        stage.window.app().global::<FirstRun<'_>>().set_step(step);
        found.extend(faults(&stage, &format!("{step:?}"), 0));
    }
    let stage = at_port();
    found.extend(faults(&stage, "a port", 4));
    stage.press("Table");
    found.extend(faults(&stage, "a port's table", 4));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn controls_of_dialogs_have_names_and_are_large_enough_at_the_smallest_size() {
    let mut found = Vec::new();
    for dialog in [
        Dialog::NewTunnel,
        Dialog::EditTunnel,
        Dialog::AddPort,
        Dialog::EditPort,
        Dialog::Access,
        Dialog::Anyone,
        Dialog::Share,
        Dialog::Events,
        Dialog::DeleteTunnel,
        Dialog::DeletePort,
        Dialog::SignIn,
        Dialog::TakeOver,
        Dialog::ReadRequest,
        Dialog::SendAgain,
        Dialog::MoveTunnel,
        Dialog::Quit,
        Dialog::Shortcuts,
        Dialog::Report,
        Dialog::AddRelay,
        Dialog::ForgetPlace,
        Dialog::AllowNetwork,
        Dialog::RemoveAdit,
        Dialog::Import,
    ] {
        let stage = at_port();
        let view = stage.window.view();
        let card = view.cards.iter().find(|card| card.name == "storefront").unwrap();
        let key = match dialog {
            Dialog::SignIn | Dialog::ForgetPlace => card.place.as_str().into(),
            _ => adit_desktop::adapter::terms::card_key(&card.id),
        };
        let request = || {
            let port = stage.window.app().global::<adit_desktop::Port<'_>>();
            port.get_requests().row_data(0).unwrap().id
        };
        let port = match dialog {
            Dialog::ReadRequest | Dialog::SendAgain => request(),
            _ => 5173,
        };
        stage.window.open(dialog, &key, port);
        stage.settle();
        assert_eq!(stage.window.app().global::<Dialogs<'_>>().get_current(), dialog);
        found.extend(faults(&stage, &format!("{dialog:?}"), 2));
    }
    assert!(found.is_empty(), "{found:#?}");
}
