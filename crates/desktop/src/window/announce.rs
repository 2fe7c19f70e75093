//! What a screen reader is told of by itself: that a tunnel has come to be another way. One sentence every few seconds, so
//! that a bad network does not talk without end; what changes meanwhile is told with the next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use adit_app::view::{Mood, View};
use slint::{ComponentHandle, SharedString, Timer, TimerMode};

use super::Window;
use crate::adapter::terms::{self, Speech};
use crate::ui;

/// The shortest time between two sentences.
const PAUSE: Duration = Duration::from_secs(5);

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
        if is_early {
            self.tell_later();
            return;
        }
        let moods: BTreeMap<_, _> = (view.cards.iter())
            .map(|card| (terms::card_key(&card.id), card.standing.mood))
            .collect();
        let Some(before) = self.announced.moods.replace(Some(moods)) else { return };
        let mut changed = view.cards.iter().filter(|card| {
            let before = before.get(&terms::card_key(&card.id));
            before.is_some_and(|before| *before != card.standing.mood)
        });
        let text = match (changed.next(), changed.next()) {
            (None, _) => return,
            (Some(one), None) => {
                slint::format!("{}: {}", one.name, speech.say(&one.standing.text))
            }
            // Many at once are a sentence about all.
            (Some(_), Some(_)) => speech.say(&view.headline.text),
        };
        self.announced.at.set(Some(now));
        self.app.global::<ui::Bars>().set_announcement(text);
    }
}
