//! The screens, the settings and the dialogs about a tunnel.

use adit_app::command::{Command, Draft};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_app::preferences::NewTunnels;
use adit_desktop::{
    AnyoneForm, Bars, Dialog, Nav, Port, Screen, Settings, SettingsPage, Setup, Switch, Theme,
    Tunnels, Typed,
};
use i_slint_backend_testing::AccessibleRole;
use slint::platform::Key;
use slint::{ComponentHandle as _, Model as _};

use super::{NARROW, WIDE, pictures};
use crate::common::Stage;

pictures! {
    main: Main, WIDE, |stage| stage.point(500.0, 280.0);
    port: Main, WIDE, to_port;
    port_empty: Main, WIDE, to_quiet_port;
    port_narrow: Main, NARROW, to_port;
    port_table: Main, WIDE, to_table;
    port_day: Main, WIDE, to_day;
    port_connections: Main, WIDE, to_connections;
    request: Main, WIDE, to_request;
    request_narrow: Main, NARROW, to_request;
    send_again: Main, WIDE, to_send_again;
    sign_in: SignIn, WIDE, |_| {};
    shortcuts: Main, WIDE, |stage| stage.key('?');
    report: Main, WIDE, to_report;
    loading: Loading, WIDE, |_| {};
    log: Main, WIDE, to_log;
    log_narrow: Main, NARROW, to_log;
    settings_general: Main, WIDE, |stage| to_page(stage, SettingsPage::General);
    settings_defaults: Main, WIDE, to_defaults;
    settings_notifications: Main, WIDE, |stage| to_page(stage, SettingsPage::Notifications);
    settings_network: Main, WIDE, to_network;
    settings_status: Main, WIDE, |stage| to_page(stage, SettingsPage::Status);
    settings_about: Main, WIDE, |stage| to_page(stage, SettingsPage::About);
    contrast_main: Main, WIDE, in_contrast;
    contrast_errors: Errors, WIDE, in_contrast;
    contrast_settings: Main, WIDE, to_contrast_settings;
    found_nothing: Main, WIDE, to_nothing;
    menu_of_tunnel: Main, WIDE, to_tunnel_menu;
    menu_of_port: Main, WIDE, to_port_menu;
    copied: Main, WIDE, to_copied;
    narrow: Main, NARROW, |_| {};
    narrow_row: Main, NARROW, to_narrow_row;
    narrow_open: Main, NARROW, to_far_end;
    narrow_long: Main, NARROW, to_long_name;
    empty: Empty, WIDE, |_| {};
    offline: Offline, WIDE, |_| {};
    errors: Errors, WIDE, |_| {};
    access: Main, WIDE, to_access;
    anyone: Main, WIDE, to_anyone;
    share: Main, WIDE, to_share;
    events: Main, WIDE, to_events;
    edit_tunnel: Main, WIDE, to_edit_tunnel;
    edit_port: Main, WIDE, to_edit_port;
    move_tunnel: Main, WIDE, to_move;
    first_run: FirstRun, WIDE, |_| {};
    first_run_narrow: FirstRun, NARROW, |_| {};
    first_run_relay: FirstRun, WIDE, to_relay;
    first_run_microsoft: FirstRun, WIDE, to_microsoft;
    first_run_refused: FirstRun, WIDE, to_refusal;
    first_run_code: FirstRun, WIDE, to_code;
    first_run_failed: FirstRun, WIDE, to_failure;
    first_run_port: FirstRun, WIDE, to_ports;
    first_run_done: FirstRun, WIDE, to_first_url;
    places: SignIn, WIDE, to_places;
    places_key: SignIn, WIDE, to_key;
    remove: SignIn, WIDE, to_removal;
    import: FirstRunImport, WIDE, to_import;
    allow_network: SignIn, WIDE, to_allow_network;
    forget_place: SignIn, WIDE, to_forget;
    add_relay: SignIn, WIDE, to_add_relay;
}

/// Open until a day that has to be told.
fn to_far_end(stage: &Stage) {
    to_dialog(stage, Dialog::Anyone, "phone-demo", 0);
    let form = stage.window.app().global::<AnyoneForm<'_>>();
    form.set_choice(2);
    form.invoke_changed();
    form.invoke_open();
    stage.settle();
    stage.key(Key::End);
}

/// The same with a name that takes its room; the banner has a cause of several lines.
fn to_long_name(stage: &Stage) {
    to_far_end(stage);
    stage.pass(5);
    let app = stage.window.app();
    let cards = app.global::<Tunnels<'_>>().get_cards();
    let mut card = cards.row_data(3).expect("phone-demo");
    card.name = "storefront-checkout-preview-of-ann".into();
    cards.set_row_data(3, card);
    let bars = app.global::<Bars<'_>>();
    bars.set_banner_lead("127.0.0.1:8443 cannot be reached.".into());
    bars.set_banner_text(
        "127.0.0.1:8443 refused the connection: check that the server runs and the port is right."
            .into(),
    );
}

fn to_nothing(stage: &Stage) {
    stage.key('/');
    stage.type_text("mailer");
}

