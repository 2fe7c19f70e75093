//! How often times are told anew: as often as what is shown needs it, and not at all where nobody sees it.

use std::rc::Rc;
use std::time::Duration;

use adit_app::message::Message;
use adit_app::view::{Card, Standing, View};
use jiff::{SignedDuration, Timestamp};
use slint::{ComponentHandle as _, Timer, TimerMode};

use super::Window;

/// "Checked 12 s ago" is written anew so often. Each time costs a redraw, and a window that is only looked at now and then
/// is open all day.
const RETELL: Duration = Duration::from_secs(15);

/// When the next try is due is written anew so often, and what can be undone, in twelve steps of its six seconds.
const COUNT: Duration = Duration::from_secs(1);
const COUNT_UNDO: Duration = Duration::from_millis(500);

/// What is as near as this is told in seconds.
const IN_SECONDS: SignedDuration = SignedDuration::from_secs(60);

impl Window {
    /// Keeps times true while the window is seen, as often as they need it.
    pub fn keep_told(self: &Rc<Self>) {
        let window = Rc::downgrade(self);
        self.retell.start(TimerMode::Repeated, self.pace(), move || {
            let Some(window) = window.upgrade() else { return };
            if window.is_seen() {
                window.draw_times();
            }
            window.keep_pace();
        });
    }

    /// Writes times anew, soon: it came to the front, or went behind another.
    pub fn tell_anew(self: &Rc<Self>) {
        let window = Rc::downgrade(self);
        Timer::single_shot(Duration::ZERO, move || {
            if let Some(window) = window.upgrade().filter(|it| it.is_seen()) {
                window.draw();
                window.keep_pace();
            }
        });
    }

    /// Whether somebody may see it now.
    pub fn is_seen(&self) -> bool {
        let window = self.app.window();
        window.is_visible() && !window.is_minimized()
    }

    /// Something may count down now that did not, or the other way round.
    pub(super) fn keep_pace(&self) {
        let pace = self.pace();
        if self.retell.interval() != pace {
            self.retell.set_interval(pace);
        }
    }

    fn pace(&self) -> Duration {
        match self.is_seen() {
            true => pace(&self.view.borrow(), (self.desk.clock)().wall),
            false => RETELL,
        }
    }
}

/// How often what is told of times is written anew.
fn pace(view: &View, now: Timestamp) -> Duration {
    // In seconds, and not there yet.
    let counts = |told: &Standing| match told.text {
        Message::Retry { at, .. } | Message::ConnectingAgain { at, .. } => {
            at > now && at.duration_since(now) <= IN_SECONDS
        }
        _ => false,
    };
    let standings =
        |card: &Card| counts(&card.standing) || card.rows.iter().any(|it| counts(&it.standing));
    if !view.undo.is_empty() {
        COUNT_UNDO
    } else if view.cards.iter().any(standings) {
        COUNT
    } else {
        RETELL
    }
}
