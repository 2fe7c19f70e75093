//! A window with its tray and notifications, on a bus of the test's own.

use std::rc::Rc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::effect::{Notice, NoticeKind};
use adit_app::face::{Face, PATIENCE};
use adit_app::message::{Message, Offer};
use adit_app::view::Does;
use adit_desktop::around::{Around, Memory, Saver};
use adit_desktop::demo::Scene;
use adit_desktop::notify::{Answer, Notifier};
use adit_desktop::tray::{Event, Shown, Tray};
use adit_desktop::{Bars, Dialog, Dialogs, Nav, Screen, Tunnels};
use slint::ComponentHandle as _;
use slint::platform::{Key, WindowEvent};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::bus::notifications::Server;
use crate::bus::panel::{self, Icon, Panel};
use crate::bus::{Private, next};
use crate::common::Stage;

/// A desktop with a window.
struct Desk {
    stage: Stage,
    around: Rc<Around>,
    events: mpsc::Receiver<Event>,
    answers: mpsc::Receiver<Answer>,
    server: Server,
    _notifier: Notifier,
    _saver: Saver,
    private: Private,
    // Last, so that everything else ends in it.
    runtime: Runtime,
}

impl Desk {
    fn new() -> Self {
        Self::with_server(None)
    }

    /// Notifications are shown on that bus, which may be another one: then nobody sees them.
    fn with_server(elsewhere: Option<&Private>) -> Self {
        Self::of(Scene::Main, elsewhere)
    }

    fn of(scene: Scene, elsewhere: Option<&Private>) -> Self {
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let private = Private::start();
        let server = runtime.block_on(Server::start(elsewhere.unwrap_or(&private), &["actions"]));
        let stage = Stage::new(scene);
        let view = stage.window.view();
        let shown = Shown::of(&view.tray, &stage.window.speech());
        let (tray, events) = Tray::start(private.bus(), shown);
        let (notifier, answers) = Notifier::start(private.bus());
        let (memory, saver) = Memory::start(Face::default(), None);
        let around = Around::new(stage.window.clone(), tray, notifier.notes(), memory);
        drop(inside);
        Self {
            stage,
            around,
            events,
            answers,
            server,
            _notifier: notifier,
            _saver: saver,
            private,
            runtime,
        }
    }

    /// The next that the tray tells is done.
    fn turn(&mut self) -> Event {
        let event = self.runtime.block_on(next(&mut self.events));
        self.around.happened(event.clone());
        self.stage.settle();
        event
    }

    /// The next that a notification tells is done.
    fn hear(&mut self) {
        let answer = self.runtime.block_on(next(&mut self.answers));
        self.around.answered(answer);
        self.stage.settle();
    }

    /// A panel, and the icon in it.
    fn panel(&mut self) -> (Panel, Icon) {
        let mut panel = self.runtime.block_on(Panel::start(&self.private, true));
        let icon = self.runtime.block_on(panel.icon());
        while self.turn() != Event::Present(true) {}
        (panel, icon)
    }

    fn choose(&mut self, icon: &Icon, words: &str) {
        self.runtime.block_on(icon.choose(words));
        while !matches!(self.turn(), Event::Chosen(_)) {}
    }

    /// Somebody closes the window.
    fn close(&self) {
        self.stage.window.app().window().dispatch_event(WindowEvent::CloseRequested);
        self.stage.settle();
    }

    fn is_visible(&self) -> bool {
        self.stage.window.app().window().is_visible()
    }

    fn toast(&self) -> String {
        self.stage.window.app().global::<Bars<'_>>().get_toast().into()
    }

    fn dialog(&self) -> Dialog {
        self.stage.window.app().global::<Dialogs<'_>>().get_current()
    }
}

#[test]
fn a_url_is_copied_from_the_tray_and_that_is_said_where_it_is_seen() {
    let mut desk = Desk::new();
    let (_panel, icon) = desk.panel();
    desk.choose(&icon, "Copy URL of :5173");
    assert_eq!(desk.toast(), "URL of storefront :5173 copied");
    let copied = desk.stage.outside.copied.borrow().clone();
    assert_eq!(copied.len(), 1);
    assert!(copied[0].contains("5173"), "{copied:?}");
    desk.close();
    assert!(!desk.is_visible());
    let stays = desk.runtime.block_on(desk.server.shown());
    assert_eq!(stays.title, "Adit keeps running in the tray");
    desk.choose(&icon, "Copy URL of :8080");
    let shown = desk.runtime.block_on(desk.server.shown());
    assert_eq!(shown.title, "URL of storefront :8080 copied");
    desk.choose(&icon, "Open :8080 in the browser");
    assert_eq!(desk.stage.outside.opened.borrow().len(), 1);
}

