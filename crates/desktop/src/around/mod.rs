//! What stands around a window: the tray, notifications, and what is remembered of it.
//!
//! Lives on the thread of the interface, as the window does. What is decided about it is in [`adit_app::face`].

mod memory;
mod place;
mod start;
mod system;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::condition::Subject;
use adit_app::effect::Notice;
use adit_app::face::{Close, PATIENCE, Saying};
use adit_app::message::Offer;
use adit_app::view::{CardId, Does};
use slint::{ComponentHandle as _, SharedString, Timer, TimerMode};
use tokio::sync::mpsc;

use crate::adapter::terms;
use crate::notify::{Answer, Note, Notes};
use crate::tray::{Event, Shown, Tray};
use crate::ui;
use crate::window::Window;

pub use memory::{Memory, Saver};
pub use start::{Outer, Placed, start};

/// So soon a notification is shown, or it is not: it may have to start its server.
const HEARING: Duration = Duration::from_secs(5);

/// What stands around a window.
pub struct Around {
    window: Rc<Window>,
    tray: Tray,
    notes: Notes,
    memory: Memory,
    has_tray: Cell<bool>,
    /// Runs while there is no tray, until that counts.
    patience: Timer,
    /// What was to be said, until somebody can see it: a desktop may show no notifications.
    unsaid: RefCell<Vec<Saying>>,
    /// Runs while a notification may still be shown.
    hearing: Timer,
}

/// Where news for a window comes from.
#[derive(Debug)]
pub struct News {
    /// What people do in the tray.
    pub tray: mpsc::Receiver<Event>,
    /// What they answer to notifications.
    pub answers: mpsc::Receiver<Answer>,
    /// What is to be told outside the window.
    pub notices: mpsc::Receiver<Notice>,
    /// Somebody wants to see the window, as who starts the application once more.
    pub raised: mpsc::Receiver<()>,
}

impl Around {
    /// Puts all of it around a window, which is not shown yet.
    pub fn new(window: Rc<Window>, tray: Tray, notes: Notes, memory: Memory) -> Rc<Self> {
        let around = Rc::new(Self {
            window,
            tray,
            notes,
            memory,
            has_tray: Cell::new(false),
            patience: Timer::default(),
            unsaid: RefCell::default(),
            hearing: Timer::default(),
        });
        let weak = Rc::downgrade(&around);
        around.window.on_close(move |_| {
            if let Some(around) = weak.upgrade() {
                around.close();
            }
        });
        let weak = Rc::downgrade(&around);
        around.window.on_draw(move |view, speech| {
            if let Some(around) = weak.upgrade() {
                around.tray.show(Shown::of(&view.tray, speech));
            }
        });
        around.come_back();
        around.listen_system();
        around.wait();
        around
    }

    /// Does what is asked until everything ends: for [`slint::spawn_local`].
    pub async fn follow(self: Rc<Self>, mut news: News) {
        loop {
            tokio::select! {
                Some(event) = news.tray.recv() => self.happened(event),
                Some(answer) = news.answers.recv() => self.answered(answer),
                Some(notice) = news.notices.recv() => self.noticed(notice),
                Some(()) = news.raised.recv() => self.raise(),
                else => return,
            }
        }
    }

    /// Something about the tray.
    pub fn happened(self: &Rc<Self>, event: Event) {
        match event {
            Event::Present(true) => {
                self.has_tray.set(true);
                self.window.app().global::<ui::FirstRun>().set_has_tray(true);
                self.patience.stop();
                self.unsaid.borrow_mut().retain(|what| *what != Saying::NoTray);
            }
            Event::Present(false) => {
                if self.has_tray.replace(false) {
                    self.wait();
                }
            }
            Event::Clicked => self.raise(),
            Event::Chosen(does) => self.does(does),
        }
    }

    /// Somebody answered a notification.
    pub fn answered(&self, answer: Answer) {
        match answer {
            Answer::Show(notice) => {
                self.raise();
                self.go_to(&notice.about);
            }
            Answer::Act(notice) => self.act(&notice),
            Answer::Said(what) => self.said(what),
        }
    }

    /// Something for a person who does not look at the window.
    pub fn noticed(&self, notice: Notice) {
        self.notes.show(Note::of(notice, &self.window.speech()));
    }

    /// Shows the window where it was.
    pub fn raise(&self) {
        if !self.window.app().window().is_visible() {
            self.come_back();
        }
        self.window.raise();
        self.say_here();
    }

    /// What there is to remember at the end.
    pub fn last(&self) -> adit_app::face::Face {
        self.remember_place();
        self.memory.face()
    }

    /// A tray may be late. One that stays away is said once, and a window that nobody could find comes up.
    fn wait(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.patience.start(TimerMode::SingleShot, PATIENCE, move || {
            if let Some(around) = weak.upgrade() {
                around.does_without();
            }
        });
    }