fn to_tunnel_menu(stage: &Stage) {
    stage.key(Key::DownArrow);
    stage.key(Key::Menu);
}

fn to_port_menu(stage: &Stage) {
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key(Key::Menu);
}

fn to_copied(stage: &Stage) {
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    stage.key('c');
}

/// On the first row of storefront, and on what is done with it last.
fn to_narrow_row(stage: &Stage) {
    (0..4).for_each(|_| stage.key(Key::DownArrow));
    (0..2).for_each(|_| stage.key(Key::RightArrow));
}

fn to_events(stage: &Stage) {
    let key = stage.window.app().global::<Tunnels<'_>>().get_cards().row_data(1).unwrap().key;
    open(stage, Dialog::Events, &key, 0);
}

fn open(stage: &Stage, dialog: Dialog, key: &str, number: i32) {
    stage.window.open(dialog, key, number);
    stage.settle();
}

/// The first row's name, which is in the language of the picture.
fn first_port(stage: &Stage) -> String {
    let labels = stage.labels();
    labels.into_iter().find(|it| it.contains("5173") && it.contains("https")).unwrap()
}

fn to_port(stage: &Stage) {
    stage.beginning(&first_port(stage)).invoke_accessible_default_action();
    stage.settle();
}

/// A port that nobody has visited.
fn to_quiet_port(stage: &Stage) {
    let labels = stage.labels();
    let row = labels.into_iter().find(|it| it.contains("3000") && it.contains("http:")).unwrap();
    stage.beginning(&row).invoke_accessible_default_action();
    stage.settle();
}

fn to_table(stage: &Stage) {
    to_port(stage);
    let port = stage.window.app().global::<Port<'_>>();
    port.set_is_table(true);
    port.set_is_day(true);
    port.invoke_span_changed();
    stage.settle();
}

fn to_day(stage: &Stage) {
    to_port(stage);
    let port = stage.window.app().global::<Port<'_>>();
    port.set_is_day(true);
    port.invoke_span_changed();
    stage.settle();
}

fn to_connections(stage: &Stage) {
    to_port(stage);
    let port = stage.window.app().global::<Port<'_>>();
    port.set_is_connections(true);
    port.invoke_span_changed();
    stage.settle();
}

/// The one request whose body was kept.
fn hook(stage: &Stage) -> i32 {
    to_port(stage);
    let requests = stage.window.app().global::<Port<'_>>().get_requests();
    requests.iter().find(|it| it.path == "/hooks/payment").map(|it| it.id).unwrap()
}

fn to_request(stage: &Stage) {
    let id = hook(stage);
    open(stage, Dialog::ReadRequest, "", id);
}

fn to_send_again(stage: &Stage) {
    let id = hook(stage);
    open(stage, Dialog::SendAgain, "", id);
}

fn to_report(stage: &Stage) {
    let lines = (1..30).map(|n| format!("18:02:{n:02} INFO a line of the log before it stopped"));
    let head = "Adit 0.1.0 stopped working on 2026-11-23 at 18:02:41.\nthread 'engine' panicked";
    let text = format!("{head}\n\n{}", lines.collect::<Vec<_>>().join("\n"));
    stage.window.show_report(&text, || {});
    stage.settle();
}

fn to_import(stage: &Stage) {
    open(stage, Dialog::Import, "", 0);
}

fn to_allow_network(stage: &Stage) {
    to_places(stage);
    open(stage, Dialog::AllowNetwork, "here", 0);
}

fn to_forget(stage: &Stage) {
    to_places(stage);
    open(stage, Dialog::ForgetPlace, "https://cp.relay.example.com", 0);
}

fn to_add_relay(stage: &Stage) {
    to_places(stage);
    open(stage, Dialog::AddRelay, "", 0);
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

fn to_contrast_settings(stage: &Stage) {
    in_contrast(stage);
    to_network(stage);
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

/// A relay that does not know the key.
fn to_refusal(stage: &Stage) {
    let refused = Failure::new(Code::SignIn, "the relay does not know this key");
    stage.demo.change(|world| world.setup.ends.push_back(Err(refused)));
    choose(stage, '2');
    stage.type_text("relay.example.com");
    stage.key(Key::Tab);
    stage.type_text("adit_another");
    stage.key(Key::Return);
}

/// `devtunnel` is there.
fn to_command(stage: &Stage) {
    stage.demo.change(|world| world.setup.ends.push_back(Ok(None)));
    choose(stage, '3');
    stage.window.app().global::<Setup<'_>>().invoke_install();
    stage.settle();
}

fn to_failure(stage: &Stage) {
    to_command(stage);
    let failed = Failure::new(Code::SignIn, "the tenant does not allow device codes");
    stage.demo.change(|world| world.setup.ends.push_back(Err(failed)));
    stage.window.app().global::<Setup<'_>>().invoke_sign_in();
    stage.settle();
}

fn to_code(stage: &Stage) {
    to_command(stage);
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
    open(stage, Dialog::SignIn, "https://cp.relay.example.com", 0);
}

fn to_removal(stage: &Stage) {
    to_places(stage);
    open(stage, Dialog::RemoveAdit, "", 0);
}
