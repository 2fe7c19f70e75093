//! Makes the pictures of docs/screenshots: `cargo run -p adit-desktop --example screenshots -- DIR [NAME]`.
//! Each screen in both themes and languages, at scale 2. NAME makes only those whose name begins so.

use std::path::Path;

use adit_app::command::{Command, Draft};
use adit_app::place_key::PlaceKey;
use adit_app::preferences::NewTunnels;
use adit_app::words::Language;
use adit_desktop::demo::Scene;
use adit_desktop::{
    Appearance, Dialog, Nav, Screen, Settings, SettingsPage, Setup, Switch, Theme, Typed,
};
use i_slint_backend_testing::AccessibleRole;
use slint::ComponentHandle as _;
use slint::platform::Key;

#[path = "../tests/desktop/common/mod.rs"]
mod common;
#[path = "screenshots/making.rs"]
mod making;

use common::Stage;

/// A screen: its name, its world, its size, and how one gets there.
struct Shot {
    name: &'static str,
    scene: Scene,
    size: (u32, u32),
    go: fn(&Stage),
}

const SHOTS: &[Shot] = &[
    Shot {
        name: "main",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| stage.point(500.0, 280.0),
    },
    Shot { name: "port", scene: Scene::Main, size: (960, 680), go: to_port },
    Shot { name: "log", scene: Scene::Main, size: (960, 680), go: to_log },
    Shot { name: "log-narrow", scene: Scene::Main, size: (640, 440), go: to_log },
    Shot {
        name: "settings-general",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| to_page(stage, SettingsPage::General),
    },
    Shot { name: "settings-defaults", scene: Scene::Main, size: (960, 680), go: to_defaults },
    Shot {
        name: "settings-notifications",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| to_page(stage, SettingsPage::Notifications),
    },
    Shot { name: "settings-network", scene: Scene::Main, size: (960, 680), go: to_network },
    Shot {
        name: "settings-status",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| to_page(stage, SettingsPage::Status),
    },
    Shot {
        name: "settings-about",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| to_page(stage, SettingsPage::About),
    },
    Shot { name: "contrast-main", scene: Scene::Main, size: (960, 680), go: in_contrast },
    Shot { name: "contrast-errors", scene: Scene::Errors, size: (960, 680), go: in_contrast },
    Shot {
        name: "contrast-settings",
        scene: Scene::Main,
        size: (960, 680),
        go: |stage| {
            in_contrast(stage);
            to_network(stage);
        },
    },
    Shot { name: "narrow", scene: Scene::Main, size: (640, 440), go: |_| {} },
    Shot { name: "empty", scene: Scene::Empty, size: (960, 680), go: |_| {} },
    Shot { name: "offline", scene: Scene::Offline, size: (960, 680), go: |_| {} },
    Shot { name: "errors", scene: Scene::Errors, size: (960, 680), go: |_| {} },
    Shot { name: "access", scene: Scene::Main, size: (960, 680), go: to_access },
    Shot { name: "anyone", scene: Scene::Main, size: (960, 680), go: to_anyone },
    Shot { name: "share", scene: Scene::Main, size: (960, 680), go: to_share },
    Shot { name: "edit-tunnel", scene: Scene::Main, size: (960, 680), go: to_edit_tunnel },
    Shot { name: "edit-port", scene: Scene::Main, size: (960, 680), go: to_edit_port },
    Shot { name: "move", scene: Scene::Main, size: (960, 680), go: to_move },
    Shot { name: "first-run", scene: Scene::FirstRun, size: (960, 680), go: |_| {} },
    Shot { name: "first-run-narrow", scene: Scene::FirstRun, size: (640, 440), go: |_| {} },
    Shot { name: "first-run-relay", scene: Scene::FirstRun, size: (960, 680), go: to_relay },
    Shot {
        name: "first-run-microsoft",
        scene: Scene::FirstRun,
        size: (960, 680),
        go: to_microsoft,
    },
    Shot { name: "first-run-code", scene: Scene::FirstRun, size: (960, 680), go: to_code },
    Shot { name: "first-run-port", scene: Scene::FirstRun, size: (960, 680), go: to_ports },
    Shot { name: "first-run-done", scene: Scene::FirstRun, size: (960, 680), go: to_first_url },
    Shot { name: "places", scene: Scene::SignIn, size: (960, 680), go: to_places },
    Shot { name: "places-key", scene: Scene::SignIn, size: (960, 680), go: to_key },
    Shot { name: "remove", scene: Scene::SignIn, size: (960, 680), go: to_removal },
    Shot { name: "sign-in", scene: Scene::SignIn, size: (960, 680), go: |_| {} },
];

/// The first row's name, which is in the language of the picture.
fn first_port(stage: &Stage) -> String {
    let labels = stage.labels();
    labels.into_iter().find(|it| it.contains("5173") && it.contains("https")).unwrap()
}

fn to_port(stage: &Stage) {
    stage.beginning(&first_port(stage)).invoke_accessible_default_action();
    stage.settle();
}

fn to_log(stage: &Stage) {
    stage.window.app().global::<Nav<'_>>().invoke_go(Screen::Log);
    stage.settle();
}