    fn does_without(self: &Rc<Self>) {
        self.window.app().global::<ui::FirstRun>().set_has_tray(false);
        if !self.window.app().window().is_visible() {
            self.raise();
        }
        if self.memory.face().misses_tray() {
            let strings = self.window.app().global::<ui::Strings>();
            let (title, body) = (strings.invoke_no_tray(), strings.invoke_no_tray_more());
            self.tell(Saying::NoTray, title, body);
            // The window is there, so that it is said in it when no notification comes.
            let weak = Rc::downgrade(self);
            self.hearing.start(TimerMode::SingleShot, HEARING, move || {
                if let Some(around) = weak.upgrade().filter(|it| it.window.is_seen()) {
                    around.say_here();
                }
            });
        }
    }

    fn close(&self) {
        self.remember_place();
        let has_tray = self.has_tray.get();
        match self.memory.face().close(has_tray) {
            Close::Hide { say } => {
                self.window.hide();
                if say {
                    let strings = self.window.app().global::<ui::Strings>();
                    self.tell(Saying::Stays, strings.invoke_stays(), strings.invoke_stays_more());
                }
            }
            Close::Quit => self.window.quit(),
        }
    }

    fn does(self: &Rc<Self>, does: Does) {
        match does {
            Does::Command(command) => self.window.do_late(*command, || self.raise()),
            Does::Copy { url, name, port } => self.copy(&url, name, port),
            Does::Open(url) => {
                let around = Rc::downgrade(self);
                self.window.open_url(&url, move |window, is_open| {
                    if let Some(around) = around.upgrade().filter(|_| !is_open) {
                        let strings = window.app().global::<ui::Strings>();
                        around.confirm(strings.invoke_not_opened());
                    }
                });
            }
            Does::OpenWindow => self.raise(),
            Does::NewTunnel => {
                self.raise();
                self.window.open(ui::Dialog::NewTunnel, "", 0);
            }
            Does::SignIn(place) => {
                self.raise();
                self.window.open(ui::Dialog::SignIn, place.as_str(), 0);
            }
        }
    }

    /// Does what a notice offers, or opens the window where more is asked first.
    fn act(&self, notice: &Notice) {
        let Some(offer) = &notice.offer else { return };
        let key = notice.about.tunnel().map(|it| terms::card_key(&CardId::Tunnel(it.clone())));
        let key = key.unwrap_or_default();
        let open = |dialog, key: &str| {
            self.raise();
            self.window.open(dialog, key, 0);
        };
        match offer {
            Offer::SignIn(place) | Offer::GetCommand(place) => {
                open(ui::Dialog::SignIn, place.as_str());
            }
            Offer::AddPort => open(ui::Dialog::AddPort, &key),
            Offer::TakeOver => open(ui::Dialog::TakeOver, &key),
            Offer::CopyUrl(url) => {
                let port = match notice.about {
                    Subject::Port(_, port) => port,
                    _ => 0,
                };
                let name = notice.name.clone().unwrap_or_default();
                self.copy(url, name, port);
            }
            Offer::Refresh => {
                self.window.send(Command::Refresh(notice.about.place().cloned()));
            }
            offer => {
                if let Some(command) = notice.about.tunnel().and_then(|it| offer.command(it)) {
                    self.window.do_late(command, || self.raise());
                }
            }
        }
    }

    fn go_to(&self, about: &Subject) {
        let nav = self.window.app().global::<ui::Nav>();
        match about {
            Subject::Port(tunnel, port) => {
                let key = terms::card_key(&CardId::Tunnel(tunnel.clone()));
                nav.invoke_open_port(key, i32::from(*port));
            }
            Subject::Tunnel(tunnel) => self.window.seek(tunnel),
            // What is wrong with it, and what helps, is above the list.
            Subject::Place(_) => nav.invoke_go(ui::Screen::Tunnels),
            Subject::App => {}
        }
    }

    fn copy(&self, url: &str, name: String, port: u16) {
        let strings = self.window.app().global::<ui::Strings>();
        let said = if self.window.outside().copy(url) {
            strings.invoke_url_copied(name.into(), i32::from(port))
        } else {
            strings.invoke_not_copied()
        };
        self.confirm(said);
    }

    /// Says what was done, where it is seen.
    fn confirm(&self, said: SharedString) {
        if self.window.is_seen() {
            self.window.say(said);
        } else {
            self.notes.show(Note::passing(said));
        }
    }

    /// Says something to know. A toast is too short for it.
    fn tell(&self, what: Saying, title: SharedString, body: SharedString) {
        let mut unsaid = self.unsaid.borrow_mut();
        if !unsaid.contains(&what) {
            unsaid.push(what);
        }
        self.notes.show(Note::telling(what, title, body));
    }

    /// Somebody could see that.
    fn said(&self, what: Saying) {
        self.unsaid.borrow_mut().retain(|it| *it != what);
        self.memory.change(|face| face.said(what));
    }

    /// Says in the window what no notification has said.
    fn say_here(&self) {
        // One at a time: the other has its turn when the window comes back.
        let Some(what) = self.unsaid.borrow().first().copied() else { return };
        let strings = self.window.app().global::<ui::Strings>();
        self.window.say_slowly(match what {
            Saying::Stays => strings.invoke_stayed(),
            Saying::NoTray => strings.invoke_no_tray_more(),
        });
        self.said(what);
    }
}

impl std::fmt::Debug for Around {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around").finish_non_exhaustive()
    }
}