#[test]
fn a_tunnel_is_stopped_and_started_from_the_tray() {
    let mut desk = Desk::new();
    let (_panel, icon) = desk.panel();
    let mut menus = desk.runtime.block_on(icon.new_menu());
    desk.choose(&icon, "Stop storefront");
    assert!(matches!(desk.stage.demo.asked().last(), Some(Command::Stop(_))));
    desk.runtime.block_on(panel::signal(&mut menus));
    let words = desk.runtime.block_on(icon.menu()).words();
    assert!(words.contains(&"storefront: stopped".to_owned()), "{words:?}");
    desk.choose(&icon, "Start storefront");
    assert!(matches!(desk.stage.demo.asked().last(), Some(Command::Host(_))));
    desk.choose(&icon, "Stop all");
    assert_eq!(desk.stage.demo.asked().last(), Some(&Command::StopAll));
}

#[test]
fn closing_leaves_it_in_the_tray_and_says_so_once() {
    let mut desk = Desk::new();
    let (_panel, icon) = desk.panel();
    desk.close();
    assert!(!desk.is_visible());
    let shown = desk.runtime.block_on(desk.server.shown());
    assert_eq!(shown.title, "Adit keeps running in the tray");
    assert!(!desk.around.last().said_it_stays, "it is not known yet that it is shown");
    desk.hear();
    assert!(desk.around.last().said_it_stays);
    desk.runtime.block_on(icon.click());
    assert_eq!(desk.turn(), Event::Clicked);
    assert!(desk.is_visible());
    desk.close();
    assert!(!desk.is_visible());
    desk.choose(&icon, "New tunnel...");
    assert!(desk.is_visible());
    assert_eq!(desk.dialog(), Dialog::NewTunnel);
    // Had it been said again, it would be the next.
    desk.close();
    desk.choose(&icon, "Copy URL of :5173");
    let shown = desk.runtime.block_on(desk.server.shown());
    assert_eq!(shown.title, "URL of storefront :5173 copied");
}

#[test]
fn where_no_notification_is_shown_the_window_says_that_it_stayed() {
    let elsewhere = Private::start();
    let mut desk = Desk::with_server(Some(&elsewhere));
    let (_panel, icon) = desk.panel();
    desk.close();
    assert!(!desk.is_visible() && !desk.around.last().said_it_stays);
    desk.runtime.block_on(icon.click());
    assert_eq!(desk.turn(), Event::Clicked);
    assert!(desk.is_visible() && desk.around.last().said_it_stays);
    let said = "Adit kept running in the tray. Quit from its menu, or with Ctrl Q.";
    assert_eq!(desk.toast(), said);
    desk.stage.wait(Duration::from_secs(8));
    assert_eq!(desk.toast(), said, "there is time to read it");
    desk.stage.wait(Duration::from_secs(3));
    assert_eq!(desk.toast(), "");
    desk.close();
    desk.around.raise();
    assert_eq!(desk.toast(), "", "it was said");
}

#[test]
fn where_no_notification_is_shown_the_window_says_that_there_is_no_tray() {
    let elsewhere = Private::start();
    let mut desk = Desk::with_server(Some(&elsewhere));
    assert_eq!(desk.turn(), Event::Present(false));
    desk.stage.wait(PATIENCE);
    assert!(!desk.around.last().said_no_tray);
    desk.stage.wait(Duration::from_secs(5));
    let said = "Closing the window quits Adit. If a tray appears, its icon is used.";
    assert_eq!(desk.toast(), said);
    assert!(desk.around.last().said_no_tray);
}

#[test]
fn without_a_tray_that_is_said_once_the_window_comes_up_and_closing_quits() {
    let mut desk = Desk::new();
    assert_eq!(desk.turn(), Event::Present(false));
    // As after `--minimised`.
    desk.stage.window.app().hide().unwrap();
    desk.stage.wait(PATIENCE - Duration::from_secs(1));
    assert!(!desk.is_visible(), "a panel may be late");
    desk.stage.wait(Duration::from_secs(1));
    assert!(desk.is_visible());
    let shown = desk.runtime.block_on(desk.server.shown());
    assert_eq!(shown.title, "This desktop shows no tray");
    let (panel, _icon) = desk.panel();
    desk.close();
    assert!(!desk.is_visible(), "a tray that appears is used");
    desk.runtime.block_on(panel.end());
    assert_eq!(desk.turn(), Event::Present(false));
    desk.stage.wait(PATIENCE);
    assert!(desk.is_visible(), "nobody could find it any more");
    desk.close();
    desk.stage.settle();
    let asks = desk.dialog() == Dialog::Quit;
    assert!(asks || desk.stage.demo.asked().contains(&Command::Quit));
    assert!(desk.is_visible() || !asks);
}

