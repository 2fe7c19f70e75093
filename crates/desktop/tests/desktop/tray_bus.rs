//! The tray on a bus of the test's own, with a panel that comes, goes and is clicked.

use adit_app::view::{Does, Icon};
use adit_app::words::{Ages, Language};
use adit_desktop::adapter::terms::Speech;
use adit_desktop::demo::{Demo, Scene};
use adit_desktop::tray::bus::Bus;
use adit_desktop::tray::{Event, Line, Shown, Tray};
use jiff::tz::TimeZone;

use crate::bus::panel::{Panel, signal};
use crate::bus::{Private, next};

/// What the tray of a scripted world shows.
fn shown(scene: Scene) -> Shown {
    let demo = Demo::new(scene);
    let now = demo.now().wall.to_zoned_datetime(TimeZone::UTC);
    let view = demo.desk().views.borrow().clone();
    Shown::of(&view.tray, &Speech { language: Language::English, now, ages: Ages::Seconds })
}

/// The same with another menu and another tooltip.
fn stopped() -> Shown {
    let menu = vec![Line::Text("Nothing is hosted".to_owned())];
    Shown { icon: Icon::Offline, tooltip: "Nothing is hosted.".to_owned(), menu }
}

#[tokio::test]
async fn a_panel_shows_the_icon_and_the_menu_of_the_fold() {
    let private = Private::start();
    let mut panel = Panel::start(&private, true).await;
    let (_tray, mut events) = Tray::start(private.bus(), shown(Scene::Main));
    let icon = panel.icon().await;
    assert_eq!(next(&mut events).await, Event::Present(true));
    assert_eq!(icon.text("Title").await, "Adit");
    assert_eq!(icon.text("Status").await, "Active");
    let pictures = icon.pictures().await;
    assert_eq!(pictures.iter().map(|it| it.0).collect::<Vec<_>>(), [16, 22, 24, 32, 44, 48, 64]);
    for (width, height, pixels) in pictures {
        assert_eq!(pixels.len() as i32, width * height * 4);
        // Nothing in the corner, something in the middle of the arch.
        assert_eq!(pixels[0], 0);
        assert_ne!(pixels[((height / 2 * width + width / 2) * 4) as usize], 0);
    }
    let tooltip = icon.tooltip().await;
    assert!(tooltip.starts_with("2 of 5 live, 1 needs you. billing: "), "{tooltip}");
    let words = icon.menu().await.words();
    for wanted in [
        "2 of 5 live, 1 needs you",
        "storefront: live",
        "Copy URL of :5173",
        "Open :8080 in the browser",
        "Stop storefront",
        "New tunnel...",
        "Open window",
        "Stop all",
        "Quit (stops 5 tunnels)",
    ] {
        assert!(words.contains(&wanted.to_owned()), "{wanted}: {words:?}");
    }
}

#[tokio::test]
async fn what_people_choose_comes_back() {
    let private = Private::start();
    let mut panel = Panel::start(&private, true).await;
    let (_tray, mut events) = Tray::start(private.bus(), shown(Scene::Main));
    let icon = panel.icon().await;
    assert_eq!(next(&mut events).await, Event::Present(true));
    icon.click().await;
    assert_eq!(next(&mut events).await, Event::Clicked);
    icon.choose("Copy URL of :5173").await;
    match next(&mut events).await {
        Event::Chosen(Does::Copy { name, port, url }) => {
            assert_eq!((name.as_str(), port), ("storefront", 5173));
            assert!(url.starts_with("http"));
        }
        other => panic!("{other:?}"),
    }
    icon.choose("Open window").await;
    assert_eq!(next(&mut events).await, Event::Chosen(Does::OpenWindow));
    // Words do nothing, and what is not there is refused.
    let summary = icon.menu().await.find("2 of 5 live, 1 needs you").unwrap().id;
    icon.tell(summary, "clicked").await.unwrap();
    assert!(icon.tell(100_000, "clicked").await.is_err());
    icon.choose("New tunnel...").await;
    assert_eq!(next(&mut events).await, Event::Chosen(Does::NewTunnel));
}

#[tokio::test]
async fn the_menu_does_not_change_while_it_is_open() {
    let private = Private::start();
    let mut panel = Panel::start(&private, true).await;
    let (tray, mut events) = Tray::start(private.bus(), shown(Scene::Main));
    let icon = panel.icon().await;
    assert_eq!(next(&mut events).await, Event::Present(true));
    let (mut tooltips, mut menus) = (icon.new_tooltip().await, icon.new_menu().await);
    icon.tell(0, "opened").await.unwrap();
    let open = icon.menu().await.words();
    tray.show(stopped());
    // The icon tells at once; by then the menu was told too.
    signal(&mut tooltips).await;
    assert_eq!(icon.tooltip().await, "Nothing is hosted.");
    assert_eq!(icon.menu().await.words(), open);
    icon.choose("Open window").await;
    assert_eq!(next(&mut events).await, Event::Chosen(Does::OpenWindow));
    icon.tell(0, "closed").await.unwrap();
    signal(&mut menus).await;
    assert_eq!(icon.menu().await.words(), ["Nothing is hosted"]);
    // While it is closed it changes at once.
    tray.show(shown(Scene::Main));
    signal(&mut menus).await;
    assert_eq!(icon.menu().await.words(), open);
}

#[tokio::test]
async fn a_tray_is_used_when_it_appears_and_after_it_crashed() {
    let private = Private::start();
    let (tray, mut events) = Tray::start(private.bus(), shown(Scene::Main));
    assert_eq!(next(&mut events).await, Event::Present(false));
    let mut panel = Panel::start(&private, true).await;
    assert_eq!(next(&mut events).await, Event::Present(true));
    let icon = panel.icon().await;
    icon.tell(0, "opened").await.unwrap();
    panel.end().await;
    assert_eq!(next(&mut events).await, Event::Present(false));
    tray.show(stopped());
    let mut panel = Panel::start(&private, true).await;
    assert_eq!(next(&mut events).await, Event::Present(true));
    let icon = panel.icon().await;
    // Nobody has the menu open any more.
    let mut menus = icon.new_menu().await;
    if icon.menu().await.words() != ["Nothing is hosted"] {
        signal(&mut menus).await;
    }
    assert_eq!(icon.menu().await.words(), ["Nothing is hosted"]);
}

#[tokio::test]
async fn a_tray_that_nobody_draws_is_none() {
    let private = Private::start();
    let mut panel = Panel::start(&private, false).await;
    let (_tray, mut events) = Tray::start(private.bus(), shown(Scene::Main));
    panel.icon().await;
    assert_eq!(next(&mut events).await, Event::Present(false));
    panel.draw().await;
    assert_eq!(next(&mut events).await, Event::Present(true));
}

#[tokio::test]
async fn without_a_bus_there_is_no_tray() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Bus::At(format!("unix:path={}/none", folder.path().display()));
    let (_tray, mut events) = Tray::start(nowhere, shown(Scene::Main));
    assert_eq!(next(&mut events).await, Event::Present(false));
}
