//! A scripted world behind the real decisions: the application's own state, update and fold, with services and
//! engines that answer from a script. No network, no files, and a clock that is given.
//!
//! `--demo`, screenshots and tests use it; nothing else does.

mod log;
mod scene;
mod setup;
mod sheet;
mod status;
mod traffic;
mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::local::Found;
use adit_app::moment::Moment;
use adit_app::preferences::LogLevel;
use adit_app::traffic::{Detail, Rows};
use adit_app::view::View;
use tokio::sync::watch;

use crate::desk::{Commands, Desk};
use crate::system::System;

pub use scene::{Scene, start};
pub use setup::SetupScript;
pub use world::{Refuses, World};

/// A world, and who looks at it. Cheap to clone.
#[derive(Clone)]
pub struct Demo {
    world: Rc<RefCell<World>>,
    shown: watch::Sender<Arc<View>>,
    rows: watch::Sender<Arc<Rows>>,
    detail: watch::Sender<Option<Arc<Detail>>>,
    listening: watch::Sender<Found>,
    /// How often somebody looked what listens.
    looks: Rc<Cell<u32>>,
    log: log::Script,
    status: status::Script,
    system: watch::Sender<System>,
}

impl Demo {
    /// The world of a scene, at the moment of its picture.
    pub fn new(scene: Scene) -> Self {
        let mut world = World::new(scene);
        scene::play(scene, &mut world);
        let shown = watch::Sender::new(Arc::new(world.view()));
        let rows = watch::Sender::new(Arc::new(world.rows()));
        let detail = watch::Sender::new(world.detail().map(Arc::new));
        Self {
            world: Rc::new(RefCell::new(world)),
            shown,
            rows,
            detail,
            listening: watch::Sender::new(scene::listening(scene)),
            looks: Rc::default(),
            log: log::Script::new(scene),
            status: status::Script::new(),
            system: watch::Sender::default(),
        }
    }

    /// Its two ends.
    pub fn desk(&self) -> Desk {
        let world = self.world.clone();
        Desk {
            commands: Rc::new(self.clone()),
            views: self.shown.subscribe(),
            rows: self.rows.subscribe(),
            details: self.detail.subscribe(),
            listening: self.listening.subscribe(),
            // A script changes nothing by being looked at.
            look: Rc::new({
                let looks = self.looks.clone();
                move || looks.set(looks.get() + 1)
            }),
            log: self.log.desk(),
            status: self.status.desk(),
            system: self.system.subscribe(),
            clock: Rc::new(move || world.borrow().now()),
        }
    }

    /// Lets time pass, doing what becomes due on the way.
    pub fn pass(&self, span: Duration) {
        self.world.borrow_mut().pass(span);
        self.tell();
    }

    /// Does something to the world that no command does.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.borrow_mut());
        self.tell();
    }

    /// This listens on the computer now.
    pub fn listen(&self, found: Found) {
        self.listening.send_replace(found);
    }

    /// How often somebody looked what listens.
    pub fn looks(&self) -> u32 {
        self.looks.get()
    }

    /// The system says something else.
    pub fn wish(&self, system: System) {
        self.system.send_replace(system);
    }

    /// Writes a line into the log.
    pub fn log(&self, level: LogLevel, tunnel: Option<&str>, text: &str) {
        self.log.say(self.now().wall, level, tunnel, text);
    }

    /// The commands that came so far.
    pub fn asked(&self) -> Vec<Command> {
        self.world.borrow().asked().to_vec()
    }

    /// Now, in this world.
    pub fn now(&self) -> Moment {
        self.world.borrow().now()
    }

    fn tell(&self) {
        let world = self.world.borrow();
        self.rows.send_replace(Arc::new(world.rows()));
        self.detail.send_replace(world.detail().map(Arc::new));
        let view = world.view();
        self.shown.send_if_modified(|shown| {
            let is_new = **shown != view;
            if is_new {
                *shown = Arc::new(view);
            }
            is_new
        });
    }
}

impl Commands for Demo {
    fn send(&self, command: Command) -> bool {
        self.world.borrow_mut().command(command);
        self.tell();
        true
    }
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo").finish_non_exhaustive()
    }
}