#[test]
fn what_a_notification_offers_is_done() {
    let mut desk = Desk::new();
    let view = desk.stage.window.view();
    let card = view.cards.iter().find(|it| it.name == "billing").unwrap();
    let tunnel = card.tunnel().unwrap().clone();
    let notice = Notice {
        kind: NoticeKind::Broken,
        about: adit_app::condition::Subject::Tunnel(tunnel.clone()),
        name: Some("billing".to_owned()),
        text: Message::Refused,
        offer: Some(Offer::TryNow),
    };
    desk.around.noticed(notice.clone());
    let shown = desk.runtime.block_on(desk.server.shown());
    assert_eq!(shown.title, "billing: the service refuses this tunnel");
    desk.runtime.block_on(desk.server.press(shown.id, "act"));
    let answer = desk.runtime.block_on(next(&mut desk.answers));
    assert_eq!(answer, Answer::Act(notice));
    desk.around.answered(answer);
    assert_eq!(desk.stage.demo.asked().last(), Some(&Command::TryNow(tunnel.clone())));
    let other = Notice { offer: Some(Offer::TakeOver), ..shown_notice(&tunnel) };
    desk.around.answered(Answer::Act(other));
    assert_eq!(desk.dialog(), Dialog::TakeOver);
}

#[test]
fn what_was_offered_before_another_computer_took_the_tunnel_asks_first() {
    let mut desk = Desk::of(Scene::Errors, None);
    let (_panel, _icon) = desk.panel();
    let view = desk.stage.window.view();
    let taken = view.cards.iter().find(|it| it.is_taken()).unwrap();
    let tunnel = taken.tunnel().unwrap().clone();
    let notice = Notice { offer: Some(Offer::Start), ..shown_notice(&tunnel) };
    let start = Does::Command(Box::new(Command::Host(tunnel)));
    desk.close();
    assert!(!desk.is_visible());
    let before = desk.stage.demo.asked().len();
    desk.around.answered(Answer::Act(notice));
    assert!(desk.is_visible() && desk.dialog() == Dialog::TakeOver);
    desk.stage.key(Key::Escape);
    assert_eq!(desk.dialog(), Dialog::None);
    desk.around.happened(Event::Chosen(start));
    assert_eq!(desk.dialog(), Dialog::TakeOver);
    let since = &desk.stage.demo.asked()[before..];
    assert!(!since.iter().any(|it| matches!(it, Command::Host(_))), "{since:?}");
}

#[test]
fn a_notification_leads_to_the_card_it_is_about() {
    let desk = Desk::of(Scene::Many, None);
    let stage = &desk.stage;
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    let nav = stage.window.app().global::<Nav<'_>>();
    // Near the start and the end, and far from both; from the list, from elsewhere, and while others are shown.
    for (at, from, search) in [
        (500, Screen::Tunnels, ""),
        (3, Screen::Settings, ""),
        (997, Screen::Log, "nothing is called so"),
        (640, Screen::Settings, ""),
    ] {
        nav.invoke_go(from);
        tunnels.set_search(search.into());
        stage.settle();
        let card = stage.window.view().cards[at].clone();
        desk.around.answered(Answer::Show(shown_notice(card.tunnel().unwrap())));
        // Some frames: the list is looked through as it is made.
        (0..12).for_each(|_| stage.wait(Duration::from_millis(20)));
        assert_eq!(nav.get_screen(), Screen::Tunnels);
        assert_eq!((tunnels.get_card(), tunnels.get_row()), (at as i32, -1));
        let header = stage.beginning(&format!("{}, ", card.name));
        let y = header.absolute_position().y;
        assert!((52.0..=611.0).contains(&y), "{} is at {y}", card.name);
        // The keyboard is on it.
        stage.key(Key::F2);
        assert_eq!(desk.dialog(), Dialog::EditTunnel);
        stage.key(Key::Escape);
    }
}

fn shown_notice(tunnel: &adit_app::tunnel_key::TunnelKey) -> Notice {
    Notice {
        kind: NoticeKind::TakenOver,
        about: adit_app::condition::Subject::Tunnel(tunnel.clone()),
        name: Some("billing".to_owned()),
        text: Message::AnotherHost,
        offer: None,
    }
}

/// A list that fits moves nothing out of sight, and a dialog keeps the keyboard until it is closed.
#[test]
fn a_short_list_stays_where_it_is_and_a_dialog_is_not_left_behind() {
    let desk = Desk::of(Scene::Main, None);
    let stage = &desk.stage;
    stage.size(960, 1_000, 1.0);
    let first = stage.window.view().cards[0].name.clone();
    let top = || stage.beginning(&format!("{first}, ")).absolute_position().y;
    let before = top();
    let last = stage.window.view().cards[4].clone();
    stage.key('n');
    assert_eq!(desk.dialog(), Dialog::NewTunnel);
    desk.around.answered(Answer::Show(shown_notice(last.tunnel().unwrap())));
    let frames = || (0..12).for_each(|_| stage.wait(Duration::from_millis(20)));
    frames();
    stage.key(Key::Escape);
    assert_eq!(desk.dialog(), Dialog::None, "the keyboard was there still");
    frames();
    let tunnels = stage.window.app().global::<Tunnels<'_>>();
    assert_eq!((tunnels.get_card(), top()), (4, before));
}
