//! The thread of the interface goes on while everything behind it hangs. Nothing here measures time: a call that waited
//! for what hangs would never come back, and the test with it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::controller::{Config, Doing, Found, Made, Services};
use adit_app::failure::Outcome;
use adit_app::moment::Moment;
use adit_app::persist::Files;
use adit_app::place_key::PlaceKey;
use adit_app::preferences::Preferences;
use adit_app::words::Language;
use adit_desktop::demo::{Demo, Scene};
use adit_desktop::desk::Desk;
use adit_desktop::window::Window;
use adit_tunnel::host::Identity;
use adit_wire::net::Connector;
use jiff::tz::TimeZone;
use slint::{ComponentHandle as _, Timer, TimerMode};

use crate::common::Stage;

/// Services that are asked and never answer.
#[derive(Debug)]
struct Silent {
    asked: mpsc::Sender<PlaceKey>,
    waiting: Arc<AtomicUsize>,
}

/// Somebody who waits for an answer.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Silent {
    async fn hang<T>(&self, place: &PlaceKey) -> T {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self.waiting.clone());
        self.asked.send(place.clone()).ok();
        std::future::pending().await
    }
}

impl Services for Silent {
    fn management<'a>(&'a self, place: &'a PlaceKey, _: Connector) -> Made<'a> {
        Box::pin(self.hang(place))
    }

    fn check<'a>(&'a self, place: &'a PlaceKey, _: Connector) -> Found<'a> {
        Box::pin(self.hang(place))
    }

    fn prefer<'a>(&'a self, _: &'a Preferences) -> Doing<'a, Outcome> {
        Box::pin(async { Ok(()) })
    }
}

/// The real controller on a thread of its own, as in the app; ends with the test's process.
fn controller(config: Config) -> Desk {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut handle = config.spawn().await;
            let ends = (handle.commands(), handle.views(), handle.rows(), handle.details());
            tell.send(ends).unwrap();
            handle.ended().await;
        });
    });
    let (commands, views, rows, details) = told.recv().unwrap();
    Desk {
        commands: Rc::new(commands),
        views,
        rows,
        details,
        clock: Rc::new(Moment::now),
        ..Demo::new(Scene::Empty).desk()
    }
}

#[test]
fn while_every_service_is_silent_each_press_and_key_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (asked, questions) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let places = vec![PlaceKey::microsoft(), PlaceKey::from("https://cp.relay.example.com")];
    let config = Config {
        places: places.clone(),
        services: Arc::new(Silent { asked, waiting: waiting.clone() }),
        files: Files::new(folder.path()),
        claims: None,
        identity: Identity::random(),
    };
    let stage = Stage::new(Scene::Empty);
    let window =
        Window::new(controller(config), stage.outside.clone(), TimeZone::UTC, Language::English)
            .unwrap();
    let stage = Stage { window, ..stage };
    stage.window.app().show().unwrap();
    stage.size(960, 680, 1.0);
    let mut silent = [questions.recv().unwrap(), questions.recv().unwrap()];
    silent.sort_unstable();
    assert_eq!(silent.to_vec(), places.iter().rev().cloned().collect::<Vec<_>>());

    let beats = Rc::new(Cell::new(0));
    let timer = Timer::default();
    let counted = beats.clone();
    timer.start(TimerMode::Repeated, Duration::from_millis(100), move || {
        counted.set(counted.get() + 1);
    });
    let mut before = 0;
    let mut goes_on = |after: &str| {
        assert!(beats.get() > before, "no beat after {after}");
        before = beats.get();
    };
    for key in ["/", "w", "e", "b", "\u{1b}", "2", "1"] {
        stage.key(key);
        goes_on(key);
    }
    // More than the application takes at once: what is too much is said and not waited for.
    for _ in 0..200 {
        stage.window.send(Command::Refresh(None));
        places.iter().for_each(|place| stage.window.send(Command::CheckAgain(place.clone())));
    }
    stage.settle();
    goes_on("six hundred commands");
    stage.window.speak(Language::Portuguese);
    stage.settle();
    goes_on("another language");
    assert!(waiting.load(Ordering::SeqCst) >= places.len(), "they hang all the while");
}
