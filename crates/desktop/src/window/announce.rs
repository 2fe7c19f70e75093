//! What a screen reader is told of by itself: that a tunnel has come to be another way. One sentence every few seconds, so
//! that a bad network does not talk without end; what changes meanwhile is told with the next. What needs a person is told at
//! once, and by name.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use adit_app::view::{Card, Mood, View};
use slint::{ComponentHandle, SharedString, Timer, TimerMode};

use super::Window;
use crate::adapter::terms::{self, Speech};
use crate::ui;

/// The shortest time between two sentences.
const PAUSE: Duration = Duration::from_secs(5);

/// More that need somebody at once are a sentence about all.
const NAMED: usize = 3;

/// How tunnels were when that was told last.
#[derive(Default)]
pub(super) struct Announced {
    moods: RefCell<Option<BTreeMap<SharedString, Mood>>>,
    at: Cell<Option<Duration>>,
    later: Timer,
    window: RefCell<Weak<Window>>,
}

impl Window {
    pub(super) fn listen_announced(self: &Rc<Self>) {
        self.announced.window.replace(Rc::downgrade(self));
    }

    /// Looks again when the pause is over, though nothing may happen then.
    fn tell_later(&self) {
        if self.announced.later.running() {
            return;
        }
        let window = self.announced.window.borrow().clone();
        self.announced.later.start(TimerMode::SingleShot, PAUSE, move || {
            if let Some(window) = window.upgrade() {
                window.announce(&window.view(), &window.speech());
            }
        });
    }

    pub(super) fn announce(&self, view: &View, speech: &Speech) {
        let now = speech.now.timestamp().as_duration();
        let now = Duration::try_from(now).unwrap_or_default();
        // A clock that was set back makes nobody wait.
        let is_early =
            self.announced.at.get().is_some_and(|at| now >= at && now < at.saturating_add(PAUSE));
        let mut told = self.announced.moods.borrow_mut();
        let moods = |card: &Card| (terms::card_key(&card.id), card.standing.mood);
        let Some(before) = &mut *told else {
            *told = Some(view.cards.iter().map(moods).collect());
            return;
        };
        let (urgent, others): (Vec<_>, Vec<_>) = (view.cards.iter())
            .filter(|card| {
                let before = before.get(&terms::card_key(&card.id));
                before.is_some_and(|before| *before != card.standing.mood)
            })
            .partition(|card| matches!(card.standing.mood, Mood::Error | Mood::Standby));
        if !others.is_empty() && (is_early || !urgent.is_empty()) {
            self.tell_later();
        }
        let one = |card: &&Card| format!("{}: {}", card.name, speech.say(&card.standing.text));
        let text = match (&urgent[..], &others[..]) {
            ([], []) => SharedString::default(),
            ([], _) if is_early => return,
            ([], [other]) => one(other).into(),
            // Many at once are a sentence about all.
            ([], _) => speech.say(&view.headline.text),
            (urgent, _) if urgent.len() > NAMED => speech.say(&view.headline.text),
            (urgent, _) => urgent.iter().map(one).collect::<Vec<_>>().join(". ").into(),
        };
        if urgent.is_empty() {
            *before = view.cards.iter().map(moods).collect();
        } else {
            // The others have their turn.
            before.extend(urgent.into_iter().map(moods));
        }
        if !text.is_empty() {
            self.announced.at.set(Some(now));
            self.app.global::<ui::Bars>().set_announcement(text);
        }
    }
}