fn to_page(stage: &Stage, page: SettingsPage) {
    stage.window.app().global::<Settings<'_>>().invoke_go(page);
    stage.settle();
}

fn to_defaults(stage: &Stage) {
    to_page(stage, SettingsPage::Defaults);
    stage.window.app().global::<Settings<'_>>().invoke_switch(Switch::Anonymous, true);
    stage.settle();
}

/// With a refused value, as in the drawing.
fn to_network(stage: &Stage) {
    to_page(stage, SettingsPage::Network);
    let settings = stage.window.app().global::<Settings<'_>>();
    settings.set_health_every("2".into());
    settings.invoke_type(Typed::HealthEvery, "2".into());
    stage.settle();
}

fn in_contrast(stage: &Stage) {
    stage.window.app().global::<Theme<'_>>().set_high_contrast(true);
    stage.settle();
}

/// Opens a dialog about a tunnel.
fn to_dialog(stage: &Stage, dialog: Dialog, name: &str, port: i32) {
    let view = stage.window.view();
    let tunnel = view.cards.iter().find(|card| card.name == name).unwrap().tunnel().unwrap();
    stage.window.open(dialog, &format!("{} {}", tunnel.place, tunnel.id), port);
    stage.settle();
}

fn to_access(stage: &Stage) {
    to_dialog(stage, Dialog::Access, "storefront", 0);
}

/// A new tunnel with a database among its ports.
fn to_anyone(stage: &Stage) {
    let place = PlaceKey::from("https://cp.relay.example.com");
    let draft = Draft { name: "reports".parse().ok(), ..Draft::new(place, &NewTunnels::default()) };
    stage.window.send(Command::Create(Box::new(draft)));
    stage.settle();
    let view = stage.window.view();
    let tunnel = view.cards.iter().find(|card| card.name == "reports").unwrap().tunnel().unwrap();
    for port in ["3002", "5432"] {
        let (tunnel, port) = (tunnel.clone(), port.parse().unwrap());
        stage.window.send(Command::AddPort { tunnel, port });
    }
    stage.settle();
    to_dialog(stage, Dialog::Anyone, "reports", 0);
}

fn to_share(stage: &Stage) {
    to_dialog(stage, Dialog::Share, "storefront", 5173);
}

fn to_edit_tunnel(stage: &Stage) {
    to_dialog(stage, Dialog::EditTunnel, "storefront", 0);
}

fn to_edit_port(stage: &Stage) {
    to_dialog(stage, Dialog::EditPort, "webhooks", 4000);
    let labels = stage.all("http");
    let found = labels.iter().find(|it| it.accessible_role() == Some(AccessibleRole::RadioButton));
    found.unwrap().invoke_accessible_default_action();
    stage.settle();
}

fn to_move(stage: &Stage) {
    to_dialog(stage, Dialog::MoveTunnel, "storefront", 0);
}

/// The step that a choice leads to.
fn choose(stage: &Stage, number: char) {
    stage.key(number);
    stage.key(Key::Return);
}

fn to_relay(stage: &Stage) {
    choose(stage, '2');
    stage.type_text("relay");
}

fn to_microsoft(stage: &Stage) {
    choose(stage, '3');
}

fn to_code(stage: &Stage) {
    stage.demo.change(|world| {
        world.setup.ends.push_back(Ok(None));
    });
    choose(stage, '3');
    stage.window.app().global::<Setup<'_>>().invoke_install();
    stage.settle();
    stage.demo.change(|world| {
        let page = "https://microsoft.com/devicelogin";
        world.setup.says = vec![format!("Open the page {page} and enter the code ERX4K7QNZ.")];
    });
    stage.window.app().global::<Setup<'_>>().set_by_code(true);
    stage.window.app().global::<Setup<'_>>().invoke_sign_in();
    stage.settle();
}

fn to_ports(stage: &Stage) {
    choose(stage, '1');
}

fn to_first_url(stage: &Stage) {
    choose(stage, '1');
    stage.key(Key::Return);
}

fn to_places(stage: &Stage) {
    to_page(stage, SettingsPage::Places);
}

fn to_key(stage: &Stage) {
    to_places(stage);
    stage.window.open(Dialog::SignIn, "https://cp.relay.example.com", 0);
    stage.settle();
}

fn to_removal(stage: &Stage) {
    to_places(stage);
    stage.window.open(Dialog::RemoveAdit, "", 0);
    stage.settle();
}

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(directory) = args.next() else {
        eprintln!("usage: screenshots DIR [NAME]");
        std::process::exit(2);
    };
    let only = args.next().unwrap_or_default();
    std::fs::create_dir_all(&directory).unwrap();
    for shot in SHOTS.iter().chain(making::SHOTS).filter(|shot| shot.name.starts_with(&only)) {
        for (theme, appearance) in [("light", Appearance::Light), ("dark", Appearance::Dark)] {
            for language in Language::ALL {
                let stage = Stage::new(shot.scene);
                stage.theme(appearance);
                stage.still();
                stage.window.speak(language);
                stage.size(shot.size.0, shot.size.1, 2.0);
                (shot.go)(&stage);
                let file = format!("{}-{theme}-{}.png", shot.name, language.code());
                stage.save(&Path::new(&directory).join(file));
            }
        }
    }
}
